"""The checker's bound: what a certificate's prices and worths prove, computed afresh.

Nothing here comes from the optimiser but the data types. Whole numbers throughout;
where 64 bits might not be enough, numpy's Python integers take over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.check_fair_bound import cohorts, days_at_shares
from solver.check_family_bound import most_with_changeovers
from solver.plan import PRICE_SCALE
from solver.problem import NO_GROUP, Ints, Problem

SAFE = 2**62

Numbers = NDArray[Any]
"""int64, or Python integers where those would not do."""


class InvalidPrices(ValueError):
    """The prices prove nothing: a wrong shape, a wrong type or a negative price."""


def lower_bound(
    problem: Problem,
    minute_price: Ints,
    exam_price: Ints,
    worth: Ints | None = None,
    excess_share: Ints | None = None,
) -> int:
    """Return ``ceil(L)``, a lower bound on the cost of every plan, in cost units.

    L is the sum of the orders' worths (least cost at the prices, or the unplaced cost),
    less the most that whole exams can earn in each opening, less what the contracts
    keep. What an exam earns is its order's worth less its cost. Exams of several
    families leave their changeovers' minutes unused. Rules that join orders, shared
    resources and the terms of the plan as a whole only take plans away or add cost, so
    L holds without them. Of the fairness guard it may count a share of each cohort.

    Parameters
    ----------
    problem
        The problem.
    minute_price
        Shape ``(openings,)``; per minute, in 1 / `PRICE_SCALE` cost units.
    exam_price
        Shape ``(contracts,)``; per exam, in 1 / `PRICE_SCALE` cost units.
    worth
        Shape ``(orders,)``; in 1 / `PRICE_SCALE` cost units. Any worths prove a bound;
        below 0 they are read as 0, above the unplaced cost as that. None or empty for
        those that follow from the prices. With shares, worths below 0 stand.
    excess_share
        Shape ``(cohorts,)``; in thousandths of what a day beyond the fairness guard
        costs. None or empty for a bound without the guard.

    Raises `InvalidPrices` for prices, worths or shares of a wrong shape or type, and
    for negative prices.
    """
    _require_prices("minute_price", minute_price, len(problem.openings.key))
    _require_prices("exam_price", exam_price, problem.contract_ceiling.shape[0])
    pairs, openings = problem.pairs, problem.openings
    changeovers = problem.rules.changeovers
    families = math.isqrt(changeovers.minutes.shape[0])
    setup = changeovers.minutes.reshape(families, families)
    more, off = _guarded(problem, excess_share)
    large = _too_large(problem, minute_price, exam_price, more)
    kind: Any = object if large else np.int64
    more = more.astype(kind)
    most = problem.orders.unplaced_cost.astype(kind) * PRICE_SCALE
    most += more * problem.rules.weights.unplaced_days
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    by_scanner = np.argsort(pairs.scanner, kind="stable")
    scanners = len(problem.scanner_key)
    edges = np.searchsorted(pairs.scanner[by_scanner], np.arange(scanners + 1))
    blocks = [
        (
            by_scanner[edges[s] : edges[s + 1]],
            np.arange(openings.scanner_start[s], openings.scanner_start[s + 1]),
        )
        for s in range(scanners)
    ]
    blocks = [(p, b) for p, b in blocks if p.size and b.size]
    if worth is not None and worth.size:
        _require_column("worth", worth, most.shape[0])
        least_worth = -SAFE if more.any() else 0
        used = np.minimum(np.maximum(worth.astype(kind), least_worth), most)
    else:
        used = most
        for p, b in blocks:
            cost, option = _options(problem, owner, exam_price, p, b, more)
            minutes = pairs.minutes[p].astype(kind)[:, None]
            priced = cost + minutes * minute_price[b].astype(kind)[None, :]
            dear = used[owner[p]]
            least = np.where(option, priced, dear[:, None]).min(axis=1)
            np.minimum.at(used, owner[p], least)
    total = _sum(used.astype(object))
    for p, b in blocks:
        cost, option = _options(problem, owner, exam_price, p, b, more)
        earns = np.where(option, used[owner[p]][:, None] - cost, 0)
        most = _most_earned(earns, pairs.minutes[p], openings.minutes[b])
        if changeovers.family.size:
            most = np.minimum(
                most,
                most_with_changeovers(
                    earns,
                    pairs.minutes[p],
                    openings.minutes[b],
                    unit=int(np.gcd.reduce(pairs.minutes)),
                    family=changeovers.family[owner[p]],
                    setup=setup,
                ),
            )
        total -= _sum(most.astype(object))
    total -= _kept_by_contracts(problem, exam_price) + off
    return -(-total // PRICE_SCALE)


def _kept_by_contracts(problem: Problem, exam_price: Ints) -> int:
    """Return the most that exam prices less the cost of the exams can come to.

    Of n exams within the ceiling, those beyond the floor cost the contract's price, so
    the most is met at the floor or at the ceiling. In 1 / `PRICE_SCALE` cost units.
    """
    floors, costs = problem.rules.contract_floor, problem.rules.contract_price
    kept = 0
    for k, ceiling in enumerate(problem.contract_ceiling.tolist()):
        price, most = int(exam_price[k]), int(ceiling)
        if costs.size:
            floor = min(most, int(floors[k]))
            beyond = (price - int(costs[k]) * PRICE_SCALE) * (most - floor)
            kept += price * floor + max(0, beyond)
        else:
            kept += price * most
    return kept


def _options(
    problem: Problem, owner: Ints, exam_price: Ints, p: Ints, b: Ints, more: Numbers
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return cost and existence of each option of pairs `p` in openings `b`.

    All are of one scanner. The cost has the exam prices but not the minute prices in
    it, and what each order's days cost more at the guard's shares; all in 1 /
    `PRICE_SCALE` cost units.
    """
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    j = owner[p][:, None]
    day = openings.day[b][None, :]
    begin = openings.begin_minute[b][None, :]
    start = np.maximum(begin, orders.earliest_minute[j])
    stop = np.minimum(begin + openings.minutes[b][None, :], orders.latest_minute[j])
    option = (
        (orders.list_mask[j] & openings.list_bit[b][None, :] != 0)
        & (day >= orders.earliest_day[j])
        & (day <= orders.latest_day[j])
        & (stop - start >= pairs.minutes[p][:, None])
    )
    late = np.where(day > orders.target_day[j], day - orders.target_day[j], 0)
    kind = more.dtype
    cost = orders.wait_cost[j].astype(kind) * day
    cost = cost + orders.late_cost[j].astype(kind) * late
    cost = cost + np.where(day >= orders.breach_day[j], orders.breach_cost[j], 0)
    cost = cost + pairs.cost[p][:, None] + openings.cost[b][None, :]
    cost = cost * PRICE_SCALE
    if more.any():
        cost = cost + more[j] * day
    if exam_price.shape[0]:
        contract = openings.contract[b]
        cost = cost + np.where(contract == NO_GROUP, 0, exam_price[contract])[None, :]
    return cost, option


