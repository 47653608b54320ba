"""Linked exams that no longer lie together: a person is asked, nothing is moved.

Where one exam of a visit is moved or cancelled, the others stay as the patient was told
(HAZ-10), and each is flagged for a person: move it along, cancel it, or let it stay.
"""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.siblings import groups_of
from booking_engine.domain.clock import local_date
from booking_engine.domain.linked_exams import Beside, booked_beside
from booking_engine.domain.orders import (
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.schedule import Appointment


def flag_siblings(
    order: ImagingOrder,
    before: Appointment,
    after: Appointment | None,
    uow: UnitOfWork,
    context: Context,
) -> None:
    """Flag the booked exams of a visit that one of its exams has left.

    Parameters
    ----------
    before, after
        The exam's appointment; ``None`` where it has none any more.
    """
    left, now = _at(order, before, uow), _at(order, after, uow)
    if left is None or (now is not None and _together(left, now)):
        return
    reason = HoldReason(HoldCode.LINKED_EXAM_MOVED, order.id)
    for sibling in _booked_siblings(order, uow):
        other = sibling.order
        if _together(sibling, left) and reason not in other.holds:
            flagged = replace(other, holds=(*other.holds, reason))
            save_change(other, flagged, Action.HOLD, uow, context, note=reason.code)


def unflag_siblings(
    order: ImagingOrder, now: Appointment, uow: UnitOfWork, context: Context
) -> None:
    """Take back what an exam that has joined its visit again was the reason for."""
    at = _at(order, now, uow)
    reason = HoldReason(HoldCode.LINKED_EXAM_MOVED, order.id)
    for sibling in _booked_siblings(order, uow):
        other = sibling.order
        if at is not None and _together(sibling, at) and reason in other.holds:
            free = other.settled((reason,), context.now)
            note = f"{order.id} is beside it again"
            save_change(other, free, Action.CHANGE, uow, context, note=note)


def _booked_siblings(order: ImagingOrder, uow: UnitOfWork) -> list[Beside]:
    return [
        one.booked
        for members in groups_of([order], uow, ready=()).values()
        for one in members
        if one.booked is not None
        and one.order.id != order.id
        and one.order.status is OrderStatus.BOOKED
    ]


def _at(
    order: ImagingOrder, appointment: Appointment | None, uow: UnitOfWork
) -> Beside | None:
    if appointment is None:
        return None
    site = uow.catalogue().site_of(appointment.scanner).code
    return booked_beside(order, appointment, site)


def _together(one: Beside, other: Beside) -> bool:
    """Return whether two exams are on one day, at one site."""
    same_day = local_date(one.starts_at) == local_date(other.starts_at)
    return same_day and one.site == other.site
