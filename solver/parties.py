"""Where a party is best placed: a search over the places of all its orders.

Depth first, each order at its earliest start in each opening. Where a later order of
the party cannot follow soon enough, the earlier one is tried again as late as that
order needs it. What the search finds keeps every rule; it may miss a better place when
`NODES` are used up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.compiled import kernel
from solver.layout import FAR, Columns, day_cost, first_opening, fits
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.rules import NO_LIMIT
from solver.search import Search, has_room
from solver.ties import Ties
from solver.timetable import (
    DAY_MINUTES,
    NO_START,
    Timetable,
    beside,
    first_start,
    is_moved,
    room_about,
    seat,
    splitting,
    unseat,
)
from solver.waste import dearest

MOST_MEMBERS = 8
"""Orders in a party."""
NODES = 20_000
"""Places tried for one party."""


class Trial(NamedTuple):
    """Working memory of the search, one entry per order of the party.

    Parameters
    ----------
    pair, opening, low
        Where the search is: the option to try next and its least start.
    later
        The start that an order behind this one would need, or `FAR`.
    paid
        Cost with prices of the orders up to this one, scaled.
    best_opening, best_pair, best_start, best_cost
        The best places so far, and what each order costs there, unscaled.
    """

    pair: Ints
    opening: Ints
    low: Ints
    later: Ints
    paid: Ints
    best_opening: Ints
    best_pair: Ints
    best_start: Ints
    best_cost: Ints


def trial() -> Trial:
    """Return empty working memory."""
    return Trial(*(np.zeros(MOST_MEMBERS, np.int64) for _ in Trial._fields))


@kernel
def journey(c: Columns, r: Ties, x: Search, j: int, b: int) -> int:
    """Return what coming to opening `b` costs beyond the patient's other journeys."""
    g = r.kin[j]
    if r.journey_cost[0] == 0 or g < 0:
        return 0
    elsewhere = False
    for q in range(r.kin_start[g], r.kin_start[g + 1]):
        i = r.kin_order[q]
        if i == j or x.opening[i] < 0:
            continue
        a = x.opening[i]
        if c.day[a] == c.day[b] and r.place[r.scanner[a]] == r.place[r.scanner[b]]:
            return 0
        elsewhere = True
    cost: int = r.journey_cost[0] if elsewhere else 0
    return cost


@kernel
def _together(
    c: Columns, r: Ties, x: Search, v: int, order: Ints, depth: int, b: int
) -> bool:
    """Tell whether opening `b` is on the day and at the place of the visit."""
    if depth == 0:
        return True
    a = x.opening[order[r.party_start[v]]]
    if r.same_day[v] and c.day[a] != c.day[b]:
        return False
    apart: bool = (
        r.same_place[v] == 1 and r.place[r.scanner[a]] != r.place[r.scanner[b]]
    )
    return not apart


@kernel
def _after(  # noqa: C901
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    v: int,
    order: Ints,
    j: int,
    p: int,
    b: int,
    low: int,
    w: Trial,
) -> int:
    """Return the first start of order `j` that its links allow, or -1.

    If it would come too late for a link, say in `w.later` when the other should start.
    """
    high = DAY_MINUTES
    midnight = c.day[b] * DAY_MINUTES
    for n in range(r.link_start[v], r.link_start[v + 1]):
        if r.link_second[n] == j:
            i = r.link_first[n]
            done = c.day[x.opening[i]] * DAY_MINUTES + t.start[i]
            done += c.pair_minutes[x.pair[i]]
            low = max(low, done + r.link_least[n] - midnight)
            if r.link_most[n] != NO_LIMIT:
                high = min(high, done + r.link_most[n] - midnight)
    at = first_start(c, r, x, t, j, p, b, low, high)
    if at != NO_START or high >= DAY_MINUTES:
        return at
    possible = first_start(c, r, x, t, j, p, b, low, DAY_MINUTES)
    if possible == NO_START:
        return NO_START
    for n in range(r.link_start[v], r.link_start[v + 1]):
        if r.link_second[n] != j or r.link_most[n] == NO_LIMIT:
            continue
        i = r.link_first[n]
        wanted: int = midnight + possible - r.link_most[n]
        wanted -= c.pair_minutes[x.pair[i]] + c.day[x.opening[i]] * DAY_MINUTES
        if wanted > t.start[i]:
            for k in range(r.party_start[v + 1] - r.party_start[v]):
                if order[r.party_start[v] + k] == i:
                    w.later[k] = min(w.later[k], wanted)
    return NO_START


@kernel
def _enter(c: Columns, w: Trial, depth: int, j: int) -> None:
    """Go to the first option of order `j`."""
    w.pair[depth] = c.pair_start[j]
    w.low[depth] = 0
    w.later[depth] = FAR
    if c.pair_start[j] < c.pair_start[j + 1]:
        w.opening[depth] = first_opening(c, j, c.pair_start[j])


@kernel
def _booked_first(r: Ties, j: int, b: int, p: int, low: int) -> int:
    """Return the least start to try first: that of the booking, where it is here."""
    if low == 0 and r.booked[j] == b and r.booked_pair[j] == p:
        low = r.booked_minute[j]
    return low


@kernel
def _tidiest(
    c: Columns, r: Ties, x: Search, t: Timetable, j: int, p: int, b: int, at: int
) -> int:
    """Return the start of order `j` from `at` on that leaves opening `b` cheapest.

    In each free stretch as soon as it can be, as late as it can be, or just late enough
    to leave the time before it to another exam.
    """
    best, best_at = splitting(c, r, x, t, j, b, p, at), at
    d = c.pair_minutes[p]
    while at != NO_START:
        low, high, before, after = room_about(c, x, t, b, at)
        end = high - beside(r, j, after) - d
        long_enough = low + beside(r, before, j) + c.waste.shape[0] - 1
        for start in (at, end, long_enough):
            if at <= start <= end:
                cost = splitting(c, r, x, t, j, b, p, start)
                if cost < best and (
                    first_start(c, r, x, t, j, p, b, start, start) == start
                ):
                    best, best_at = cost, start
        at = first_start(c, r, x, t, j, p, b, high, DAY_MINUTES)
    return best_at


