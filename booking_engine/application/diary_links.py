"""How another diary's entries and our orders and bookings belong together.

The system that keeps a scanner's diary has the last word on it: a booking of ours
there is moved and cancelled when it says so. Elsewhere it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from booking_engine.application.announcing import appointment_event
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.context import Context
from booking_engine.application.diary_commands import OrderNumbers
from booking_engine.application.history import save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.vetting import safety_blocks
from booking_engine.domain.diary_entries import DiaryEntry, Stretch
from booking_engine.domain.errors import (
    InvalidValue,
    NotKnown,
    PatientBusy,
    SlotTaken,
    StaleVersion,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.exams import exam_of, is_bookable
from booking_engine.domain.identifiers import (
    AppointmentId,
    OrderId,
    PartnerId,
    PatientKey,
    ScannerId,
    SessionId,
)
from booking_engine.domain.order_names import filler_name
from booking_engine.domain.orders import TERMINAL, Action, ImagingOrder, OrderStatus
from booking_engine.domain.schedule import (
    Appointment,
    AppointmentStatus,
    ScanSession,
    SessionStatus,
)
from booking_engine.domain.vocabulary import ListType


def refuse_others_scanners(
    partner: PartnerId | None, scanners: Iterable[ScannerId | None], uow: UnitOfWork
) -> None:
    """Raise unless the diaries of all these scanners are the partner's.

    Raises
    ------
    NotKnown
        No such scanner.
    InvalidValue
        Somebody else keeps its diary.
    """
    catalogue = uow.catalogue()
    for scanner in dict.fromkeys(scanners):
        if scanner is None:
            continue
        keeper = catalogue.site_of(scanner).diary_partner
        if partner is not None and keeper != partner:
            raise InvalidValue(
                f"The diary of {scanner} is kept by {keeper or 'ourselves'}, not by"
                f" {partner}; correct the partner's resources, or the site's"
                " diary_partner."
            )


def our_appointment(
    partner: PartnerId | None,
    named: AppointmentId | None,
    entries: Sequence[DiaryEntry],
    uow: UnitOfWork,
) -> Appointment | None:
    """Return our appointment that is meant, if it lies in the partner's diary."""
    known = [e.appointment_id for e in entries if e.appointment_id is not None]
    for appointment_id in ([] if named is None else [named]) + known:
        try:
            found = uow.schedule.appointment(appointment_id)
        except NotKnown:
            continue
        if keeps(partner, found.scanner, uow):
            return found
    return None


def keeps(partner: PartnerId | None, scanner: ScannerId, uow: UnitOfWork) -> bool:
    """Return whether the partner keeps the diary of a scanner."""
    return uow.catalogue().site_of(scanner).diary_partner == partner


def order_of(
    partner: PartnerId | None, numbers: OrderNumbers | None, uow: UnitOfWork
) -> ImagingOrder | None:
    """Return the one order that the numbers name; none where several may be meant.

    A bare number never reaches another partner's order: two trusts number alike.
    """
    if numbers is None or partner is None:
        return None
    if numbers.filler_number:
        own = uow.orders.get_many([OrderId(numbers.filler_number)])
        if own:
            return next(iter(own.values()))
    if numbers.placer_number:
        found = uow.orders.placed_as(numbers.placer_authority, numbers.placer_number)
        if not numbers.placer_authority:
            found = [order for order in found if order.partner == partner]
        still = [order for order in found if order.status not in TERMINAL] or found[:1]
        if len(still) == 1:
            return still[0]
    if numbers.filler_number:
        found = uow.orders.named(filler_name(partner, numbers.filler_number))
        if len(found) == 1:
            return found[0]
    return None


