"""The rules of a problem as the kernels see them: bare columns, ready for look-ups.

An order with its visit, or alone, is a *party*: what is placed in one go.
"""

from __future__ import annotations

import heapq
import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import kernel
from solver.kin import kin_of
from solver.layout import Columns
from solver.problem import Ints, Problem
from solver.regions import scanner_of_opening
from solver.rules import Draws, Links, Visits

NOT_BOOKED = -1


class Ties(NamedTuple):
    """All rules of a `Problem`, flat, because kernels take no dataclasses.

    Parameters
    ----------
    party_of
        Shape ``(orders,)``. The order's party; the visits come first.
    party_start, forward, backward
        Orders by party in compressed rows, linked exams behind those that they
        follow; in `backward`, exams without a link are the other way round.
    same_day, same_place
        Shape ``(parties,)``.
    link_start, link_first, link_second, link_least, link_most
        Links by party in compressed rows.
    place, scanner
        Place of each scanner; scanner of each opening.
    need_start, need_resource, need_offset, need_minutes, need_units
        Needs by pair in compressed rows.
    stock
        Shape ``(resources, days)``. Row of the resource and day in
        `Timetable.stock_left`, or -1.
    family, setup
        Shape ``(orders,)`` or ``(0,)``, and ``(families, families)``.
    draw_of, draw_supply, draw_least, draw_most
        Row of each order's draw or -1, and the draws.
    drawn_start, drawn
        What each draw takes, by age from its least on, in compressed rows.
    delivery_start, delivery_supply, delivery_day, delivery_minute
        Deliveries by scanner in compressed rows, sorted by day and minute.
    delivery_row
        Row of each in the problem.
    booked, booked_pair, booked_minute, move_cost, frozen
        Shape ``(orders,)``. Opening of the order's booking or `NOT_BOOKED`, and the
        rest of it.
    most_moves, journey_cost
        Shape ``(1,)``. As in `Weights`.
    kin, kin_start, kin_order
        Orders by patient.
    """

    party_of: Ints
    party_start: Ints
    forward: Ints
    backward: Ints
    same_day: Ints
    same_place: Ints
    link_start: Ints
    link_first: Ints
    link_second: Ints
    link_least: Ints
    link_most: Ints
    place: Ints
    scanner: Ints
    need_start: Ints
    need_resource: Ints
    need_offset: Ints
    need_minutes: Ints
    need_units: Ints
    stock: NDArray[np.int64]
    family: Ints
    setup: NDArray[np.int64]
    draw_of: Ints
    draw_supply: Ints
    draw_least: Ints
    draw_most: Ints
    drawn_start: Ints
    drawn: Ints
    delivery_start: Ints
    delivery_supply: Ints
    delivery_day: Ints
    delivery_minute: Ints
    delivery_row: Ints
    booked: Ints
    booked_pair: Ints
    booked_minute: Ints
    move_cost: Ints
    frozen: Ints
    most_moves: Ints
    journey_cost: Ints
    kin: Ints
    kin_start: Ints
    kin_order: Ints


def ties(problem: Problem, c: Columns) -> Ties:
    """Return the rules of `problem`, whose columns are `c`."""
    rules = problem.rules
    orders, scanners = c.tier.shape[0], c.scanner_start.shape[0] - 1
    parties = _parties(orders, rules.visits, rules.links)
    needs = rules.needs
    by_pair = np.argsort(needs.pair, kind="stable")
    pairs = c.pair_scanner.shape[0] if needs.pair.size else 0
    deliveries = rules.deliveries
    by_scanner = np.lexsort((deliveries.minute, deliveries.day, deliveries.scanner))
    booked = _spread(orders, rules.bookings.order, rules.bookings.opening)
    families = math.isqrt(rules.changeovers.minutes.shape[0])
    kin = kin_of(c)
    return Ties(
        **parties,
        place=rules.scanner_place
        if rules.scanner_place.size
        else np.arange(scanners, dtype=np.int64),
        scanner=scanner_of_opening(c),
        need_start=_starts(needs.pair[by_pair], pairs),
        need_resource=needs.resource[by_pair],
        need_offset=needs.offset[by_pair],
        need_minutes=needs.minutes[by_pair],
        need_units=needs.units[by_pair],
        stock=_stock_rows(problem),
        family=rules.changeovers.family,
        setup=rules.changeovers.minutes.reshape(families, families),
        draw_of=_spread(
            orders,
            rules.draws.order,
            np.arange(rules.draws.order.shape[0], dtype=np.int64),
        ),
        draw_supply=rules.draws.supply,
        draw_least=rules.draws.least_age,
        draw_most=rules.draws.most_age,
        **_drawn(rules.draws),
        delivery_start=_starts(deliveries.scanner[by_scanner], scanners),
        delivery_supply=deliveries.supply[by_scanner],
        delivery_day=deliveries.day[by_scanner],
        delivery_minute=deliveries.minute[by_scanner],
        delivery_row=by_scanner.astype(np.int64),
        booked=booked,
        booked_pair=_spread(orders, rules.bookings.order, rules.bookings.pair),
        booked_minute=_spread(
            orders, rules.bookings.order, rules.bookings.start_minute
        ),
        move_cost=np.maximum(
            0, _spread(orders, rules.bookings.order, rules.bookings.move_cost)
        ),
        frozen=np.maximum(
            0, _spread(orders, rules.bookings.order, rules.bookings.frozen)
        ),
        most_moves=np.array([rules.weights.most_moves]),
        journey_cost=np.array([rules.weights.journey_cost]),
        kin=kin.group,
        kin_start=kin.start,
        kin_order=kin.order,
    )


