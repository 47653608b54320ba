"""What a message about a diary refers to, whether it is news, and the answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from booking_engine.application.diary_commands import EndEntry, RecordEntry
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.schedule import Appointment


def named(command: RecordEntry | EndEntry, uow: UnitOfWork) -> list[DiaryEntry]:
    """Return the entries that a message names."""
    if isinstance(command, EndEntry) and command.entry_id is not None:
        return [uow.diary.get(command.entry_id)]
    if command.partner is None or not command.number:
        return []
    return uow.diary.numbered(command.partner, command.number)


def is_older(sent_at: datetime, entries: Sequence[DiaryEntry]) -> bool:
    """Return whether a message was sent before the last one that was applied.

    Some senders write whole minutes: within the minute, what comes later is later.
    """
    latest = max((entry.sent_at for entry in entries), default=None)
    return latest is not None and sent_at < latest.replace(second=0, microsecond=0)


def received(
    kind: ReceivedAs, entries: Sequence[DiaryEntry], ours: Appointment | None
) -> Received:
    """Return the answer: the orders of these entries and of our booking."""
    order_ids: list[OrderId] = [e.order_id for e in entries if e.order_id is not None]
    if ours is not None:
        order_ids.insert(0, ours.order_id)
    unique = tuple(dict.fromkeys(order_ids))
    return Received(
        unique[0] if unique else None,
        kind,
        others=unique[1:],
        appointment_id=None if ours is None else ours.id,
    )


def unknown_number(number: str) -> NotKnown:
    """Return the refusal of a number that nothing has."""
    return NotKnown(
        f"No appointment or closure with number {number} has come from this sender;"
        " send it as new first."
    )