def adopted(
    order: ImagingOrder,
    stretch: Stretch,
    partner: PartnerId,
    uow: UnitOfWork,
    context: Context,
) -> Appointment | None:
    """Book a waiting order where the keeper of the diary has booked it.

    A slot that is held for the patient to accept is given up for it.

    Returns
    -------
    Appointment
        ``None`` where it must not be: nobody vetted it, a safety answer blocks, the
        scanner is of another modality, or the time is taken.
    """
    if (
        stretch.scanner is None
        or order.status is not OrderStatus.WAITING
        or order.vetting is None
        or not is_bookable(order.content, uow.catalogue())
        or safety_blocks(order, uow)
    ):
        return None
    catalogue = uow.catalogue()
    scanner = catalogue.scanner(stretch.scanner)
    if exam_of(order.content, catalogue).modality is not scanner.modality:
        return None
    appointment = Appointment(
        id=AppointmentId(context.ids("A")),
        order_id=order.id,
        session_id=_session_for(stretch, scanner.id, uow, context),
        scanner=scanner.id,
        patient=order.content.patient.key,
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
        status=AppointmentStatus.BOOKED,
        decision_id=None,
        told=True,
    )
    booked = order.after(Action.BOOK, context.now)
    try:
        with uow.savepoint():
            cancel_live_appointment(order, uow, context, reason=f"booked by {partner}")
            uow.schedule.add(appointment)
            save_change(order, booked, Action.BOOK, uow, context, note=f"by {partner}")
            uow.outbox.add(
                _event(
                    EventKind.APPOINTMENT_BOOKED,
                    booked,
                    appointment,
                    partner,
                    uow,
                    context,
                )
            )
            uow.flush()
    except (SlotTaken, PatientBusy, StaleVersion):
        return None
    return appointment


def moved(
    appointment: Appointment,
    stretch: Stretch,
    partner: PartnerId,
    reason: str,
    uow: UnitOfWork,
    context: Context,
) -> Appointment | None:
    """Move a booking of ours to where the keeper of the diary has moved it.

    Returns
    -------
    Appointment
        As it stands then; ``None`` if the time is taken.

    Raises
    ------
    TransitionRefused
        The patient has arrived, or it is over.
    """
    assert stretch.scanner is not None, "the caller looks for a scanner"
    same_time = (stretch.starts_at, stretch.ends_at) == (
        appointment.starts_at,
        appointment.ends_at,
    )
    if same_time and stretch.scanner == appointment.scanner:
        return appointment
    order = uow.orders.get(appointment.order_id)
    after = order.after(Action.MOVE, context.now).without_conflicts()
    changed = replace(
        appointment,
        session_id=_session_for(stretch, stretch.scanner, uow, context),
        scanner=stretch.scanner,
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
        decision_id=None,
    )
    try:
        with uow.savepoint():
            uow.schedule.save(changed)
            save_change(order, after, Action.MOVE, uow, context, note=reason)
            uow.outbox.add(
                _event(
                    EventKind.APPOINTMENT_MOVED,
                    after,
                    changed,
                    partner,
                    uow,
                    context,
                    reason=reason,
                )
            )
            uow.flush()
    except (SlotTaken, PatientBusy, StaleVersion):
        return None
    return uow.schedule.appointment(changed.id)


def is_live(appointment: Appointment) -> bool:
    """Return whether an appointment may still be moved, missed or cancelled."""
    return appointment.status in {AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED}


def is_somebody_else(patient: PatientKey | None, order: ImagingOrder) -> bool:
    """Return whether a message names another patient than the order does.

    Numbers of different kinds, such as an NHS number and a hospital's, do not tell.
    """
    if patient is None:
        return False
    one, other = patient.rpartition(":"), order.content.patient.key.rpartition(":")
    return one[0] == other[0] and one[2] != other[2]


def _session_for(
    stretch: Stretch, scanner: ScannerId, uow: UnitOfWork, context: Context
) -> SessionId:
    """Return the session that holds the stretch; outside all, one that is closed.

    The keeper of a diary may book outside the lists that we know of; nobody else is
    booked there.
    """
    sessions = uow.schedule.sessions_between(
        stretch.starts_at, stretch.ends_at, scanners=[scanner]
    )
    for session in sessions:
        if (
            session.starts_at <= stretch.starts_at
            and stretch.ends_at <= session.ends_at
        ):
            return session.id
    alone = ScanSession(
        id=SessionId(context.ids("S")),
        scanner=scanner,
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
        list_type=ListType.GENERAL,
        status=SessionStatus.CLOSED,
    )
    uow.schedule.add_sessions([alone])
    return alone.id


def _event(
    kind: EventKind,
    order: ImagingOrder,
    appointment: Appointment,
    partner: PartnerId,
    uow: UnitOfWork,
    context: Context,
    *,
    reason: str = "",
) -> Event:
    """Return the event for all but the one who told us."""
    event = appointment_event(kind, order, appointment, uow, context, reason=reason)
    return replace(event, audience=tuple(p for p in event.audience if p != partner))
