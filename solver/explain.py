"""Why an order is where it is, as data: the words are the caller's.

For every order the openings are counted through the filters in a fixed order, so that
the counts can be read as a story: 412 openings on its scanners, 96 of a list type it
may use, 41 in its days, ..., 2 with room left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from solver.compiled import kernel
from solver.layout import FAR, Columns, columns, day_cost, first_opening
from solver.occupied import Occupied, tidy_start
from solver.plan import PRICE_SCALE, CostTerms, Plan
from solver.problem import Ints, Problem


class Filter(StrEnum):
    """What an opening has to pass, in this order."""

    SCANNERS = "scanners"
    """It is on one of the order's scanners."""
    LIST_TYPE = "list_type"
    DAY_WINDOW = "day_window"
    TIME_WINDOW = "time_window"
    """It is open within the order's hours of the day."""
    LENGTH = "length"
    """It is long enough within those hours."""
    ROOM = "room"
    """The plan leaves a start there, and an exam of its contract."""


class Reason(StrEnum):
    """Why an order has no slot, or that it has one."""

    PLACED = "placed"
    NO_SCANNER = "no_scanner"
    """None of its scanners has an opening."""
    LIST_TYPE = "list_type"
    DAY_WINDOW = "day_window"
    TIME_WINDOW = "time_window"
    LENGTH = "length"
    PRICED_OUT = "priced_out"
    """At the plan's prices, every option costs more than leaving it unplaced."""
    NO_ROOM = "no_room"
    """It is worth a place, but the plan has filled them all."""
    NOT_FOUND = "not_found"
    """There is room for it at a price worth paying: a longer solve may place it."""


COLUMNS = 11
"""Numbers per order that the kernel reports."""

_EMPTIED_BY = (
    Reason.NO_SCANNER,
    Reason.LIST_TYPE,
    Reason.DAY_WINDOW,
    Reason.TIME_WINDOW,
    Reason.LENGTH,
)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another option of an order.

    Parameters
    ----------
    opening, pair
        Row numbers.
    terms
        What it costs by term.
    reduced_cost
        Cost with the plan's prices, in 1 / `PRICE_SCALE` cost units.
    has_room
        Whether the plan leaves a start there.
    """

    opening: int
    pair: int
    terms: CostTerms
    reduced_cost: int
    has_room: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What can be said of one order in one plan.

    Parameters
    ----------
    order
        Row of the order.
    reason
        Why it is unplaced, or `Reason.PLACED`.
    counts
        Openings that are left after each `Filter`, in the order of the enumeration.
    options
        Openings that pass every filter but room.
    paid
        Cost with prices of where it is, in 1 / `PRICE_SCALE` cost units; the unplaced
        cost if it is nowhere.
    runner_up
        The option, other than its own, that is cheapest at the prices, or None.
    """

    order: int
    reason: Reason
    counts: tuple[tuple[Filter, int], ...]
    options: int
    paid: int
    runner_up: Alternative | None


def explain(problem: Problem, plan: Plan, order: int) -> Explanation:
    """Explain one order; for many, `explain_all` prepares once."""
    return _explain(problem, plan, np.array([order], np.int64))[0]


def explain_all(problem: Problem, plan: Plan) -> list[Explanation]:
    """Explain every order, in the order of the rows."""
    return _explain(problem, plan, np.arange(len(problem.orders.key), dtype=np.int64))


def alternatives(
    problem: Problem, plan: Plan, order: int, *, k: int = 5
) -> list[Alternative]:
    """Return the options of one order that are cheapest at the plan's prices.

    Its own place is not among them. Each is on another scanner or day, and passes every
    filter but room: whether the plan leaves a start there is said with it.
    """
    c = columns(problem)
    found: list[tuple[int, int, int]] = []
    for p in range(int(c.pair_start[order]), int(c.pair_start[order + 1])):
        s, d = c.pair_scanner[p], c.pair_minutes[p]
        rows = np.arange(c.scanner_start[s], c.scanner_start[s + 1])
        day = c.day[rows]
        low = np.maximum(c.begin[rows], c.earliest_minute[order])
        high = np.minimum(c.begin[rows] + c.minutes[rows], c.latest_minute[order])
        rows = rows[
            (c.list_bit[rows] & c.list_mask[order] != 0)
            & (day >= c.earliest_day[order])
            & (day <= c.latest_day[order])
            & (high - low >= d)
            & (rows != plan.opening[order])
        ]
        for b in rows.tolist():
            reduced = _terms(c, order, b, p).total * PRICE_SCALE
            reduced += int(plan.certificate.minute_price[b] * d)
            if c.contract[b] >= 0:
                reduced += int(plan.certificate.exam_price[c.contract[b]])
            found.append((reduced, b, p))
    taken = Occupied.by_plan(problem, plan)
    chosen: dict[tuple[int, int], Alternative] = {}
    for reduced, b, p in sorted(found):
        place = int(c.pair_scanner[p]), int(c.day[b])
        if place not in chosen:
            contract = int(c.contract[b])
            room = contract < 0 or taken.exams_left[contract] > 0
            room = room and (
                tidy_start(
                    c, taken.start, taken.begin_minute, taken.end_minute, order, p, b
                )
                >= 0
            )
            chosen[place] = Alternative(b, p, _terms(c, order, b, p), reduced, room)
        if len(chosen) == k:
            break
    return list(chosen.values())


