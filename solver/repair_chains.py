"""The compiled chains of ejections: what leaving is worth, and who takes whose place.

An order that looks for a place takes free time, or the time of a run of others that may
go; these then look in turn. Nobody is asked twice in a chain, so it ends; if in sum it
has not paid, it is undone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.chance import below
from solver.compiled import inlined, kernel
from solver.kin import Kin
from solver.layout import FAR, Columns
from solver.problem import Ints
from solver.repair_looks import (
    BARRED_OF,
    Work,
    at_home,
    cheapest_free,
    cheapest_run,
    gone,
    seated,
)
from solver.repair_rules import Terms
from solver.search import Search

LONGEST = 60
"""Most exams that one chain takes out."""
DEPTH = 3
"""Exams in a row that what leaving costs looks ahead."""
SECOND_LOOKS = 12
"""Times that a place is looked for anew because what leaving costs has risen."""


@kernel
def weigh(  # noqa: C901
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    w: Work,
    rows: Ints,
    most: int,
    scratch: Ints,
) -> None:
    """Write what leaving would cost each of `rows`, looking `DEPTH` exams ahead."""
    for j in rows:
        w.loss[j], w.hops[j] = FAR, 0
        if x.opening[j] < 0:
            continue
        b, p, at, count = x.opening[j], x.pair[j], start[j], x.cost[j]
        home = t.stay_opening[j] >= 0 and at_home(x, t, start, j)
        w.hops[j] = 1 if home else 0
        gone(c, x, t, start, w, j)
        best = cheapest_free(c, x, kin, t, start, j, FAR, b, w.found)
        if t.stay_opening[j] < 0:
            best = min(best, c.unplaced_cost[j])
        seated(c, x, t, start, w, j, b, p, at)
        if best < FAR:
            w.loss[j] = best - count
    for _ in range(DEPTH - 1):
        for i in range(rows.shape[0]):
            j = rows[i]
            scratch[i] = w.loss[j]
            scratch[rows.shape[0] + i] = w.hops[j]
            if x.opening[j] < 0 or w.loss[j] <= 0:
                continue
            limit = FAR if w.loss[j] >= FAR else x.cost[j] + w.loss[j]
            own = 1 if t.stay_opening[j] >= 0 and at_home(x, t, start, j) else 0
            w.touched[j] = 1
            best = cheapest_run(c, x, kin, t, start, w, j, limit, most - own, -1)
            w.touched[j] = 0
            if best < limit:
                scratch[i] = best - x.cost[j]
                hops = own
                for k in range(w.found[3]):
                    hops += w.hops[w.out[k]]
                scratch[rows.shape[0] + i] = hops
        for i in range(rows.shape[0]):
            w.loss[rows[i]] = scratch[i]
            w.hops[rows[i]] = scratch[rows.shape[0] + i]


@kernel
def _risen(
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    w: Work,
    moves: int,
    salt: int,
) -> bool:
    """Look again at what leaving costs those in `w.out`; tell whether it has risen.

    What was worked out before the chain began does not know what it has taken since.
    """
    b, p, at, n = w.found[0], w.found[1], w.found[2], w.found[3]
    for k in range(n):
        w.kept[k] = w.out[k]
        w.touched[w.kept[k]] = 1
    risen = False
    for k in range(n):
        m = w.kept[k]
        limit = c.unplaced_cost[m] if t.stay_opening[m] < 0 else FAR
        free = cheapest_free(c, x, kin, t, start, m, limit, b, w.found)
        best = free
        if free - x.cost[m] > w.loss[m]:
            best = cheapest_run(c, x, kin, t, start, w, m, free, moves, salt)
        loss = FAR if best >= FAR else best - x.cost[m]
        if loss > w.loss[m]:
            w.loss[m] = loss
            risen = True
    for k in range(n):
        w.touched[w.kept[k]] = 0
        w.out[k] = w.kept[k]
    w.found[0], w.found[1], w.found[2], w.found[3] = b, p, at, n
    return risen


@kernel
def chain(  # noqa: C901, PLR0912
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    w: Work,
    waiting: int,
    most: int,
    salt: int,
    spoil: int,
) -> int:
    """Place those on the stack, and whom they take out; return the change of cost.

    It is undone, and 0 returned, where it would cost more than `spoil`, or move more
    than `most`, or somebody who stays otherwise would be left without a place.

    Parameters
    ----------
    waiting
        How many are on the stack; each has its place still.
    """
    logged, change = 0, 0
    for i in range(waiting):
        change -= _taken_out(c, x, t, start, w, w.stack[i], logged)
        logged += 1
    good = True
    while waiting > 0:
        waiting -= 1
        j = w.stack[waiting]
        limit = FAR if t.stay_opening[j] >= 0 else c.unplaced_cost[j]
        free = cheapest_free(c, x, kin, t, start, j, limit, -1, w.found)
        b, p, at = w.found[0], w.found[1], w.found[2]
        room = most - w.away[0]
        if t.stay_opening[j] >= 0:
            room -= 1
        best = free
        for _ in range(SECOND_LOOKS):
            best = cheapest_run(c, x, kin, t, start, w, j, free, room, salt)
            if best >= free or not _risen(c, x, kin, t, start, w, room, salt):
                break
        if best < free:
            b, p, at = w.found[0], w.found[1], w.found[2]
            n = w.found[3]
            if logged + n > LONGEST:
                good = False
                break
            for k in range(n):
                m = w.out[k]
                change -= _taken_out(c, x, t, start, w, m, logged)
                logged += 1
                w.stack[waiting] = m
                waiting += 1
        elif free >= limit:
            if t.stay_opening[j] >= 0:
                good = False
                break
            change += c.unplaced_cost[j]
            continue
        seated(c, x, t, start, w, j, b, p, at)
        change += x.cost[j]
    good = good and change <= spoil and w.away[0] <= most
    if not good:
        for i in range(logged):
            gone(c, x, t, start, w, w.log[0, i])
        for i in range(logged):
            if w.log[1, i] >= 0:
                seated(
                    c,
                    x,
                    t,
                    start,
                    w,
                    w.log[0, i],
                    w.log[1, i],
                    w.log[2, i],
                    w.log[3, i],
                )
        change = 0
    for i in range(logged):
        w.touched[w.log[0, i]] = 0
    return change


@inlined
def _taken_out(
    c: Columns, x: Search, t: Terms, start: Ints, w: Work, j: int, logged: int
) -> int:
    """Note where an order is and take it out; return what it counted."""
    w.log[0, logged], w.log[1, logged] = j, x.opening[j]
    w.log[2, logged], w.log[3, logged] = x.pair[j], start[j]
    count: int = x.cost[j]
    w.touched[j] = 1
    gone(c, x, t, start, w, j)
    return count


@kernel
def chains(
    c: Columns,
    x: Search,
    kin: Kin,
    t: Terms,
    start: Ints,
    w: Work,
    rows: Ints,
    state: NDArray[np.uint64],
    most: int,
    spoil: int,
    tries: int,
) -> int:
    """Try chains from one to three of `rows` at once; return the change of cost."""
    total = 0
    for turn in range(tries):
        count = min(1 + below(state, 3), rows.shape[0])
        waiting = 0
        for _ in range(count):
            j = rows[below(state, rows.shape[0])]
            if w.touched[j] == 0:
                w.touched[j] = 1
                w.stack[waiting] = j
                waiting += 1
        salt = below(state, BARRED_OF) if turn % 2 else -1
        total += chain(c, x, kin, t, start, w, waiting, most, salt, spoil)
    return total
