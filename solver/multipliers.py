"""Worths of the orders' own: the bound of the full knapsack relaxation.

`subgradient` says what is relaxed and how the worths move; here an opening's best exams
are those of a plain knapsack over the options that it lists.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.clock import Clock
from solver.compiled import kernel
from solver.layout import Columns
from solver.packing import bound_of_worths, worths
from solver.prices import Prices
from solver.problem import Ints
from solver.shortlist import Shortlist
from solver.subgradient import (
    NO_WORTHS,
    ByOpening,
    Floats,
    Steps,
    Worths,
    by_opening,
    climbed,
    listed_options,
)

MOST_OPTIONS, MOST_UNITS = 3_000_000, 1500
"""Listed options, and units of time in an opening, above which nothing is tried."""
MOST_CHOICES = 50_000_000
"""Cells of the table of choices of one knapsack: its options times its units."""
STEPS = Steps(
    sweeps=100,
    least=8,
    most=3000,
    timed=4,
    first=0.05,
    last=3e-3,
    memory=0.1,
    evaluations=6,
    kept_back=12,
)
"""An evaluation costs about as much as a sweep or two."""


def own_worths(
    c: Columns, listed: Shortlist, prices: Prices, *, seed: int, clock: Clock
) -> Worths:
    """Return worths that prove more than the prices do, as far as the clock allows.

    Parameters
    ----------
    c
        The problem.
    listed
        The options that steer the steps; the bound itself looks at every option.
    prices
        What the worths begin from.
    seed
        Of the order in which openings are visited.
    clock
        Ends the sweeps; without a wall-clock limit their number is fixed.
    """
    if int(listed.listed.sum()) > MOST_OPTIONS or clock.expired():
        return NO_WORTHS
    unit = max(1, int(np.gcd.reduce(c.pair_minutes)))
    j, r = listed_options(listed)
    sort = np.lexsort((j, listed.opening[j, r]))
    options = by_opening(c, listed, j[sort], r[sort], prices.exam, unit)
    room = c.minutes // unit
    widest = int(np.diff(options.first).max(initial=0))
    units = int(room.max(initial=0))
    if widest == 0 or units > MOST_UNITS or widest * (units + 1) > MOST_CHOICES:
        return NO_WORTHS
    ceiling = c.unplaced_cost.astype(np.float64)
    choice = np.zeros((widest, units + 1), np.bool_)
    earned, taken = np.zeros(units + 1), np.zeros(widest, np.int64)
    return climbed(
        c,
        worths(c, prices.minute, prices.exam),
        STEPS,
        lambda visit, worth, step: _sweep(
            visit, options, room, ceiling, worth, step, choice, earned, taken
        ),
        lambda tried: bound_of_worths(c, prices.exam, tried),
        seed=seed,
        clock=clock,
    )


@kernel
def _sweep(
    visit: Ints,
    a: ByOpening,
    room: Ints,
    ceiling: Floats,
    worth: Floats,
    step: float,
    choice: NDArray[np.bool_],
    earned: Floats,
    taken: Ints,
) -> None:
    """Visit every opening once, and move the worths of the orders that it lists."""
    for t in range(visit.shape[0]):
        b = visit[t]
        units = room[b]
        n = 0
        for i in range(a.first[b], a.first[b + 1]):
            if worth[a.row[i]] > a.cost[i] and a.size[i] <= units:
                taken[n] = i
                n += 1
        earned[: units + 1] = 0.0
        for k in range(n):
            i = taken[k]
            gain, d = worth[a.row[i]] - a.cost[i], a.size[i]
            for used in range(units, d - 1, -1):
                more = earned[used - d] + gain
                choice[k, used] = more > earned[used]
                earned[used] = max(earned[used], more)
        for i in range(a.first[b], a.first[b + 1]):
            j = a.row[i]
            worth[j] = min(ceiling[j], worth[j] + step * a.share[i])
        used = units
        for k in range(n - 1, -1, -1):
            i = taken[k]
            if used >= a.size[i] and choice[k, used]:
                used -= a.size[i]
                worth[a.row[i]] = max(0.0, worth[a.row[i]] - step)
