"""Starts that leave no stretch of idle time too short for any exam, where any do.

Where hours of the day keep exams apart, or exams came one by one, an opening can have
short stretches between them that other starts would merge or close. Of an opening that
pays for such, the exams that may move by themselves are taken down and started anew, in
the order and with the idle time that cost least: exactly, by a recursion over sets of
exams, the time, and how long the scanner has stood idle. All rules are asked for every
start; what does not gain is undone. Of starts that cost the same, those nearest to what
they were are taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import kernel
from solver.layout import FAR, Columns
from solver.problem import Ints
from solver.search import Search
from solver.ties import Ties, loose
from solver.timetable import Timetable, first_start, paid_in, seat, unseat
from solver.waste import short

MOST_FREE = 10
"""Exams of one opening that are started anew together."""
MOST_STATES = 2_000_000
"""Size of the recursion; where units of time are small, fewer exams take part."""
COST_UNIT = 2**20
"""Costs are counted so many times, and each unit that a start moves once."""
STEP_WIDTH = 2048
"""A step is coded as what was done times this, plus the units idle before; a day has
fewer units."""


class Desk(NamedTuple):
    """Working memory.

    Parameters
    ----------
    order, pair, start, cost
        Shape ``(MOST_FREE,)``. Who is taken down, and where each was.
    member
        All exams of the opening, by start.
    allowed
        Shape ``(units, MOST_FREE)``. Whether each may start then.
    fixed
        Shape ``(units,)``. Units of the exam that stays and starts then, or 0.
    least, step
        By state, least cost and the step that led there.
    """

    order: Ints
    pair: Ints
    start: Ints
    cost: Ints
    member: Ints
    allowed: NDArray[np.int8]
    fixed: Ints
    least: Ints
    step: NDArray[np.int16]


def desk(c: Columns, x: Search) -> Desk:
    """Return room for any opening; none where idle stretches cost nothing."""
    states = MOST_STATES if c.waste.size else 0
    units = 1 + int(c.minutes.max(initial=0))
    most = 1 + int(np.diff(x.member_start).max(initial=0))
    return Desk(
        order=np.zeros(MOST_FREE, np.int64),
        pair=np.zeros(MOST_FREE, np.int64),
        start=np.zeros(MOST_FREE, np.int64),
        cost=np.zeros(MOST_FREE, np.int64),
        member=np.zeros(most, np.int64),
        allowed=np.zeros((units, MOST_FREE), np.int8),
        fixed=np.zeros(units, np.int64),
        least=np.zeros(states, np.int64),
        step=np.zeros(states, np.int16),
    )


@kernel
def close_gaps(
    c: Columns, r: Ties, x: Search, t: Timetable, openings: Ints, k: Desk
) -> int:
    """Start the exams of each opening anew where that costs less; return the gain."""
    gain = 0
    for b in openings:
        pays = paid_in(c, r, x, t, b)
        if pays == 0 or r.family.shape[0]:
            continue
        idle = c.minutes[b]
        for i in range(x.member_start[b], x.member_start[b] + x.member_count[b]):
            idle -= c.pair_minutes[x.pair[x.member[i]]]
        if pays > short(c.waste, idle):
            before = t.paid[0]
            n, unit = _choose(c, r, x, t, b, k)
            if n > 0:
                _restart(c, r, x, t, b, n, unit, k)
            gain += before - t.paid[0]
    return gain


@kernel
def _by_start(x: Search, t: Timetable, b: int, k: Desk) -> int:
    """List the exams of opening `b` by start; return how many there are."""
    n = 0
    for i in range(x.member_start[b], x.member_start[b] + x.member_count[b]):
        m = x.member[i]
        at = n
        while at > 0 and t.start[k.member[at - 1]] > t.start[m]:
            k.member[at] = k.member[at - 1]
            at -= 1
        k.member[at] = m
        n += 1
    return n


@kernel
def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)


@kernel
def _unit(c: Columns, x: Search, t: Timetable, b: int, count: int, k: Desk) -> int:
    """Return the minutes of which all lengths and hours in opening `b` are multiples.

    Some best starts then are such multiples from its begin on, too.
    """
    begin = c.begin[b]
    unit = _gcd(c.waste.shape[0] - 1, c.minutes[b])
    for i in range(count):
        m = k.member[i]
        unit = _gcd(unit, c.pair_minutes[x.pair[m]])
        unit = _gcd(unit, t.start[m] - begin)
        if c.earliest_minute[m] > begin:
            unit = _gcd(unit, c.earliest_minute[m] - begin)
        if c.latest_minute[m] < begin + c.minutes[b]:
            unit = _gcd(unit, c.latest_minute[m] - begin)
    return unit


@kernel
def _choose(
    c: Columns, r: Ties, x: Search, t: Timetable, b: int, k: Desk
) -> tuple[int, int]:
    """Choose the exams to start anew, those about the first stretch that is too short.

    Return how many there are, and the unit of time.
    """
    count = _by_start(x, t, b, k)
    unit = _unit(c, x, t, b, count, k)
    table = (c.minutes[b] // unit + 1) * ((c.waste.shape[0] - 1) // unit + 1)
    most = 0
    while most < MOST_FREE and (2 << most) * table <= MOST_STATES:
        most += 1
    about, end = count, c.begin[b]
    for i in range(count):
        m = k.member[i]
        if short(c.waste, t.start[m] - end) > 0:
            about = i
            break
        end = t.start[m] + c.pair_minutes[x.pair[m]]
    low = max(0, min(about - most // 2, count - most))
    n = 0
    for i in range(low, count):
        m = k.member[i]
        if n < most and loose(r, m):
            k.order[n], k.pair[n] = m, x.pair[m]
            k.start[n], k.cost[n] = t.start[m], x.cost[m]
            n += 1
    return n, unit


@kernel
def _restart(
    c: Columns, r: Ties, x: Search, t: Timetable, b: int, n: int, unit: int, k: Desk
) -> None:
    """Start the chosen exams of opening `b` anew, or put them back where they were."""
    before = t.paid[0]
    for i in range(n):
        unseat(c, r, x, t, k.order[i])
    units = c.minutes[b] // unit
    k.fixed[: units + 1] = 0
    for i in range(x.member_start[b], x.member_start[b] + x.member_count[b]):
        m = x.member[i]
        where = (t.start[m] - c.begin[b]) // unit
        k.fixed[where] = c.pair_minutes[x.pair[m]] // unit
    for u in range(units):
        at = c.begin[b] + u * unit
        for i in range(n):
            m, p = k.order[i], k.pair[i]
            k.allowed[u, i] = first_start(c, r, x, t, m, p, b, at, at) == at
    _recursion(c, c.begin[b], units, n, unit, k)
    good = _follow(c, r, x, t, b, units, n, unit, k)
    if not good or t.paid[0] >= before:
        for i in range(n):
            unseat(c, r, x, t, k.order[i])
        for i in range(n):
            seat(c, r, x, t, k.order[i], b, k.pair[i], k.start[i], k.cost[i])


@kernel
def _recursion(c: Columns, begin: int, units: int, n: int, unit: int, k: Desk) -> None:
    """Fill the table of least costs.

    A state is the time, the set of exams that have been, and how many units the scanner
    has been idle since. From it the scanner waits a unit, or an exam begins.
    """
    longest = (c.waste.shape[0] - 1) // unit
    width = longest + 1
    sets = 1 << n
    row = sets * width
    k.least[: (units + 1) * row] = FAR
    k.least[0] = 0
    for u in range(units):
        for mask in range(sets):
            for e in range(width):
                here = u * row + mask * width + e
                cost = k.least[here]
                if cost == FAR:
                    continue
                paid = cost + short(c.waste, e * unit) * COST_UNIT
                if k.fixed[u] > 0:
                    _reach(k, (u + k.fixed[u]) * row + mask * width, paid, n + 1, e)
                    continue
                after = min(e + 1, longest)
                _reach(k, (u + 1) * row + mask * width + after, cost, n, e)
                for i in range(n):
                    if mask >> i & 1 or not k.allowed[u, i]:
                        continue
                    done = u + c.pair_minutes[k.pair[i]] // unit
                    to = done * row + (mask | 1 << i) * width
                    was = (k.start[i] - begin) // unit
                    _reach(k, to, paid + abs(u - was), i, e)


@kernel
def _reach(k: Desk, state: int, cost: int, step: int, idle: int) -> None:
    """Note that a state can be reached at this cost, if that is the least so far."""
    if cost < k.least[state]:
        k.least[state] = cost
        k.step[state] = step * STEP_WIDTH + idle


@kernel
def _follow(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    b: int,
    units: int,
    n: int,
    unit: int,
    k: Desk,
) -> bool:
    """Seat the exams along the cheapest way; return whether there is one.

    Exams of one opening may share what only one of them can have at a time.
    """
    width = (c.waste.shape[0] - 1) // unit + 1
    row = (1 << n) * width
    mask, u, e = (1 << n) - 1, units, 0
    last = units * row + mask * width
    least = FAR
    for i in range(width):
        cost = k.least[last + i] + short(c.waste, i * unit) * COST_UNIT
        if k.least[last + i] < FAR and cost < least:
            least, e = cost, i
    if least == FAR:
        return False
    while u > 0:
        code = k.step[u * row + mask * width + e]
        step, e = code // STEP_WIDTH, code % STEP_WIDTH
        if step == n:
            u -= 1
        elif step == n + 1:
            u -= 1
            while k.fixed[u] == 0:
                u -= 1
        else:
            m, p = k.order[step], k.pair[step]
            u -= c.pair_minutes[p] // unit
            mask &= ~(1 << step)
            at = c.begin[b] + u * unit
            if first_start(c, r, x, t, m, p, b, at, at) != at:
                return False
            seat(c, r, x, t, m, b, p, at, k.cost[step])
    return True
