"""Appointments that another system asks for, and what it asks of them.

The engine searches at once, inside the transaction, so that the answer is the booking:
a few milliseconds for the scanners that will do, over the policy's horizon at most.
It books only what is vetted, by the same rules as for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from booking_engine.application.attendance import enter_in_error
from booking_engine.application.booking import place_checked, refuse_if_holding
from booking_engine.application.commands import (
    CancelAppointment,
    EnterInError,
    MoveAppointment,
)
from booking_engine.application.context import Context
from booking_engine.application.diary_commands import Ending
from booking_engine.application.diary_conflicts import flag
from booking_engine.application.diary_links import order_of
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.request_commands import (
    FindOpenings,
    RequestAppointment,
    RequestChange,
    RequestEnding,
    RequestMove,
    StartRange,
)
from booking_engine.application.scheduling import cancel_appointment, move_appointment
from booking_engine.application.slots import SlotSearch, search_slots
from booking_engine.application.vetting import safety_blocks
from booking_engine.domain.decisions import DecisionKind
from booking_engine.domain.diary_entries import (
    DiaryEntry,
    EntryKind,
    EntryStatus,
    Stretch,
    TakenOnScanner,
)
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.errors import (
    NoSlot,
    NotKnown,
    PatientBusy,
    SlotTaken,
    TransitionRefused,
)
from booking_engine.domain.identifiers import DiaryEntryId, PartnerId, ScannerId
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.schedule import (
    Appointment,
    AppointmentStatus,
    Interval,
    SessionStatus,
    free_intervals,
)

_TRIES = 3
"""Options that are tried, should others take the best of them meanwhile."""
_NOT_YET = frozenset(
    {OrderStatus.HELD, OrderStatus.AWAITING_VETTING, OrderStatus.VETTED}
)
"""States in which an order waits for a person before it may be booked."""


@dataclass(frozen=True, slots=True)
class Openings(Received):
    """Free time, the earliest first."""

    found: tuple[Stretch, ...] = ()


def request_appointment(
    command: RequestAppointment, uow: UnitOfWork, context: Context
) -> Received:
    """Book an order of the sender's within the ranges it wants.

    Asked again, the appointment that it has is the answer, if it suits.

    Raises
    ------
    NotKnown
        The sender has no such order.
    NoSlot
        Nothing is free there.
    TransitionRefused
        The order is booked otherwise, or is over.
    SlotTaken
        It holds a slot for the patient to accept.
    """
    order = _order(command, uow)
    live = uow.schedule.live_appointment(order.id)
    if live is not None and live.status is not AppointmentStatus.HELD:
        if not _suits(live, command.ranges):
            raise TransitionRefused(
                f"Order {order.id} is booked already, as appointment {live.id}; ask for"
                " another time by SRM^S02."
            )
        return Received(order.id, ReceivedAs.DUPLICATE, appointment_id=live.id)
    waits = order.status is OrderStatus.WAITING
    if order.status in _NOT_YET or (waits and safety_blocks(order, uow)):
        return Received(order.id, ReceivedAs.HELD)
    if not waits:
        raise TransitionRefused(
            f"Order {order.id} is {order.status}; only a waiting order is booked."
        )
    refuse_if_holding(order, uow)
    found = _search(order, command.ranges, command.scanners, uow, context)
    for reasons in found.options:
        try:
            with uow.savepoint():
                booked = place_checked(
                    order, reasons, DecisionKind.ON_ARRIVAL, uow, context
                )
                uow.flush()
        except (SlotTaken, PatientBusy):
            continue
        _remember(command.partner, command.number, booked, uow, context)
        return Received(order.id, ReceivedAs.CREATED, appointment_id=booked.id)
    raise _nothing_free(order)


def request_move(command: RequestMove, uow: UnitOfWork, context: Context) -> Received:
    """Give an appointment another time within the ranges that the sender wants.

    Raises
    ------
    NotKnown
        The sender has no such appointment.
    NoSlot
        Nothing else is free there.
    TransitionRefused
        The patient has arrived, or it is over.
    """
    booked = _appointment(command, uow)
    _refuse_if_begun(booked)
    order = uow.orders.get(booked.order_id)
    if any(r.earliest == r.latest == booked.starts_at for r in command.ranges):
        return Received(order.id, ReceivedAs.DUPLICATE, appointment_id=booked.id)
    found = _search(order, command.ranges, command.scanners, uow, context)
    for reasons in found.options:
        chosen = reasons.chosen
        try:
            with uow.savepoint():
                move_appointment(
                    MoveAppointment(
                        booked.id,
                        chosen.session_id,
                        chosen.starts_at,
                        command.reason or f"asked for by {command.partner}",
                    ),
                    uow,
                    context,
                )
        except (SlotTaken, PatientBusy):
            continue
        return Received(order.id, ReceivedAs.CHANGED, appointment_id=booked.id)
    raise _nothing_free(order)


def request_change(
    command: RequestChange, uow: UnitOfWork, context: Context
) -> Received:
    """Answer with the appointment as it stands.

    Raises
    ------
    NotKnown
        The sender has no such appointment.
    TransitionRefused
        The sender has another time in mind.
    """
    del context
    booked = _appointment(command, uow)
    if command.starts_at not in {None, booked.starts_at}:
        raise TransitionRefused(
            f"Appointment {booked.id} is at another time; ask for this one by SRM^S02."
        )
    return Received(booked.order_id, ReceivedAs.CHANGED, appointment_id=booked.id)


def request_ending(
    command: RequestEnding, uow: UnitOfWork, context: Context
) -> Received:
    """Cancel, break off or delete an appointment of the sender's.

    Asked again, it says that it is done.

    Raises
    ------
    NotKnown
        The sender has no such appointment.
    TransitionRefused
        The patient has arrived, or it is over.
    """
    booked = _appointment(command, uow)
    reason = command.reason or command.ending.value
    order_id, appointment_id = booked.order_id, booked.id
    if booked.status in {
        AppointmentStatus.CANCELLED,
        AppointmentStatus.ENTERED_IN_ERROR,
    }:
        return Received(order_id, ReceivedAs.DUPLICATE, appointment_id=appointment_id)
    if command.ending is Ending.DISCONTINUED:
        order = uow.orders.get(order_id)
        flag(order, HoldReason(HoldCode.DISCONTINUED, reason), uow, context)
        return Received(order_id, ReceivedAs.HELD, appointment_id=appointment_id)
    _refuse_if_begun(booked)
    if command.ending is Ending.DELETED:
        enter_in_error(EnterInError(booked.id, reason), uow, context)
    else:
        cancel_appointment(
            CancelAppointment(
                booked.id,
                reason,
                by_patient=command.by_patient,
                told_by=command.partner,
            ),
            uow,
            context,
        )
    return Received(order_id, ReceivedAs.CANCELLED, appointment_id=appointment_id)


def find_openings(command: FindOpenings, uow: UnitOfWork, context: Context) -> Openings:
    """Return free time on open sessions, the earliest first."""
    until = context.now + timedelta(days=context.policy.horizon_days)
    windows = [
        (max(r.earliest or context.now, context.now), min(r.latest or until, until))
        for r in command.ranges or (StartRange(),)
    ]
    wanted = [
        scanner.id
        for scanner in uow.catalogue().scanners.values()
        if (not command.scanners or scanner.id in command.scanners)
        and command.modality in {None, scanner.modality}
    ]
    length = timedelta(minutes=command.minutes)
    found = {
        Stretch(scanner, max(begin, start), min(end, finish))
        for start, finish in windows
        if finish - start >= length
        for scanner, begin, end in _free(wanted, start, finish, uow)
        if min(end, finish) - max(begin, start) >= length
    }
    earliest = sorted(found, key=lambda s: (s.starts_at, str(s.scanner)))
    return Openings(
        None, ReceivedAs.STATUS_REPORTED, found=tuple(earliest[: command.limit])
    )


def _free(
    scanners: Sequence[ScannerId], start: datetime, finish: datetime, uow: UnitOfWork
) -> Iterable[tuple[ScannerId, datetime, datetime]]:
    taken: dict[ScannerId | None, list[Interval]] = {}
    busy: list[TakenOnScanner] = [
        *uow.schedule.occupying_between(start, finish, scanners=scanners),
        *uow.diary.taking_between(start, finish, scanners=scanners),
    ]
    for one in busy:
        taken.setdefault(one.scanner, []).append((one.starts_at, one.ends_at))
    for session in uow.schedule.sessions_between(start, finish, scanners=scanners):
        if session.status is SessionStatus.OPEN:
            for begin, end in free_intervals(session, taken.get(session.scanner, ())):
                yield session.scanner, begin, end


def _order(command: RequestAppointment, uow: UnitOfWork) -> ImagingOrder:
    order = order_of(command.partner, command.order, uow)
    if order is None or order.partner != command.partner:
        raise NotKnown(
            "No order of this sender has these numbers (ARQ-24, ARQ-25); send the order"
            " first."
        )
    return order


def _appointment(
    command: RequestMove | RequestChange | RequestEnding, uow: UnitOfWork
) -> Appointment:
    """Return the sender's appointment: of its own order, or in the diary it keeps."""
    named = [] if command.appointment_id is None else [command.appointment_id]
    if command.number:
        entries = uow.diary.numbered(command.partner, command.number)
        named += [e.appointment_id for e in entries if e.appointment_id is not None]
    for appointment_id in named:
        try:
            found = uow.schedule.appointment(appointment_id)
        except NotKnown:
            continue
        if uow.orders.get(found.order_id).partner == command.partner:
            return found
    raise NotKnown(
        "This sender has no such appointment; give our number in ARQ-2, or in ARQ-1 the"
        " number under which it was asked for."
    )


