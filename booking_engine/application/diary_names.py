"""Entries that name a room, a machine or an exam that only now means something."""

from __future__ import annotations

from booking_engine.application.context import Context
from booking_engine.application.diary import Recorded, record_entry
from booking_engine.application.diary_commands import (
    OrderNumbers,
    RecordEntry,
    SettleNames,
)
from booking_engine.application.diary_conflicts import unflag
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.diary_entries import EntryStatus, Stretch
from booking_engine.domain.identifiers import DiaryEntryId


def settle_names(
    command: SettleNames, uow: UnitOfWork, context: Context
) -> tuple[DiaryEntryId, ...]:
    """Let an entry take the scanners that its names mean by now, for its whole time.

    An order that it names is booked there if it may be, and what it comes to lie on is
    put to a person, as when it had come like this.

    Returns
    -------
    tuple
        The entries that stand for it now; empty where it waits for none of the names.

    Raises
    ------
    NotKnown
        No such entry, or no such scanner.
    InvalidValue
        Another partner keeps the diary of a scanner.
    TransitionRefused
        It would move a booking of ours whose patient has arrived.
    """
    seen = uow.diary.get(command.entry_id)
    if seen.partner is None:
        return ()
    entries = uow.diary.numbered(seen.partner, seen.number)
    standing = [one for one in entries if one.status is not EntryStatus.ENDED]
    entry = next((one for one in standing if one.id == seen.id), None)
    if entry is None or not set(entry.unknown) & set(command.settled):
        return ()
    if entry.order_id is not None and command.scanners:
        # What kept its order from being booked there may have been this alone.
        note = f"where {entry.id} is has been mapped"
        unflag(entry.order_id, entry.id, uow, context, note=note)
    known = [one.stretch for one in standing if one.scanner is not None]
    known += [Stretch(s, entry.starts_at, entry.ends_at) for s in command.scanners]
    received = record_entry(
        RecordEntry(
            partner=entry.partner,
            number=entry.number,
            kind=entry.kind,
            stretches=tuple(known or (one.stretch for one in standing)),
            sent_at=max(one.sent_at for one in entries),
            order=OrderNumbers(*entry.sought) if entry.sought else None,
            patient=entry.patient,
            reason=entry.reason,
            procedures=entry.exams | command.exams,
            unknown=tuple(
                name
                for one in standing
                for name in one.unknown
                if name not in command.settled
            ),
        ),
        uow,
        context,
    )
    return received.entry_ids if isinstance(received, Recorded) else ()
