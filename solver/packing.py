"""The stronger bound: whole exams must fit, opening by opening.

At given prices every order has a worth u: its least cost with prices, or its unplaced
cost if that is less. The bound of `prices` lets an opening earn its price for every
minute. But an opening can only hold whole exams, and the most that these can earn, the
worths less the costs, is a knapsack problem of a few dozen minutes: solved exactly
here, it is never more than price x minutes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.compiled import kernel
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
    unit = int(np.gcd.reduce(c.pair_minutes)) if c.pair_minutes.size else 1
    lengths, length_of = np.unique(c.pair_minutes // unit, return_inverse=True)
    longest = int(c.minutes.max(initial=0)) // unit
    most = longest // lengths if lengths.size else np.zeros(0, np.int64)
    owner = np.repeat(np.arange(c.tier.shape[0]), np.diff(c.pair_start))
    by_scanner = np.argsort(c.pair_scanner, kind="stable")
    scanners = c.scanner_start.shape[0] - 1
    edges = np.searchsorted(c.pair_scanner[by_scanner], np.arange(scanners + 1))
    return int(
        _bound(
            c,
            exam_price,
            owner.astype(np.int64),
            by_scanner.astype(np.int64),
            edges.astype(np.int64),
            lengths.astype(np.int64),
            length_of.astype(np.int64),
            unit,
            worth,
            np.zeros((lengths.shape[0], int(most.max(initial=0)) + 1), np.int64),
            np.zeros(lengths.shape[0], np.int64),
            np.zeros(longest + 1, np.int64),
        )
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
    owner: Ints,
    by_scanner: Ints,
    edges: Ints,
    lengths: Ints,
    length_of: Ints,
    unit: int,
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
            size = c.minutes[b] // unit
            count[:] = 0
            for i in range(edges[s], edges[s + 1]):
                p = by_scanner[i]
                _offer(
                    c,
                    exam_price,
                    owner[p],
                    p,
                    b,
                    worth,
                    lengths,
                    length_of,
                    size,
                    best,
                    count,
                )
            total -= _most_earned(lengths, best, count, size, earned)
    for k in range(c.ceiling.shape[0]):
        total -= exam_price[k] * c.ceiling[k]
    return total


@kernel
def _offer(
    c: Columns,
    exam_price: Ints,
    j: int,
    p: int,
    b: int,
    worth: Ints,
    lengths: Ints,
    length_of: Ints,
    size: int,
    best: NDArray[np.int64],
    count: Ints,
) -> None:
    """Keep what order `j` would earn in opening `b` if it is among the best.

    Of one length, no more exams can count than fit together.
    """
    day = c.day[b]
    if day < c.earliest_day[j] or day > c.latest_day[j]:
        return
    cost = c.pair_cost[p] + day_cost(c, j, day) + c.opening_cost[b]
    earns = worth[j] - cost * PRICE_SCALE
    k = c.contract[b]
    if k >= 0:
        earns -= exam_price[k]
    if earns <= 0 or not fits(c, j, p, b):
        return
    row = length_of[p]
    room = size // lengths[row]
    n = count[row]
    if n == room:
        if room == 0 or earns <= best[row, n - 1]:
            return
        n -= 1
    else:
        count[row] = n + 1
    while n > 0 and best[row, n - 1] < earns:
        best[row, n] = best[row, n - 1]
        n -= 1
    best[row, n] = earns


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
