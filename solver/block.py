"""A neighbourhood cut out of the plan: small enough for the processor's cache.

The search spends its time on random reads. So the orders of one neighbourhood, their
listed options there and the openings' state are copied into narrow columns of their
own (`cut`), searched, and written back. Rows in a block are numbered from 0. Here is
what a block holds, and the small rules by which orders come, go and fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.waste import short

Narrow = NDArray[np.int32]

OPENING, COST, MINUTES, REGRET = 0, 1, 2, 3
"""Columns of `Block.option`."""

MOST = 2**31 - 1


class Block(NamedTuple):
    """One neighbourhood of a plan.

    Parameters
    ----------
    order, opening
        Rows in the problem.
    first, last
        Shape ``(orders + 1,)`` and ``(orders,)``. Listed options of order j are
        ``first[j]`` to ``last[j]``, the least reduced cost first. After them, up to
        ``first[j + 1]``, come two spare rows for places that are not listed.
    option
        Shape ``(options, 4)``. Opening in the block, cost, minutes, and regret: the
        reduced cost above the order's least one, in cost units.
    pair
        Shape ``(options,)``. Row in the problem.
    pair_first, ways
        Pairs of each order in compressed rows: scanner, minutes, cost.
    rules
        Shape ``(orders, 7)``. Earliest and latest day, cost of a day, target day,
        cost of a late day, breach day, breach cost.
    list_mask, list_bit
        List types, by order and by opening.
    least
        Shape ``(orders,)``. Least reduced cost, in 1 / `PRICE_SCALE` cost units.
    scanner, day, opening_cost, exam_price
        Of each opening.
    unplaced
        Shape ``(orders, 2)``. Cost and regret of having no place.
    hours, span
        Shape ``(orders, 2)`` and ``(openings, 2)``. Earliest and latest minute.
    price
        Shape ``(openings,)``. Price per minute, in 1 / `PRICE_SCALE` cost units.
    contract, left
        Contract of each opening, and the exams left by contract; all contracts of the
        problem, because no two neighbourhoods share one.
    at, was
        Shape ``(orders,)``. The option that the order has, or -1; and, while a move
        is under way, the one that it had.
    pair_row
        Shape ``(orders,)``. First of the order's pairs in the problem.
    slot, member, member_start, member_count, free
        As in `Search`.
    family, kind, class_of, path, held, classes
        As in `Columns` and `Search`; empty where there are no changeovers.
    waste, beside
        As in `Columns`; empty where idle stretches cost nothing.
    paid
        Shape ``(1,)``. What the block's openings pay for their tails.
    """

    order: Ints
    opening: Ints
    first: Narrow
    last: Narrow
    option: NDArray[np.int32]
    pair: Ints
    pair_first: Narrow
    ways: NDArray[np.int32]
    rules: NDArray[np.int32]
    list_mask: Ints
    list_bit: Ints
    least: Ints
    scanner: Narrow
    day: Narrow
    opening_cost: Ints
    exam_price: Ints
    unplaced: NDArray[np.int32]
    hours: NDArray[np.int32]
    span: NDArray[np.int32]
    price: Ints
    contract: Narrow
    left: Ints
    at: Narrow
    was: Narrow
    pair_row: Ints
    slot: Narrow
    member: Narrow
    member_start: Narrow
    member_count: Narrow
    free: Narrow
    family: Narrow
    kind: Narrow
    class_of: NDArray[np.int32]
    path: NDArray[np.int32]
    held: NDArray[np.int32]
    classes: Narrow
    waste: Ints
    beside: Narrow
    paid: Ints


@inlined
def lengthens(k: Block, j: int, b: int) -> int:
    """Return the minutes of changeover that order `j` would add in opening `b`."""
    if k.family.shape[0] == 0 or k.family[j] < 0:
        return 0
    kind, present = k.kind[b], k.classes[b]
    more: int = k.path[kind, present | 1 << k.class_of[kind, k.family[j]]]
    more -= k.path[kind, present]
    return more


@inlined
def come(k: Block, j: int, b: int) -> None:
    """Count order `j` among its family in opening `b`."""
    if k.family.shape[0] and k.family[j] >= 0:
        k.free[b] -= lengthens(k, j, b)
        own = k.class_of[k.kind[b], k.family[j]]
        k.held[b, own] += 1
        k.classes[b] |= 1 << own


@inlined
def _go(k: Block, j: int, b: int) -> None:
    """Count order `j` no longer among its family in opening `b`."""
    if k.family.shape[0] and k.family[j] >= 0:
        own = k.class_of[k.kind[b], k.family[j]]
        k.held[b, own] -= 1
        if k.held[b, own] == 0:
            k.classes[b] &= ~(1 << own)
            k.free[b] += lengthens(k, j, b)


@inlined
def tail(k: Block, b: int) -> int:
    """Return what opening `b` pays for its tail: idle time that is too short."""
    if k.waste.shape[0] == 0 or (k.member_count[b] == 0 and k.beside[b] == 0):
        return 0
    return short(k.waste, k.free[b])


@inlined
def tail_change(k: Block, j: int, b: int, minutes: int) -> int:
    """Return how that cost changes if order `j` comes to opening `b`."""
    if k.waste.shape[0] == 0:
        return 0
    left = k.free[b] - minutes - lengthens(k, j, b)
    change: int = short(k.waste, left) - tail(k, b)
    return change


@inlined
def sit(k: Block, j: int, o: int) -> None:
    """Place the unplaced order `j` by its option `o`; room is not checked."""
    b = k.option[o, OPENING]
    if k.waste.shape[0]:
        k.paid[0] -= tail(k, b)
    n = k.member_count[b]
    k.member[k.member_start[b] + n] = j
    k.slot[j] = n
    k.member_count[b] = n + 1
    k.at[j] = o
    k.free[b] -= k.option[o, MINUTES]
    come(k, j, b)
    if k.waste.shape[0]:
        k.paid[0] += tail(k, b)
    if k.contract[b] >= 0:
        k.left[k.contract[b]] -= 1


@inlined
def rise(k: Block, j: int) -> None:
    """Take order `j` out of its opening, if it is in one."""
    o = k.at[j]
    if o < 0:
        return
    b = k.option[o, OPENING]
    if k.waste.shape[0]:
        k.paid[0] -= tail(k, b)
    begin, n = k.member_start[b], k.member_count[b] - 1
    last = k.member[begin + n]
    k.member[begin + k.slot[j]] = last
    k.slot[last] = k.slot[j]
    k.member_count[b] = n
    k.free[b] += k.option[o, MINUTES]
    _go(k, j, b)
    if k.waste.shape[0]:
        k.paid[0] += tail(k, b)
    if k.contract[b] >= 0:
        k.left[k.contract[b]] += 1
    k.at[j] = -1


@inlined
def minutes_fit(k: Block, j: int, b: int, minutes: int) -> bool:
    """Tell whether opening `b` has time for order `j`, and its contract an exam."""
    if k.free[b] < minutes + lengthens(k, j, b):
        return False
    contract = k.contract[b]
    allowed: bool = contract < 0 or k.left[contract] > 0
    return allowed


@inlined
def hours_fit(k: Block, j: int, b: int, minutes: int) -> bool:
    """Tell whether the order's hours leave it a share of opening `b`.

    The rule of `search.has_hours`, on the block's columns.
    """
    begin, end = k.span[b, 0], k.span[b, 1]
    earliest, latest = k.hours[j, 0], k.hours[j, 1]
    if latest >= end and earliest <= begin:
        return True
    before: int = latest - begin - minutes
    after: int = end - earliest - minutes
    start = k.member_start[b]
    for i in range(start, start + k.member_count[b]):
        m = k.member[i]
        d = k.option[k.at[m], MINUTES]
        if k.hours[m, 1] <= latest:
            before -= d
        if k.hours[m, 0] >= earliest:
            after -= d
    fit: bool = (latest >= end or before >= 0) and (earliest <= begin or after >= 0)
    return fit


@inlined
def same_hours(k: Block, j: int, m: int, b: int) -> bool:
    """Tell whether order `m` is held to the same hours of opening `b` as order `j`."""
    earliest, latest = k.hours[j, 0], k.hours[j, 1]
    same: bool = (latest < k.span[b, 1] and k.hours[m, 1] <= latest) or (
        earliest > k.span[b, 0] and k.hours[m, 0] >= earliest
    )
    return same


@inlined
def reach(k: Block, j: int, b: int) -> int:  # noqa: C901
    """Return an option that puts order `j` in opening `b`, listed or not, or -1.

    One that is not listed is written into a spare row of the order. Hours of the day
    are left to `hours_fit` and to the length that they leave.
    """
    day = k.day[b]
    if day < k.rules[j, 0] or day > k.rules[j, 1]:
        return -1
    if k.list_mask[j] & k.list_bit[b] == 0:
        return -1
    best, way = k.unplaced[j, 0] + 1, -1
    for w in range(k.pair_first[j], k.pair_first[j + 1]):
        if k.ways[w, 0] == k.scanner[b] and k.ways[w, 2] < best:
            start = max(k.span[b, 0], k.hours[j, 0])
            end = min(k.span[b, 1], k.hours[j, 1])
            if end - start >= k.ways[w, 1]:
                best, way = k.ways[w, 2], w
    if way < 0:
        return -1
    cost: int = k.ways[way, 2] + k.opening_cost[b] + k.rules[j, 2] * np.int64(day)
    if day > k.rules[j, 3]:
        cost += k.rules[j, 4] * np.int64(day - k.rules[j, 3])
    if day >= k.rules[j, 5]:
        cost += k.rules[j, 6]
    if cost > k.unplaced[j, 0]:
        return -1
    minutes = k.ways[way, 1]
    reduced = cost * PRICE_SCALE + k.price[b] * minutes + k.exam_price[b]
    spare: int = k.last[j]
    if k.at[j] == spare or k.was[j] == spare:
        spare += 1
    k.option[spare, OPENING] = b
    k.option[spare, COST] = cost
    k.option[spare, MINUTES] = minutes
    k.option[spare, REGRET] = min((reduced - k.least[j]) // PRICE_SCALE, MOST)
    k.pair[spare] = k.pair_row[j] + way - k.pair_first[j]
    return spare
