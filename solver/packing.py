"""The stronger bound: whole exams must fit, opening by opening.

At given prices every order has a worth u: its least cost with prices, or its unplaced
cost if that is less. The bound of `prices` lets an opening earn its price for every
minute. But an opening can only hold whole exams, and the most that these can earn, the
worths less the costs, is a knapsack problem of a few dozen minutes: solved exactly
here, it is never more than price x minutes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import Columns, day_cost, fits
from solver.plan import PRICE_SCALE
from solver.prices import cheapest
from solver.problem import Ints


def worths(c: Columns, minute_price: Ints, exam_price: Ints) -> Ints:
    """Return the worth of every order at the prices, shape ``(orders,)``, scaled."""
    worth = np.zeros(c.tier.shape[0], np.int64)
    _fill(c, minute_price, exam_price, worth)
    return worth


def packed_bound(c: Columns, minute_price: Ints, exam_price: Ints) -> int:
    """Return the bound that the prices prove, in 1 / `PRICE_SCALE` cost units."""
    return bound_of_worths(c, exam_price, worths(c, minute_price, exam_price))


def bound_of_worths(c: Columns, exam_price: Ints, worth: Ints) -> int:
    """Return the bound that the worths prove, in 1 / `PRICE_SCALE` cost units.

    Parameters
    ----------
    c
        The problem.
    exam_price
        Shape ``(contracts,)``; scaled, not negative.
    worth
        Shape ``(orders,)``; scaled, from 0 to the unplaced cost.
    """
    if c.tier.shape[0] == 0:
        return -int((exam_price * c.ceiling).sum())
    by = by_scanner(c)
    longest = int(c.minutes.max(initial=0)) // by.unit
    most = longest // by.lengths if by.lengths.size else np.zeros(0, np.int64)
    return int(
        _bound(
            c,
            exam_price,
            by,
            worth,
            np.zeros((by.lengths.shape[0], int(most.max(initial=0)) + 1), np.int64),
            np.zeros(by.lengths.shape[0], np.int64),
            np.zeros(longest + 1, np.int64),
        )
    )


class ByScanner(NamedTuple):
    """The pairs by scanner, and how long their exams are in whole units.

    Parameters
    ----------
    unit
        Minutes in a unit.
    lengths
        Shape ``(lengths,)``. The lengths there are, ascending.
    length_of, owner
        By pair: the row of its length, and its order.
    first, pair
        The block of each scanner's pairs, and the pairs.
    """

    unit: int
    lengths: Ints
    length_of: Ints
    owner: Ints
    first: Ints
    pair: Ints


def by_scanner(c: Columns) -> ByScanner:
    """Return the pairs of a problem by scanner."""
    unit = int(np.gcd.reduce(c.pair_minutes)) if c.pair_minutes.size else 1
    lengths, length_of = np.unique(c.pair_minutes // unit, return_inverse=True)
    pair = np.argsort(c.pair_scanner, kind="stable")
    scanners = np.arange(c.scanner_start.shape[0])
    return ByScanner(
        unit=unit,
        lengths=lengths.astype(np.int64),
        length_of=length_of.reshape(-1).astype(np.int64),
        owner=np.repeat(np.arange(c.tier.shape[0]), np.diff(c.pair_start)),
        first=np.searchsorted(c.pair_scanner[pair], scanners).astype(np.int64),
        pair=pair.astype(np.int64),
    )


@kernel
def _fill(c: Columns, minute_price: Ints, exam_price: Ints, worth: Ints) -> None:
    """Write the worths at the prices."""
    for j in range(worth.shape[0]):
        worth[j] = cheapest(c, minute_price, exam_price, j)


@kernel
def _bound(
    c: Columns,
    exam_price: Ints,
    by: ByScanner,
    worth: Ints,
    best: NDArray[np.int64],
    count: Ints,
    earned: Ints,
) -> int:
    """Sum the worths, less what each opening can earn, less what the ceilings cost."""
    total = 0
    for j in range(worth.shape[0]):
        total += worth[j]
    for s in range(c.scanner_start.shape[0] - 1):
        for b in range(c.scanner_start[s], c.scanner_start[s + 1]):
            size = c.minutes[b] // by.unit
            count[:] = 0
            for i in range(by.first[s], by.first[s + 1]):
                p = by.pair[i]
                gain = earns(c, exam_price, by.owner[p], p, b, worth)
                if gain > 0:
                    row = by.length_of[p]
                    keep(best, count, row, size // by.lengths[row], gain)
            total -= _most_earned(by.lengths, best, count, size, earned)
    for k in range(c.ceiling.shape[0]):
        total -= exam_price[k] * c.ceiling[k]
    return total


@inlined
def earns(c: Columns, exam_price: Ints, j: int, p: int, b: int, worth: Ints) -> int:
    """Return what order `j` would earn in opening `b` by pair `p`; 0 for no option."""
    day = c.day[b]
    if day < c.earliest_day[j] or day > c.latest_day[j]:
        return 0
    cost = c.pair_cost[p] + day_cost(c, j, day) + c.opening_cost[b]
    gain: int = worth[j] - cost * PRICE_SCALE
    k = c.contract[b]
    if k >= 0:
        gain -= exam_price[k]
    if gain <= 0 or not fits(c, j, p, b):
        return 0
    return gain


@inlined
def keep(
    best: NDArray[np.int64], count: Ints, length: int, room: int, gain: int
) -> None:
    """Keep what an exam earns if it is among the `room` best of its length.

    Of one length, no more exams can count than fit together.
    """
    n = count[length]
    full = n == room
    if not (full and (room == 0 or gain <= best[length, n - 1])):
        if full:
            n -= 1
        else:
            count[length] = n + 1
        while n > 0 and best[length, n - 1] < gain:
            best[length, n] = best[length, n - 1]
            n -= 1
        best[length, n] = gain


@kernel
def _most_earned(
    lengths: Ints, best: NDArray[np.int64], count: Ints, size: int, earned: Ints
) -> int:
    """Return the most that whole exams can earn in an opening of `size` units."""
    earned[: size + 1] = 0
    for row in range(lengths.shape[0]):
        length = lengths[row]
        for i in range(count[row]):
            gain = best[row, i]
            for used in range(size, length - 1, -1):
                earned[used] = max(earned[used], earned[used - length] + gain)
    found: int = earned[size]
    return found
