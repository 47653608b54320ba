"""Entries that another diary has no more, and what becomes of our bookings then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from booking_engine.application.attendance import enter_in_error, record_outcome
from booking_engine.application.commands import (
    CancelAppointment,
    EnterInError,
    RecordOutcome,
)
from booking_engine.application.context import Context
from booking_engine.application.diary_candidates import withdraw_proposals
from booking_engine.application.diary_commands import EndEntry, Ending
from booking_engine.application.diary_conflicts import flag, settle_conflicts, unflag
from booking_engine.application.diary_links import is_live, our_appointment
from booking_engine.application.diary_reference import (
    is_older,
    named,
    received,
    unknown_number,
)
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.scheduling import cancel_appointment
from booking_engine.domain.diary_entries import (
    DiaryEntry,
    EntryKind,
    EntryStatus,
    Stretch,
    overlaps,
    remainder,
)
from booking_engine.domain.identifiers import DiaryEntryId
from booking_engine.domain.orders import HoldCode, HoldReason
from booking_engine.domain.schedule import Appointment


def end_entry(command: EndEntry, uow: UnitOfWork, context: Context) -> Received:
    """Record that another diary has it no more; a cancelled order waits again.

    Raises
    ------
    NotKnown
        Neither entry nor appointment has that number.
    TransitionRefused
        Our booking is over already, or its time has not come (did not attend).
    """
    entries = named(command, uow)
    ours = our_appointment(command.partner, command.appointment_id, entries, uow)
    if command.ending is Ending.REOPENED and not entries:
        entries = _closures_in(command, uow)
    if not entries and ours is None:
        raise unknown_number(command.number)
    if is_older(command.sent_at, entries):
        return received(ReceivedAs.IGNORED_OLDER, entries, ours)
    over = all(entry.status is EntryStatus.ENDED for entry in entries)
    if over and (ours is None or not is_live(ours)):
        return received(ReceivedAs.DUPLICATE, entries, ours)

    ended = [
        _ended(entry, command)
        for entry in entries
        if entry.status is not EntryStatus.ENDED
    ]
    rest: list[DiaryEntry] = []
    for entry in ended:
        uow.diary.save(entry)
        if command.ending is Ending.REOPENED:
            rest += _what_stays_closed(entry, command.stretches, context)
    for entry in rest:
        uow.diary.add(entry)
    uow.flush()
    held = _end_ours(command, ours, uow, context)
    settle_conflicts(entries, rest, uow, context)
    withdraw_proposals(ended, uow, context, why="is over")
    for entry in ended:
        if entry.order_id is not None:
            note = f"{entry.id} is over"
            unflag(entry.order_id, entry.id, uow, context, note=note)
    uow.flush()
    kind = ReceivedAs.HELD if held else ReceivedAs.CANCELLED
    return received(kind, entries, ours)


def _end_ours(
    command: EndEntry, ours: Appointment | None, uow: UnitOfWork, context: Context
) -> bool:
    """Do to a booking of ours what became of it; return whether a person must look."""
    if ours is None or not is_live(ours):
        return False
    reason = command.reason or command.ending.value
    match command.ending:
        case Ending.MISSED:
            record_outcome(RecordOutcome(ours.id, "did_not_attend"), uow, context)
        case Ending.DISCONTINUED:
            order = uow.orders.get(ours.order_id)
            return flag(order, HoldReason(HoldCode.DISCONTINUED, reason), uow, context)
        case Ending.DELETED:
            enter_in_error(EnterInError(ours.id, reason), uow, context)
        case Ending.CANCELLED | Ending.REOPENED:
            cancel_appointment(
                CancelAppointment(
                    ours.id,
                    reason,
                    by_patient=command.by_patient,
                    told_by=command.partner,
                ),
                uow,
                context,
            )
    return False


def _closures_in(command: EndEntry, uow: UnitOfWork) -> list[DiaryEntry]:
    """Return the partner's closures that lie in the time that it reopens."""
    return [
        entry
        for stretch in command.stretches
        if stretch.scanner is not None
        for entry in uow.diary.taking_between(
            stretch.starts_at, stretch.ends_at, scanners=[stretch.scanner]
        )
        if entry.kind is EntryKind.CLOSURE and entry.partner == command.partner
    ]


def _ended(entry: DiaryEntry, command: EndEntry) -> DiaryEntry:
    return replace(
        entry,
        status=EntryStatus.ENDED,
        sent_at=command.sent_at,
        reason=command.reason or command.ending.value,
    )


def _what_stays_closed(
    entry: DiaryEntry, reopened: Sequence[Stretch], context: Context
) -> list[DiaryEntry]:
    """Return the closures that are left where only a part is reopened."""
    cuts = [s for s in reopened if s.scanner == entry.scanner and overlaps(s, entry)]
    left = [entry.stretch] if cuts else []
    for cut in cuts:
        left = [piece for whole in left for piece in remainder(whole, cut)]
    found: list[DiaryEntry] = []
    for stretch in left:
        name = DiaryEntryId(context.ids("K"))
        found.append(
            replace(
                entry,
                id=name,
                number=f"{entry.number}/{name}",
                starts_at=stretch.starts_at,
                ends_at=stretch.ends_at,
                status=EntryStatus.TAKING,
                reason="",
                version=1,
            )
        )
    return found
