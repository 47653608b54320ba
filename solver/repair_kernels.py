"""The compiled parts of a repair: who stays, what is at stake, and the cheapest gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.compiled import kernel
from solver.kin import Kin
from solver.layout import FAR, Columns, day_cost, first_opening, fits
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.reinsert import gap_start
from solver.search import Search, has_room, put


@kernel
def seat(
    c: Columns, x: Search, start: Ints, opening: Ints, pair: Ints, minute: Ints
) -> None:
    """Put everybody where they stay."""
    for j in range(opening.shape[0]):
        b = opening[j]
        if b >= 0:
            p = pair[j]
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
            put(c, x, j, b, p, cost)
            start[j] = minute[j]


@kernel
def stakes(
    c: Columns,
    minute_price: Ints,
    exam_price: Ints,
    room_price: NDArray[np.int64],
    rows: Ints,
    best: Ints,
) -> None:
    """Write the least reduced cost that each of `rows` has anywhere."""
    for i in range(rows.shape[0]):
        j = rows[i]
        tier = min(c.tier[j], room_price.shape[0] - 1)
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            d = c.pair_minutes[p]
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                if not fits(c, j, p, b):
                    continue
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
                reduced = (
                    cost * PRICE_SCALE + (minute_price[b] + room_price[tier, b]) * d
                )
                if c.contract[b] >= 0:
                    reduced += exam_price[c.contract[b]]
                best[i] = min(best[i], reduced)


@kernel
def losses(
    c: Columns, x: Search, kin: Kin, start: Ints, rows: Ints, loss: Ints
) -> None:
    """Write what each of `rows` would lose by its cheapest move to free time."""
    for i in range(rows.shape[0]):
        j = rows[i]
        best = c.unplaced_cost[j]
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if cost >= best:
                    break
                cost += c.opening_cost[b]
                if (
                    cost < best
                    and b != x.opening[j]
                    and has_room(c, x, b, c.pair_minutes[p])
                    and fits(c, j, p, b)
                    and gap_start(c, x, kin, start, j, p, b) >= 0
                ):
                    best = cost
        loss[i] = best - x.cost[j]


@kernel
def place(
    c: Columns,
    x: Search,
    kin: Kin,
    start: Ints,
    minute_price: Ints,
    exam_price: Ints,
    room_price: NDArray[np.int64],
    rows: Ints,
) -> None:
    """Place each of `rows` in the gap that is cheapest at the prices."""
    for j in rows:
        tier = min(c.tier[j], room_price.shape[0] - 1)
        best = FAR
        best_b, best_p, best_at, best_cost = -1, -1, -1, 0
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            d = c.pair_minutes[p]
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if cost >= c.unplaced_cost[j] or cost * PRICE_SCALE >= best:
                    break
                cost += c.opening_cost[b]
                reduced = (
                    cost * PRICE_SCALE + (minute_price[b] + room_price[tier, b]) * d
                )
                if c.contract[b] >= 0:
                    reduced += exam_price[c.contract[b]]
                if (
                    reduced < best
                    and cost < c.unplaced_cost[j]
                    and has_room(c, x, b, d)
                    and fits(c, j, p, b)
                ):
                    at = gap_start(c, x, kin, start, j, p, b)
                    if at >= 0:
                        best, best_b, best_p = reduced, b, p
                        best_at, best_cost = at, cost
        if best_b >= 0:
            put(c, x, j, best_b, best_p, best_cost)
            start[j] = best_at
