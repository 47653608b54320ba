"""The checker's rules for what exams share: staff, rooms, supplies, a scanner's state.

Nothing here comes from the optimiser but the data types and the names of the rules.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from solver.check_visits import scanner_of
from solver.plan import UNPLACED, Plan
from solver.problem import Problem
from solver.terms import Constraint
from solver.violation import Check, Violation, named


def _check_resources(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Compare what is asked for with what is there wherever either changes."""
    shifts, needs = problem.rules.shifts, problem.rules.needs
    by_pair: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(needs.pair.shape[0]):
        by_pair[int(needs.pair[row])].append(row)
    steps: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    users: defaultdict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for row in range(shifts.resource.shape[0]):
        begin, units = int(shifts.begin_minute[row]), int(shifts.units[row])
        where = int(shifts.resource[row]), int(shifts.day[row])
        steps[where] += [(begin, units), (begin + int(shifts.minutes[row]), -units)]
    for j in np.flatnonzero(plan.opening != UNPLACED):
        for row in by_pair.get(int(plan.pair[j]), ()):
            begin = int(plan.start_minute[j]) + int(needs.offset[row])
            end, units = begin + int(needs.minutes[row]), int(needs.units[row])
            day = int(problem.openings.day[plan.opening[j]])
            where = int(needs.resource[row]), day
            steps[where] += [(begin, -units), (end, units)]
            users[where].append((begin, end, int(j)))
    for where, using in sorted(users.items()):
        change: defaultdict[int, int] = defaultdict(int)
        for minute, units in steps[where]:
            change[minute] += units
        left = 0
        for minute in sorted(change):
            left += change[minute]
            if left < 0:
                at_once = [j for begin, end, j in using if begin <= minute < end]
                yield Violation(
                    Constraint.RESOURCE_UNITS,
                    tuple(problem.orders.key[j] for j in at_once),
                    named(resource=where[0], day=where[1], minute=minute, short=-left),
                )
                break


def _check_changeovers(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Look at each two exams with a family that follow each other on a scanner's day.

    One without a family between them leaves the scanner as it is.
    """
    rules = problem.rules.changeovers
    if not rules.family.size:
        return
    families = math.isqrt(rules.minutes.shape[0])
    queue: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for j in np.flatnonzero((plan.opening != UNPLACED) & (rules.family >= 0)):
        b = int(plan.opening[j])
        where = scanner_of(problem, b), int(problem.openings.day[b])
        queue[where].append((int(plan.start_minute[j]), int(j)))
    for where, exams in sorted(queue.items()):
        exams.sort()
        for (begin, one), (after, next_one) in pairwise(exams):
            f, g = int(rules.family[one]), int(rules.family[next_one])
            wanted = int(rules.minutes[f * families + g])
            gap = after - begin - int(problem.pairs.minutes[plan.pair[one]])
            if gap < wanted:
                yield Violation(
                    Constraint.CHANGEOVER,
                    (problem.orders.key[one], problem.orders.key[next_one]),
                    named(day=where[1], gap=gap, wanted=wanted),
                )


def drawn(amount: int, age: int, half_life: int) -> int:
    """Return ``ceil(amount * 2 ** (age / half_life))`` exactly, in whole numbers.

    The least n with ``n ** half_life >= amount ** half_life * 2 ** age``; `amount`
    itself where nothing decays.
    """
    if not half_life or not amount:
        return amount
    wanted = amount**half_life * 2**age
    low, high = amount, amount << (age // half_life + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**half_life >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def _draws(problem: Problem, plan: Plan) -> Iterator[tuple[int, int, int, int]]:
    """Yield order, draw, delivery (or -1) and the supply's age for each placed draw."""
    rules, deliveries = problem.rules.draws, problem.rules.deliveries
    for row in range(rules.order.shape[0]):
        j = int(rules.order[row])
        b = int(plan.opening[j])
        if b == UNPLACED:
            continue
        start = int(plan.start_minute[j])
        here = (
            (deliveries.supply == rules.supply[row])
            & (deliveries.scanner == scanner_of(problem, b))
            & (deliveries.day == problem.openings.day[b])
            & (deliveries.minute + rules.least_age[row] <= start)
        )
        found = np.flatnonzero(here)
        if not found.size:
            yield j, row, -1, 0
            continue
        youngest = int(found[np.argmax(deliveries.minute[found])])
        yield j, row, youngest, start - int(deliveries.minute[youngest])


def _check_age(problem: Problem, plan: Plan) -> Iterator[Violation]:
    for j, row, delivery, age in _draws(problem, plan):
        if delivery < 0 or age > problem.rules.draws.most_age[row]:
            yield Violation(
                Constraint.SUPPLY_AGE,
                (problem.orders.key[j],),
                named(delivery=delivery, age=age),
            )


def _check_amount(problem: Problem, plan: Plan) -> Iterator[Violation]:
    rules, deliveries = problem.rules.draws, problem.rules.deliveries
    taken: defaultdict[int, int] = defaultdict(int)
    users: defaultdict[int, list[int]] = defaultdict(list)
    for j, row, delivery, age in _draws(problem, plan):
        if delivery >= 0 and age <= rules.most_age[row]:
            taken[delivery] += drawn(
                int(rules.amount[row]), age, int(rules.half_life[row])
            )
            users[delivery].append(j)
    for delivery, amount in sorted(taken.items()):
        if amount > deliveries.amount[delivery]:
            yield Violation(
                Constraint.SUPPLY_AMOUNT,
                tuple(problem.orders.key[j] for j in users[delivery]),
                named(
                    delivery=delivery, drawn=amount, held=deliveries.amount[delivery]
                ),
            )


SHARED_CHECKS: dict[Constraint, Check] = {
    Constraint.RESOURCE_UNITS: _check_resources,
    Constraint.CHANGEOVER: _check_changeovers,
    Constraint.SUPPLY_AGE: _check_age,
    Constraint.SUPPLY_AMOUNT: _check_amount,
}
"""The rules of what is shared and how each is checked."""
