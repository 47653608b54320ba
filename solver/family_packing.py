"""What whole exams can earn in an opening where families leave changeovers.

As `packing`, with the minutes of the shortest path through the families present taken
off the opening: a knapsack over each family, then over sets of families. Exact for
every set, hence never more than `packing` has it where all exams have a family.

An exam without a family may stand where a changeover would be. Here it is shorter by
the longest changeover, so that nothing is taken off that such an exam could fill; and
of this knapsack and the plain one, the opening earns the lesser.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.families import NO_CLASS, Families
from solver.layout import Columns, day_cost, fits
from solver.packing import worths
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints

Grid = NDArray[np.int64]

KEPT_BACK = 0.25
"""Share of the changeovers between all families that prices take as unavoidable."""


def shortened(c: Columns, at: Families) -> Columns:
    """Return the problem with the changeovers that most openings will not do without.

    At prices for these openings the bound with changeovers is a good one; it is not
    proved by them.
    """
    whole = at.path.max(axis=1)[at.kind]
    kept = np.rint(KEPT_BACK * whole).astype(np.int64)
    return c._replace(minutes=np.maximum(1, c.minutes - kept))


def proved_by_families(c: Columns, at: Families, prices: Prices) -> Prices:
    """Return the prices with the bound that they prove with changeovers."""
    worth = worths(c, prices.minute, prices.exam)
    bound = family_bound(c, at, prices.exam, worth)
    return Prices(prices.minute, prices.exam, bound)


def family_bound(c: Columns, at: Families, exam_price: Ints, worth: Ints) -> int:
    """Return the bound that the worths prove with changeovers, scaled.

    Parameters
    ----------
    c
        The problem.
    at
        The families of the openings.
    exam_price
        Shape ``(contracts,)``; scaled, not negative.
    worth
        Shape ``(orders,)``; scaled, from 0 to the unplaced cost.
    """
    if c.pair_minutes.size == 0 or c.day.size == 0:
        return int(worth.sum()) - int((exam_price * c.ceiling).sum())
    unit = int(np.gcd.reduce(c.pair_minutes))
    lengths, length_of = np.unique(c.pair_minutes // unit, return_inverse=True)
    longest = int(c.minutes.max()) // unit
    classes = int(at.class_of.max(initial=NO_CLASS)) + 1
    owner = np.repeat(np.arange(c.tier.shape[0]), np.diff(c.pair_start))
    by_scanner = np.argsort(c.pair_scanner, kind="stable")
    scanners = c.scanner_start.shape[0] - 1
    edges = np.searchsorted(c.pair_scanner[by_scanner], np.arange(scanners + 1))
    most = longest // int(lengths[0])
    takes = np.maximum(0, lengths * unit - at.longest[:, None]) // unit
    return int(
        _bound(
            c,
            at,
            exam_price,
            owner.astype(np.int64),
            by_scanner.astype(np.int64),
            edges.astype(np.int64),
            lengths.astype(np.int64),
            takes.astype(np.int64),
            length_of.reshape(-1).astype(np.int64),
            unit,
            worth,
            np.zeros((classes + 1, lengths.shape[0], most + 1), np.int64),
            np.zeros((classes + 1, lengths.shape[0]), np.int64),
            np.zeros((classes + 1, longest + 1), np.int64),
            np.zeros((2**classes, longest + 1), np.int64),
        )
    )


@kernel
def _bound(
    c: Columns,
    at: Families,
    exam_price: Ints,
    owner: Ints,
    by_scanner: Ints,
    edges: Ints,
    lengths: Ints,
    takes: Grid,
    length_of: Ints,
    unit: int,
    worth: Ints,
    best: NDArray[np.int64],
    count: Grid,
    earned: Grid,
    table: Grid,
) -> int:
    """Sum the worths, less what each opening can earn, less what the ceilings cost."""
    total = 0
    for j in range(worth.shape[0]):
        total += worth[j]
    for s in range(c.scanner_start.shape[0] - 1):
        for b in range(c.scanner_start[s], c.scanner_start[s + 1]):
            count[:, :] = 0
            for i in range(edges[s], edges[s + 1]):
                p = by_scanner[i]
                j = owner[p]
                earns = _earns(c, exam_price, j, p, b, worth)
                if earns > 0:
                    row = best.shape[0] - 1
                    if at.family[j] >= 0:
                        row = at.class_of[at.kind[b], at.family[j]]
                    room = c.minutes[b] // (lengths[length_of[p]] * unit)
                    _keep(best, count, row, length_of[p], room, earns)
            total -= most_earned(
                at.path[at.kind[b]],
                takes[at.kind[b]],
                lengths,
                unit,
                c.minutes[b],
                best,
                count,
                earned,
                table,
            )
    for k in range(c.ceiling.shape[0]):
        total -= exam_price[k] * c.ceiling[k]
    return total


@inlined
def _earns(c: Columns, exam_price: Ints, j: int, p: int, b: int, worth: Ints) -> int:
    """Return what order `j` would earn in opening `b` by pair `p`; 0 for no option."""
    day = c.day[b]
    if day < c.earliest_day[j] or day > c.latest_day[j]:
        return 0
    cost = c.pair_cost[p] + day_cost(c, j, day) + c.opening_cost[b]
    earns: int = worth[j] - cost * PRICE_SCALE
    k = c.contract[b]
    if k >= 0:
        earns -= exam_price[k]
    if earns <= 0 or not fits(c, j, p, b):
        return 0
    return earns


@inlined
def _keep(
    best: NDArray[np.int64], count: Grid, row: int, length: int, room: int, earns: int
) -> None:
    """Keep what an exam earns if it is among the `room` best of its kind."""
    n = count[row, length]
    full = n == room
    if not (full and (room == 0 or earns <= best[row, length, n - 1])):
        if full:
            n -= 1
        else:
            count[row, length] = n + 1
        while n > 0 and best[row, length, n - 1] < earns:
            best[row, length, n] = best[row, length, n - 1]
            n -= 1
        best[row, length, n] = earns


@kernel
def most_earned(
    path: Ints,
    takes: Ints,
    lengths: Ints,
    unit: int,
    minutes: int,
    best: NDArray[np.int64],
    count: Grid,
    earned: Grid,
    table: Grid,
) -> int:
    """Return the most that whole exams can earn with the changeovers between them.

    `takes` are the units that exams without a family take here, by their length.
    """
    size = minutes // unit
    free = best.shape[0] - 1
    present = 0
    for row in range(free):
        if _by_class(lengths, size, best, count, row, earned):
            present |= 1 << row
    without = _by_class(takes, size, best, count, free, earned)
    most = 0
    for mask in range(2**free):
        if mask & present == mask:
            _by_set(mask, size, earned, table)
            if path[mask] <= minutes:
                most = max(most, table[mask, (minutes - path[mask]) // unit])
    if without:
        most = min(most, _plainly(lengths, size, best, count, earned[0]))
    return most


@inlined
def _by_class(
    takes: Ints,
    size: int,
    best: NDArray[np.int64],
    count: Grid,
    row: int,
    earned: Grid,
) -> bool:
    """Fill in the most that the exams of class `row` earn, by units; False for none."""
    found = False
    for used in range(size + 1):
        earned[row, used] = 0
    for length in range(takes.shape[0]):
        d = takes[length]
        for i in range(count[row, length]):
            found = True
            gain = best[row, length, i]
            for used in range(size, d - 1, -1):
                earned[row, used] = max(earned[row, used], earned[row, used - d] + gain)
    return found


@inlined
def _by_set(mask: int, size: int, earned: Grid, table: Grid) -> None:
    """Fill in the most that the exams of a set of classes earn, by units.

    The set without its first class, and without any, is filled in before.
    """
    row = earned.shape[0] - 1
    if mask:
        row = 0
        while not mask >> row & 1:
            row += 1
    rest = mask & (mask - 1)
    for used in range(size + 1):
        found = 0
        if mask == 0:
            found = earned[row, used]
        else:
            for own in range(used + 1):
                found = max(found, table[rest, used - own] + earned[row, own])
        table[mask, used] = found


@kernel
def _plainly(
    lengths: Ints, size: int, best: NDArray[np.int64], count: Grid, earned: Ints
) -> int:
    """Return the most that whole exams can earn in `size` units, back to back."""
    earned[: size + 1] = 0
    for row in range(best.shape[0]):
        for length in range(lengths.shape[0]):
            d = lengths[length]
            for i in range(count[row, length]):
                gain = best[row, length, i]
                for used in range(size, d - 1, -1):
                    earned[used] = max(earned[used], earned[used - d] + gain)
    found: int = earned[size]
    return found
