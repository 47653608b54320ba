"""Room for more urgent orders to come, as part of the problem that a plan solves.

If a scanner's day keeps room for r exams, those to come lose E[(D - r)+] of theirs, so
room for the n-th is worth h P(D >= n) (`bidprices`). That is what an order costs that
may use this one day of this one scanner, takes a typical exam's time and is left out:
one such *stand-in* is added for each exam that is worth keeping room for. A plan of
this problem weighs those to come with those who wait, and its bound holds for both.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.bidprices import RoomPrices, lost_at
from solver.plan import PRICE_SCALE, UNPLACED, Plan
from solver.problem import NO_GROUP, Ints, Orders, Pairs, Problem

_STANDS_IN = "to come:"
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class ToCome:
    """Who is still to come, and what they may cost those who are planned.

    Parameters
    ----------
    prices
        What room is worth to them.
    kind_of_scanner
        Shape ``(scanners,)``. Row of the tables that each scanner goes by.
    tier
        The class from which room is kept.
    list_mask
        The lists that those to come may use.
    most
        Most that keeping room for one exam may be worth, in cost units.
    """

    prices: RoomPrices
    kind_of_scanner: Ints
    tier: int
    list_mask: int
    most: int


def with_stand_ins(problem: Problem, to_come: ToCome) -> Problem:
    """Return the problem with stand-ins behind its orders; itself if none is worth it.

    There are no more on a scanner's day than its free time holds.
    """
    scanner, day, worth, key = [], [], [], []
    for s, d, minutes in _scanner_days(problem):
        for n in range(minutes // _unit(to_come, s)):
            value = _worth(to_come, s, d, n)
            if value <= 0:
                break
            scanner.append(s)
            day.append(d)
            worth.append(value)
            key.append(f"{_STANDS_IN}{problem.scanner_key[s]}@{d}#{n + 1}")
    if not key:
        return problem
    count = len(key)
    days, nothing = np.array(day, np.int64), np.zeros(count, np.int64)
    last = np.full(count, to_come.prices.reserve.shape[1], np.int64)
    more = Orders(
        key=tuple(key),
        tier=last,
        patient=np.full(count, NO_GROUP, np.int64),
        earliest_day=days,
        latest_day=days,
        earliest_minute=nothing,
        latest_minute=np.full(count, _DAY_MINUTES, np.int64),
        list_mask=np.full(count, to_come.list_mask, np.int64),
        wait_cost=nothing,
        target_day=days,
        late_cost=nothing,
        breach_day=days + 1,
        breach_cost=nothing,
        unplaced_cost=np.array(worth, np.int64),
    )
    pairs = problem.pairs
    end = pairs.start[-1]
    units = [_unit(to_come, s) for s in scanner]
    orders: dict[str, Any] = {
        name: np.concatenate([getattr(problem.orders, name), getattr(more, name)])
        for name in Orders.__slots__
        if name != "key"
    }
    return replace(
        problem,
        orders=Orders(key=(*problem.orders.key, *more.key), **orders),
        pairs=Pairs(
            start=np.concatenate([pairs.start, end + 1 + np.arange(count)]),
            scanner=np.concatenate([pairs.scanner, np.array(scanner, np.int64)]),
            minutes=np.concatenate([pairs.minutes, np.array(units, np.int64)]),
            cost=np.concatenate([pairs.cost, nothing]),
        ),
    )


def stand_ins(problem: Problem) -> Ints:
    """Return the rows that stand for orders to come."""
    found = [j for j, key in enumerate(problem.orders.key) if key[:8] == _STANDS_IN]
    return np.array(found, np.int64)


def stand_in_prices(problem: Problem, plan: Plan) -> Ints:
    """Return what a minute of each opening is worth to those to come alone.

    Shape ``(openings,)``, in 1 / `PRICE_SCALE` cost units. It is part of the plan's
    prices; whoever weighs those to come by themselves takes it out of them.
    """
    price = np.zeros(len(problem.openings.key), np.int64)
    kept: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    left: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    orders, pairs = problem.orders, problem.pairs
    for j in stand_ins(problem).tolist():
        p = int(pairs.start[j])
        minute = int(orders.unplaced_cost[j]) * PRICE_SCALE // int(pairs.minutes[p])
        where = int(pairs.scanner[p]), int(orders.earliest_day[j])
        (left if plan.opening[j] == UNPLACED else kept)[where].append(minute)
    for where in {*kept, *left}:
        s, day = where
        begin, end = problem.openings.scanner_start[s : s + 2]
        of_day = problem.openings.day[begin:end] == day
        price[begin:end][of_day] = min(kept[where]) if kept[where] else max(left[where])
    return price


def room_prices_by_class(
    problem: Problem, to_come: ToCome, taken: Ints
) -> NDArray[np.int64]:
    """Return what a minute of each opening is worth, by the class of who takes it.

    Shape ``(classes, openings)``, in 1 / `PRICE_SCALE` cost units: of one typical exam
    more, from the room that its scanner has on that day. The classes before
    `ToCome.tier` pay nothing.

    Parameters
    ----------
    taken
        Shape ``(openings,)``. Minutes of each opening that are not free.
    """
    classes = to_come.prices.reserve.shape[1]
    price = np.zeros((classes, len(problem.openings.key)), np.int64)
    for s, day, minutes in _scanner_days(problem, taken):
        unit = _unit(to_come, s)
        room = max(0, minutes // unit - 1)
        value = _worth(to_come, s, day, room) * PRICE_SCALE // unit
        begin, end = problem.openings.scanner_start[s : s + 2]
        of_day = np.flatnonzero(problem.openings.day[begin:end] == day) + begin
        price[to_come.tier :, of_day] = value
    return price


def _scanner_days(
    problem: Problem, taken: Ints | None = None
) -> list[tuple[int, int, int]]:
    """Return scanner, day and free minutes, wherever there are any."""
    free: defaultdict[tuple[int, int], int] = defaultdict(int)
    openings = problem.openings
    scanner = np.repeat(
        np.arange(len(problem.scanner_key)), np.diff(openings.scanner_start)
    )
    left = openings.minutes if taken is None else openings.minutes - taken
    for s, day, minutes in zip(
        scanner.tolist(), openings.day.tolist(), left.tolist(), strict=True
    ):
        free[s, day] += minutes
    return [(s, day, minutes) for (s, day), minutes in free.items() if day >= 0]


def _unit(to_come: ToCome, s: int) -> int:
    return int(to_come.prices.unit_minutes[to_come.kind_of_scanner[s]])


def _worth(to_come: ToCome, s: int, day: int, n: int) -> int:
    """Return what room for one exam is worth beside room for `n`, in cost units."""
    lost, unit = to_come.prices.lost, _unit(to_come, s)
    kind = to_come.kind_of_scanner[s]
    lead = min(day, lost.shape[2] - 1)
    saved = lost_at(lost, unit, kind, to_come.tier, lead, n * unit)
    saved -= lost_at(lost, unit, kind, to_come.tier, lead, (n + 1) * unit)
    return min(to_come.most, int(saved) // PRICE_SCALE)
