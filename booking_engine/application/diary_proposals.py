"""A person says whether another diary's appointment is for an order, or is not.

`diary_candidates` has put the question. Whoever answers it has asked that department.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from booking_engine.application.context import Context
from booking_engine.application.diary import record_entry
from booking_engine.application.diary_candidates import (
    is_proposed,
    withdraw_proposals,
)
from booking_engine.application.diary_commands import (
    AcceptProposal,
    DeclineProposal,
    RecordEntry,
)
from booking_engine.application.diary_conflicts import unflag
from booking_engine.application.history import log_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.diary_entries import DiaryEntry, EntryStatus
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import ImagingOrder


def proposed_to(order: ImagingOrder, uow: UnitOfWork) -> list[DiaryEntry]:
    """Return the entries that are proposed for an order, by start."""
    keys = [order.content.patient.key]
    known = uow.patients.by_keys(keys).values()
    keys += [key for patient in known for key in patient.keys]
    found = uow.diary.taking_patients(keys, order.content.requested_at)
    return [entry for entry in found if is_proposed(entry, order)]


def accept_proposal(
    command: AcceptProposal, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Take an appointment for an order's: it is booked there, if it may be booked.

    Otherwise, as where a message names the order, it is held until it can be; who has
    accepted a proposal already is told how the order stands.

    Raises
    ------
    NotKnown
        No such order or entry.
    TransitionRefused
        The entry is not proposed for the order, or not any more.
    """
    order, entry = uow.orders.get(command.order_id), uow.diary.get(command.entry_id)
    if entry.order_id == order.id and entry.status is not EntryStatus.ENDED:
        return order
    standing = _standing(order, entry, uow)
    note = f"{entry.id} is for this order: {command.reason}"
    log_change(order, order, "accept", uow, context, note=note)
    withdraw_proposals(standing, uow, context, why="is for a known order")
    for one in standing:
        uow.diary.save(replace(one, order_id=order.id, sought=None))
    uow.flush()
    record_entry(
        RecordEntry(
            partner=entry.partner,
            number=entry.number,
            kind=entry.kind,
            stretches=tuple(one.stretch for one in standing),
            sent_at=max(one.sent_at for one in standing),
            patient=entry.patient,
            reason=entry.reason,
            unknown=tuple(name for one in standing for name in one.unknown),
        ),
        uow,
        context,
    )
    return uow.orders.get(order.id)


def decline_proposal(
    command: DeclineProposal, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Leave an order on its way: the appointment is for something else.

    It is not asked again, whatever that diary sends of the appointment.

    Raises
    ------
    NotKnown
        No such order or entry.
    TransitionRefused
        The entry is not proposed for the order, or not any more.
    """
    order, entry = uow.orders.get(command.order_id), uow.diary.get(command.entry_id)
    if order.id in entry.declined:
        return order
    for one in _standing(order, entry, uow):
        uow.diary.save(replace(one, declined=one.declined | {OrderId(order.id)}))
    note = f"{entry.id} is for something else: {command.reason}"
    unflag(order.id, entry.id, uow, context, note=note)
    uow.flush()
    return uow.orders.get(order.id)


def _standing(
    order: ImagingOrder, entry: DiaryEntry, uow: UnitOfWork
) -> Sequence[DiaryEntry]:
    """Return all of an appointment that is proposed for an order; raises if not."""
    if entry.partner is None or not is_proposed(entry, order):
        raise TransitionRefused(
            f"Entry {entry.id} is not proposed for order {order.id}, or not any more;"
            " read the order again."
        )
    return [
        one
        for one in uow.diary.numbered(entry.partner, entry.number)
        if one.status is not EntryStatus.ENDED
    ]