@kernel
def loose(r: Ties, j: int) -> bool:
    """Tell whether order `j` may move by itself and without a cost of its own."""
    v = r.party_of[j]
    alone = r.party_start[v + 1] - r.party_start[v] == 1
    free: bool = alone and r.booked[j] < 0 and (r.kin[j] < 0 or r.journey_cost[0] == 0)
    return free


def _spread(orders: int, rows: Ints, values: Ints) -> Ints:
    """Return a column by order of values that some orders have; -1 for the others."""
    column = np.full(orders, NOT_BOOKED, np.int64)
    column[rows] = values
    return column


def _starts(sorted_rows: Ints, count: int) -> Ints:
    return np.searchsorted(sorted_rows, np.arange(count + 1)).astype(np.int64)


def _parties(orders: int, visits: Visits, links: Links) -> dict[str, Ints]:
    """Return the parties and their links."""
    count = visits.same_day.shape[0]
    sizes = np.diff(visits.start)
    party_of = np.full(orders, -1, np.int64)
    party_of[visits.order] = np.repeat(np.arange(count), sizes)
    alone = np.flatnonzero(party_of < 0)
    party_of[alone] = count + np.arange(alone.shape[0])
    link_party = party_of[links.first]
    by_party = np.argsort(link_party, kind="stable")
    link_start = _starts(link_party[by_party], count + alone.shape[0])
    forward, backward = [], []
    for v in range(count):
        members = visits.order[visits.start[v] : visits.start[v + 1]].tolist()
        rows = by_party[link_start[v] : link_start[v + 1]]
        edges = [(int(links.first[r]), int(links.second[r])) for r in rows]
        forward += in_order(members, edges)
        backward += in_order(members[::-1], edges)
    tail = alone.tolist()
    zeros = np.zeros(alone.shape[0], np.int64)
    return {
        "party_of": party_of,
        "party_start": np.concatenate(
            [visits.start, visits.start[-1] + 1 + np.arange(alone.shape[0])]
        ).astype(np.int64),
        "forward": np.array(forward + tail, np.int64),
        "backward": np.array(backward + tail, np.int64),
        "same_day": np.concatenate([visits.same_day, zeros]),
        "same_place": np.concatenate([visits.same_place, zeros]),
        "link_start": link_start,
        "link_first": links.first[by_party],
        "link_second": links.second[by_party],
        "link_least": links.least_gap[by_party],
        "link_most": links.most_gap[by_party],
    }


def in_order(members: list[int], edges: list[tuple[int, int]]) -> list[int]:
    """Return the members, each behind those that it must follow.

    Where nothing says otherwise they keep the order given. Members of a cycle are
    left out.
    """
    place = {j: n for n, j in enumerate(members)}
    waits = dict.fromkeys(members, 0)
    for _, second in edges:
        waits[second] += 1
    ready = [place[j] for j in members if not waits[j]]
    heapq.heapify(ready)
    done: list[int] = []
    while ready:
        j = members[heapq.heappop(ready)]
        done.append(j)
        for first, second in edges:
            if first == j:
                waits[second] -= 1
                if not waits[second]:
                    heapq.heappush(ready, place[second])
    return done


def _stock_rows(problem: Problem) -> NDArray[np.int64]:
    """Return a number for each resource and day with a shift, -1 for the others."""
    shifts = problem.rules.shifts
    resources = 1 + int(
        max(
            problem.rules.needs.resource.max(initial=-1),
            shifts.resource.max(initial=-1),
        )
    )
    days = 1 + int(
        max(problem.openings.day.max(initial=-1), shifts.day.max(initial=-1))
    )
    rows = np.full((resources, days), -1, np.int64)
    if shifts.resource.size:
        rows[shifts.resource, shifts.day] = 0
        at = np.nonzero(rows == 0)
        rows[at] = np.arange(at[0].shape[0])
    return rows


def _drawn(draws: Draws) -> dict[str, Ints]:
    """Tabulate what each draw takes of a delivery, by the delivery's age."""
    start, amounts = [0], []
    for row in range(draws.order.shape[0]):
        least, most = int(draws.least_age[row]), int(draws.most_age[row])
        amounts += [
            decayed(int(draws.amount[row]), age, int(draws.half_life[row]))
            for age in range(least, most + 1)
        ]
        start.append(len(amounts))
    return {
        "drawn_start": np.array(start, np.int64),
        "drawn": np.array(amounts, np.int64),
    }


@cache
def decayed(amount: int, age: int, half_life: int) -> int:
    """Return the least whole n with ``n >= amount * 2 ** (age / half_life)``.

    Exact: an integer root, found by Newton's method from above.
    """
    if half_life == 0 or amount == 0:
        return amount
    whole, part = divmod(age, half_life)
    amount <<= whole
    if part == 0:
        return amount
    power = amount**half_life << part
    root = amount * 2
    while True:
        lower = ((half_life - 1) * root + power // root ** (half_life - 1)) // half_life
        if lower >= root:
            break
        root = lower
    return root if root**half_life == power else root + 1