def _explain(problem: Problem, plan: Plan, rows: Ints) -> list[Explanation]:
    c = columns(problem)
    taken = Occupied.by_plan(problem, plan)
    table = np.zeros((rows.shape[0], COLUMNS), np.int64)
    _count(
        c,
        plan.certificate.minute_price,
        plan.certificate.exam_price,
        taken.start,
        taken.begin_minute,
        taken.end_minute,
        taken.exams_left,
        plan.opening,
        rows,
        table,
    )
    return [
        _told(c, int(j), row)
        for j, row in zip(rows.tolist(), table.tolist(), strict=True)
    ]


def _told(c: Columns, j: int, row: list[int]) -> Explanation:
    counts = tuple(zip(Filter, row[:6], strict=True))
    b, p, reduced, room, paid = row[6:]
    runner_up = None
    if b >= 0:
        runner_up = Alternative(b, p, _terms(c, j, b, p), reduced, bool(room))
    unplaced = int(c.unplaced_cost[j]) * PRICE_SCALE
    reason = Reason.PLACED
    if paid < 0:
        paid = unplaced
        emptied = [r for r, n in zip(_EMPTIED_BY, row, strict=False) if n == 0]
        if emptied:
            reason = emptied[0]
        elif reduced >= unplaced:
            reason = Reason.PRICED_OUT
        elif row[5] == 0:
            reason = Reason.NO_ROOM
        else:
            reason = Reason.NOT_FOUND
    return Explanation(j, reason, counts, row[4], paid, runner_up)


def _terms(c: Columns, j: int, b: int, p: int) -> CostTerms:
    day = int(c.day[b])
    return CostTerms(
        waiting=int(c.wait_cost[j]) * day,
        lateness=int(c.late_cost[j]) * max(0, day - int(c.target_day[j])),
        breach=int(c.breach_cost[j]) if day >= c.breach_day[j] else 0,
        pair=int(c.pair_cost[p]),
        opening=int(c.opening_cost[b]),
        unplaced=0,
    )


@kernel
def _count(  # noqa: C901
    c: Columns,
    minute_price: Ints,
    exam_price: Ints,
    taken: Ints,
    begins: Ints,
    ends: Ints,
    exams_left: Ints,
    opening: Ints,
    rows: Ints,
    table: Ints,
) -> None:
    """Fill a row for each order: six counts, the runner-up in four, what it pays."""
    for i in range(rows.shape[0]):
        j = rows[i]
        best = FAR
        table[i, 6] = -1
        table[i, 10] = -1
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            d = c.pair_minutes[p]
            scanner = c.pair_scanner[p]
            first = first_opening(c, j, p)
            for b in range(c.scanner_start[scanner], c.scanner_start[scanner + 1]):
                table[i, 0] += 1
                if c.list_mask[j] & c.list_bit[b] == 0:
                    continue
                table[i, 1] += 1
                if b < first or c.day[b] > c.latest_day[j]:
                    continue
                table[i, 2] += 1
                low = max(c.begin[b], c.earliest_minute[j])
                high = min(c.begin[b] + c.minutes[b], c.latest_minute[j])
                if high <= low:
                    continue
                table[i, 3] += 1
                if high - low < d:
                    continue
                table[i, 4] += 1
                k = c.contract[b]
                room = k < 0 or exams_left[k] > 0
                if room:
                    room = tidy_start(c, taken, begins, ends, j, p, b) >= 0
                if room:
                    table[i, 5] += 1
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
                reduced = cost * PRICE_SCALE + minute_price[b] * d
                if k >= 0:
                    reduced += exam_price[k]
                if b == opening[j]:
                    table[i, 10] = reduced
                elif reduced < best:
                    best = reduced
                    table[i, 6] = b
                    table[i, 7] = p
                    table[i, 8] = reduced
                    table[i, 9] = 1 if room else 0
