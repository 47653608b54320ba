"""Placing what was left out between the exams that have their starts already."""

from __future__ import annotations

import numpy as np

from solver.compiled import inlined, kernel
from solver.kin import Kin, past_kin
from solver.layout import Columns, day_cost, first_opening, fits
from solver.problem import Ints
from solver.search import Search, has_room, put
from solver.waste import dearest, splitting


def reinsert(c: Columns, x: Search, kin: Kin, start: Ints) -> None:
    """Place unplaced orders in the time left, those that cost most first."""
    rows = np.flatnonzero(x.opening < 0)
    rows = rows[np.argsort(-c.unplaced_cost[rows], kind="stable")]
    _reinsert(c, x, kin, start, rows.astype(np.int64))


@inlined
def gap_start(
    c: Columns, x: Search, kin: Kin, start: Ints, j: int, p: int, b: int
) -> int:
    """Return the first start of order `j` between the exams of opening `b`, or -1."""
    d = c.pair_minutes[p]
    end = min(c.begin[b] + c.minutes[b], c.latest_minute[j])
    at = max(c.begin[b], c.earliest_minute[j])
    moved = True
    while moved and at + d <= end:
        moved = False
        for i in range(x.member_count[b]):
            m = x.member[x.member_start[b] + i]
            done = start[m] + c.pair_minutes[x.pair[m]]
            if at < done and start[m] < at + d:
                at = done
                moved = True
        later = past_kin(c, x, kin, start, j, c.day[b], at, d)
        if later > at:
            at = later
            moved = True
    return at if at + d <= end else -1


@kernel
def _reinsert(c: Columns, x: Search, kin: Kin, start: Ints, rows: Ints) -> None:
    """Place each of `rows` at the least cost that the time left allows."""
    for j in rows:
        best, most = c.unplaced_cost[j], dearest(c)
        best_b, best_p, best_at, best_cost = -1, -1, -1, 0
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if cost - most >= best:
                    break
                cost += c.opening_cost[b]
                if (
                    cost - most < best
                    and has_room(c, x, b, c.pair_minutes[p])
                    and fits(c, j, p, b)
                ):
                    d = c.pair_minutes[p]
                    at = gap_start(c, x, kin, start, j, p, b)
                    if at >= 0:
                        whole = cost + splitting(c, x, start, b, at, d)
                        if whole < best:
                            best, best_cost = whole, cost
                            best_b, best_p, best_at = b, p, at
        if best_b >= 0:
            put(c, x, j, best_b, best_p, best_cost)
            start[j] = best_at
