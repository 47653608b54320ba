"""Slots for people and for urgent orders: book, move, cancel; `holding` keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from booking_engine.application.announcing import appointment_event
from booking_engine.application.appointment_versions import seen, stored
from booking_engine.application.booking import (
    decide,
    place,
    place_checked,
    refuse_if_holding,
)
from booking_engine.application.commands import (
    BookChosen,
    BookSlot,
    CancelAppointment,
    MoveAppointment,
)
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.parting import flag_siblings, unflag_siblings
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slot_rules import check_slot
from booking_engine.application.slots import reasons_for
from booking_engine.application.vetting import (
    refuse_if_not_bookable,
)
from booking_engine.domain.clock import local_date
from booking_engine.domain.decisions import DecisionKind, Reasons
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.errors import (
    StaleVersion,
    TransitionRefused,
)
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.orders import Action, ImagingOrder
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from booking_engine.domain.waiting import ClockEvent, ClockReason


def book_slot(command: BookSlot, uow: UnitOfWork, context: Context) -> Appointment:
    """Book the slot that a person chose.

    Raises
    ------
    NotBookable, RulesBroken, SlotTaken, PatientBusy, TransitionRefused
        What forbids it.
    """
    uow.prefetch_booking(command.order_id, command.session_id)
    order = uow.orders.get(command.order_id)
    refuse_if_not_bookable(order, uow)
    refuse_if_holding(order, uow)
    reasons = _asked_for(order, command.session_id, command.starts_at, uow, context)
    appointment = place(order, reasons, DecisionKind.BY_PERSON, uow, context)
    uow.flush()
    return appointment


def book_chosen(command: BookChosen, uow: UnitOfWork, context: Context) -> Appointment:
    """Book the slot that the engine has just found.

    Raises
    ------
    StaleVersion
        The order changed since the search.
    NotBookable, RulesBroken, SlotTaken, PatientBusy, TransitionRefused
        What forbids it by now.
    """
    order = uow.orders.get(command.order_id)
    if order.version != command.order_version:
        raise StaleVersion(f"Order {order.id} changed since the search; search again.")
    appointment = place_checked(
        order, command.reasons, DecisionKind.ON_ARRIVAL, uow, context
    )
    uow.flush()
    return appointment


def move_appointment(
    command: MoveAppointment, uow: UnitOfWork, context: Context
) -> Appointment:
    """Give a booked order another slot, by a person's word; the clock goes on.

    Raises
    ------
    StaleVersion
        The caller saw another version, or the exam takes longer than was proposed.
    TransitionRefused
        The appointment is not booked (arrived patients are not moved).
    RulesBroken, SlotTaken, PatientBusy
        What forbids the new slot.
    """
    old = _booked(
        seen(uow.schedule.appointment(command.appointment_id), command.version)
    )
    order = uow.orders.get(old.order_id)
    refuse_if_not_bookable(order, uow)
    asked = command.session_id, command.starts_at
    if command.proposed is None:
        kind, reasons = DecisionKind.BY_PERSON, _asked_for(order, *asked, uow, context)
    else:
        kind, reasons = DecisionKind.REBOOKED, command.proposed
        _check_still(reasons, order, uow, context)
    decision = decide(
        order,
        reasons,
        kind,
        uow,
        context,
        appointment_id=old.id,
        moved=command.moved,
    )
    chosen = reasons.chosen
    moved = replace(
        old,
        session_id=chosen.session_id,
        scanner=chosen.scanner,
        starts_at=chosen.starts_at,
        ends_at=chosen.starts_at + timedelta(minutes=chosen.minutes),
        decision_id=decision.id,
    )
    uow.schedule.save(moved)
    after = order.after(Action.MOVE, context.now).without_conflicts()
    save_change(order, after, Action.MOVE, uow, context, note=command.reason)
    _tell_of_move(order, old, moved, command.reason, uow, context)
    flag_siblings(order, old, moved, uow, context)
    unflag_siblings(order, moved, uow, context)
    uow.flush()
    return stored(moved)


def _tell_of_move(
    order: ImagingOrder,
    old: Appointment,
    moved: Appointment,
    reason: str,
    uow: UnitOfWork,
    context: Context,
) -> None:
    """Tell of a move: one message within a diary, a cancel and a booking across."""
    catalogue = uow.catalogue()
    before = catalogue.site_of(old.scanner).diary_partner
    after = catalogue.site_of(moved.scanner).diary_partner
    if before == after:
        event = appointment_event(
            EventKind.APPOINTMENT_MOVED, order, moved, uow, context, reason=reason
        )
        uow.outbox.add(event)
        return
    placer = order.partner
    # The placer keeps the appointment whichever diary it lies in: for it, it moved.
    tellings = {
        before: (EventKind.APPOINTMENT_CANCELLED, old),
        after: (EventKind.APPOINTMENT_BOOKED, moved),
        placer: (EventKind.APPOINTMENT_MOVED, moved),
    }
    for partner, (kind, appointment) in tellings.items():
        event = appointment_event(kind, order, appointment, uow, context, reason=reason)
        uow.outbox.add(replace(event, audience=(partner,)))


def cancel_appointment(
    command: CancelAppointment, uow: UnitOfWork, context: Context
) -> Appointment:
    """End an appointment beforehand; the order goes back to waiting (HAZ-2).

    Raises
    ------
    StaleVersion
        The caller saw another version.
    TransitionRefused
        The appointment is neither booked nor arrived.
    """
    old = seen(uow.schedule.appointment(command.appointment_id), command.version)
    if old.status is not AppointmentStatus.ARRIVED:
        old = _booked(old)
    order = uow.orders.get(old.order_id)
    reason = (
        ClockReason.PATIENT_CANCELLED
        if command.by_patient
        else ClockReason.HOSPITAL_CANCELLED
    )
    clock = order.clock.after(reason, local_date(old.starts_at))
    cancelled = replace(
        old, status=AppointmentStatus.CANCELLED, cancel_reason=command.reason
    )
    uow.schedule.save(cancelled)
    after = replace(order.relisted(Action.UNBOOK, context.now), clock=clock)
    save_change(order, after, Action.UNBOOK, uow, context, note=command.reason)
    uow.orders.log_clock(ClockEvent(order.id, context.now, reason, clock.started_on))
    event = appointment_event(
        EventKind.APPOINTMENT_CANCELLED,
        order,
        cancelled,
        uow,
        context,
        reason=command.reason,
    )
    told = tuple(partner for partner in event.audience if partner != command.told_by)
    uow.outbox.add(replace(event, audience=told))
    flag_siblings(order, old, None, uow, context)
    return stored(cancelled)


def _asked_for(
    order: ImagingOrder,
    session_id: SessionId,
    starts_at: datetime,
    uow: UnitOfWork,
    context: Context,
) -> Reasons:
    """Check the slot that was asked for, and say how it compares with the best."""
    session = uow.schedule.session(session_id)
    minutes = exam_minutes(order, uow.catalogue())
    check_slot(order, session, starts_at, minutes, uow, context)
    return reasons_for(order, session, starts_at, minutes, uow, context)


def _check_still(
    reasons: Reasons, order: ImagingOrder, uow: UnitOfWork, context: Context
) -> None:
    """Check anew a slot that was proposed a while ago."""
    chosen, minutes = reasons.chosen, exam_minutes(order, uow.catalogue())
    if minutes != chosen.minutes:
        raise StaleVersion(
            f"Order {order.id} takes {minutes} minutes now, not {chosen.minutes}; ask"
            " for another proposal."
        )
    session = uow.schedule.session(chosen.session_id)
    check_slot(order, session, chosen.starts_at, minutes, uow, context)


def _booked(appointment: Appointment) -> Appointment:
    if appointment.status is not AppointmentStatus.BOOKED:
        raise TransitionRefused(
            f"Appointment {appointment.id} is {appointment.status}, not booked."
        )
    return appointment
