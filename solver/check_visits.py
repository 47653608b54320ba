"""The checker's rules for orders that belong together or have a slot already.

Nothing here comes from the optimiser but the data types and the names of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from solver.plan import UNPLACED, Plan
from solver.problem import Problem
from solver.rules import NO_LIMIT
from solver.terms import Constraint
from solver.violation import Check, Violation, named

DAY_MINUTES = 1440


def scanner_of(problem: Problem, opening: int) -> int:
    """Return the scanner of an opening."""
    starts = problem.openings.scanner_start
    return int(np.searchsorted(starts, opening, side="right")) - 1


def place_of(problem: Problem, opening: int) -> int:
    """Return the place of an opening: that of its scanner, or the scanner itself."""
    scanner = scanner_of(problem, opening)
    places = problem.rules.scanner_place
    return int(places[scanner]) if places.size else scanner


def _visits(problem: Problem, plan: Plan) -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield each visit with its orders, all of them and those that are placed."""
    visits = problem.rules.visits
    for v in range(visits.same_day.shape[0]):
        members = [int(j) for j in visits.order[visits.start[v] : visits.start[v + 1]]]
        yield v, members, [j for j in members if plan.opening[j] != UNPLACED]


def _check_whole(problem: Problem, plan: Plan) -> Iterator[Violation]:
    for _, members, placed in _visits(problem, plan):
        if 0 < len(placed) < len(members):
            yield Violation(
                Constraint.VISIT_WHOLE,
                tuple(problem.orders.key[j] for j in members),
                named(orders=len(members), placed=len(placed)),
            )


def _check_together(problem: Problem, plan: Plan) -> Iterator[Violation]:
    visits = problem.rules.visits
    for v, _, placed in _visits(problem, plan):
        days = {int(problem.openings.day[plan.opening[j]]) for j in placed}
        places = {place_of(problem, int(plan.opening[j])) for j in placed}
        split = (visits.same_day[v] and len(days) > 1) or (
            visits.same_place[v] and len(places) > 1
        )
        if split:
            yield Violation(
                Constraint.VISIT_TOGETHER,
                tuple(problem.orders.key[j] for j in placed),
                named(days=len(days), places=len(places)),
            )


def _check_links(problem: Problem, plan: Plan) -> Iterator[Violation]:
    links = problem.rules.links

    def instant(j: int) -> int:
        day = int(problem.openings.day[plan.opening[j]])
        return day * DAY_MINUTES + int(plan.start_minute[j])

    for row in range(links.first.shape[0]):
        i, j = int(links.first[row]), int(links.second[row])
        if UNPLACED in {int(plan.opening[i]), int(plan.opening[j])}:
            continue
        gap = instant(j) - instant(i) - int(problem.pairs.minutes[plan.pair[i]])
        most = int(links.most_gap[row])
        if gap < links.least_gap[row] or (most != NO_LIMIT and gap > most):
            yield Violation(
                Constraint.LINK_GAP,
                (problem.orders.key[i], problem.orders.key[j]),
                named(gap=gap, least=links.least_gap[row], most=most),
            )


def moved(problem: Problem, plan: Plan) -> list[int]:
    """Return the rows of the bookings that the plan moves, or takes away."""
    bookings = problem.rules.bookings
    return [
        row
        for row in range(bookings.order.shape[0])
        if plan.opening[bookings.order[row]] != bookings.opening[row]
        or plan.start_minute[bookings.order[row]] != bookings.start_minute[row]
    ]


def _check_kept(problem: Problem, plan: Plan) -> Iterator[Violation]:
    bookings = problem.rules.bookings
    for row in range(bookings.order.shape[0]):
        j = int(bookings.order[row])
        if plan.opening[j] == UNPLACED:
            yield Violation(
                Constraint.BOOKING_KEPT,
                (problem.orders.key[j],),
                named(opening=bookings.opening[row]),
            )


def _check_frozen(problem: Problem, plan: Plan) -> Iterator[Violation]:
    bookings = problem.rules.bookings
    for row in moved(problem, plan):
        if bookings.frozen[row]:
            j = int(bookings.order[row])
            yield Violation(
                Constraint.BOOKING_FROZEN,
                (problem.orders.key[j],),
                named(
                    opening=plan.opening[j],
                    start_minute=plan.start_minute[j],
                    booked_opening=bookings.opening[row],
                    booked_minute=bookings.start_minute[row],
                ),
            )


def _check_budget(problem: Problem, plan: Plan) -> Iterator[Violation]:
    most = problem.rules.weights.most_moves
    bookings = problem.rules.bookings
    rows = moved(problem, plan)
    if most != NO_LIMIT and len(rows) > most:
        yield Violation(
            Constraint.MOVE_BUDGET,
            tuple(problem.orders.key[bookings.order[row]] for row in rows),
            named(moved=len(rows), most=most),
        )


VISIT_CHECKS: dict[Constraint, Check] = {
    Constraint.VISIT_WHOLE: _check_whole,
    Constraint.VISIT_TOGETHER: _check_together,
    Constraint.LINK_GAP: _check_links,
    Constraint.BOOKING_KEPT: _check_kept,
    Constraint.BOOKING_FROZEN: _check_frozen,
    Constraint.MOVE_BUDGET: _check_budget,
}
"""The rules of visits and bookings and how each is checked."""
