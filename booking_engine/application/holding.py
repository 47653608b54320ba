"""Slots kept for a patient who has yet to answer: held, confirmed, released, lapsed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from booking_engine.application.announcing import appointment_event
from booking_engine.application.appointment_versions import seen, stored
from booking_engine.application.booking import (
    decide,
)
from booking_engine.application.commands import (
    ConfirmHold,
    ExpireHolds,
    HoldSlot,
    ReleaseHold,
)
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.parting import unflag_siblings
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slot_rules import check_slot
from booking_engine.application.slots import reasons_for
from booking_engine.application.vetting import (
    refuse_if_not_bookable,
    refuse_if_slot_does_not_fit,
)
from booking_engine.domain.decisions import DecisionKind
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.errors import (
    HoldExpired,
    NotBookable,
    TransitionRefused,
)
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import AppointmentId
from booking_engine.domain.orders import Action, OrderStatus
from booking_engine.domain.schedule import Appointment, AppointmentStatus


def hold_slot(command: HoldSlot, uow: UnitOfWork, context: Context) -> Appointment:
    """Keep a slot until the hold expires; the order goes on waiting.

    Raises
    ------
    NotBookable, RulesBroken, SlotTaken, PatientBusy
        What forbids it.
    """
    uow.prefetch_booking(command.order_id, command.session_id)
    order = uow.orders.get(command.order_id)
    refuse_if_not_bookable(order, uow)
    if order.status is not OrderStatus.WAITING:
        raise NotBookable(f"Order {order.id} is {order.status}, not waiting.")
    session = uow.schedule.session(command.session_id)
    minutes = exam_minutes(order, uow.catalogue())
    check_slot(order, session, command.starts_at, minutes, uow, context)
    hold = Appointment(
        id=AppointmentId(context.ids("A")),
        order_id=order.id,
        session_id=session.id,
        scanner=session.scanner,
        patient=order.content.patient.key,
        starts_at=command.starts_at,
        ends_at=command.starts_at + timedelta(minutes=minutes),
        status=AppointmentStatus.HELD,
        decision_id=None,
        expires_at=context.now + context.policy.hold_for,
    )
    uow.schedule.add(hold)
    uow.flush()
    return hold


def confirm_hold(
    command: ConfirmHold, uow: UnitOfWork, context: Context
) -> Appointment:
    """Turn a hold into a booking.

    Raises
    ------
    HoldExpired
        It lapsed, was released, or is not a hold.
    StaleVersion
        The caller saw another version.
    NotBookable
        The order changed meanwhile and is not bookable any more.
    """
    hold = seen(uow.schedule.appointment(command.appointment_id), command.version)
    lapsed = hold.expires_at is not None and hold.expires_at <= context.now
    if hold.status is not AppointmentStatus.HELD or lapsed:
        raise HoldExpired(
            f"Hold {hold.id} has lapsed or was released; search for a slot again."
        )
    order = uow.orders.get(hold.order_id)
    refuse_if_not_bookable(order, uow)
    booked_order = order.after(Action.BOOK, context.now)
    refuse_if_slot_does_not_fit(order, uow, context)
    reasons = reasons_for(
        order,
        uow.schedule.session(hold.session_id),
        hold.starts_at,
        exam_minutes(order, uow.catalogue()),
        uow,
        context,
    )
    decision = decide(
        order,
        reasons,
        DecisionKind.BY_PERSON,
        uow,
        context,
        appointment_id=hold.id,
    )
    booked = replace(
        hold,
        status=AppointmentStatus.BOOKED,
        expires_at=None,
        decision_id=decision.id,
        told=True,
    )
    uow.schedule.save(booked)
    save_change(order, booked_order, Action.BOOK, uow, context, note=decision.id)
    uow.outbox.add(
        appointment_event(EventKind.APPOINTMENT_BOOKED, order, booked, uow, context)
    )
    unflag_siblings(order, booked, uow, context)
    return stored(booked)


def release_hold(
    command: ReleaseHold, uow: UnitOfWork, context: Context
) -> Appointment:
    """Give a held slot back; releasing twice changes nothing.

    Raises
    ------
    TransitionRefused
        It was confirmed; cancel the appointment instead.
    """
    del context
    hold = uow.schedule.appointment(command.appointment_id)
    if hold.status is AppointmentStatus.CANCELLED:
        return hold
    if hold.status is not AppointmentStatus.HELD:
        raise TransitionRefused(
            f"Appointment {hold.id} is {hold.status}; cancel it instead."
        )
    released = replace(
        hold,
        status=AppointmentStatus.CANCELLED,
        cancel_reason="hold released",
        expires_at=None,
    )
    uow.schedule.save(released)
    return stored(released)


def expire_holds(command: ExpireHolds, uow: UnitOfWork, context: Context) -> int:
    """Release every hold that has lapsed; return how many there were."""
    del command
    lapsed = uow.schedule.expired_holds(context.now)
    for hold in lapsed:
        uow.schedule.save(
            replace(
                hold,
                status=AppointmentStatus.CANCELLED,
                cancel_reason="hold lapsed",
                expires_at=None,
            )
        )
    return len(lapsed)
