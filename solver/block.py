"""A neighbourhood cut out of the plan: small enough for the processor's cache.

The search spends its time on random reads. So the orders of one neighbourhood, their
listed options there and the openings' state are copied into narrow columns of their
own, searched, and written back. Rows in a block are numbered from 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.families import MOST_CLASSES
from solver.layout import Columns
from solver.plan import PRICE_SCALE, UNPLACED
from solver.problem import Ints
from solver.shortlist import Shortlist

Narrow = NDArray[np.int32]

OPENING, COST, MINUTES, REGRET = 0, 1, 2, 3
"""Columns of `Block.option`."""

MOST = 2**31 - 1
FAR_DAY = 10**6
SPARE = 2
"""Rows for places that are not listed: where an order is, and where it may go."""


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
def _come(k: Block, j: int, b: int) -> None:
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
def sit(k: Block, j: int, o: int) -> None:
    """Place the unplaced order `j` by its option `o`; room is not checked."""
    b = k.option[o, OPENING]
    n = k.member_count[b]
    k.member[k.member_start[b] + n] = j
    k.slot[j] = n
    k.member_count[b] = n + 1
    k.at[j] = o
    k.free[b] -= k.option[o, MINUTES]
    _come(k, j, b)
    if k.contract[b] >= 0:
        k.left[k.contract[b]] -= 1


@inlined
def rise(k: Block, j: int) -> None:
    """Take order `j` out of its opening, if it is in one."""
    o = k.at[j]
    if o < 0:
        return
    b = k.option[o, OPENING]
    begin, n = k.member_start[b], k.member_count[b] - 1
    last = k.member[begin + n]
    k.member[begin + k.slot[j]] = last
    k.slot[last] = k.slot[j]
    k.member_count[b] = n
    k.free[b] += k.option[o, MINUTES]
    _go(k, j, b)
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


@kernel
def _count(
    s: Shortlist,
    rows: Ints,
    block_of: Narrow,
    here: int,
    first: Narrow,
    last: Narrow,
) -> None:
    """Count the listed options in block `here`, and leave room for the spare rows."""
    for i in range(rows.shape[0]):
        j = rows[i]
        n = 0
        for r in range(s.listed[j]):
            if block_of[s.opening[j, r]] == here:
                n += 1
        last[i] = first[i] + n
        first[i + 1] = last[i] + SPARE


@kernel
def _fill(
    c: Columns,
    s: Shortlist,
    rows: Ints,
    taken: Ints,
    block_of: Narrow,
    number: Narrow,
    here: int,
    k: Block,
) -> None:
    """Copy the options of the block's orders, and where the orders are."""
    for i in range(rows.shape[0]):
        j = rows[i]
        n = k.first[i]
        nowhere = c.unplaced_cost[j] * PRICE_SCALE
        least = nowhere
        if s.listed[j] > 0:
            least = min(least, s.reduced[j, 0])
        k.unplaced[i, 0] = c.unplaced_cost[j]
        k.unplaced[i, 1] = (nowhere - least) // PRICE_SCALE
        k.hours[i, 0] = c.earliest_minute[j]
        k.hours[i, 1] = c.latest_minute[j]
        k.least[i] = least
        k.rules[i, 0] = min(c.earliest_day[j], FAR_DAY)
        k.rules[i, 1] = max(min(c.latest_day[j], FAR_DAY), -FAR_DAY)
        k.rules[i, 2] = c.wait_cost[j]
        k.rules[i, 3] = min(c.target_day[j], FAR_DAY)
        k.rules[i, 4] = c.late_cost[j]
        k.rules[i, 5] = max(min(c.breach_day[j], FAR_DAY), -FAR_DAY)
        k.rules[i, 6] = c.breach_cost[j]
        k.pair_row[i] = c.pair_start[j]
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            w = k.pair_first[i] + p - c.pair_start[j]
            k.ways[w, 0] = c.pair_scanner[p]
            k.ways[w, 1] = c.pair_minutes[p]
            k.ways[w, 2] = c.pair_cost[p]
        for r in range(s.listed[j]):
            b = s.opening[j, r]
            if block_of[b] != here:
                continue
            p = s.pair[j, r]
            k.option[n, 0] = number[b]
            k.option[n, 1] = s.cost[j, r]
            k.option[n, 2] = c.pair_minutes[p]
            k.option[n, 3] = min((s.reduced[j, r] - least) // PRICE_SCALE, MOST)
            k.pair[n] = p
            if b == taken[j]:
                k.at[i] = n
            n += 1
        if taken[j] >= 0 and k.at[i] < 0:
            k.at[i] = reach(k, i, number[taken[j]])
    for i in range(rows.shape[0]):
        o = k.at[i]
        if o >= 0:
            b = k.option[o, 0]
            at = k.member_count[b]
            k.member[k.member_start[b] + at] = i
            k.slot[i] = at
            k.member_count[b] = at + 1
            k.free[b] -= k.option[o, 2]
            _come(k, i, b)


def cut_out(
    c: Columns,
    s: Shortlist,
    prices: tuple[Ints, Ints],
    *,
    rows: Ints,
    openings: Ints,
    taken: Ints,
    scanner: Ints,
    block_of: Narrow,
    number: Narrow,
    here: int,
    left: Ints,
) -> Block:
    """Return block `here`.

    Parameters
    ----------
    c, s, prices
        The problem, the listed options, and prices by minute and by exam.
    rows, openings
        Orders and openings of the block.
    taken, scanner
        The opening of every order, and the scanner of every opening.
    block_of, number
        Block of every opening, and the opening's number there.
    here
        Number of the block.
    left
        Exams left by contract, shared between blocks.
    """
    n, m = rows.shape[0], openings.shape[0]
    first, last = np.zeros(n + 1, np.int32), np.zeros(n, np.int32)
    _count(s, rows, block_of, here, first, last)
    options = int(first[-1])
    minutes, contract = c.minutes[openings], c.contract[openings]
    pair_first = np.zeros(n + 1, np.int32)
    np.cumsum(c.pair_start[rows + 1] - c.pair_start[rows], out=pair_first[1:])
    shortest = int(c.pair_minutes.min()) if c.pair_minutes.size else 1
    most = np.minimum(minutes // shortest, n)
    member_start = np.zeros(m + 1, np.int32)
    np.cumsum(most, out=member_start[1:])
    exam_price = np.concatenate([prices[1], [0]])[contract]
    some = c.family.size > 0
    span = np.stack([c.begin[openings], c.begin[openings] + minutes], axis=1)
    block = Block(
        order=rows,
        opening=openings,
        first=first,
        last=last,
        option=np.zeros((options, 4), np.int32),
        pair=np.zeros(options, np.int64),
        pair_first=pair_first,
        ways=np.zeros((int(pair_first[-1]), 3), np.int32),
        rules=np.zeros((n, 7), np.int32),
        list_mask=c.list_mask[rows],
        list_bit=c.list_bit[openings],
        least=np.zeros(n, np.int64),
        scanner=scanner[openings].astype(np.int32),
        day=c.day[openings].astype(np.int32),
        opening_cost=c.opening_cost[openings],
        exam_price=exam_price,
        unplaced=np.zeros((n, 2), np.int32),
        hours=np.zeros((n, 2), np.int32),
        span=span.astype(np.int32),
        price=prices[0][openings],
        contract=contract.astype(np.int32),
        left=left,
        at=np.full(n, UNPLACED, np.int32),
        was=np.full(n, UNPLACED, np.int32),
        pair_row=np.zeros(n, np.int64),
        slot=np.zeros(n, np.int32),
        member=np.zeros(int(member_start[-1]), np.int32),
        member_start=member_start,
        member_count=np.zeros(m, np.int32),
        free=minutes.astype(np.int32),
        family=c.family[rows if some else []].astype(np.int32),
        kind=c.kind[openings if some else []].astype(np.int32),
        class_of=c.class_of.astype(np.int32),
        path=c.path.astype(np.int32),
        held=np.zeros((m if some else 0, MOST_CLASSES), np.int32),
        classes=np.zeros(m if some else 0, np.int32),
    )
    _fill(c, s, rows, taken, block_of, number, here, block)
    return block


def write_back(block: Block, taken: Ints, taken_pair: Ints) -> None:
    """Say where the block's orders are, in the columns of the whole problem."""
    placed = block.at >= 0
    at = block.at[placed]
    rows = block.order[placed]
    taken[block.order[~placed]] = UNPLACED
    taken_pair[block.order[~placed]] = UNPLACED
    taken[rows] = block.opening[block.option[at, OPENING]]
    taken_pair[rows] = block.pair[at]
