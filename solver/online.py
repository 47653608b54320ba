"""One order now: the best few places for it at the prices of the last plan.

A place costs what it costs the patient plus what its minutes are worth to the orders
still to come; the price of a plan's certificate is that worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.compiled import kernel
from solver.layout import Columns, columns, day_cost, first_opening, fits
from solver.occupied import Occupied, tidy_start
from solver.plan import PRICE_SCALE, CostTerms
from solver.problem import Ints, Problem


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
    """

    opening: int
    pair: int
    start_minute: int
    terms: CostTerms
    price: int
    score: int


def rank_slots(
    problem: Problem,
    order: int,
    *,
    minute_price: Ints,
    exam_price: Ints,
    k: int,
    occupied: Occupied | None = None,
) -> list[Option]:
    """Return up to `k` places for one order, the best first.

    Different scanners and days come first, each with its best place; only if these are
    fewer than `k` do further places on the same scanner and day follow. The patient's
    other bookings are not looked at: cut them out of the order's hours beforehand.

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
    """
    c = columns(problem)
    taken = Occupied.nothing(problem) if occupied is None else occupied
    first, last = int(c.pair_start[order]), int(c.pair_start[order + 1])
    scanners = c.pair_scanner[first:last]
    size = int((c.scanner_start[scanners + 1] - c.scanner_start[scanners]).sum())
    found = np.zeros((size, 5), np.int64)
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
    sort = np.lexsort((found[:, 2], found[:, 0], found[:, 3]))
    seen: set[tuple[int, int]] = set()
    distinct: list[int] = []
    further: list[int] = []
    for row in sort.tolist():
        b, p = int(found[row, 0]), int(found[row, 1])
        place = int(c.pair_scanner[p]), int(c.day[b])
        (further if place in seen else distinct).append(row)
        seen.add(place)
        if len(distinct) == k:
            break
    return [_option(c, order, found[row]) for row in (distinct + further)[:k]]


def _option(c: Columns, j: int, row: Ints) -> Option:
    b, p, start, score, price = (int(v) for v in row)
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
    return Option(b, p, start, terms, price, score)


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
            found[n, 0] = b
            found[n, 1] = p
            found[n, 2] = start
            found[n, 3] = cost * PRICE_SCALE + price
            found[n, 4] = price
            n += 1
    return n
