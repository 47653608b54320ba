"""Yesterday's answer as a start for today's problem.

Rows are matched by their keys: prices by opening, contracts by an opening that counts
against them, places by order, opening and scanner. What has gone is dropped and what
is new has no price and no place yet. A place that no longer keeps today's rules is
dropped when the plan is taken over (`construct`), so nothing here decides that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.plan import UNPLACED, Plan
from solver.problem import Ints, Problem


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before a solve.

    Parameters
    ----------
    minute_price, exam_price
        Shapes ``(openings,)`` and ``(contracts,)``; as in `Certificate`.
    opening, pair
        Shape ``(orders,)``. Places to begin with, `UNPLACED` where there is none.
    """

    minute_price: Ints
    exam_price: Ints
    opening: Ints
    pair: Ints


def carried(earlier: Problem, plan: Plan, problem: Problem) -> Start:
    """Return what `plan`, an answer to `earlier`, says about `problem`."""
    opening = _rows(earlier.openings.key, problem.openings.key)
    order = _rows(problem.orders.key, earlier.orders.key)
    scanner = _rows(earlier.scanner_key, problem.scanner_key)
    minute_price = np.zeros(len(problem.openings.key), np.int64)
    exam_price = np.zeros(problem.contract_ceiling.shape[0], np.int64)
    known = np.flatnonzero(opening >= 0)
    minute_price[opening[known]] = plan.certificate.minute_price[known]
    before, now = earlier.openings.contract, problem.openings.contract
    shared = known[(before[known] >= 0) & (now[opening[known]] >= 0)]
    exam_price[now[opening[shared]]] = plan.certificate.exam_price[before[shared]]
    start = Start(
        minute_price,
        exam_price,
        np.full(len(problem.orders.key), UNPLACED, np.int64),
        np.full(len(problem.orders.key), UNPLACED, np.int64),
    )
    there = np.flatnonzero(order >= 0)
    was = order[there]
    placed = plan.opening[was] != UNPLACED
    there, was = there[placed], was[placed]
    at = opening[plan.opening[was]]
    on = scanner[earlier.pairs.scanner[plan.pair[was]]]
    pair = _pairs(problem, there, on)
    kept = (at >= 0) & (pair >= 0)
    start.opening[there[kept]] = at[kept]
    start.pair[there[kept]] = pair[kept]
    return start


def _rows(keys: tuple[str, ...], others: tuple[str, ...]) -> Ints:
    """Return the row in `others` of each of `keys`, or -1."""
    row = {key: i for i, key in enumerate(others)}
    return np.array([row.get(key, -1) for key in keys], np.int64)


def _pairs(problem: Problem, orders: Ints, scanner: Ints) -> Ints:
    """Return for each of `orders` its cheapest pair with the scanner, or -1."""
    pairs = problem.pairs
    count = pairs.start[orders + 1] - pairs.start[orders]
    row = np.repeat(np.arange(orders.shape[0]), count)
    offset = np.arange(row.shape[0]) - np.repeat(np.cumsum(count) - count, count)
    p = pairs.start[orders][row] + offset
    same = pairs.scanner[p] == scanner[row]
    row, p = row[same], p[same]
    sort = np.lexsort((pairs.cost[p], row))
    found = np.full(orders.shape[0], UNPLACED, np.int64)
    # Written backwards, so that of several the cheapest, the first, remains.
    found[row[sort][::-1]] = p[sort][::-1]
    return found
