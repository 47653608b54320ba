"""Orders that an appointment of another diary may be for, where no number says so.

Many systems send their appointments without the placer's number. An open order of the
same patient for the same exam that waits meanwhile could be booked a second time: it is
put to a person, who agrees with that department which it is, and says so
(`diary_proposals`). Nothing is linked here.
"""

from __future__ import annotations

from collections.abc import Sequence

from booking_engine.application.context import Context
from booking_engine.application.diary_commands import RecordEntry
from booking_engine.application.diary_conflicts import flag, unflag
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind
from booking_engine.domain.identifiers import OrderId, PatientKey
from booking_engine.domain.mappings import MappingTable, UnknownName
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)

PERHAPS = "perhaps: same patient and exam"
_UNBOOKED = frozenset(
    {
        OrderStatus.HELD,
        OrderStatus.AWAITING_VETTING,
        OrderStatus.VETTED,
        OrderStatus.WAITING,
    }
)


def waited_for(
    command: RecordEntry, order: ImagingOrder | None
) -> tuple[UnknownName, ...]:
    """Return the unknown names whose meaning would change what an entry is.

    Which exam it is for is asked only to find its order, by patient and exam.
    """
    if order is None and command.patient is not None and not _closes(command):
        return command.unknown
    return tuple(
        name for name in command.unknown if name.table is not MappingTable.PROCEDURE
    )


def _closes(command: RecordEntry) -> bool:
    return command.kind is not EntryKind.APPOINTMENT


def propose_orders(
    command: RecordEntry,
    before: Sequence[DiaryEntry],
    entry: DiaryEntry,
    uow: UnitOfWork,
    context: Context,
) -> tuple[OrderId, ...]:
    """Put the orders that an appointment may be for to a person.

    Parameters
    ----------
    before
        The entries of that appointment as they stood: of an order that it can no
        longer be for, the question is taken back.
    entry
        As it stands; the caller knows that its order is not known.

    Returns
    -------
    tuple
        The orders concerned.
    """
    found = _candidates(command, entry, uow, context)
    for order in found:
        flag(order, _proposal(entry), uow, context)
    # After that, so that an order whose question moves to another entry stays held.
    same = [one for one in before if one.id == entry.id]
    others = [one for one in before if one.id != entry.id]
    why = "is not for this order any more"
    kept = [order.id for order in found]
    withdraw_proposals(same, uow, context, keep=kept, why=why)
    withdraw_proposals(others, uow, context, why=why)
    return tuple(order.id for order in found)


def withdraw_proposals(
    entries: Sequence[DiaryEntry],
    uow: UnitOfWork,
    context: Context,
    *,
    keep: Sequence[OrderId] = (),
    why: str,
) -> None:
    """Take back the questions that entries gave rise to, but for some orders.

    Parameters
    ----------
    why
        What is said of the entry in the orders' histories.
    """
    for entry in entries:
        if entry.patient is None or entry.order_id is not None:
            continue
        for order in _open_orders(entry.patient, uow):
            if order.id not in keep and _proposal(entry) in order.holds:
                note = f"{entry.id} {why}"
                unflag(order.id, entry.id, uow, context, note=note)


def _candidates(
    command: RecordEntry, entry: DiaryEntry, uow: UnitOfWork, context: Context
) -> list[ImagingOrder]:
    """Return the unbooked orders for this exam, placed before it and not over."""
    if (
        _closes(command)
        or command.patient is None
        or not command.procedures
        or entry.ends_at <= context.now
    ):
        return []
    return [
        order
        for order in _open_orders(command.patient, uow)
        if order.status in _UNBOOKED
        and not command.procedures.isdisjoint(order.content.procedures)
        and order.content.requested_at <= entry.starts_at
        and order.id not in entry.declined
    ]


def _open_orders(patient: PatientKey, uow: UnitOfWork) -> list[ImagingOrder]:
    """Return the open orders of a patient, under whatever number."""
    known = uow.patients.by_keys([patient])
    keys = {patient, *(key for one in known.values() for key in one.keys)}
    return uow.orders.of_patient(keys, open_only=True)


def is_proposed(entry: DiaryEntry, order: ImagingOrder) -> bool:
    """Return whether an order is with a person because an entry may be for it."""
    return _proposal(entry) in order.holds


def _proposal(entry: DiaryEntry) -> HoldReason:
    return HoldReason(HoldCode.BOOKED_ELSEWHERE, f"{entry.id} {PERHAPS}")
