"""A repair in our words: the lines of a rebooking, and what they cost.

Nothing is shown that the independent checker has not accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from booking_engine.application.rebooking_problem import Booked, Disruption
from booking_engine.application.slots import (
    choice_of,
    exclusions,
    inputs_of,
    option_terms,
    plain,
    price_of,
    runner_up_of,
)
from booking_engine.domain.decisions import MoveCause, Reasons
from booking_engine.domain.rebookings import (
    FrontierPoint,
    Line,
    LineOutcome,
)
from solver.check import cost_terms, violations
from solver.explain import Explanation, explain_all
from solver.plan import UNPLACED, Certificate, CostTerms, Plan
from solver.problem import Ints
from solver.repair import Repair
from solver.repair_options import Places

NO_TERMS = CostTerms(0, 0, 0, 0, 0, 0)


class RebookingRefused(Exception):
    """The checker found fault with a repair, so nothing of it is shown."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the solver proposes, before it is stored.

    Parameters
    ----------
    lines
        Numbered from 1: the affected, then those who make room.
    cost, gap, seconds
        As in `Rebooking`.
    """

    lines: tuple[Line, ...]
    frontier: tuple[FrontierPoint, ...]
    cost: int
    gap: float | None
    seconds: float


def proposed(
    disruption: Disruption,
    repair: Repair,
    *,
    steps: Iterable[Repair] = (),
    fixed: Sequence[Line] = (),
) -> Proposed:
    """Return a repair in our words, once the checker has accepted it.

    Parameters
    ----------
    steps
        Of the frontier; the repair itself is one by default.
    fixed
        Lines of the affected that cannot be moved at all; they are numbered last.

    Raises
    ------
    RebookingRefused
        With the first fault that the checker found.
    """
    plan = checked(disruption, repair.places)
    explained = explain_all(disruption.damage.problem, plan)
    rows = [*disruption.damage.displaced.tolist(), *repair.moved.tolist()]
    lines = [
        _line(disruption, plan, row, explained[row], number)
        for number, row in enumerate(rows, 1)
    ]
    lines += [
        replace(line, number=number) for number, line in enumerate(fixed, len(rows) + 1)
    ]
    points = [_point(disruption, one, len(fixed)) for one in steps or (repair,)]
    return Proposed(
        lines=tuple(_with_needs(line, lines) for line in lines),
        frontier=tuple(sorted(points, key=lambda point: point.moved)),
        cost=_cost(disruption, plan),
        gap=repair.gap,
        seconds=repair.seconds,
    )


def fixed_line(booked: Booked, obstacle: str) -> Line:
    """Return the line of an affected booking that cannot be moved, not yet numbered."""
    return replace(
        _unplaced(booked, MoveCause.CLOSED, 0, 0, ()),
        obstacle=obstacle,
    )


def checked(disruption: Disruption, places: Places) -> Plan:
    """Return the places as a plan, once the checker has accepted them.

    Raises
    ------
    RebookingRefused
        With the first fault that the checker found.
    """
    damage = disruption.damage
    plan = Plan(
        opening=places.opening,
        pair=places.pair,
        start_minute=places.start_minute,
        terms=NO_TERMS,
        certificate=Certificate(damage.minute_price, damage.exam_price, 0),
        seconds=0.0,
    )
    for fault in violations(damage.problem, plan):
        raise RebookingRefused(f"The rebooking was refused by the checker: {fault}.")
    return plan


def _line(
    disruption: Disruption,
    plan: Plan,
    row: int,
    explanation: Explanation,
    number: int,
) -> Line:
    snapshot, booked = disruption.snapshot, disruption.bookings[row]
    cause = (
        MoveCause.CLOSED
        if row < disruption.damage.displaced.size
        else MoveCause.MAKES_ROOM
    )
    excluded = snapshot.exclusions_of(row) + exclusions(explanation)
    line = _unplaced(booked, cause, number, explanation.options, excluded)
    opening, pair = int(plan.opening[row]), int(plan.pair[row])
    if opening == UNPLACED:
        return line
    choice = choice_of(
        snapshot,
        opening=opening,
        pair=pair,
        start_minute=int(plan.start_minute[row]),
        terms=option_terms(snapshot, row, opening, pair),
        price=price_of(snapshot, disruption.prices, opening, pair),
    )
    day = int(snapshot.problem.openings.day[opening])
    return replace(
        line,
        to=Reasons(
            chosen=choice,
            inputs={
                **inputs_of(snapshot, row),
                "chosen": plain(choice),
                "moved": {
                    "cause": cause.value,
                    "scanner": booked.appointment.scanner,
                    "starts_at": booked.appointment.starts_at.isoformat(),
                },
            },
            options=explanation.options,
            excluded=excluded,
            runner_up=runner_up_of(snapshot, explanation),
        ),
        breach=day >= int(snapshot.problem.orders.breach_day[row]),
        outcome=LineOutcome.OPEN,
    )


def _unplaced(
    booked: Booked,
    cause: MoveCause,
    number: int,
    options: int,
    excluded: tuple[tuple[str, int], ...],
) -> Line:
    one = booked.appointment
    return Line(
        number=number,
        order_id=booked.order.id,
        appointment_id=one.id,
        appointment_version=one.version,
        cause=cause,
        scanner=one.scanner,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        to=None,
        options=options,
        excluded=excluded,
        breach=True,
        outcome=LineOutcome.NO_PLACE,
    )


def _with_needs(line: Line, lines: Sequence[Line]) -> Line:
    """Return a line with those whose present slots it is to have."""
    if line.to is None:
        return line
    chosen = line.to.chosen
    ends_at = chosen.ends_at
    needs = tuple(
        other.number
        for other in lines
        if other.number != line.number
        and other.cause is MoveCause.MAKES_ROOM
        and other.scanner == chosen.scanner
        and other.starts_at < ends_at
        and chosen.starts_at < other.ends_at
    )
    return replace(line, needs=needs)


def _point(disruption: Disruption, repair: Repair, fixed: int) -> FrontierPoint:
    return FrontierPoint(
        moved=int(repair.moved.size),
        breaches=repair.breaches + fixed,
        no_place=int(repair.unplaced.size) + fixed,
        cost=_cost(disruption, checked(disruption, repair.places)),
    )


def _cost(disruption: Disruption, plan: Plan) -> int:
    """Return what the plan costs more than those cost who need not move at all."""
    damage = disruption.damage
    before = replace(
        plan,
        opening=damage.opening,
        pair=damage.pair,
        start_minute=damage.start_minute,
    )
    without_place: Ints = damage.problem.orders.unplaced_cost[damage.displaced]
    return (
        cost_terms(damage.problem, plan).total
        - cost_terms(damage.problem, before).total
        + int(np.sum(without_place))
    )
