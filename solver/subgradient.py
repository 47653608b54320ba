"""Worths of the orders' own, step by step: what every knapsack relaxation shares.

The bound of `packing` holds for any worths, not only for those that follow from prices
of minutes. Let "every order at most once" be what is relaxed, and the worths are its
multipliers: ``L(w) = sum of w - sum over openings of the most that whole exams earn``.
It is concave; an opening's best exams are a subgradient of its part. Openings are
visited in random order: each lifts the worths of all orders that it lists by their
share in it, and lowers those of the orders that it would take, by the same step. So an
order that nobody takes rises and one that two openings take falls. Steps shrink, the
path is averaged, and the average is evaluated exactly, over every option (incremental
subgradients: Nedic & Bertsekas, SIAM Journal on Optimization 12, 2001).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.clock import Clock
from solver.layout import Columns
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.shortlist import Shortlist

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Worths:
    """Worths, and the bound they prove.

    Parameters
    ----------
    worth
        Shape ``(orders,)``; in 1 / `PRICE_SCALE` cost units. Empty if none were found
        that prove more than the prices.
    gain
        What they prove beyond the prices, in 1 / `PRICE_SCALE` cost units.
    """

    worth: Ints
    gain: int


NO_WORTHS = Worths(np.zeros(0, np.int64), 0)


@dataclass(frozen=True, slots=True)
class Steps:
    """How far, how often, and how the path is looked at.

    Parameters
    ----------
    sweeps, least, most
        Sweeps over all openings without a clock, and the least and most with one.
    timed
        Sweeps after which the clock says how many there will be time for.
    first, last
        The first step as a share of the median worth; the last as a share of the first.
    memory
        Weight of the newest sweep in the path average.
    evaluations, kept_back
        How often the average is evaluated, and for how many sweeps' time that is taken.
    """

    sweeps: int
    least: int
    most: int
    timed: int
    first: float
    last: float
    memory: float
    evaluations: int
    kept_back: int


def climbed(
    c: Columns,
    begin: Ints,
    steps: Steps,
    sweep: Callable[[Ints, Floats, float], None],
    proved: Callable[[Ints], int],
    *,
    seed: int,
    clock: Clock,
) -> Worths:
    """Return worths that prove more than those to begin from, as far as time allows.

    Parameters
    ----------
    begin
        Shape ``(orders,)``; in 1 / `PRICE_SCALE` cost units.
    sweep
        Visits the openings given, in that order, and moves the worths given, in cost
        units, by the step given.
    proved
        The bound that worths prove, both in 1 / `PRICE_SCALE` cost units.
    seed
        Of the order in which openings are visited.
    clock
        Ends the sweeps; without a wall-clock limit their number is fixed.
    """
    least = proved(begin)
    best, most = begin, least
    now = begin / PRICE_SCALE
    average = now.copy()
    state, visit = seeded(seed), np.arange(c.day.shape[0], dtype=np.int64)
    step = steps.first * max(1.0 / PRICE_SCALE, float(np.median(now)))
    sweeps, number, looks = steps.sweeps, 0, 0
    while number < sweeps and not (clock.expired() and number):
        shuffle(state, visit)
        sweep(visit, now, step)
        average += steps.memory * (now - average)
        number += 1
        if number == steps.timed and clock.seconds is not None:
            each = max(clock.elapsed(), 1e-9) / steps.timed
            fit = int(clock.seconds / each) - steps.kept_back
            sweeps = min(steps.most, max(steps.least, fit))
        step *= steps.last ** (1.0 / sweeps)
        if number * steps.evaluations >= (looks + 1) * sweeps:
            looks += 1
            tried = np.clip(
                np.rint(average * PRICE_SCALE).astype(np.int64),
                0,
                c.unplaced_cost * PRICE_SCALE,
            )
            found = proved(tried)
            if found > most:
                best, most = tried, found
    return NO_WORTHS if most == least else Worths(best, most - least)


class ByOpening(NamedTuple):
    """Listed options by opening, in compressed rows.

    Parameters
    ----------
    first
        The block of each opening.
    row
        Whose option it is.
    size
        Its minutes, in units.
    cost
        With the price of its contract, in cost units.
    share
        One part of as many as its order has.
    """

    first: Ints
    row: Ints
    size: Ints
    cost: Floats
    share: Floats


def listed_options(listed: Shortlist) -> tuple[Ints, Ints]:
    """Return the orders of all listed options, and their places in the order's list."""
    width = listed.opening.shape[1]
    j, r = np.nonzero(np.arange(width)[None, :] < listed.listed[:, None])
    return j, r


def by_opening(
    c: Columns, listed: Shortlist, j: Ints, r: Ints, exam_price: Ints, unit: int
) -> ByOpening:
    """Return options that are sorted by opening, with their costs and exam prices."""
    b = listed.opening[j, r]
    cost = listed.cost[j, r].astype(np.float64)
    if exam_price.size:
        contract = c.contract[b]
        cost += np.where(contract >= 0, exam_price[contract], 0) / PRICE_SCALE
    return ByOpening(
        first=np.searchsorted(b, np.arange(c.day.shape[0] + 1)).astype(np.int64),
        row=j.astype(np.int64),
        size=c.pair_minutes[listed.pair[j, r]] // unit,
        cost=cost,
        share=1.0 / np.maximum(1, listed.listed)[j],
    )
