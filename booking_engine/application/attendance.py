"""What happened on the day: the patient arrived, was scanned, or did not come."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.announcing import appointment_event, besides_teller
from booking_engine.application.commands import EnterInError, RecordOutcome, RelistOrder
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.clock import local_date
from booking_engine.domain.errors import InvalidValue, StaleVersion, TransitionRefused
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import Action, ImagingOrder, OrderStatus
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from booking_engine.domain.waiting import ClockEvent, ClockReason

OUTCOMES: dict[str, tuple[Action, AppointmentStatus, ClockReason | None]] = {
    "arrived": (Action.ARRIVE, AppointmentStatus.ARRIVED, None),
    "performed": (
        Action.PERFORM,
        AppointmentStatus.PERFORMED,
        ClockReason.PERFORMED,
    ),
    "did_not_attend": (
        Action.MISS,
        AppointmentStatus.DID_NOT_ATTEND,
        ClockReason.DID_NOT_ATTEND,
    ),
}
"""What each outcome does to the order, the appointment and the clock."""

_TOLD_AS = {
    AppointmentStatus.ARRIVED: EventKind.ARRIVED,
    AppointmentStatus.PERFORMED: EventKind.PERFORMED,
    AppointmentStatus.DID_NOT_ATTEND: EventKind.DID_NOT_ATTEND,
}
_LIVE = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED})


def record_outcome(
    command: RecordOutcome, uow: UnitOfWork, context: Context
) -> Appointment:
    """Record what happened; a missed appointment restarts the clock (DM01).

    Raises
    ------
    InvalidValue
        No such outcome.
    StaleVersion
        The caller saw another version.
    TransitionRefused
        The appointment has ended or has not come yet, or the order's state does not
        allow it.
    """
    if command.outcome not in OUTCOMES:
        raise InvalidValue(
            f"Outcome {command.outcome!r} is not known; use one of"
            f" {', '.join(OUTCOMES)}."
        )
    action, status, reason = OUTCOMES[command.outcome]
    appointment = _seen(
        uow.schedule.appointment(command.appointment_id), command.version
    )
    _refuse_untimely(appointment, status, context)
    order = uow.orders.get(appointment.order_id)
    after = order.after(action, context.now)
    if reason is not None:
        clock = order.clock.after(reason, local_date(appointment.starts_at))
        after = replace(after, clock=clock)
        uow.orders.log_clock(
            ClockEvent(order.id, context.now, reason, clock.started_on)
        )
    changed = replace(appointment, status=status)
    uow.schedule.save(changed)
    save_change(order, after, action, uow, context)
    event = appointment_event(_TOLD_AS[status], order, changed, uow, context)
    uow.outbox.add(besides_teller(event, context))
    return replace(changed, version=changed.version + 1)


def enter_in_error(
    command: EnterInError, uow: UnitOfWork, context: Context
) -> Appointment:
    """End an appointment that should never have been recorded; the order waits again.

    The clock goes on, for nobody cancelled anything; the number is never given again.

    Raises
    ------
    StaleVersion
        The caller saw another version.
    TransitionRefused
        The appointment is neither booked nor arrived.
    """
    old = _seen(uow.schedule.appointment(command.appointment_id), command.version)
    if old.status not in _LIVE:
        raise TransitionRefused(
            f"Appointment {old.id} is {old.status}; only one that is booked or arrived"
            " can have been entered in error."
        )
    order = uow.orders.get(old.order_id)
    ended = replace(
        old,
        status=AppointmentStatus.ENTERED_IN_ERROR,
        cancel_reason=command.reason,
    )
    uow.schedule.save(ended)
    after = order.relisted(Action.UNBOOK, context.now)
    save_change(order, after, Action.UNBOOK, uow, context, note=command.reason)
    event = appointment_event(
        EventKind.ENTERED_IN_ERROR, order, ended, uow, context, reason=command.reason
    )
    others = tuple(p for p in event.audience if f"interface:{p}" != context.actor)
    uow.outbox.add(replace(event, audience=others))
    return replace(ended, version=ended.version + 1)


def relist_order(
    command: RelistOrder, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Put a patient who did not come back on the list (HAZ-2).

    Raises
    ------
    TransitionRefused
        The patient did not miss an appointment.
    NotBookable
        A safety answer blocks by now.
    """
    order = uow.orders.get(command.order_id)
    if order.status is not OrderStatus.DID_NOT_ATTEND:
        raise TransitionRefused(
            f"Order {order.id} is {order.status}: only one whose patient did not attend"
            " is listed again."
        )
    listed = order.relisted(Action.LIST, context.now)
    if listed.status is OrderStatus.WAITING:
        refuse_if_not_bookable(order, uow)
    save_change(order, listed, Action.LIST, uow, context, note=command.note)
    return listed


def _seen(appointment: Appointment, version: int | None) -> Appointment:
    if version is not None and version != appointment.version:
        raise StaleVersion(
            f"Appointment {appointment.id} is at version {appointment.version}, not"
            f" {version}; read it again."
        )
    return appointment


def _refuse_untimely(
    appointment: Appointment, status: AppointmentStatus, context: Context
) -> None:
    """Raise unless the appointment is live, and its time has come."""
    if appointment.status not in _LIVE:
        raise TransitionRefused(
            f"Appointment {appointment.id} is {appointment.status}; record outcomes on"
            " the one that is booked."
        )
    missed_early = (
        status is AppointmentStatus.DID_NOT_ATTEND
        and context.now < appointment.starts_at
    )
    if missed_early or local_date(context.now) < local_date(appointment.starts_at):
        raise TransitionRefused(
            f"Appointment {appointment.id} has not come yet; move or cancel it instead."
        )
