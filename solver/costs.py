"""The cost of a plan by term, as the optimiser counts it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from solver.layout import Columns
from solver.plan import CostTerms
from solver.problem import Ints, Problem
from solver.regions import scanner_of_opening


def terms_of(c: Columns, opening: Ints, pair: Ints) -> CostTerms:
    """Return the terms of the plan that puts each order in `opening` by `pair`."""
    placed = np.flatnonzero(opening >= 0)
    b, p = opening[placed], pair[placed]
    day = c.day[b]
    late = np.where(day > c.target_day[placed], day - c.target_day[placed], 0)
    breached = day >= c.breach_day[placed]
    return CostTerms(
        waiting=int((c.wait_cost[placed] * day).sum()),
        lateness=int((c.late_cost[placed] * late).sum()),
        breach=int(c.breach_cost[placed][breached].sum()),
        pair=int(c.pair_cost[p].sum()),
        opening=int(c.opening_cost[b].sum()),
        unplaced=int(c.unplaced_cost[opening < 0].sum()),
    )


def whole_terms(
    problem: Problem, c: Columns, opening: Ints, pair: Ints, start: Ints
) -> CostTerms:
    """Return all terms of the plan, with those that no single order decides."""
    terms = terms_of(c, opening, pair)
    if not problem.rules.asked:
        return terms
    return replace(
        terms,
        moves=_moves(problem, opening, start),
        contract=_contract(problem, c, opening),
        journeys=journey_count(problem, c, opening)
        * problem.rules.weights.journey_cost,
        gaps=_gap_minutes(problem, c, opening, pair, start)
        * problem.rules.weights.gap_cost,
        unfairness=int(excess_days(problem, c, opening).sum())
        * problem.rules.weights.unfair_cost,
    )


def _moves(problem: Problem, opening: Ints, start: Ints) -> int:
    had = problem.rules.bookings
    away = (opening[had.order] != had.opening) | (start[had.order] != had.start_minute)
    return int(had.move_cost[away].sum())


def _contract(problem: Problem, c: Columns, opening: Ints) -> int:
    price = problem.rules.contract_price
    if not price.size:
        return 0
    contract = c.contract[opening[opening >= 0]]
    used = np.bincount(contract[contract >= 0], minlength=price.shape[0])
    return int((price * np.maximum(used - problem.rules.contract_floor, 0)).sum())


def journey_count(problem: Problem, c: Columns, opening: Ints) -> int:
    """Return the journeys of all patients beyond the first of each."""
    j = np.flatnonzero((opening >= 0) & (c.patient >= 0))
    b = opening[j]
    place = scanner_of_opening(c)[b]
    if problem.rules.scanner_place.size:
        place = problem.rules.scanner_place[place]
    journeys = np.stack([c.patient[j], c.day[b], place], axis=1)
    return int(np.unique(journeys, axis=0).shape[0] - np.unique(c.patient[j]).shape[0])


def _gap_minutes(
    problem: Problem, c: Columns, opening: Ints, pair: Ints, start: Ints
) -> int:
    """Return the idle minutes in stretches that are too short for any exam."""
    short, rules = problem.rules.weights.gap_minutes, problem.rules.changeovers
    j = np.flatnonzero(opening >= 0)
    if not short or not j.size:
        return 0
    j = j[np.lexsort((start[j], opening[j]))]
    b, begin = opening[j], start[j]
    end = begin + c.pair_minutes[pair[j]]
    first = np.concatenate([[True], b[1:] != b[:-1]])
    last = np.concatenate([b[1:] != b[:-1], [True]])
    free = np.where(first, c.begin[b], np.concatenate([[0], end[:-1]]))
    idle = begin - free
    if rules.family.size:
        families = math.isqrt(rules.minutes.shape[0])
        family = rules.family[j]
        before = np.concatenate([[-1], family[:-1]])
        both = ~first & (before >= 0) & (family >= 0)
        wanted = rules.minutes[np.where(both, before * families + family, 0)]
        idle = idle - np.where(both, wanted, 0)
    tail = (c.begin[b] + c.minutes[b] - end)[last]
    stretches = np.concatenate([idle, tail])
    return int(stretches[(stretches > 0) & (stretches < short)].sum())


def excess_days(problem: Problem, c: Columns, opening: Ints) -> Ints:
    """Return by cohort the whole days that it waits beyond what the guard allows."""
    weights, cohort = problem.rules.weights, problem.rules.cohort
    if not cohort.size or not weights.unfair_cost:
        return np.zeros(0, np.int64)
    known = cohort >= 0
    days = np.concatenate([c.day, [weights.unplaced_days]])[opening[known]]
    count = np.bincount(cohort[known])
    mine = np.zeros(count.shape[0], np.int64)
    np.add.at(mine, cohort[known], days)
    # Python's whole numbers: days x orders x thousandths may pass 2**63.
    orders, permille = int(known.sum()), weights.unfair_permille
    allowed = [permille * int(days.sum()) * n for n in count.tolist()]
    over = [
        max(0, w * 1000 * orders - most) // (1000 * orders)
        for w, most in zip(mine.tolist(), allowed, strict=True)
    ]
    return np.array(over, np.int64)
