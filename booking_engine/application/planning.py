"""A planning run: snapshot, solve, check, apply, with nothing locked while solving.

The plan is a proposal. Each booking of it is checked again when it is applied,
scanner-day by scanner-day; an order or slot that changed meanwhile is left for the
next run. Appointments that exist are frozen: a run never moves a patient who has been
told (HAZ-10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np

from booking_engine.application.booking import place_checked
from booking_engine.application.commands import ApplyPlan, PlannedBooking
from booking_engine.application.context import Context
from booking_engine.application.free_time import session_of
from booking_engine.application.guarded_waits import with_waits_guarded
from booking_engine.application.linked_snapshot import (
    parted,
    visit_rows,
    with_links,
)
from booking_engine.application.planned_room import with_room_kept
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.siblings import exams_of, groups_of
from booking_engine.application.slots import (
    choice_of,
    exclusions,
    inputs_of,
    option_terms,
    plain,
    price_of,
    runner_up_of,
)
from booking_engine.application.snapshot import Snapshot, take_snapshot
from booking_engine.domain.decisions import DecisionKind, Reasons
from booking_engine.domain.errors import DomainError
from booking_engine.domain.exams import is_bookable
from booking_engine.domain.identifiers import (
    ContractId,
    OrderId,
    PlanRunId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.linked_exams import Arranged, Way, arranged
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.policy import Policy
from booking_engine.domain.prices import PriceBook
from booking_engine.domain.vocabulary import BookingMode
from solver.check import verify
from solver.explain import Explanation, explain_all
from solver.kept_room import stand_in_prices
from solver.limits import Limits
from solver.plan import UNPLACED, Plan
from solver.problem import Problem

log = logging.getLogger(__name__)

Solve = Callable[..., Plan]

ORDER_CHANGED: Final = "order.changed"
VISIT_LOST: Final = "visit.lost"
"""Code of a booking that was left because another of its visit could not be made."""


class PlanRefused(Exception):
    """The checker found fault with a plan, so nothing of it is applied."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one scanner-day of a plan.

    Parameters
    ----------
    booked
        Orders that now have an appointment.
    lost
        Orders left for the next run, each with the code of what had changed.
    """

    booked: tuple[OrderId, ...]
    lost: tuple[tuple[OrderId, str], ...]


def snapshot_of(uow: UnitOfWork, context: Context) -> Snapshot:
    """Read what a run plans: vetted, waiting, automatic orders and open time."""
    catalogue = uow.catalogue()
    waiting: list[ImagingOrder] = []
    for order in uow.orders.with_status([OrderStatus.WAITING]):
        if order.mode is not BookingMode.AUTO or order.vetting is None:
            continue
        if order.content.priority is None or not is_bookable(order.content, catalogue):
            # A catalogue that lost a procedure must not stop everybody's plan.
            log.error(
                "order cannot be planned; a person must look",
                extra={"event": "plan.left_out", "order_id": order.id},
            )
            continue
        waiting.append(order)
    held = uow.schedule.live_appointments([order.id for order in waiting])
    ready = [order for order in waiting if order.id not in held]
    ways = _ways(ready, uow, context)
    left = {one.order.id for one in ways if one.way is Way.WAITS}
    until = context.now + timedelta(days=context.policy.horizon_days)
    plain = take_snapshot(
        [order for order in ready if order.id not in left],
        uow.schedule.free_time(context.now, until),
        context.network(catalogue),
        contract_use=uow.schedule.contract_use(),
        now=context.now,
        policy=context.policy,
    )
    kept = with_room_kept(_with_gaps_priced(plain, context.policy), context)
    guarded = with_waits_guarded(kept, context.policy)
    return with_links(guarded, ways, catalogue, context.policy.exam_pairs)


def _with_gaps_priced(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """Return the snapshot whose plan pays for idle time too short for any exam."""
    gaps, problem = policy.unusable_gaps, snapshot.problem
    if not gaps.counted:
        return snapshot
    weights = replace(
        problem.rules.weights,
        gap_minutes=gaps.minutes,
        gap_cost=gaps.cost_per_minute,
    )
    rules = replace(problem.rules, weights=weights)
    return replace(snapshot, problem=replace(problem, rules=rules))


def _ways(
    ready: Sequence[ImagingOrder], uow: UnitOfWork, context: Context
) -> list[Arranged]:
    """Return how each order that has a group is planned."""
    groups = groups_of(ready, uow, ready={order.id for order in ready})
    return [
        one
        for members in groups.values()
        for one in arranged(members, now=context.now, policy=context.policy)
    ]


def solve_checked(
    snapshot: Snapshot, *, limits: Limits, solve: Solve, **more: object
) -> Plan:
    """Solve, and let the independent checker look before anything is applied.

    Raises
    ------
    PlanRefused
        With the first fault that the checker found.
    """
    plan = solve(snapshot.problem, limits=limits, **more)
    verdict = verify(snapshot.problem, plan)
    if not verdict.accepted:
        fault = [*verdict.violations, *verdict.false_claims][0]
        raise PlanRefused(f"The plan was refused by the checker: {fault}.")
    return plan


def solve_linked(
    snapshot: Snapshot, *, limits: Limits, solve: Solve, **more: object
) -> tuple[Snapshot, Plan]:
    """Solve, and once more where an exam that cannot wait was left out for its visit.

    The second time it is planned by itself, at no disadvantage to anybody: neither
    plan has been applied.

    Returns
    -------
    tuple
        The plan, and the snapshot that it is of.

    Raises
    ------
    PlanRefused
        With the first fault that the checker found.
    """
    plan = solve_checked(snapshot, limits=limits, solve=solve, **more)
    again = parted(snapshot, plan)
    if again is None:
        return snapshot, plan
    log.info("visits parted", extra={"event": "plan.visits_parted"})
    return again, solve_checked(again, limits=limits, solve=solve, **more)


def bookings_of(snapshot: Snapshot, plan: Plan) -> list[list[PlannedBooking]]:
    """Return the plan in our words, grouped by day and scanner, then by visit."""
    visits = visit_rows(snapshot)
    visit_of = {row: visit for visit, rows in enumerate(visits) for row in rows}
    groups: dict[tuple[int, ScannerId], list[PlannedBooking]] = {}
    of_visits: dict[int, list[PlannedBooking]] = {}
    # Behind the orders are those who stand in for urgent ones to come.
    explained = explain_all(snapshot.problem, plan)[: len(snapshot.orders)]
    for row, explanation in enumerate(explained):
        if plan.opening[row] == UNPLACED:
            continue
        reasons = _reasons(snapshot, plan, row, explanation)
        order = snapshot.orders[row]
        visit = visit_of.get(row)
        if visit is not None:
            assert snapshot.links is not None, "a visit is one of the links"
            waits = snapshot.links.arranged[row].can_wait
            booking = PlannedBooking(order.id, order.version, reasons, visit, waits)
            of_visits.setdefault(visit, []).append(booking)
            continue
        day = int(snapshot.problem.openings.day[plan.opening[row]])
        groups.setdefault((day, reasons.chosen.scanner), []).append(
            PlannedBooking(order.id, order.version, reasons)
        )
    return [groups[key] for key in sorted(groups)] + list(of_visits.values())


def _reasons(
    snapshot: Snapshot, plan: Plan, row: int, explanation: Explanation
) -> Reasons:
    opening, pair = int(plan.opening[row]), int(plan.pair[row])
    choice = choice_of(
        snapshot,
        opening=opening,
        pair=pair,
        start_minute=int(plan.start_minute[row]),
        terms=option_terms(snapshot, row, opening, pair),
        price=price_of(snapshot, plan.certificate, opening, pair),
    )
    linked = None if snapshot.links is None else snapshot.links.arranged.get(row)
    inputs = {**inputs_of(snapshot, row), "chosen": plain(choice)}
    if linked is not None:
        others = [other.id for other in linked.others]
        inputs["linked"] = {"way": linked.way.value, "orders": others}
    in_visit = linked is not None and linked.way is Way.TOGETHER
    return Reasons(
        chosen=choice,
        inputs=inputs,
        options=explanation.options,
        excluded=snapshot.exclusions_of(row) + exclusions(explanation),
        # Of one exam of a visit alone there is no other option to compare with.
        runner_up=None if in_visit else runner_up_of(snapshot, explanation),
        visit_with=() if linked is None else exams_of(linked.others),
    )


def apply_plan(command: ApplyPlan, uow: UnitOfWork, context: Context) -> Applied:
    """Book what a plan gave to one scanner on one day, or to one visit.

    Every booking is checked anew; what changed since the snapshot loses alone, or with
    its visit.
    """
    orders = uow.orders.get_many(b.order_id for b in command.bookings)
    booked: list[OrderId] = []
    lost: list[tuple[OrderId, str]] = []
    for bookings in _together(command.bookings):
        known = [orders.get(b.order_id) for b in bookings]
        changed = [
            order is None or order.version != booking.order_version
            for order, booking in zip(known, bookings, strict=True)
        ]
        if any(changed):
            codes = [ORDER_CHANGED if one else VISIT_LOST for one in changed]
        else:
            codes = _book(command.plan_run_id, known, bookings, uow, context)
        names = [b.order_id for b in bookings]
        if codes:
            lost += zip(names, codes, strict=True)
        else:
            booked += names
    return Applied(tuple(booked), tuple(lost))


def _together(bookings: Iterable[PlannedBooking]) -> Iterator[list[PlannedBooking]]:
    """Yield what is booked or lost as one: a visit, or a single booking."""
    visits: dict[int, list[PlannedBooking]] = {}
    for booking in bookings:
        if booking.visit is None:
            yield [booking]
        else:
            visits.setdefault(booking.visit, []).append(booking)
    yield from visits.values()


def _book(
    plan_run_id: PlanRunId,
    orders: Sequence[ImagingOrder | None],
    bookings: Sequence[PlannedBooking],
    uow: UnitOfWork,
    context: Context,
) -> list[str]:
    """Book all of these or none; return why not, one code each."""
    done = 0
    try:
        with uow.savepoint():
            for order, booking in zip(orders, bookings, strict=True):
                assert order is not None, "only what is there is booked"
                place_checked(
                    order,
                    booking.reasons,
                    DecisionKind.PLANNED,
                    uow,
                    context,
                    plan_run_id=plan_run_id,
                )
                done += 1
    except DomainError as error:
        # One refused while leaving is nobody's in particular: then all are named.
        return [
            error.code if n == done or done == len(bookings) else VISIT_LOST
            for n in range(len(bookings))
        ]
    return []


def price_book(
    problem: Problem, plan: Plan, contracts: Sequence[ContractId]
) -> PriceBook:
    """Return the plan's prices by session and by contract.

    Where a session is cut into several openings, its dearest counts.

    Parameters
    ----------
    contracts
        By row of the problem; those of another catalogue are left without a price.
    """
    minute: dict[SessionId, int] = {}
    # A search weighs those to come itself: they must not count twice.
    prices = plan.certificate.minute_price - stand_in_prices(problem, plan)
    for key, price in zip(
        problem.openings.key, np.maximum(prices, 0).tolist(), strict=True
    ):
        session = session_of(key)
        minute[session] = max(minute.get(session, 0), price)
    exam = plan.certificate.exam_price.tolist()
    same = len(contracts) == len(exam)
    return PriceBook(
        minute=minute, exam=dict(zip(contracts, exam, strict=True)) if same else {}
    )
