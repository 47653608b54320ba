"""Worths of the orders' own where openings have changeovers.

`subgradient` says what is relaxed and how the worths move; here an opening's best exams
are those of the knapsack of `family_packing` over the options that it lists.
"""

from __future__ import annotations

from solver.clock import Clock
from solver.families import Families
from solver.family_packing import family_bound
from solver.family_sweeps import sweeps_over
from solver.layout import Columns
from solver.packing import worths
from solver.prices import Prices
from solver.shortlist import Shortlist
from solver.subgradient import (
    NO_WORTHS,
    Steps,
    Worths,
    climbed,
)

STEPS = Steps(
    sweeps=40,
    least=2,
    most=300,
    timed=2,
    first=0.05,
    last=0.02,
    memory=0.2,
    evaluations=4,
    kept_back=4,
)


def family_worths(
    c: Columns,
    at: Families,
    listed: Shortlist,
    prices: Prices,
    *,
    seed: int,
    clock: Clock,
) -> Worths:
    """Return worths that prove more than the prices do, as far as the clock allows.

    Parameters
    ----------
    c, at
        The problem and the families of its openings.
    listed
        The options that steer the steps; the bound itself looks at every option.
    prices
        What the worths begin from.
    seed
        Of the order in which openings are visited.
    clock
        Ends the sweeps; without a wall-clock limit their number is fixed.
    """
    if not listed.listed.any() or clock.expired():
        return NO_WORTHS
    over = sweeps_over(c, at, listed, prices.exam)
    return climbed(
        c,
        worths(c, prices.minute, prices.exam),
        STEPS,
        over.sweep,
        lambda tried: family_bound(c, at, prices.exam, tried),
        seed=seed,
        clock=clock,
    )
