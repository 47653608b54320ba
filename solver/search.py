"""Who is where while a plan is being made: the state that the search kernels share.

Minutes and contract exams are counted here; the clock inside an opening is not (see
`sequence`). Every change goes through `take` and `put`, so no counter can be forgotten.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.families import MOST_CLASSES
from solver.layout import Columns
from solver.plan import UNPLACED
from solver.problem import Ints

NO_START = -1
"""Start of an order that has none."""


class Search(NamedTuple):
    """A plan under way.

    Parameters
    ----------
    opening, pair, cost
        Shape ``(orders,)``. Where each order is, and what that costs; the unplaced
        cost where it is nowhere.
    slot
        Shape ``(orders,)``. Position of the order among the members of its opening.
    member
        Orders by opening, in blocks that begin at `member_start`.
    member_start, member_count
        Shape ``(openings + 1,)`` and ``(openings,)``.
    free
        Shape ``(openings,)``. Minutes left, after the least changeovers.
    left
        Shape ``(contracts,)``. Exams left.
    held, classes
        Shape ``(openings, classes)`` and ``(openings,)``. Exams of each class of
        families, and the set of those present; empty where there are no families.
    """

    opening: Ints
    pair: Ints
    cost: Ints
    slot: Ints
    member: NDArray[np.int64]
    member_start: Ints
    member_count: Ints
    free: Ints
    left: Ints
    held: NDArray[np.int64]
    classes: Ints


def empty(c: Columns) -> Search:
    """Return the state in which every order is unplaced."""
    orders, openings = c.tier.shape[0], c.day.shape[0]
    shortest = int(c.pair_minutes.min()) if c.pair_minutes.size else 1
    most = np.minimum(c.minutes // shortest, orders)
    return Search(
        opening=np.full(orders, UNPLACED, np.int64),
        pair=np.full(orders, UNPLACED, np.int64),
        cost=c.unplaced_cost.copy(),
        slot=np.zeros(orders, np.int64),
        member=np.zeros(int(most.sum()), np.int64),
        member_start=np.concatenate([[0], np.cumsum(most)]).astype(np.int64),
        member_count=np.zeros(openings, np.int64),
        free=c.minutes.copy(),
        left=c.ceiling.copy(),
        held=np.zeros((c.kind.shape[0], MOST_CLASSES), np.int64),
        classes=np.zeros(c.kind.shape[0], np.int64),
    )


@inlined
def lengthens(c: Columns, x: Search, j: int, b: int) -> int:
    """Return the minutes of changeover that order `j` would add in opening `b`."""
    if c.family.shape[0] == 0 or c.family[j] < 0:
        return 0
    kind, present = c.kind[b], x.classes[b]
    more: int = c.path[kind, present | 1 << c.class_of[kind, c.family[j]]]
    more -= c.path[kind, present]
    return more


@inlined
def _come(c: Columns, x: Search, j: int, b: int) -> None:
    """Count order `j` among its family in opening `b`."""
    if c.family.shape[0] and c.family[j] >= 0:
        x.free[b] -= lengthens(c, x, j, b)
        own = c.class_of[c.kind[b], c.family[j]]
        x.held[b, own] += 1
        x.classes[b] |= 1 << own


@inlined
def _go(c: Columns, x: Search, j: int, b: int) -> None:
    """Count order `j` no longer among its family in opening `b`."""
    if c.family.shape[0] and c.family[j] >= 0:
        own = c.class_of[c.kind[b], c.family[j]]
        x.held[b, own] -= 1
        if x.held[b, own] == 0:
            x.classes[b] &= ~(1 << own)
            x.free[b] += lengthens(c, x, j, b)


@inlined
def put(c: Columns, x: Search, j: int, b: int, p: int, cost: int) -> None:
    """Place the unplaced order `j` in opening `b` by pair `p`; room is not checked."""
    n = x.member_count[b]
    x.member[x.member_start[b] + n] = j
    x.slot[j] = n
    x.member_count[b] = n + 1
    x.opening[j] = b
    x.pair[j] = p
    x.cost[j] = cost
    x.free[b] -= c.pair_minutes[p]
    _come(c, x, j, b)
    if c.contract[b] >= 0:
        x.left[c.contract[b]] -= 1


@inlined
def take(c: Columns, x: Search, j: int) -> None:
    """Take order `j` out of its opening, if it is in one."""
    b = x.opening[j]
    if b < 0:
        return
    begin, n = x.member_start[b], x.member_count[b] - 1
    last = x.member[begin + n]
    x.member[begin + x.slot[j]] = last
    x.slot[last] = x.slot[j]
    x.member_count[b] = n
    x.free[b] += c.pair_minutes[x.pair[j]]
    _go(c, x, j, b)
    if c.contract[b] >= 0:
        x.left[c.contract[b]] += 1
    x.opening[j] = UNPLACED
    x.pair[j] = UNPLACED
    x.cost[j] = c.unplaced_cost[j]


@inlined
def has_room(c: Columns, x: Search, b: int, minutes: int) -> bool:
    """Tell whether opening `b` has the minutes and its contract an exam left."""
    if x.free[b] < minutes:
        return False
    k = c.contract[b]
    allowed: bool = k < 0 or x.left[k] > 0
    return allowed


@inlined
def has_time(c: Columns, x: Search, j: int, b: int, minutes: int) -> bool:
    """Tell whether opening `b` has room for order `j` and for its changeover."""
    return has_room(c, x, b, minutes + lengthens(c, x, j, b))


@inlined
def has_hours(c: Columns, x: Search, j: int, b: int, minutes: int) -> bool:
    """Tell whether the order's hours leave it a share of opening `b`.

    The exams that must end by the same minute, or begin after the same minute, must
    fit before or after it. Necessary, not sufficient: `sequence` has the last word.
    """
    begin, end = c.begin[b], c.begin[b] + c.minutes[b]
    latest, earliest = c.latest_minute[j], c.earliest_minute[j]
    if latest >= end and earliest <= begin:
        return True
    before: int = latest - begin - minutes
    after: int = end - earliest - minutes
    first = x.member_start[b]
    for i in range(first, first + x.member_count[b]):
        m = x.member[i]
        if c.latest_minute[m] <= latest:
            before -= c.pair_minutes[x.pair[m]]
        if c.earliest_minute[m] >= earliest:
            after -= c.pair_minutes[x.pair[m]]
    fit: bool = (latest >= end or before >= 0) and (earliest <= begin or after >= 0)
    return fit


@kernel
def restore(c: Columns, x: Search, opening: Ints, pair: Ints, cost: Ints) -> None:
    """Make the state that of another plan."""
    for j in range(opening.shape[0]):
        take(c, x, j)
    for j in range(opening.shape[0]):
        if opening[j] >= 0:
            put(c, x, j, opening[j], pair[j], cost[j])
