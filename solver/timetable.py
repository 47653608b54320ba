"""Who is where and when, all rules kept: the state in which parties are placed.

Each rule forbids some starts of an exam in an opening. `first_start` moves a start
later past whatever stands in the way until nothing does; so it returns the first
start allowed, and every change of the state keeps every rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import FAR, Columns
from solver.problem import PATIENT_GAP_MINUTES, Ints, Problem
from solver.search import Search, put, take
from solver.ties import Ties
from solver.waste import short

NO_START = -1
DAY_MINUTES = 1440


class Timetable(NamedTuple):
    """What `Search` does not know of a plan under way.

    Parameters
    ----------
    start
        Shape ``(orders,)``. Minutes from midnight, `NO_START` for unplaced orders.
    stock_left
        Shape ``(resource days, 1440)``. Units left of a resource in each minute.
    supply_left
        Shape ``(deliveries,)``.
    moves
        Shape ``(1,)``. Bookings that are not where they were.
    paid
        Shape ``(1,)``. What all openings pay for stretches too short for any exam.
    """

    start: Ints
    stock_left: NDArray[np.int32]
    supply_left: Ints
    moves: Ints
    paid: Ints


def timetable(problem: Problem, r: Ties) -> Timetable:
    """Return the state in which nothing is placed; bookings do not count as moved."""
    shifts = problem.rules.shifts
    left = np.zeros((int(r.stock.max(initial=-1)) + 1, DAY_MINUTES), np.int32)
    for row in range(shifts.resource.shape[0]):
        begin = int(shifts.begin_minute[row])
        where = r.stock[shifts.resource[row], shifts.day[row]]
        left[where, begin : begin + int(shifts.minutes[row])] += int(shifts.units[row])
    return Timetable(
        start=np.full(len(problem.orders.key), NO_START, np.int64),
        stock_left=left,
        supply_left=problem.rules.deliveries.amount.copy(),
        moves=np.zeros(1, np.int64),
        paid=np.zeros(1, np.int64),
    )


@inlined
def changeover(r: Ties, i: int, j: int) -> int:
    """Return the minutes from the end of exam `i` to the start of exam `j`."""
    if r.family.shape[0] == 0 or r.family[i] < 0 or r.family[j] < 0:
        return 0
    wanted: int = r.setup[r.family[i], r.family[j]]
    return wanted


@inlined
def same_scanner_day(c: Columns, r: Ties, a: int, b: int) -> bool:
    """Tell whether two openings are of one scanner on one day."""
    same: bool = r.scanner[a] == r.scanner[b] and c.day[a] == c.day[b]
    return same


@kernel
def past_scanner(
    c: Columns, r: Ties, x: Search, t: Timetable, j: int, b: int, d: int, at: int
) -> int:
    """Return the first start from `at` on that leaves other exams their time."""
    first, last = b, b
    if r.family.shape[0] > 0:
        while first > 0 and same_scanner_day(c, r, first - 1, b):
            first -= 1
        while last + 1 < c.day.shape[0] and same_scanner_day(c, r, last + 1, b):
            last += 1
    moved = True
    while moved:
        moved = False
        for a in range(first, last + 1):
            for n in range(x.member_start[a], x.member_start[a] + x.member_count[a]):
                m = x.member[n]
                begin = t.start[m]
                if m == j or begin < 0:
                    continue
                end = begin + c.pair_minutes[x.pair[m]] + changeover(r, m, j)
                if at < end and begin < at + d + changeover(r, j, m):
                    at = end
                    moved = True
    return at


@kernel
def past_patient(
    c: Columns, r: Ties, x: Search, t: Timetable, j: int, day: int, d: int, at: int
) -> int:
    """Return the first start from `at` on at which the patient is nowhere else."""
    g = r.kin[j]
    if g < 0:
        return at
    moved = True
    while moved:
        moved = False
        for q in range(r.kin_start[g], r.kin_start[g + 1]):
            i = r.kin_order[q]
            if i == j or t.start[i] < 0 or c.day[x.opening[i]] != day:
                continue
            end = t.start[i] + c.pair_minutes[x.pair[i]] + PATIENT_GAP_MINUTES
            if at < end and t.start[i] < at + d + PATIENT_GAP_MINUTES:
                at = end
                moved = True
    return at


@kernel
def past_stock(r: Ties, t: Timetable, p: int, day: int, at: int) -> int:
    """Return the first start from `at` on with all that pair `p` needs, or `FAR`."""
    if p + 1 >= r.need_start.shape[0]:
        return at
    moved = True
    while moved:
        moved = False
        for n in range(r.need_start[p], r.need_start[p + 1]):
            row = r.stock[r.need_resource[n], day]
            if row < 0:
                return FAR
            begin = at + r.need_offset[n]
            end = begin + r.need_minutes[n]
            if begin < 0:
                at -= begin
                moved = True
                continue
            if end > DAY_MINUTES:
                return FAR
            for minute in range(end - 1, begin - 1, -1):
                if t.stock_left[row, minute] < r.need_units[n]:
                    at = minute + 1 - r.need_offset[n]
                    moved = True
                    break
    return at


@kernel
def delivery_for(c: Columns, r: Ties, j: int, b: int, at: int) -> int:
    """Return the place in `delivery_row` of what order `j` would draw on, or -1."""
    w = r.draw_of[j]
    s = r.scanner[b]
    found = -1
    for q in range(r.delivery_start[s], r.delivery_start[s + 1]):
        if (
            r.delivery_supply[q] == r.draw_supply[w]
            and r.delivery_day[q] == c.day[b]
            and r.delivery_minute[q] + r.draw_least[w] <= at
            and (found < 0 or r.delivery_minute[q] > r.delivery_minute[found])
        ):
            found = q
    return found


@kernel
def past_supply(c: Columns, r: Ties, t: Timetable, j: int, b: int, at: int) -> int:
    """Return the first start from `at` on with enough that is fresh, or `FAR`."""
    w = r.draw_of[j]
    if w < 0:
        return at
    s = r.scanner[b]
    while True:
        q = delivery_for(c, r, j, b, at)
        if q >= 0:
            age = at - r.delivery_minute[q]
            if age <= r.draw_most[w]:
                amount = r.drawn[r.drawn_start[w] + age - r.draw_least[w]]
                if t.supply_left[r.delivery_row[q]] >= amount:
                    return at
        later = FAR
        for other in range(r.delivery_start[s], r.delivery_start[s + 1]):
            if (
                r.delivery_supply[other] == r.draw_supply[w]
                and r.delivery_day[other] == c.day[b]
            ):
                ready: int = r.delivery_minute[other] + r.draw_least[w]
                if at < ready < later:
                    later = ready
        if later == FAR:
            return FAR
        at = later


@kernel
def first_start(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    j: int,
    p: int,
    b: int,
    low: int,
    high: int,
) -> int:
    """Return the first start of order `j` between `low` and `high`, or -1."""
    d = c.pair_minutes[p]
    at = max(low, c.begin[b], c.earliest_minute[j])
    last = min(high, c.begin[b] + c.minutes[b] - d, c.latest_minute[j] - d)
    while at <= last:
        began = at
        at = past_scanner(c, r, x, t, j, b, d, at)
        at = past_patient(c, r, x, t, j, c.day[b], d, at)
        at = past_stock(r, t, p, c.day[b], at)
        if at > last:
            return NO_START
        at = past_supply(c, r, t, j, b, at)
        if at == began:
            return at
    return NO_START


@kernel
def room_about(
    c: Columns, x: Search, t: Timetable, b: int, at: int
) -> tuple[int, int, int, int]:
    """Return the free stretch of opening `b` about a minute, and who is beside it.

    That is its begin and end, and the exams before and after it, or -1.
    """
    low, high = c.begin[b], c.begin[b] + c.minutes[b]
    before, after = -1, -1
    for n in range(x.member_start[b], x.member_start[b] + x.member_count[b]):
        m = x.member[n]
        if t.start[m] <= at:
            end = t.start[m] + c.pair_minutes[x.pair[m]]
            if end > low or before < 0:
                low, before = end, m
        elif t.start[m] < high or after < 0:
            high, after = t.start[m], m
    return low, high, before, after


@inlined
def beside(r: Ties, i: int, j: int) -> int:
    """Return the changeover between two exams that need not both be there."""
    return 0 if i < 0 or j < 0 else changeover(r, i, j)


@kernel
def splitting(
    c: Columns, r: Ties, x: Search, t: Timetable, j: int, b: int, p: int, at: int
) -> int:
    """Return how what opening `b` pays for short stretches changes with order `j`.

    The order is out, and would begin at `at`, which is free. What a changeover asks
    for is not idle.
    """
    if c.waste.shape[0] == 0:
        return 0
    low, high, before, after = room_about(c, x, t, b, at)
    end = at + c.pair_minutes[p]
    change: int = short(c.waste, at - low - beside(r, before, j))
    change += short(c.waste, high - end - beside(r, j, after))
    if x.member_count[b]:
        change -= short(c.waste, high - low - beside(r, before, after))
    return change


@kernel
def paid_in(c: Columns, r: Ties, x: Search, t: Timetable, b: int) -> int:
    """Return what opening `b` pays for stretches too short for any exam."""
    if c.waste.shape[0] == 0 or x.member_count[b] == 0:
        return 0
    total = 0
    at, close = c.begin[b], c.begin[b] + c.minutes[b]
    while at < close:
        low, high, before, after = room_about(c, x, t, b, at)
        if high > low:
            total += short(c.waste, high - low - beside(r, before, after))
        at = high if after >= 0 else close
    return total


@kernel
def is_moved(r: Ties, j: int, b: int, at: int) -> bool:
    """Tell whether order `j` has a booking that is not this one."""
    booked = r.booked[j]
    away: bool = booked >= 0 and (booked != b or r.booked_minute[j] != at)
    return away


@kernel
def occupy(c: Columns, r: Ties, t: Timetable, j: int, b: int, p: int, way: int) -> None:
    """Take what the exam of order `j` needs besides the scanner, or give it back."""
    at = t.start[j]
    if p + 1 < r.need_start.shape[0]:
        for n in range(r.need_start[p], r.need_start[p + 1]):
            row = r.stock[r.need_resource[n], c.day[b]]
            begin = at + r.need_offset[n]
            for minute in range(begin, begin + r.need_minutes[n]):
                t.stock_left[row, minute] -= way * r.need_units[n]
    w = r.draw_of[j]
    if w >= 0:
        q = delivery_for(c, r, j, b, at)
        age = at - r.delivery_minute[q]
        amount = r.drawn[r.drawn_start[w] + age - r.draw_least[w]]
        t.supply_left[r.delivery_row[q]] -= way * amount
    if is_moved(r, j, b, at):
        t.moves[0] += way


@kernel
def seat(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    j: int,
    b: int,
    p: int,
    at: int,
    cost: int,
) -> None:
    """Place the unplaced order `j` at a start that `first_start` allowed."""
    t.paid[0] += splitting(c, r, x, t, j, b, p, at)
    put(c, x, j, b, p, cost)
    t.start[j] = at
    occupy(c, r, t, j, b, p, 1)


@kernel
def unseat(c: Columns, r: Ties, x: Search, t: Timetable, j: int) -> None:
    """Take order `j` out, if it is in."""
    b = x.opening[j]
    if b < 0:
        return
    p, at = x.pair[j], t.start[j]
    occupy(c, r, t, j, b, p, -1)
    t.start[j] = NO_START
    take(c, x, j)
    t.paid[0] -= splitting(c, r, x, t, j, b, p, at)
