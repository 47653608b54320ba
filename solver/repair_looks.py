"""Where an order might go in a repair: free time, or the time of a run of others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.kin import Kin, past_kin
from solver.layout import FAR, Columns, day_cost, first_opening, fits
from solver.problem import Ints
from solver.reinsert import gap_start
from solver.repair_rules import Terms, counts, elsewhere
from solver.search import NO_START, Search, has_room, put, take

FOUND = 4
"""Columns of a place that was found: opening, pair, start, exams to take out."""
BARRED_OF = 8
"""Of the neighbours one in so many is barred, where a search wants a change."""


class Work(NamedTuple):
    """What the chains write in; by order unless said otherwise.

    Parameters
    ----------
    loss
        What leaving would cost an order more, about; `FAR` where it cannot.
    hops
        How many that would ask in all.
    touched
        Whether an order was taken out in this chain.
    near
        By opening: whether anybody in it may go.
    log
        Shape ``(4, orders)``. Who was taken out, and its opening, pair and start.
    stack
        Who has no place yet.
    row
        Exams of one opening by time.
    found
        Shape ``(FOUND,)``, then the exams to take out in `out`.
    out, kept
        As `found` says, and the same while others are looked for.
    away
        Shape ``(1,)``. How many are not where they stay.
    """

    loss: Ints
    hops: Ints
    touched: Ints
    near: Ints
    log: NDArray[np.int64]
    stack: Ints
    row: Ints
    found: Ints
    out: Ints
    kept: Ints
    away: Ints


@inlined
def at_home(x: Search, t: Terms, start: Ints, j: int) -> bool:
    """Tell whether an order that may move is where it stays otherwise."""
    home: bool = (
        x.opening[j] == t.stay_opening[j]
        and start[j] == t.stay_start[j]
        and x.pair[j] == t.stay_pair[j]
    )
    return home


@inlined
def seated(
    c: Columns,
    x: Search,
    t: Terms,
    start: Ints,
    w: Work,
    j: int,
    b: int,
    p: int,
    at: int,
) -> None:
    """Give an order a place."""
    put(c, x, j, b, p, counts(c, t, j, b, p, at))
    start[j] = at
    w.near[b] = 1
    if t.charge[j] >= 0 and t.stay_opening[j] >= 0 and not at_home(x, t, start, j):
        w.away[0] += 1


@inlined
def gone(c: Columns, x: Search, t: Terms, start: Ints, w: Work, j: int) -> None:
    """Take an order out of its place."""
    if x.opening[j] >= 0:
        if t.stay_opening[j] >= 0 and not at_home(x, t, start, j):
            w.away[0] -= 1
        take(c, x, j)
        start[j] = NO_START


@inlined
def _home_is_free(
    c: Columns, x: Search, kin: Kin, t: Terms, start: Ints, j: int
) -> bool:
    b, at = t.stay_opening[j], t.stay_start[j]
    if b < 0:
        return False
    d = c.pair_minutes[t.stay_pair[j]]
    if not has_room(c, x, b, d):
        return False
    for i in range(x.member_start[b], x.member_start[b] + x.member_count[b]):
        m = x.member[i]
        if at < start[m] + c.pair_minutes[x.pair[m]] and start[m] < at + d:
            return False
    same: bool = past_kin(c, x, kin, start, j, c.day[b], at, d) == at
    return same


@kernel
def cheapest_free(
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    j: int,
    limit: int,
    avoid: int,
    found: Ints,
) -> int:
    """Find free time of order `j` below `limit`, not in opening `avoid`.

    Return what it counts, and `limit` if there is none.
    """
    best = limit
    b = t.stay_opening[j]
    if (
        b >= 0
        and b != avoid
        and t.stay_cost[j] < best
        and _home_is_free(c, x, kin, t, start, j)
    ):
        best = t.stay_cost[j]
        found[0], found[1], found[2] = b, t.stay_pair[j], t.stay_start[j]
    for p in range(c.pair_start[j], c.pair_start[j + 1]):
        d = c.pair_minutes[p]
        last = c.scanner_start[c.pair_scanner[p] + 1]
        for b in range(first_opening(c, j, p), last):
            if c.day[b] > c.latest_day[j]:
                break
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
            if max(cost, t.least[j]) + t.charge[j] >= best:
                break
            cost += c.opening_cost[b]
            if (
                b == avoid
                or cost >= c.unplaced_cost[j]
                or not has_room(c, x, b, d)
                or not fits(c, j, p, b)
            ):
                continue
            count = elsewhere(c, t, j, b, p, cost)
            if count < best:
                at = gap_start(c, x, kin, start, j, p, b)
                if at >= 0:
                    best = count
                    found[0], found[1], found[2] = b, p, at
    return best


@kernel
def cheapest_run(  # noqa: C901, PLR0912
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    w: Work,
    j: int,
    limit: int,
    moves: int,
    salt: int,
) -> int:
    """Find the run of others whose time is the cheapest place of `j` below `limit`.

    Parameters
    ----------
    moves
        How many more may be asked.
    salt
        Which neighbours are barred; -1 for none.
    """
    best = limit
    w.found[3] = 0
    for p in range(c.pair_start[j], c.pair_start[j + 1]):
        d = c.pair_minutes[p]
        last = c.scanner_start[c.pair_scanner[p] + 1]
        for b in range(first_opening(c, j, p), last):
            if c.day[b] > c.latest_day[j]:
                break
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
            if max(cost, t.least[j]) + t.charge[j] >= best:
                break
            cost += c.opening_cost[b]
            if w.near[b] == 0 or cost >= c.unplaced_cost[j] or not fits(c, j, p, b):
                continue
            count = elsewhere(c, t, j, b, p, cost)
            if count >= best:
                continue
            n = _in_order(x, start, w, b)
            close = min(c.begin[b] + c.minutes[b], c.latest_minute[j])
            done = c.begin[b]
            for first in range(n):
                since = max(done, c.earliest_minute[j])
                done = start[w.row[first]] + c.pair_minutes[x.pair[w.row[first]]]
                total, hops = count, 0
                for i in range(first, n):
                    m = w.row[i]
                    if t.charge[m] < 0 or w.touched[m] == 1 or w.loss[m] >= FAR:
                        break
                    if salt >= 0 and (m * 7919 + salt) % BARRED_OF == 0:
                        break
                    total += w.loss[m]
                    hops += w.hops[m]
                    if hops > moves:
                        break
                    until = close
                    if i + 1 < n:
                        until = min(close, start[w.row[i + 1]])
                    if until - since < d:
                        continue
                    if total < best:
                        at = past_kin(c, x, kin, start, j, c.day[b], since, d)
                        if at + d <= until:
                            best = total
                            w.found[0], w.found[1], w.found[2] = b, p, at
                            w.found[3] = i + 1 - first
                            for k in range(first, i + 1):
                                w.out[k - first] = w.row[k]
                    break
    return best


@inlined
def _in_order(x: Search, start: Ints, w: Work, b: int) -> int:
    """Write the exams of an opening by time; return how many there are."""
    n: int = x.member_count[b]
    begin = x.member_start[b]
    for i in range(n):
        m = x.member[begin + i]
        k = i
        while k > 0 and start[w.row[k - 1]] > start[m]:
            w.row[k] = w.row[k - 1]
            k -= 1
        w.row[k] = m
    return n
