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
from solver.layout import Columns
from solver.packing import ByScanner, by_scanner, earns, keep, worths
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
    by = by_scanner(c)
    longest = int(c.minutes.max()) // by.unit
    classes = int(at.class_of.max(initial=NO_CLASS)) + 1
    most = longest // int(by.lengths[0])
    takes = np.maximum(0, by.lengths * by.unit - at.longest[:, None]) // by.unit
    return int(
        _bound(
            c,
            at,
            exam_price,
            by,
            takes.astype(np.int64),
            worth,
            np.zeros((classes + 1, by.lengths.shape[0], most + 1), np.int64),
            np.zeros((classes + 1, by.lengths.shape[0]), np.int64),
            np.zeros((classes + 1, longest + 1), np.int64),
            np.zeros((2**classes, longest + 1), np.int64),
        )
    )


@kernel
def _bound(
    c: Columns,
    at: Families,
    exam_price: Ints,
    by: ByScanner,
    takes: Grid,
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
            for i in range(by.first[s], by.first[s + 1]):
                p = by.pair[i]
                j = by.owner[p]
                gain = earns(c, exam_price, j, p, b, worth)
                if gain > 0:
                    row = best.shape[0] - 1
                    if at.family[j] >= 0:
                        row = at.class_of[at.kind[b], at.family[j]]
                    length = by.length_of[p]
                    room = c.minutes[b] // (by.lengths[length] * by.unit)
                    keep(best[row], count[row], length, room, gain)
            total -= most_earned(
                at.path[at.kind[b]],
                takes[at.kind[b]],
                by.lengths,
                by.unit,
                c.minutes[b],
                best,
                count,
                earned,
                table,
            )
    for k in range(c.ceiling.shape[0]):
        total -= exam_price[k] * c.ceiling[k]
    return total


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
