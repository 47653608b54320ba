"""Book a network's orders as they come, beside the plan that knew the future.

Orders arrive evenly over the first days; those of a day are booked at its end, the
urgent first, from tomorrow on, and stay where they are. Costs count from the day of
asking, so that nothing but waiting, lateness and travel is compared. Forecast and
displacement cost are learnt from the first half of the days on an empty network and
measured on the second, again from an empty network: other orders, the same scanners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solver import (
    DemandToCome,
    Limits,
    Occupied,
    Option,
    Problem,
    Protection,
    RoomPrices,
    rank_slots,
    room_prices,
    solve,
)
from solver.instances import Scale, generate
from solver.instances.generator import TARGET_DAY
from solver.problem import Ints, Openings, Orders, Pairs

SCANNERS = 15
DAYS = 40
"""Days on which orders arrive, in each half."""
BEYOND = 42
"""Days that stay open after the last order."""
ORDERS_A_DAY = 167
CLASSES = 3
DISPLACED = (300.0, 1000.0, 3000.0)
"""Costs of a displaced exam to choose from, in cost units; an urgent day waits 60."""

HIGH = 1.4
"""Times the counted demand, to try too: who found no room on a day is not counted."""


@dataclass(frozen=True, slots=True)
class Half:
    """Orders with the day on which each asks, and the network that they ask."""

    problem: Problem
    asks: Ints

    @property
    def unavoidable(self) -> int:
        """Cost of the days before the orders asked; part of every plan's cost."""
        return int((self.problem.orders.wait_cost * self.asks).sum())


@dataclass(frozen=True, slots=True)
class Booked:
    """Where a rule put each order; the order is unplaced if the option is None."""

    options: tuple[Option | None, ...]
    cost: int


Rule = Callable[[int, int, Occupied], Option | None]
"""Order, day of asking and what is taken, to the place or None."""


def halves(load: float, seed: int) -> tuple[Half, Half]:
    """Return two spells of one network: one to learn from, one to measure on."""
    days = 2 * DAYS + BEYOND
    orders = 2 * DAYS * ORDERS_A_DAY
    scale = Scale(orders, SCANNERS, days, load=load * 2 * DAYS / days)
    whole = generate(scale, seed=seed)
    asks = np.random.default_rng([seed, 1]).integers(0, 2 * DAYS, orders)
    return _half(whole, asks, 0), _half(whole, asks, DAYS)


def _half(whole: Problem, asks: Ints, begin: int) -> Half:
    """Cut out what asks and what is open in a spell, and count days from its begin."""
    # An order that no scanner can take costs every rule the same and says nothing.
    reached = np.diff(whole.pairs.start) > 0
    rows = np.flatnonzero(reached & (asks >= begin) & (asks < begin + DAYS))
    rows = rows[np.lexsort((rows, whole.orders.tier[rows], asks[rows]))]
    asks = asks[rows] - begin
    columns = {
        name: getattr(whole.orders, name)[rows]
        for name in Orders.__dataclass_fields__
        if name != "key"
    }
    columns["earliest_day"] = asks + 1
    columns["latest_day"] = np.full(rows.shape[0], DAYS + BEYOND - 1, np.int64)
    columns["target_day"] = asks + TARGET_DAY[whole.orders.tier[rows]]
    # Leaving somebody out must never be cheaper than the worst place.
    columns["unplaced_cost"] = np.full(rows.shape[0], 10**6, np.int64)
    count = np.diff(whole.pairs.start)[rows]
    pairs = np.concatenate(
        [np.arange(*whole.pairs.start[j : j + 2]) for j in rows.tolist()]
    )
    o = whole.openings
    kept = np.flatnonzero((o.day >= begin) & (o.day < begin + DAYS + BEYOND))
    scanner = np.repeat(np.arange(SCANNERS), np.diff(o.scanner_start))[kept]
    return Half(
        Problem(
            orders=Orders(key=tuple(whole.orders.key[j] for j in rows), **columns),
            pairs=Pairs(
                start=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
                scanner=whole.pairs.scanner[pairs],
                minutes=whole.pairs.minutes[pairs],
                cost=whole.pairs.cost[pairs],
            ),
            openings=Openings(
                key=tuple(o.key[b] for b in kept),
                scanner_start=np.searchsorted(scanner, np.arange(SCANNERS + 1)).astype(
                    np.int64
                ),
                day=o.day[kept] - begin,
                begin_minute=o.begin_minute[kept],
                minutes=o.minutes[kept],
                list_bit=o.list_bit[kept],
                cost=o.cost[kept],
                contract=o.contract[kept],
            ),
            contract_ceiling=whole.contract_ceiling,
            scanner_key=whole.scanner_key,
            policy_version=whole.policy_version,
        ),
        asks,
    )


