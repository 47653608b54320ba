"""Worths of the orders' own: the bound of the full knapsack relaxation.

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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.clock import Clock
from solver.compiled import kernel
from solver.layout import Columns
from solver.packing import bound_of_worths, worths
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.shortlist import Shortlist

Floats = NDArray[np.float64]

MOST_OPTIONS, MOST_UNITS = 3_000_000, 1500
"""Listed options, and units of time in an opening, above which nothing is tried."""
MOST_CHOICES = 50_000_000
"""Cells of the table of choices of one knapsack: its options times its units."""
SWEEPS, MOST_SWEEPS = 100, 3000
"""Sweeps over all openings without a clock, and the most with one."""
TIMED_SWEEPS = 4
"""Sweeps after which the clock says how many there will be time for."""
FIRST_STEP, LAST_STEP = 0.05, 3e-3
"""The first step as a share of the median worth; the last as a share of the first."""
MEMORY = 0.1
"""Weight of the newest sweep in the path average."""
EVALUATIONS = 6
"""How often the average is evaluated: it costs about as much as a sweep or two."""


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


@dataclass(frozen=True, slots=True)
class _Table:
    """Listed options by opening, in compressed rows; minutes in units of `unit`."""

    first: Ints
    row: Ints
    length: Ints
    cost: Floats
    share: Floats
    size: Ints


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
    none = Worths(np.zeros(0, np.int64), 0)
    if int(listed.listed.sum()) > MOST_OPTIONS or clock.expired():
        return none
    table = _table(c, listed, prices.exam)
    widest = int(np.diff(table.first).max(initial=0))
    units = int(table.size.max(initial=0))
    if widest == 0 or units > MOST_UNITS or widest * (units + 1) > MOST_CHOICES:
        return none
    begin = worths(c, prices.minute, prices.exam)
    least = bound_of_worths(c, prices.exam, begin)
    best, most = begin, least
    ceiling = c.unplaced_cost.astype(np.float64)
    now = begin / PRICE_SCALE
    average = now.copy()
    state, visit = seeded(seed), np.arange(c.day.shape[0], dtype=np.int64)
    choice = np.zeros((widest, units + 1), np.bool_)
    earned, taken = np.zeros(units + 1), np.zeros(widest, np.int64)
    step = FIRST_STEP * max(1.0 / PRICE_SCALE, float(np.median(now)))
    sweeps, number, looks = SWEEPS, 0, 0
    while number < sweeps and not (clock.expired() and number):
        shuffle(state, visit)
        _sweep(
            visit,
            table.first,
            table.row,
            table.length,
            table.cost,
            table.share,
            table.size,
            ceiling,
            now,
            step,
            choice,
            earned,
            taken,
        )
        average += MEMORY * (now - average)
        number += 1
        if number == TIMED_SWEEPS and clock.seconds is not None:
            each = max(clock.elapsed(), 1e-9) / TIMED_SWEEPS
            # What evaluations take is kept back, as about two sweeps each.
            fit = int(clock.seconds / each) - 2 * EVALUATIONS
            sweeps = min(MOST_SWEEPS, max(2 * TIMED_SWEEPS, fit))
        step *= LAST_STEP ** (1.0 / sweeps)
        if number * EVALUATIONS >= (looks + 1) * sweeps:
            looks += 1
            tried = np.clip(
                np.rint(average * PRICE_SCALE).astype(np.int64),
                0,
                c.unplaced_cost * PRICE_SCALE,
            )
            found = bound_of_worths(c, prices.exam, tried)
            if found > most:
                best, most = tried, found
    return none if most == least else Worths(best, most - least)


def _table(c: Columns, listed: Shortlist, exam_price: Ints) -> _Table:
    """Return the listed options by opening, with their costs and exam prices."""
    width = listed.opening.shape[1]
    j, r = np.nonzero(np.arange(width)[None, :] < listed.listed[:, None])
    b = listed.opening[j, r]
    sort = np.lexsort((j, b))
    j, r, b = j[sort], r[sort], b[sort]
    cost = listed.cost[j, r].astype(np.float64)
    if exam_price.size:
        contract = c.contract[b]
        cost += np.where(contract >= 0, exam_price[contract], 0) / PRICE_SCALE
    unit = max(1, int(np.gcd.reduce(c.pair_minutes)))
    first = np.searchsorted(b, np.arange(c.day.shape[0] + 1))
    return _Table(
        first=first.astype(np.int64),
        row=j.astype(np.int64),
        length=c.pair_minutes[listed.pair[j, r]] // unit,
        cost=cost,
        share=1.0 / np.maximum(1, listed.listed)[j],
        size=c.minutes // unit,
    )


@kernel
def _sweep(
    visit: Ints,
    first: Ints,
    row: Ints,
    length: Ints,
    cost: Floats,
    share: Floats,
    size: Ints,
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
        room = size[b]
        n = 0
        for i in range(first[b], first[b + 1]):
            if worth[row[i]] > cost[i] and length[i] <= room:
                taken[n] = i
                n += 1
        earned[: room + 1] = 0.0
        for k in range(n):
            i = taken[k]
            gain, d = worth[row[i]] - cost[i], length[i]
            for used in range(room, d - 1, -1):
                more = earned[used - d] + gain
                choice[k, used] = more > earned[used]
                earned[used] = max(earned[used], more)
        for i in range(first[b], first[b + 1]):
            j = row[i]
            worth[j] = min(ceiling[j], worth[j] + step * share[i])
        used = room
        for k in range(n - 1, -1, -1):
            i = taken[k]
            if used >= length[i] and choice[k, used]:
                used -= length[i]
                worth[row[i]] = max(0.0, worth[row[i]] - step)
