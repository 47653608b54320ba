"""The checker's rules for an order and its slot: a scanner, a time, a patient.

Nothing here comes from the optimiser but the data types and the names of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from solver.plan import UNPLACED, Plan
from solver.problem import PATIENT_GAP_MINUTES, Ints, Problem
from solver.terms import Constraint
from solver.violation import Check, Violation, named


def _check_shape(problem: Problem, plan: Plan) -> Iterator[Violation]:
    rows = len(problem.orders.key)
    for name in ("opening", "pair", "start_minute"):
        column = getattr(plan, name)
        if not isinstance(column, np.ndarray) or column.dtype != np.int64:
            yield Violation(Constraint.PLAN_SHAPE, (name,), named(expected="int64"))
        elif column.shape != (rows,):
            yield Violation(
                Constraint.PLAN_SHAPE,
                (name,),
                named(expected=rows, found=str(column.shape)),
            )


def _check_rows(problem: Problem, plan: Plan) -> Iterator[Violation]:
    openings, pairs = len(problem.openings.key), problem.pairs.scanner.shape[0]
    b, p = plan.opening, plan.pair
    unknown = (b < UNPLACED) | (b >= openings) | (p < UNPLACED) | (p >= pairs)
    for j in np.flatnonzero(unknown | ((b == UNPLACED) != (p == UNPLACED))):
        yield Violation(
            Constraint.KNOWN_ROWS,
            (problem.orders.key[j],),
            named(opening=b[j], pair=p[j]),
        )


def _each_placed(
    constraint: Constraint,
    problem: Problem,
    plan: Plan,
    broken: Callable[[Ints, Ints, Ints], NDArray[np.bool_]],
) -> Iterator[Violation]:
    """Yield a violation for each placed order whose opening and pair break a rule."""
    j = np.flatnonzero(plan.opening != UNPLACED)
    b, p = plan.opening[j], plan.pair[j]
    for i in np.flatnonzero(broken(j, b, p)):
        yield Violation(
            constraint,
            (problem.orders.key[j[i]], problem.openings.key[b[i]]),
            named(
                day=problem.openings.day[b[i]],
                start_minute=plan.start_minute[j[i]],
                minutes=problem.pairs.minutes[p[i]],
            ),
        )


def _check_scanner(problem: Problem, plan: Plan) -> Iterator[Violation]:
    pairs = problem.pairs
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    starts = problem.openings.scanner_start
    scanner = np.repeat(np.arange(len(problem.scanner_key)), np.diff(starts))
    return _each_placed(
        Constraint.ELIGIBLE_SCANNER,
        problem,
        plan,
        lambda j, b, p: (owner[p] != j) | (scanner[b] != pairs.scanner[p]),
    )


def _check_list_type(problem: Problem, plan: Plan) -> Iterator[Violation]:
    mask, bit = problem.orders.list_mask, problem.openings.list_bit
    return _each_placed(
        Constraint.LIST_TYPE, problem, plan, lambda j, b, _: mask[j] & bit[b] == 0
    )


def _check_day(problem: Problem, plan: Plan) -> Iterator[Violation]:
    first, last = problem.orders.earliest_day, problem.orders.latest_day
    day = problem.openings.day
    return _each_placed(
        Constraint.DAY_WINDOW,
        problem,
        plan,
        lambda j, b, _: (day[b] < first[j]) | (day[b] > last[j]),
    )


def _check_time(problem: Problem, plan: Plan) -> Iterator[Violation]:
    orders, minutes, start = problem.orders, problem.pairs.minutes, plan.start_minute
    return _each_placed(
        Constraint.TIME_WINDOW,
        problem,
        plan,
        lambda j, _, p: (
            (start[j] < orders.earliest_minute[j])
            | (start[j] > orders.latest_minute[j] - minutes[p])
        ),
    )


def _check_inside(problem: Problem, plan: Plan) -> Iterator[Violation]:
    openings, minutes, start = (
        problem.openings,
        problem.pairs.minutes,
        plan.start_minute,
    )
    end = openings.begin_minute + openings.minutes
    return _each_placed(
        Constraint.INSIDE_OPENING,
        problem,
        plan,
        lambda j, b, p: (
            (start[j] < openings.begin_minute[b]) | (start[j] > end[b] - minutes[p])
        ),
    )


def _check_capacity(problem: Problem, plan: Plan) -> Iterator[Violation]:
    j = np.flatnonzero(plan.opening != UNPLACED)
    used = np.zeros(len(problem.openings.key), np.int64)
    np.add.at(used, plan.opening[j], problem.pairs.minutes[plan.pair[j]])
    for b in np.flatnonzero(used > problem.openings.minutes):
        yield Violation(
            Constraint.CAPACITY,
            (problem.openings.key[b],),
            named(used=used[b], minutes=problem.openings.minutes[b]),
        )


def _overlaps(
    constraint: Constraint,
    problem: Problem,
    plan: Plan,
    rows: Ints,
    group: Ints,
    gap: int,
) -> Iterator[Violation]:
    """Yield the neighbours in time, within a group and day, that come too close.

    Each exam is compared with the one before it that ends last, so that none is
    missed where several overlap.
    """
    day = problem.openings.day[plan.opening[rows]]
    start = plan.start_minute[rows]
    sort = np.lexsort((start, day, group))
    latest: tuple[int, int] | None = None
    here: tuple[int, int] | None = None
    for i in sort:
        j = int(rows[i])
        where = int(group[i]), int(day[i])
        begin = int(start[i])
        end = begin + int(problem.pairs.minutes[plan.pair[j]])
        if where != here:
            here, latest = where, None
        if latest is not None and begin < latest[0] + gap:
            yield Violation(
                constraint,
                (problem.orders.key[latest[1]], problem.orders.key[j]),
                named(day=where[1], ends=latest[0], starts=begin),
            )
        if latest is None or end > latest[0]:
            latest = end, j


def _check_overlap(problem: Problem, plan: Plan) -> Iterator[Violation]:
    rows = np.flatnonzero(plan.opening != UNPLACED)
    starts = problem.openings.scanner_start
    scanner = np.repeat(np.arange(len(problem.scanner_key)), np.diff(starts))
    group = scanner[plan.opening[rows]]
    return _overlaps(
        Constraint.NO_OVERLAP_ON_SCANNER, problem, plan, rows, group, gap=0
    )


def _check_patient(problem: Problem, plan: Plan) -> Iterator[Violation]:
    patient = problem.orders.patient
    rows = np.flatnonzero((plan.opening != UNPLACED) & (patient >= 0))
    return _overlaps(
        Constraint.PATIENT_OVERLAP,
        problem,
        plan,
        rows,
        patient[rows],
        gap=PATIENT_GAP_MINUTES,
    )


def _check_ceiling(problem: Problem, plan: Plan) -> Iterator[Violation]:
    contract = problem.openings.contract[plan.opening[plan.opening != UNPLACED]]
    ceiling = problem.contract_ceiling
    used = np.bincount(contract[contract >= 0], minlength=ceiling.shape[0])
    for k in np.flatnonzero(used > ceiling):
        yield Violation(
            Constraint.CONTRACT_CEILING,
            (f"contract {k}",),
            named(used=used[k], ceiling=ceiling[k]),
        )


SLOT_CHECKS: dict[Constraint, Check] = {
    Constraint.PLAN_SHAPE: _check_shape,
    Constraint.KNOWN_ROWS: _check_rows,
    Constraint.ELIGIBLE_SCANNER: _check_scanner,
    Constraint.LIST_TYPE: _check_list_type,
    Constraint.DAY_WINDOW: _check_day,
    Constraint.TIME_WINDOW: _check_time,
    Constraint.INSIDE_OPENING: _check_inside,
    Constraint.CAPACITY: _check_capacity,
    Constraint.NO_OVERLAP_ON_SCANNER: _check_overlap,
    Constraint.PATIENT_OVERLAP: _check_patient,
    Constraint.CONTRACT_CEILING: _check_ceiling,
}
"""The rules of a single slot and how each is checked."""

MEANINGLESS = (Constraint.PLAN_SHAPE, Constraint.KNOWN_ROWS)
"""Broken, these leave the other rules without a meaning."""