@kernel
def _next_place(  # noqa: C901, PLR0912, PLR0915
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    v: int,
    order: Ints,
    depth: int,
    minute_price: Ints,
    exam_price: Ints,
    limit: int,
    w: Trial,
) -> bool:
    """Seat the order at `depth` at its next option under `limit`, if there is one.

    Its place changes what its opening pays for short stretches. Where that falls, a
    place is worth a look that costs more than `limit`, and so for those to come.
    """
    j = order[r.party_start[v] + depth]
    before = w.paid[depth - 1] if depth > 0 else 0
    alone = r.party_start[v + 1] - r.party_start[v] == 1
    more = r.party_start[v + 1] - r.party_start[v] - depth
    limit += dearest(c) * more * PRICE_SCALE
    while w.pair[depth] < c.pair_start[j + 1]:
        p, b = w.pair[depth], w.opening[depth]
        last = c.scanner_start[c.pair_scanner[p] + 1]
        cost = c.pair_cost[p]
        over = b >= last
        if not over:
            over = c.day[b] > c.latest_day[j]
        if not over:
            cost += day_cost(c, j, c.day[b])
            over = before + cost * PRICE_SCALE >= limit
        if over:
            w.pair[depth] = p + 1
            w.low[depth] = 0
            if p + 1 < c.pair_start[j + 1]:
                w.opening[depth] = first_opening(c, j, p + 1)
            continue
        low = w.low[depth]
        w.opening[depth], w.low[depth] = b + 1, 0
        d = c.pair_minutes[p]
        if not (
            has_room(c, x, b, d)
            and fits(c, j, p, b)
            and _together(c, r, x, v, order, depth, b)
        ):
            continue
        cost += c.opening_cost[b] + journey(c, r, x, j, b)
        priced = cost * PRICE_SCALE + minute_price[b] * d
        if c.contract[b] >= 0:
            priced += exam_price[c.contract[b]]
        if before + priced >= limit:
            continue
        at = _after(c, r, x, t, v, order, j, p, b, _booked_first(r, j, b, p, low), w)
        if r.booked[j] == b and at != r.booked_minute[j]:
            at = _after(c, r, x, t, v, order, j, p, b, low, w)
        if at == NO_START:
            continue
        if is_moved(r, j, b, at):
            spent = r.most_moves[0] != NO_LIMIT and t.moves[0] >= r.most_moves[0]
            if r.frozen[j] or spent:
                continue
            cost += r.move_cost[j]
            priced += r.move_cost[j] * PRICE_SCALE
            if before + priced >= limit:
                continue
        if c.waste.shape[0]:
            if alone and r.booked[j] != b:
                at = _tidiest(c, r, x, t, j, p, b, at)
            priced += splitting(c, r, x, t, j, b, p, at) * PRICE_SCALE
            if before + priced >= limit - dearest(c) * PRICE_SCALE:
                continue
        w.paid[depth] = before + priced
        w.later[depth] = FAR
        seat(c, r, x, t, j, b, p, at, cost)
        return True
    return False


@kernel
def best_places(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    v: int,
    order: Ints,
    minute_price: Ints,
    exam_price: Ints,
    limit: int,
    w: Trial,
) -> int:
    """Return the least cost of party `v`, with prices and scaled, or `limit`.

    The party is out before and after; its places are in `w`.

    Parameters
    ----------
    order
        `Ties.forward` or `Ties.backward`.
    limit
        Only what costs less is of interest.
    """
    members = r.party_start[v + 1] - r.party_start[v]
    depth, nodes, entered = 0, 0, False
    while depth >= 0:
        j = order[r.party_start[v] + depth]
        if not entered:
            _enter(c, w, depth, j)
            entered = True
        if x.opening[j] >= 0:
            at = t.start[j]
            unseat(c, r, x, t, j)
            if at < w.later[depth] < FAR:
                # The option that was just left, once more and later.
                w.opening[depth] -= 1
                w.low[depth] = w.later[depth]
            w.later[depth] = FAR
        nodes += 1
        if nodes > NODES or not _next_place(
            c, r, x, t, v, order, depth, minute_price, exam_price, limit, w
        ):
            depth -= 1
            continue
        if depth == members - 1:
            limit = w.paid[depth]
            for k in range(members):
                m = order[r.party_start[v] + k]
                w.best_opening[k], w.best_pair[k] = x.opening[m], x.pair[m]
                w.best_start[k], w.best_cost[k] = t.start[m], x.cost[m]
        else:
            depth += 1
            entered = False
    return limit


@kernel
def place_party(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    v: int,
    minute_price: Ints,
    exam_price: Ints,
    limit: int,
    w: Trial,
) -> int:
    """Place party `v`, which is out, where it costs least; return that, or `limit`."""
    first, members = r.party_start[v], r.party_start[v + 1] - r.party_start[v]
    order = r.forward
    best = best_places(c, r, x, t, v, order, minute_price, exam_price, limit, w)
    if members > 1:
        turned = best_places(
            c, r, x, t, v, r.backward, minute_price, exam_price, best, w
        )
        if turned < best:
            best, order = turned, r.backward
    if best < limit:
        for k in range(members):
            j = order[first + k]
            b, p = w.best_opening[k], w.best_pair[k]
            seat(c, r, x, t, j, b, p, w.best_start[k], w.best_cost[k])
    return best
