"""The fairness guard as a price on days of waiting, so that the search can see it.

A cohort of m among n orders waits w days, all n wait W, and what it waits beyond the
guard, ``z = w - permille / 1000 * W * m / n``, costs `unfair_cost` for each whole day.
No order decides that by itself. But for any *share* y of it from 0 to 1, the excess
``max(0, z)`` is at least ``y * z``, and ``y * z`` is a sum over orders: with a share
for each cohort, each day that an order of cohort g waits costs

    unfair_cost * (y_g - permille / 1000 * sum over all cohorts of y * m / n)

more, and ``unplaced_days`` times that if it has no place. Orders of no cohort are not
looked at and count among nobody. So a problem without a guard but with other
costs bounds the problem with one, and a plan that is good for well chosen shares is
good for it. Shares are whole thousandths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solver.fault import COST_MAX
from solver.problem import Ints, Problem
from solver.rules import Weights, none
from solver.validation import SUM_MAX, largest_sum

WHOLE = 1000
"""A share of one: the whole of what a day beyond the guard costs."""
PARTS = (100, 10, 1)
"""Into how many parts a cost unit is cut for the search, the first that will do."""
BOUND_PARTS = 1000
"""The same for the bound, where days are priced in thousandths."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The numbers of the guard.

    Parameters
    ----------
    cohort
        Shape ``(orders,)``. Group of each order, or -1.
    members
        Shape ``(cohorts,)``. Orders of each group; 0 for a number that is not used.
    permille, cost, unplaced_days
        As in `Weights`.
    """

    cohort: Ints
    members: Ints
    permille: int
    cost: int
    unplaced_days: int

    @property
    def unit(self) -> int:
        """Days are counted in this many parts, so that the excess is whole."""
        return WHOLE * int(self.members.sum())

    def nothing(self) -> Ints:
        """Return shares of 0: a guard that the search does not look at."""
        return np.zeros_like(self.members)

    def beyond(self, days: Ints) -> list[int]:
        """Return by cohort what it waits beyond the guard, below 0 if less, in parts.

        Parameters
        ----------
        days
            Shape ``(orders,)``. Days that each order waits.
        """
        mine = np.zeros_like(self.members)
        known = self.cohort >= 0
        np.add.at(mine, self.cohort[known], days[known])
        # Python's whole numbers: days x orders x thousandths may pass 2**63.
        allowed = self.permille * int(days[known].sum())
        return [
            w * self.unit - allowed * m
            for w, m in zip(mine.tolist(), self.members.tolist(), strict=True)
        ]

    def per_day(self, share: Ints, parts: int) -> Ints:
        """Return what each day of each order costs more, in 1 / `parts` cost units.

        Rounded down, so that no plan costs more by these prices than by the shares.
        """
        counted = self.permille * sum(
            y * m for y, m in zip(share.tolist(), self.members.tolist(), strict=True)
        )
        by_cohort = [
            parts * self.cost * (self.unit * y - counted) // (self.unit * WHOLE)
            for y in share.tolist()
        ]
        by_cohort.append(0)
        of_order: Ints = np.array(by_cohort, np.int64)[self.cohort]
        return of_order

    def lost(self, share: Ints) -> int:
        """Return what counting whole days alone may cost less, in thousandths.

        What a cohort waits beyond the guard comes in steps of the greatest common
        divisor of the day's parts and permille x members, so at most one day less one
        step goes uncounted.
        """
        most = sum(
            y * (self.unit - math.gcd(self.unit, self.permille * m))
            for y, m in zip(share.tolist(), self.members.tolist(), strict=True)
        )
        return -(-(self.cost * int(most)) // self.unit)


def guard_of(problem: Problem) -> Guard | None:
    """Return the guard that the problem asks for, or None."""
    weights, cohort = problem.rules.weights, problem.rules.cohort
    if not weights.unfair_cost or not (cohort >= 0).any():
        return None
    return Guard(
        cohort=cohort,
        members=np.bincount(cohort[cohort >= 0]).astype(np.int64),
        permille=weights.unfair_permille,
        cost=weights.unfair_cost,
        unplaced_days=weights.unplaced_days,
    )


def parts_of(problem: Problem, guard: Guard) -> int:
    """Return into how many parts the search cuts a cost unit; 0 if none will do.

    The search keeps the costs of one order in 32 bits, the bound all costs in 64. Where
    0, neither sees the guard.
    """
    orders = problem.orders
    dearest = max(
        int(column.max(initial=0))
        for column in (
            orders.wait_cost + guard.cost,
            orders.unplaced_cost + guard.cost * guard.unplaced_days,
            orders.late_cost,
            orders.breach_cost,
            problem.pairs.cost,
            problem.openings.cost,
        )
    )
    if not _summable(problem, guard, BOUND_PARTS):
        return 0
    return next((n for n in PARTS if n * dearest <= COST_MAX), 0)


def _summable(problem: Problem, guard: Guard, parts: int) -> bool:
    """Tell whether all costs together, cut into `parts`, stay in 64 bits."""
    reach = max(guard.unplaced_days, int(problem.openings.day.max(initial=0)))
    most = guard.cost * reach * (WHOLE + guard.permille) // WHOLE + 1
    orders = replace(problem.orders, unplaced_cost=problem.orders.unplaced_cost + most)
    rules = replace(problem.rules, cohort=none())
    plain = replace(problem, orders=orders, rules=rules)
    return largest_sum(plain) * parts <= SUM_MAX


def priced(problem: Problem, guard: Guard, share: Ints, parts: int) -> Problem:
    """Return the problem without its guard, with the shares in the costs of days.

    All costs are in 1 / `parts` cost units. Days and orders without a place may then
    cost less than nothing.
    """
    more = guard.per_day(share, parts)
    orders, rules, weights = problem.orders, problem.rules, problem.rules.weights
    return replace(
        problem,
        orders=replace(
            orders,
            wait_cost=parts * orders.wait_cost + more,
            late_cost=parts * orders.late_cost,
            breach_cost=parts * orders.breach_cost,
            unplaced_cost=parts * orders.unplaced_cost + more * guard.unplaced_days,
        ),
        pairs=replace(problem.pairs, cost=parts * problem.pairs.cost),
        openings=replace(problem.openings, cost=parts * problem.openings.cost),
        rules=replace(
            rules,
            cohort=none(),
            contract_price=parts * rules.contract_price,
            bookings=replace(
                rules.bookings, move_cost=parts * rules.bookings.move_cost
            ),
            weights=_without_guard(weights, parts),
        ),
    )


def for_search(problem: Problem) -> Problem:
    """Return the problem with no day and no missing place that costs less than nothing.

    Nobody is made to wait so that others look better off: where the shares would reward
    a wait, the search takes it as free.
    """
    orders = problem.orders
    return replace(
        problem,
        orders=replace(
            orders,
            wait_cost=np.maximum(orders.wait_cost, 0),
            unplaced_cost=np.maximum(orders.unplaced_cost, 0),
        ),
    )


def _without_guard(weights: Weights, parts: int) -> Weights:
    return replace(
        weights,
        journey_cost=parts * weights.journey_cost,
        gap_cost=parts * weights.gap_cost,
        unfair_cost=0,
    )


def waited(problem: Problem, opening: NDArray[np.int64]) -> Ints:
    """Return the days that each order waits by the plan, as the guard counts them."""
    missing = problem.rules.weights.unplaced_days
    days: Ints = np.concatenate([problem.openings.day, [missing]])[opening]
    return days
