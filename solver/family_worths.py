"""Worths of the orders' own where openings have changeovers.

As `multipliers`: openings in random order solve the knapsack of `family_packing` over
the options that they list; each listed order rises by its share of a step, each order
taken falls by the step, steps shrink, the path is averaged and evaluated exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.clock import Clock
from solver.compiled import kernel
from solver.families import NO_CLASS, Families
from solver.family_packing import family_bound
from solver.layout import Columns
from solver.multipliers import Worths
from solver.packing import worths
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.shortlist import Shortlist

Floats = NDArray[np.float64]

SWEEPS, MOST_SWEEPS = 40, 300
"""Sweeps over all openings without a clock, and the most with one."""
TIMED_SWEEPS = 2
"""Sweeps after which the clock says how many there will be time for."""
FIRST_STEP, LAST_STEP = 0.05, 0.02
"""The first step as a share of the median worth; the last as a share of the first."""
MEMORY = 0.2
"""Weight of the newest sweep in the path average."""
EVALUATIONS = 4
"""How often the average is evaluated."""


class _Lists(NamedTuple):
    """Listed options by opening in compressed rows; minutes in whole units."""

    first: Ints
    row: Ints
    size: Ints
    cost: Floats
    share: Floats
    own: Ints
    minutes: Ints
    kind: Ints
    path: NDArray[np.int64]


class _Desk(NamedTuple):
    """Working memory for the knapsack of one opening."""

    taken: Ints
    begin: Ints
    choice: NDArray[np.bool_]
    earned: Floats
    table: Floats
    part: NDArray[np.int64]


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
    none = Worths(np.zeros(0, np.int64), 0)
    if not listed.listed.any() or clock.expired():
        return none
    best = worths(c, prices.minute, prices.exam)
    least = family_bound(c, at, prices.exam, best)
    most = least
    unit = int(np.gcd.reduce(c.pair_minutes))
    lists = _lists(c, at, listed, prices.exam, unit)
    desk = _desk(lists, at, int(c.minutes.max()) // unit)
    ceiling = c.unplaced_cost.astype(np.float64)
    now = best / PRICE_SCALE
    average = now.copy()
    state, visit = seeded(seed), np.arange(c.day.shape[0], dtype=np.int64)
    step = FIRST_STEP * max(1.0 / PRICE_SCALE, float(np.median(now)))
    sweeps, number, looks = SWEEPS, 0, 0
    while number < sweeps and not (clock.expired() and number):
        shuffle(state, visit)
        _sweep(visit, lists, desk, unit, ceiling, now, step)
        average += MEMORY * (now - average)
        number += 1
        if number == TIMED_SWEEPS and clock.seconds is not None:
            each = max(clock.elapsed(), 1e-9) / TIMED_SWEEPS
            fit = int(clock.seconds / each) - EVALUATIONS
            sweeps = min(MOST_SWEEPS, max(TIMED_SWEEPS, fit))
        step *= LAST_STEP ** (1.0 / sweeps)
        if number * EVALUATIONS >= (looks + 1) * sweeps:
            looks += 1
            tried = np.clip(
                np.rint(average * PRICE_SCALE).astype(np.int64),
                0,
                c.unplaced_cost * PRICE_SCALE,
            )
            found = family_bound(c, at, prices.exam, tried)
            if found > most:
                best, most = tried, found
    return none if most == least else Worths(best, most - least)


def _lists(
    c: Columns,
    at: Families,
    listed: Shortlist,
    exam_price: Ints,
    unit: int,
) -> _Lists:
    """Return the listed options by opening and, there, by class."""
    width = listed.opening.shape[1]
    j, r = np.nonzero(np.arange(width)[None, :] < listed.listed[:, None])
    b = listed.opening[j, r]
    classes = int(at.class_of.max(initial=NO_CLASS)) + 1
    family = at.family[j]
    own = np.where(family >= 0, at.class_of[at.kind[b], family], classes)
    sort = np.lexsort((j, own, b))
    j, r, b, own = j[sort], r[sort], b[sort], own[sort]
    cost = listed.cost[j, r].astype(np.float64)
    if exam_price.size:
        contract = c.contract[b]
        cost += np.where(contract >= 0, exam_price[contract], 0) / PRICE_SCALE
    first = np.searchsorted(b, np.arange(c.day.shape[0] + 1))
    return _Lists(
        first=first.astype(np.int64),
        row=j.astype(np.int64),
        size=c.pair_minutes[listed.pair[j, r]] // unit,
        cost=cost,
        share=1.0 / np.maximum(1, listed.listed)[j],
        own=own.astype(np.int64),
        minutes=c.minutes,
        kind=at.kind,
        path=at.path,
    )


def _desk(lists: _Lists, at: Families, units: int) -> _Desk:
    """Return working memory for any opening."""
    widest = int(np.diff(lists.first).max(initial=0))
    classes = int(at.class_of.max(initial=NO_CLASS)) + 1
    return _Desk(
        taken=np.zeros(widest, np.int64),
        begin=np.zeros(classes + 2, np.int64),
        choice=np.zeros((widest, units + 1), np.bool_),
        earned=np.zeros((classes + 1, units + 1)),
        table=np.zeros((2**classes, units + 1)),
        part=np.zeros((2**classes, units + 1), np.int64),
    )


@kernel
def _sweep(
    visit: Ints,
    a: _Lists,
    w: _Desk,
    unit: int,
    ceiling: Floats,
    worth: Floats,
    step: float,
) -> None:
    """Visit every opening once, and move the worths of the orders that it lists."""
    for t in range(visit.shape[0]):
        b = visit[t]
        mask, used = _best_exams(a, w, b, unit, worth)
        for i in range(a.first[b], a.first[b + 1]):
            j = a.row[i]
            worth[j] = min(ceiling[j], worth[j] + step * a.share[i])
        free = w.begin.shape[0] - 2
        while True:
            row = free
            units = used
            if mask:
                row = 0
                while not mask >> row & 1:
                    row += 1
                units = w.part[mask, used]
                used -= units
            for n in range(w.begin[row + 1] - 1, w.begin[row] - 1, -1):
                i = w.taken[n]
                if units >= a.size[i] and w.choice[n, units]:
                    units -= a.size[i]
                    worth[a.row[i]] = max(0.0, worth[a.row[i]] - step)
            if mask == 0:
                break
            mask ^= 1 << row


@kernel
def _best_exams(  # noqa: C901, PLR0912
    a: _Lists, w: _Desk, b: int, unit: int, worth: Floats
) -> tuple[int, int]:
    """Return the set of classes that earns most in opening `b`, and its units."""
    minutes = a.minutes[b]
    size = minutes // unit
    free = w.begin.shape[0] - 2
    n, i, present = 0, a.first[b], 0
    for row in range(free + 1):
        w.begin[row] = n
        w.earned[row, : size + 1] = 0.0
        while i < a.first[b + 1] and a.own[i] == row:
            gain, d = worth[a.row[i]] - a.cost[i], a.size[i]
            if gain > 0.0 and d <= size:
                w.taken[n] = i
                for used in range(size, d - 1, -1):
                    more = w.earned[row, used - d] + gain
                    w.choice[n, used] = more > w.earned[row, used]
                    w.earned[row, used] = max(w.earned[row, used], more)
                w.choice[n, :d] = False
                n += 1
                if row < free:
                    present |= 1 << row
            i += 1
    w.begin[free + 1] = n
    kind = a.kind[b]
    best, best_mask, best_used = -1.0, 0, 0
    for mask in range(2**free):
        if mask & present != mask or a.path[kind, mask] > minutes:
            continue
        room = (minutes - a.path[kind, mask]) // unit
        if mask == 0:
            for used in range(size + 1):
                w.table[0, used] = w.earned[free, used]
        else:
            row = 0
            while not mask >> row & 1:
                row += 1
            rest = mask ^ (1 << row)
            for used in range(room + 1):
                found, part = -1.0, 0
                for own in range(used + 1):
                    more = w.table[rest, used - own] + w.earned[row, own]
                    if more > found:
                        found, part = more, own
                w.table[mask, used] = found
                w.part[mask, used] = part
        if w.table[mask, room] > best:
            best, best_mask, best_used = w.table[mask, room], mask, room
    return best_mask, best_used
