"""A first plan: orders choose at the prices, those with most to lose first."""

from __future__ import annotations

import numpy as np

from solver.compiled import kernel
from solver.layout import FAR, Columns, day_cost, first_opening, fits
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.search import Search, empty, has_hours, has_time, lengthens, put
from solver.shortlist import Shortlist
from solver.waste import dearest, tail_change


def construct(
    c: Columns,
    prices: Prices,
    listed: Shortlist,
    *,
    opening: Ints | None = None,
    pair: Ints | None = None,
) -> Search:
    """Return a plan that keeps minutes and ceilings.

    An order's stake is what it would lose by having no place: its unplaced cost above
    its best option's cost, prices included.

    Parameters
    ----------
    c, prices, listed
        The problem, the prices, and the options at the prices.
    opening, pair
        Shape ``(orders,)``. Places to keep where they still are options with room.
    """
    x = empty(c)
    if opening is not None and pair is not None:
        _keep(c, opening, pair, x)
    _place_all(c, by_stake(c, listed), prices.minute, prices.exam, listed, x)
    return x


def by_stake(c: Columns, listed: Shortlist) -> Ints:
    """Return the rows of the orders with options, the greatest stake first."""
    if listed.reduced.shape[1] == 0:
        return np.zeros(0, np.int64)
    stake = c.unplaced_cost * PRICE_SCALE - listed.reduced[:, 0]
    order = np.argsort(-stake, kind="stable")
    return order[listed.listed[order] > 0].astype(np.int64)


@kernel
def _keep(c: Columns, opening: Ints, pair: Ints, x: Search) -> None:
    """Put each order where `opening` and `pair` say, if that is an option with room."""
    for j in range(opening.shape[0]):
        b, p = opening[j], pair[j]
        if b < 0 or not c.pair_start[j] <= p < c.pair_start[j + 1]:
            continue
        s, d = c.pair_scanner[p], c.pair_minutes[p]
        if not c.scanner_start[s] <= b < c.scanner_start[s + 1]:
            continue
        if not c.earliest_day[j] <= c.day[b] <= c.latest_day[j]:
            continue
        cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
        if cost <= c.unplaced_cost[j] and (
            fits(c, j, p, b) and has_time(c, x, j, b, d) and has_hours(c, x, j, b, d)
        ):
            put(c, x, j, b, p, cost)


@kernel
def _place_all(
    c: Columns,
    order: Ints,
    minute_price: Ints,
    exam_price: Ints,
    s: Shortlist,
    x: Search,
) -> None:
    most = dearest(c) * PRICE_SCALE
    for j in order:
        if x.opening[j] >= 0:
            continue
        best, chosen = FAR, -1
        for r in range(s.listed[j]):
            b, d = s.opening[j, r], c.pair_minutes[s.pair[j, r]]
            if s.reduced[j, r] - most >= best:
                break
            if has_time(c, x, j, b, d) and has_hours(c, x, j, b, d):
                change = tail_change(c, x, b, d + lengthens(c, x, j, b))
                if s.reduced[j, r] + change * PRICE_SCALE < best:
                    best, chosen = s.reduced[j, r] + change * PRICE_SCALE, r
        if chosen >= 0:
            put(c, x, j, s.opening[j, chosen], s.pair[j, chosen], s.cost[j, chosen])
        else:
            place_anywhere(c, minute_price, exam_price, x, j)


@kernel
def place_anywhere(
    c: Columns, minute_price: Ints, exam_price: Ints, x: Search, j: int
) -> bool:
    """Place order `j` in the option with room that is cheapest at the prices."""
    best, most = FAR, dearest(c)
    best_b, best_p, best_cost = -1, -1, 0
    for p in range(c.pair_start[j], c.pair_start[j + 1]):
        d = c.pair_minutes[p]
        last = c.scanner_start[c.pair_scanner[p] + 1]
        for b in range(first_opening(c, j, p), last):
            if c.day[b] > c.latest_day[j]:
                break
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
            least = cost - most
            if least >= c.unplaced_cost[j] or least * PRICE_SCALE >= best:
                break
            cost += c.opening_cost[b]
            change = tail_change(c, x, b, d + lengthens(c, x, j, b))
            if cost + change >= c.unplaced_cost[j] or not has_time(c, x, j, b, d):
                continue
            reduced = (cost + change) * PRICE_SCALE + minute_price[b] * d
            if c.contract[b] >= 0:
                reduced += exam_price[c.contract[b]]
            if reduced < best and fits(c, j, p, b) and has_hours(c, x, j, b, d):
                best, best_b, best_p, best_cost = reduced, b, p, cost
    if best_b >= 0:
        put(c, x, j, best_b, best_p, best_cost)
    return best_b >= 0


@kernel
def place_left(
    c: Columns, minute_price: Ints, exam_price: Ints, x: Search, rows: Ints
) -> None:
    """Place those of `rows` for which there is room anywhere."""
    for j in rows:
        place_anywhere(c, minute_price, exam_price, x, j)
