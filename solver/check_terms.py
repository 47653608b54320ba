"""The checker's cost of a plan, stated afresh in Python's whole numbers.

Nothing here comes from the optimiser but the data types.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from solver.check_visits import moved, place_of
from solver.plan import UNPLACED, CostTerms, Plan
from solver.problem import Problem


def cost_terms(problem: Problem, plan: Plan) -> CostTerms:
    """Return the cost of `plan` by term, in cost units."""
    orders, openings = problem.orders, problem.openings
    j = np.flatnonzero(plan.opening != UNPLACED)
    b, p = plan.opening[j], plan.pair[j]
    day = openings.day[b].astype(object)
    late = np.maximum(day - orders.target_day[j], 0)
    breached = openings.day[b] >= orders.breach_day[j]
    return CostTerms(
        waiting=_sum(orders.wait_cost[j] * day),
        lateness=_sum(orders.late_cost[j] * late),
        breach=_sum(orders.breach_cost[j][breached].astype(object)),
        pair=_sum(problem.pairs.cost[p].astype(object)),
        opening=_sum(openings.cost[b].astype(object)),
        unplaced=_sum(orders.unplaced_cost[plan.opening == UNPLACED].astype(object)),
        moves=sum(
            int(problem.rules.bookings.move_cost[row]) for row in moved(problem, plan)
        ),
        contract=_contract(problem, plan),
        journeys=_journeys(problem, plan),
        gaps=_gaps(problem, plan),
        unfairness=_unfairness(problem, plan),
    )


def _contract(problem: Problem, plan: Plan) -> int:
    """Return what the exams beyond each contract's floor cost."""
    floor, price = problem.rules.contract_floor, problem.rules.contract_price
    contract = problem.openings.contract[plan.opening[plan.opening != UNPLACED]]
    used = np.bincount(
        contract[contract >= 0], minlength=problem.contract_ceiling.shape[0]
    )
    return sum(
        int(price[k]) * max(0, int(used[k]) - int(floor[k]))
        for k in range(price.shape[0])
    )


def _journeys(problem: Problem, plan: Plan) -> int:
    """Return what the days and places beyond each patient's first cost."""
    each = problem.rules.weights.journey_cost
    if not each:
        return 0
    journeys: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
    for j in np.flatnonzero((plan.opening != UNPLACED) & (problem.orders.patient >= 0)):
        b = int(plan.opening[j])
        where = int(problem.openings.day[b]), place_of(problem, b)
        journeys[int(problem.orders.patient[j])].add(where)
    return each * sum(len(those) - 1 for those in journeys.values())


def _gaps(problem: Problem, plan: Plan) -> int:
    """Return what the idle stretches cost that are too short for any exam."""
    weights, rules = problem.rules.weights, problem.rules.changeovers
    if not weights.gap_cost or not weights.gap_minutes:
        return 0
    families = math.isqrt(rules.minutes.shape[0])
    exams: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for j in np.flatnonzero(plan.opening != UNPLACED):
        start = int(plan.start_minute[j])
        end = start + int(problem.pairs.minutes[plan.pair[j]])
        family = int(rules.family[j]) if rules.family.size else -1
        exams[int(plan.opening[j])].append((start, end, family))
    wasted = 0
    for b, those in exams.items():
        free, before = int(problem.openings.begin_minute[b]), -1
        close = free + int(problem.openings.minutes[b])
        for start, end, family in [*sorted(those), (close, close, -1)]:
            idle = start - free
            if before >= 0 and family >= 0:
                idle -= int(rules.minutes[before * families + family])
            if 0 < idle < weights.gap_minutes:
                wasted += idle
            free, before = end, family
    return wasted * weights.gap_cost


def _unfairness(problem: Problem, plan: Plan) -> int:
    """Return what the cohorts cost that wait longer, on average, than the guard allows.

    With W the days that all who have a cohort wait and n their number, and w and m
    those of one cohort: the whole days in ``w - permille / 1000 * W * m / n``.
    """
    weights, cohort = problem.rules.weights, problem.rules.cohort
    if not weights.unfair_cost or not cohort.size:
        return 0
    wait = np.full(cohort.shape[0], weights.unplaced_days)
    placed = plan.opening != UNPLACED
    wait[placed] = problem.openings.day[plan.opening[placed]]
    orders, all_days = int((cohort >= 0).sum()), int(wait[cohort >= 0].sum())
    excess = 0
    for group in np.unique(cohort[cohort >= 0]):
        mine = cohort == group
        allowed = weights.unfair_permille * all_days * int(mine.sum())
        over = int(wait[mine].sum()) * 1000 * orders - allowed
        excess += max(0, over) // (1000 * orders)
    return excess * weights.unfair_cost


def _sum(numbers: Any) -> int:
    return int(numbers.sum()) if numbers.size else 0
