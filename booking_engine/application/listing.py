"""Orders that come onto the list although another diary has booked them already.

They are booked where that diary has them, or are put to a person again: an order that
waits is booked by the next planning run, and would then be booked twice.
"""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application import vetting
from booking_engine.application.commands import RecordAnswers, VetOrder
from booking_engine.application.context import Context
from booking_engine.application.diary_conflicts import flag
from booking_engine.application.diary_links import adopted
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)


def vet_order(command: VetOrder, uow: UnitOfWork, context: Context) -> ImagingOrder:
    """Vet as `vetting.vet_order` does, and follow what another diary has booked."""
    return _followed(vetting.vet_order(command, uow, context), uow, context)


def record_answers(
    command: RecordAnswers, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Record as `vetting.record_answers` does, and follow another diary likewise."""
    return _followed(vetting.record_answers(command, uow, context), uow, context)


def _followed(order: ImagingOrder, uow: UnitOfWork, context: Context) -> ImagingOrder:
    """Return the order as it stands once other diaries' bookings of it are seen."""
    if order.status is not OrderStatus.WAITING:
        return order
    for entry in uow.diary.of_order(order.id):
        if (
            entry.status is not EntryStatus.TAKING
            or entry.kind is not EntryKind.APPOINTMENT
            or entry.partner is None
        ):
            continue
        uow.diary.save(replace(entry, status=EntryStatus.ENDED))
        uow.flush()
        waiting = uow.orders.get(order.id)
        booked = adopted(waiting, entry.stretch, entry.partner, uow, context)
        if booked is None:
            uow.diary.save(entry)
            reason = HoldReason(HoldCode.BOOKED_ELSEWHERE, entry.id)
            flag(waiting, reason, uow, context)
        else:
            linked = replace(entry, status=EntryStatus.LINKED, appointment_id=booked.id)
            uow.diary.save(linked)
        uow.flush()
        return uow.orders.get(order.id)
    return order