def _refuse_if_begun(booked: Appointment) -> None:
    if booked.status is not AppointmentStatus.BOOKED:
        raise TransitionRefused(
            f"Appointment {booked.id} is {booked.status}; only one that is booked can"
            " be changed."
        )


def _suits(booked: Appointment, ranges: Sequence[StartRange]) -> bool:
    return not ranges or any(
        (one.earliest is None or one.earliest <= booked.starts_at)
        and (one.latest is None or booked.starts_at <= one.latest)
        for one in ranges
    )


def _search(
    order: ImagingOrder,
    ranges: Sequence[StartRange],
    scanners: frozenset[ScannerId],
    uow: UnitOfWork,
    context: Context,
) -> SlotSearch:
    """Return the best slots that start in any of the ranges."""
    length = timedelta(minutes=exam_minutes(order, uow.catalogue()))
    until = context.now + timedelta(days=context.policy.horizon_days)
    windows = [
        (one.earliest or context.now, (one.latest or until) + length) for one in ranges
    ]
    return search_slots(
        order,
        uow,
        context,
        limit=_TRIES,
        within=windows or None,
        scanners=scanners or None,
    )


def _remember(
    partner: PartnerId,
    number: str,
    booked: Appointment,
    uow: UnitOfWork,
    context: Context,
) -> None:
    """Keep the sender's name of an appointment, by which it may ask of it again."""
    if not number:
        return
    named = uow.diary.numbered(partner, number)
    entry = DiaryEntry(
        id=DiaryEntryId(context.ids("K")),
        partner=partner,
        number=number,
        kind=EntryKind.APPOINTMENT,
        scanner=booked.scanner,
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        status=EntryStatus.LINKED,
        sent_at=context.now,
        order_id=booked.order_id,
        appointment_id=booked.id,
        patient=booked.patient,
    )
    for known in named:
        if known.scanner == booked.scanner:
            uow.diary.save(replace(entry, id=known.id, version=known.version))
            return
        if known.appointment_id is not None:  # the number means the new one now
            uow.diary.save(replace(known, appointment_id=None))
    uow.diary.add(entry)


def _nothing_free(order: ImagingOrder) -> NoSlot:
    return NoSlot(
        f"No slot for order {order.id} is free in the time that is wanted; widen it, or"
        " leave the order to the engine."
    )
