"""A planning run: snapshot, solve, check, apply, with nothing locked while solving.

The plan is a proposal. Each booking of it is checked again when it is applied,
scanner-day by scanner-day; an order or slot that changed meanwhile is left for the
next run. Appointments that exist are frozen: a run never moves a patient who has been
told (HAZ-10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from booking_engine.application.booking import place_checked
from booking_engine.application.commands import ApplyPlan, PlannedBooking
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slots import (
    choice_of,
    exclusions,
    inputs_of,
    option_terms,
    plain,
    price_of,
    runner_up_of,
)
from booking_engine.application.snapshot import (
    Snapshot,
    session_of,
    take_snapshot,
)
from booking_engine.domain.decisions import DecisionKind, Reasons
from booking_engine.domain.errors import DomainError
from booking_engine.domain.exams import is_bookable
from booking_engine.domain.identifiers import (
    ContractId,
    OrderId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.prices import PriceBook
from booking_engine.domain.vocabulary import BookingMode
from solver.check import verify
from solver.explain import Explanation, explain_all
from solver.limits import Limits
from solver.plan import UNPLACED, Plan
from solver.problem import Problem

log = logging.getLogger(__name__)

Solve = Callable[..., Plan]


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
    until = context.now + timedelta(days=context.policy.horizon_days)
    return take_snapshot(
        [order for order in waiting if order.id not in held],
        uow.schedule.free_time(context.now, until),
        uow.catalogue(),
        contract_use=uow.schedule.contract_use(),
        now=context.now,
        policy=context.policy,
    )


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


def bookings_of(snapshot: Snapshot, plan: Plan) -> list[list[PlannedBooking]]:
    """Return the plan in our words, grouped by day and scanner."""
    groups: dict[tuple[int, ScannerId], list[PlannedBooking]] = {}
    explained = explain_all(snapshot.problem, plan)
    for row, explanation in enumerate(explained):
        if plan.opening[row] == UNPLACED:
            continue
        reasons = _reasons(snapshot, plan, row, explanation)
        order = snapshot.orders[row]
        day = int(snapshot.problem.openings.day[plan.opening[row]])
        groups.setdefault((day, reasons.chosen.scanner), []).append(
            PlannedBooking(order.id, order.version, reasons)
        )
    return [groups[key] for key in sorted(groups)]


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
    return Reasons(
        chosen=choice,
        inputs={**inputs_of(snapshot, row), "chosen": plain(choice)},
        options=explanation.options,
        excluded=snapshot.exclusions_of(row) + exclusions(explanation),
        runner_up=runner_up_of(snapshot, explanation),
    )


def apply_plan(command: ApplyPlan, uow: UnitOfWork, context: Context) -> Applied:
    """Book what a plan gave to one scanner on one day.

    Every booking is checked anew; what changed since the snapshot loses alone.
    """
    orders = uow.orders.get_many(b.order_id for b in command.bookings)
    booked: list[OrderId] = []
    lost: list[tuple[OrderId, str]] = []
    for booking in command.bookings:
        order = orders.get(booking.order_id)
        if order is None or order.version != booking.order_version:
            lost.append((booking.order_id, "order.changed"))
            continue
        try:
            with uow.savepoint():
                place_checked(
                    order,
                    booking.reasons,
                    DecisionKind.PLANNED,
                    uow,
                    context,
                    plan_run_id=command.plan_run_id,
                )
        except DomainError as error:
            lost.append((booking.order_id, error.code))
            continue
        booked.append(booking.order_id)
    return Applied(tuple(booked), tuple(lost))


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
    for key, price in zip(
        problem.openings.key, plan.certificate.minute_price.tolist(), strict=True
    ):
        session = session_of(key)
        minute[session] = max(minute.get(session, 0), price)
    exam = plan.certificate.exam_price.tolist()
    same = len(contracts) == len(exam)
    return PriceBook(
        minute=minute, exam=dict(zip(contracts, exam, strict=True)) if same else {}
    )