def _most_earned(earns: Numbers, minutes: Ints, room: Ints) -> Numbers:
    """Return the most that whole exams can earn in each opening, back to back.

    Parameters
    ----------
    earns
        Shape ``(pairs, openings)``.
    minutes
        Shape ``(pairs,)``. Length of each exam.
    room
        Shape ``(openings,)``. Minutes of each opening.
    """
    unit = int(np.gcd.reduce(minutes))
    size = room // unit
    columns = np.arange(room.shape[0])
    # earned[u, b]: the most that exams of at most u units together earn in opening b.
    earned = np.zeros((int(size.max()) + 1, room.shape[0]), dtype=earns.dtype)
    for length in np.unique(minutes // unit):
        rows = -np.sort(-earns[minutes == length * unit], axis=0)
        for gain in rows[: int(size.max()) // int(length)]:
            if not (gain > 0).any():
                break
            earned[length:] = np.maximum(
                earned[length:], earned[:-length] + np.maximum(gain, 0)[None, :]
            )
    found: Numbers = earned[size, columns]
    return found


def _guarded(problem: Problem, share: Ints | None) -> tuple[Numbers, int]:
    """Return what each order's days cost more at the shares, and what is taken off."""
    if share is None or not share.size:
        return np.zeros(len(problem.orders.key), np.int64), 0
    _require_column("excess_share", share, cohorts(problem))
    return days_at_shares(problem, share)


def _require_prices(name: str, price: Ints, rows: int) -> None:
    _require_column(name, price, rows)
    if (price < 0).any():
        row = int(np.flatnonzero(price < 0)[0])
        raise InvalidPrices(f"{name}[{row}] is {price[row]}; give 0 or more.")


def _require_column(name: str, price: Ints, rows: int) -> None:
    if price.shape != (rows,) or price.dtype != np.int64:
        raise InvalidPrices(
            f"{name} has shape {price.shape} and type {price.dtype};"
            f" give int64 of shape ({rows},)."
        )


def _too_large(
    problem: Problem, minute_price: Ints, exam_price: Ints, more: Numbers
) -> bool:
    """Tell whether one option's cost at these prices might not fit in 64 bits."""
    orders, openings = problem.orders, problem.openings
    last = _largest(openings.day)
    late = last + _largest(-np.minimum(orders.target_day, 0))
    cost = (
        _largest(orders.wait_cost) * last
        + _largest(orders.late_cost) * late
        + _largest(orders.breach_cost)
        + _largest(problem.pairs.cost)
        + _largest(openings.cost)
        + _largest(orders.unplaced_cost)
    ) * PRICE_SCALE
    cost += _largest(minute_price) * _largest(problem.pairs.minutes)
    cost += _largest(exam_price)
    days = max(last, problem.rules.weights.unplaced_days)
    cost += int(np.abs(more).max(initial=0)) * days
    return cost >= SAFE


def _largest(column: Ints) -> int:
    return int(column.max(initial=0))


def _sum(numbers: Numbers) -> int:
    return int(numbers.sum()) if numbers.size else 0
