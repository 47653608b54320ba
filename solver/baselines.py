"""What happens without an optimiser: each order in turn takes the first place free."""

from __future__ import annotations

import time

import numpy as np

from solver.compiled import kernel
from solver.costs import terms_of
from solver.kin import Kin, kin_of
from solver.layout import FAR, Columns, columns, day_cost, first_opening, fits
from solver.plan import Certificate, Plan
from solver.prices import proved
from solver.problem import Ints, Problem
from solver.reinsert import gap_start
from solver.search import NO_START, Search, empty, has_room, put
from solver.validation import require_valid


def earliest_by_urgency(problem: Problem) -> Plan:
    """Book the urgent first, then the oldest: what a clerk does.

    The order's age is that of its target; rows decide between equals. Each takes the
    earliest day with room, there the scanner that costs least.
    """
    rows = np.lexsort((problem.orders.target_day, problem.orders.tier))
    return _book(problem, rows.astype(np.int64))


def first_come_first_served(problem: Problem) -> Plan:
    """Book in the order of the rows, whatever the urgency."""
    return _book(problem, np.arange(len(problem.orders.key), dtype=np.int64))


def _book(problem: Problem, rows: Ints) -> Plan:
    began = time.monotonic()
    require_valid(problem)
    c = columns(problem)
    x = empty(c)
    start = np.full(c.tier.shape[0], NO_START, np.int64)
    _earliest(c, x, kin_of(c), start, rows)
    # Prices of zero prove the bound in which every order has its best option.
    free = proved(c, np.zeros(c.day.shape[0]), np.zeros(c.ceiling.shape[0]))
    return Plan(
        opening=x.opening,
        pair=x.pair,
        start_minute=np.where(x.opening >= 0, start, 0),
        terms=terms_of(c, x.opening, x.pair),
        certificate=Certificate(free.minute, free.exam, free.bound),
        seconds=time.monotonic() - began,
    )


@kernel
def _earliest(c: Columns, x: Search, kin: Kin, start: Ints, rows: Ints) -> None:
    """Place each of `rows` on the earliest day with a start, there at least cost."""
    for j in rows:
        best_day, best = FAR, 0
        best_b, best_p, best_at = -1, -1, -1
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                day = c.day[b]
                if day > c.latest_day[j] or day > best_day:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, day) + c.opening_cost[b]
                if day == best_day and cost >= best:
                    continue
                if has_room(c, x, b, c.pair_minutes[p]) and fits(c, j, p, b):
                    at = gap_start(c, x, kin, start, j, p, b)
                    if at >= 0:
                        best_day, best = day, cost
                        best_b, best_p, best_at = b, p, at
        if best_b >= 0:
            put(c, x, j, best_b, best_p, best)
            start[j] = best_at
