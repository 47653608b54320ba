"""Orders that a person must look at because of what stands in another diary.

An entry may come to lie on a booking of ours, or name an order that cannot simply be
booked there. Nothing is moved, cancelled or dropped: both stay, the order is put to a
person, and when the entry goes, so does the question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from booking_engine.application.announcing import tell_of_hold
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.vetting import safety_blocks
from booking_engine.domain.diary_entries import DiaryEntry, EntryStatus
from booking_engine.domain.identifiers import DiaryEntryId, OrderId
from booking_engine.domain.orders import (
    TERMINAL,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.schedule import Appointment, AppointmentStatus

_PROMISED = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED})
_CAN_BE_HELD = frozenset(
    {OrderStatus.AWAITING_VETTING, OrderStatus.VETTED, OrderStatus.WAITING}
)
SAME_PATIENT = "of the same patient: perhaps the same booking"


def settle_conflicts(
    before: Iterable[DiaryEntry],
    after: Iterable[DiaryEntry],
    uow: UnitOfWork,
    context: Context,
) -> tuple[OrderId, ...]:
    """Put bookings on which entries now lie to a person; take back what is over.

    The entries must be flushed, so that no booking is missed that another process
    makes meanwhile (see `ports.Diary`).

    Returns
    -------
    tuple
        The orders that are in conflict now.
    """
    now = {entry.id: entry for entry in after if entry.status is EntryStatus.TAKING}
    past = {entry.id: entry for entry in before if entry.status is EntryStatus.TAKING}
    found: list[OrderId] = []
    for entry_id, entry in now.items():
        for booking in bookings_under(entry, uow):
            same = booking.patient == entry.patient
            detail = f"{entry_id} {SAME_PATIENT}" if same else entry_id
            flag(
                uow.orders.get(booking.order_id),
                HoldReason(HoldCode.DIARY_CONFLICT, detail),
                uow,
                context,
            )
            found.append(booking.order_id)
    for entry_id, entry in past.items():
        for booking in bookings_under(entry, uow):
            if booking.order_id not in found:
                note = f"{entry_id} does not overlap any more"
                unflag(booking.order_id, entry_id, uow, context, note=note)
    return tuple(dict.fromkeys(found))


def bookings_under(entry: DiaryEntry, uow: UnitOfWork) -> list[Appointment]:
    """Return the bookings that lie in the time of an entry that takes it."""
    if entry.scanner is None or entry.status is not EntryStatus.TAKING:
        return []
    return [
        one
        for one in uow.schedule.occupying_between(
            entry.starts_at, entry.ends_at, scanners=[entry.scanner]
        )
        if one.status in _PROMISED
    ]


def flag(
    order: ImagingOrder, reason: HoldReason, uow: UnitOfWork, context: Context
) -> bool:
    """Put an order to a person, who sees why; return whether it could be."""
    if order.status in TERMINAL:
        return False
    if reason in order.holds:
        return True
    if order.status in _CAN_BE_HELD:
        flagged = order.held((reason,), context.now)
    else:
        flagged = replace(order, holds=(*order.holds, reason))
    save_change(order, flagged, Action.HOLD, uow, context, note=reason.code)
    tell_of_hold(order, flagged, uow, context)
    return True


def unflag(
    order_id: OrderId,
    entry_id: DiaryEntryId,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str,
) -> None:
    """Take back what an entry was the reason for; the order goes on where it was.

    Parameters
    ----------
    note
        Why, for the history.
    """
    order = uow.orders.get(order_id)
    holds = tuple(
        hold
        for hold in order.holds
        if hold.code not in _OF_DIARIES or not hold.detail.startswith(entry_id)
    )
    if holds == order.holds:
        return
    if holds or order.status is not OrderStatus.HELD:
        free = replace(order, holds=holds)
        save_change(order, free, Action.CHANGE, uow, context, note=note)
        return
    free = order.after(Action.RELEASE, context.now)
    if free.vetting is not None:
        free = free.after(Action.VET, context.now)
        if not safety_blocks(free, uow):
            free = free.after(Action.LIST, context.now)
    save_change(order, free, Action.RELEASE, uow, context, note=note)


_OF_DIARIES = frozenset({HoldCode.DIARY_CONFLICT, HoldCode.BOOKED_ELSEWHERE})