def book(half: Half, rule: Rule) -> Booked:
    """Book every order as it comes."""
    problem = half.problem
    taken = np.zeros((half.asks.shape[0], 3), np.int64)
    used = cost = 0
    chosen: list[Option | None] = []
    for j, today in enumerate(half.asks.tolist()):
        opening, begin, minutes = np.ascontiguousarray(taken[:used].T)
        occupied = Occupied.by_bookings(
            problem, opening=opening, begin_minute=begin, minutes=minutes
        )
        option = rule(j, today, occupied)
        chosen.append(option)
        if option is None:
            cost += int(problem.orders.unplaced_cost[j])
            continue
        length = problem.pairs.minutes[option.pair]
        taken[used] = option.opening, option.start_minute, length
        used += 1
        waited = int(problem.openings.day[option.opening]) - today
        cost += int(problem.orders.wait_cost[j]) * waited
        cost += option.terms.total - option.terms.waiting
    return Booked(tuple(chosen), cost)


def earliest(problem: Problem) -> Rule:
    """Return: the first day with room, there the place that costs least."""
    hurried = _hurried(problem)
    return lambda j, _, taken: _best(hurried, j, taken, None)


def cheapest(problem: Problem) -> Rule:
    """Return: what costs the patient least, with no thought of anybody else."""
    return lambda j, _, taken: _best(problem, j, taken, None)


def carved(problem: Problem, share: float) -> Rule:
    """Return: the first day with room, a fixed share kept for the urgent to the eve."""
    kept = round(share * float(problem.openings.minutes.mean()))
    reserve = np.zeros((1, CLASSES, DAYS + BEYOND), np.int64)
    reserve[:, 1:, 2:] = kept
    lost = np.zeros((1, CLASSES, DAYS + BEYOND, 2), np.int64)
    prices = RoomPrices(lost, reserve, np.ones(1, np.int64))
    kinds = np.zeros(SCANNERS, np.int64)
    hurried = _hurried(problem)
    return lambda j, today, taken: _best(
        hurried, j, taken, Protection(prices, kinds, today)
    )


def ours(problem: Problem, demand: DemandToCome, displaced_cost: float) -> Rule:
    """Return: the best place at what its room is worth to those to come."""
    costs = np.full(CLASSES, displaced_cost)
    prices = room_prices(demand, displaced_cost=costs)
    kinds = np.arange(SCANNERS)
    return lambda j, today, taken: _best(
        problem, j, taken, Protection(prices, kinds, today)
    )


def _hurried(problem: Problem) -> Problem:
    """Return the problem with waiting dearer than all else, to rank by day first."""
    dear = np.full_like(problem.orders.wait_cost, 10**8)
    return replace(problem, orders=replace(problem.orders, wait_cost=dear))


def _best(
    problem: Problem, j: int, taken: Occupied, by: Protection | None
) -> Option | None:
    """Return the best place at no price but that of those to come."""
    found = rank_slots(
        problem,
        j,
        minute_price=np.zeros(len(problem.openings.key), np.int64),
        exam_price=np.zeros(0, np.int64),
        k=1,
        occupied=taken,
        protection=by,
    )
    return found[0] if found else None


def history(half: Half, booked: Booked) -> DemandToCome:
    """Count a spell's bookings, each scanner by itself."""
    problem = half.problem
    placed = [(j, o) for j, o in enumerate(booked.options) if o is not None]
    rows = np.array([j for j, _ in placed])
    pair = np.array([o.pair for _, o in placed])
    opening = np.array([o.opening for _, o in placed])
    days = problem.openings.day
    scanner = np.repeat(np.arange(SCANNERS), np.diff(problem.openings.scanner_start))
    return DemandToCome.by_history(
        kind=problem.pairs.scanner[pair],
        tier=problem.orders.tier[rows],
        lead_days=days[opening] - half.asks[rows],
        minutes=problem.pairs.minutes[pair],
        scanner_days=np.bincount(scanner[days <= DAYS], minlength=SCANNERS),
        classes=CLASSES,
        leads=DAYS + BEYOND,
    )


def learnt(half: Half) -> tuple[DemandToCome, float]:
    """Return demand to come and displacement cost, learnt from one spell.

    Each cost is tried on the demand that the one before brought about, then all on the
    best of these demands taken high. What the cheapest was booked by is returned.
    """
    best: tuple[int, DemandToCome, float] | None = None
    demand = history(half, book(half, cheapest(half.problem)))
    for each in DISPLACED:
        done = book(half, ours(half.problem, demand, each))
        if best is None or done.cost < best[0]:
            best = done.cost, demand, each
        demand = history(half, done)
    assert best is not None, "there are costs to choose from"
    high = replace(best[1], mean=best[1].mean * HIGH)
    for each in DISPLACED:
        done = book(half, ours(half.problem, high, each))
        if done.cost < best[0]:
            best = done.cost, high, each
    return best[1:]


def foreseen(half: Half, seconds: float) -> tuple[int, int]:
    """Return cost and bound of the plan that knew everybody, from the day of asking."""
    plan = solve(half.problem, limits=Limits(seconds=seconds, workers=2))
    return (
        plan.terms.total - half.unavoidable,
        plan.certificate.bound - half.unavoidable,
    )
