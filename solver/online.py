"""One order now: the best few places for it at the prices of the last plan.

A place costs what it costs the patient plus what its minutes are worth to others: to
the orders that wait (the price of the plan's certificate) and to more urgent ones that
have not arrived yet (`bidprices`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.bidprices import RoomPrices, lost_at
from solver.compiled import kernel
from solver.layout import Columns, columns, day_cost, first_opening, fits
from solver.occupied import Occupied, tidy_start
from solver.plan import PRICE_SCALE, CostTerms
from solver.problem import Ints, Problem


@dataclass(frozen=True, slots=True)
class Protection:
    """The more urgent orders that are still to come, as ranking needs them.

    Parameters
    ----------
    prices
        What room is worth to them and how much of it is kept.
    kind_of_scanner
        Shape ``(scanners,)``. Row of the tables that each scanner goes by.
    today
        Day from which lead times are counted, by the problem's count of days.
    room
        Shape ``(openings,)``, minutes that each opening's scanner has free on its day,
        where the problem shows only a part of them; None: what the openings leave.
    target_first
        Whether the order takes room that is kept rather than be late.
    """

    prices: RoomPrices
    kind_of_scanner: Ints
    today: int
    room: Ints | None = None
    target_first: bool = False


OPENING, PAIR, START, SCORE, PRICE, TO_COME, LATE, RESERVED = range(8)
COLUMNS = 8
"""What is written down of each place that is found."""
NO_ROOM = np.zeros(0, np.int64)
"""The room is what the openings leave."""


@dataclass(frozen=True, slots=True)
class Option:
    """One place for one order.

    Parameters
    ----------
    opening, pair
        Row numbers.
    start_minute
        Minutes from midnight of the opening's day.
    terms
        What the place costs by term.
    price
        What its minutes and its exam are worth, in 1 / `PRICE_SCALE` cost units.
    score
        Cost and price together, in 1 / `PRICE_SCALE` cost units; less is better.
    to_come
        The part of the price that is due to more urgent orders still to come.
    reserved
        Whether it would take room that is kept for them. Such places come last: who
        takes one does so knowingly.
    """

    opening: int
    pair: int
    start_minute: int
    terms: CostTerms
    price: int
    score: int
    to_come: int = 0
    reserved: bool = False


def rank_slots(
    problem: Problem,
    order: int,
    *,
    minute_price: Ints,
    exam_price: Ints,
    k: int,
    occupied: Occupied | None = None,
    protection: Protection | None = None,
) -> list[Option]:
    """Return up to `k` places for one order, the best first.

    Different scanners and days come first, each with its best place; only if these are
    fewer than `k` do further places on the same scanner and day follow. The patient's
    other bookings are not looked at: cut them out of the order's hours beforehand.

    With a `protection`, room that is kept for more urgent orders comes last, then what
    is beyond the order's target, and only then does the score decide: a price never
    pushes an order past its target, and a target never takes the last urgent slot,
    unless the protection says that this order's target comes first.
    Without one, the score alone decides.

    Parameters
    ----------
    problem
        A valid problem; only the row `order` of its orders is looked at.
    order
        Row of the order.
    minute_price, exam_price
        Prices as in `Certificate`; zeros rank by cost alone.
    k
        Most places wanted.
    occupied
        Time taken inside the openings; None if all of it is free.
    protection
        The more urgent orders still to come; None if nothing is known of them. The
        order's tier is its class; one beyond the tables counts as their last.
    """
    c = columns(problem)
    taken = Occupied.nothing(problem) if occupied is None else occupied
    first, last = int(c.pair_start[order]), int(c.pair_start[order + 1])
    scanners = c.pair_scanner[first:last]
    size = int((c.scanner_start[scanners + 1] - c.scanner_start[scanners]).sum())
    found = np.zeros((size, COLUMNS), np.int64)
    n = _options(
        c,
        minute_price,
        exam_price,
        taken.start,
        taken.begin_minute,
        taken.end_minute,
        taken.exams_left,
        order,
        found,
    )
    found = found[:n]
    if protection is not None:
        _protect(
            c,
            protection.prices.lost,
            protection.prices.reserve,
            protection.prices.unit_minutes,
            protection.kind_of_scanner,
            protection.today,
            NO_ROOM if protection.room is None else protection.room,
            taken.start,
            taken.begin_minute,
            taken.end_minute,
            order,
            found,
        )
    by = found[:, START], found[:, OPENING], found[:, SCORE]
    first_of_all = found[:, LATE], found[:, RESERVED]
    if protection is not None and protection.target_first:
        first_of_all = first_of_all[::-1]
    sort = np.lexsort((*by, *first_of_all))
    seen: set[tuple[int, int]] = set()
    distinct: list[int] = []
    further: list[int] = []
    for row in sort.tolist():
        b, p = int(found[row, OPENING]), int(found[row, PAIR])
        place = int(c.pair_scanner[p]), int(c.day[b])
        (further if place in seen else distinct).append(row)
        seen.add(place)
        if len(distinct) == k:
            break
    return [_option(c, order, found[row]) for row in (distinct + further)[:k]]


def _option(c: Columns, j: int, row: Ints) -> Option:
    b, p, start, score, price, to_come, _, reserved = (int(v) for v in row)
    day = int(c.day[b])
    late = max(0, day - int(c.target_day[j]))
    terms = CostTerms(
        waiting=int(c.wait_cost[j]) * day,
        lateness=int(c.late_cost[j]) * late,
        breach=int(c.breach_cost[j]) if day >= c.breach_day[j] else 0,
        pair=int(c.pair_cost[p]),
        opening=int(c.opening_cost[b]),
        unplaced=0,
    )
    return Option(b, p, start, terms, price, score, to_come, bool(reserved))


@kernel
def _options(
    c: Columns,
    minute_price: Ints,
    exam_price: Ints,
    taken: Ints,
    begins: Ints,
    ends: Ints,
    exams_left: Ints,
    j: int,
    found: Ints,
) -> int:
    """Write opening, pair, start, score and price of every place; return how many."""
    n = 0
    for p in range(c.pair_start[j], c.pair_start[j + 1]):
        last = c.scanner_start[c.pair_scanner[p] + 1]
        for b in range(first_opening(c, j, p), last):
            if c.day[b] > c.latest_day[j]:
                break
            k = c.contract[b]
            if (k >= 0 and exams_left[k] <= 0) or not fits(c, j, p, b):
                continue
            start = tidy_start(c, taken, begins, ends, j, p, b)
            if start < 0:
                continue
            price = minute_price[b] * c.pair_minutes[p]
            if k >= 0:
                price += exam_price[k]
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
            found[n, OPENING] = b
            found[n, PAIR] = p
            found[n, START] = start
            found[n, SCORE] = cost * PRICE_SCALE + price
            found[n, PRICE] = price
            n += 1
    return n


@kernel
def _protect(
    c: Columns,
    lost: Ints,
    reserve: Ints,
    unit_minutes: Ints,
    kind_of_scanner: Ints,
    today: int,
    given: Ints,
    taken: Ints,
    begins: Ints,
    ends: Ints,
    j: int,
    found: Ints,
) -> None:
    """Add to each place what its room is worth to those to come, and mark it."""
    tier = min(c.tier[j], lost.shape[1] - 1)
    scanner, day, room = -1, -1, 0
    for n in range(found.shape[0]):
        b, p = found[n, OPENING], found[n, PAIR]
        if c.pair_scanner[p] != scanner or c.day[b] != day:
            scanner, day = c.pair_scanner[p], c.day[b]
            if given.shape[0] > 0:
                room = given[b]
            else:
                room = _room(c, taken, begins, ends, scanner, b)
        kind = kind_of_scanner[scanner]
        lead = min(max(day - today, 0), lost.shape[2] - 1)
        left = room - c.pair_minutes[p]
        unit = unit_minutes[kind]
        worth = lost_at(lost, unit, kind, tier, lead, left)
        worth -= lost_at(lost, unit, kind, tier, lead, room)
        found[n, TO_COME] = worth
        found[n, PRICE] += worth
        found[n, SCORE] += worth
        found[n, LATE] = day > c.target_day[j]
        found[n, RESERVED] = left < reserve[kind, tier, lead]


@kernel
def _room(
    c: Columns, taken: Ints, begins: Ints, ends: Ints, scanner: int, b: int
) -> int:
    """Return the free minutes of a scanner on the day of its opening `b`."""
    first = b
    while first > c.scanner_start[scanner] and c.day[first - 1] == c.day[b]:
        first -= 1
    room = 0
    while first < c.scanner_start[scanner + 1] and c.day[first] == c.day[b]:
        room += c.minutes[first]
        for i in range(taken[first], taken[first + 1]):
            room -= ends[i] - begins[i]
        first += 1
    return room
