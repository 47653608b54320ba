"""Whom a closure affects, and who might make room for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.diary_conflicts import bookings_under
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.rebooking_problem import Booked, of_modalities
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.errors import DomainError, TransitionRefused
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import AppointmentStatus
from solver.repair import DAYS

NEAR: Final = timedelta(days=DAYS)
"""How far from a lost exam those are who might make room."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The bookings under a closure that are not over.

    Parameters
    ----------
    movable
        Those that can be given another slot.
    fixed
        The others, each with the code of what keeps it from being moved.
    """

    movable: tuple[Booked, ...]
    fixed: tuple[tuple[Booked, str], ...]


def affected_by(closure: DiaryEntry, uow: UnitOfWork, context: Context) -> Affected:
    """Return whom a closure affects.

    Raises
    ------
    TransitionRefused
        It is no closure, it is over, or no booking that is ahead lies in it.
    """
    if closure.kind is not EntryKind.CLOSURE:
        raise TransitionRefused(
            f"Entry {closure.id} is an {closure.kind}, not a closure; move the booking"
            " that it lies on."
        )
    if closure.status is not EntryStatus.TAKING:
        raise TransitionRefused(
            f"Closure {closure.id} is {closure.status}: its bookings can stay."
        )
    found = [one for one in bookings_under(closure, uow) if one.ends_at > context.now]
    if not found:
        raise TransitionRefused(
            f"Closure {closure.id} lies on no booking that is ahead; nobody need move."
        )
    orders = uow.orders.get_many([one.order_id for one in found])
    movable: list[Booked] = []
    fixed: list[tuple[Booked, str]] = []
    for appointment in found:
        booked = Booked(orders[appointment.order_id], appointment)
        obstacle = _obstacle(booked, uow)
        if obstacle:
            fixed.append((booked, obstacle))
        else:
            movable.append(booked)
    return Affected(tuple(movable), tuple(fixed))


def _obstacle(booked: Booked, uow: UnitOfWork) -> str:
    """Return the code of what keeps a booking from being moved, or nothing."""
    if booked.appointment.status is not AppointmentStatus.BOOKED:
        return TransitionRefused.code
    try:
        refuse_if_not_bookable(booked.order, uow)
    except DomainError as error:
        return error.code
    return ""


def who_might_make_room(
    affected: Sequence[Booked], uow: UnitOfWork, context: Context
) -> list[Booked]:
    """Return bookings near the lost ones, on scanners of their kind, that can move.

    Orders that a person must look at stay where they are, and so do patients with
    anything else in a diary: two journeys are not taken apart.
    """
    scanners = of_modalities(affected, uow.catalogue())
    starts = [one.appointment.starts_at for one in affected]
    near = uow.schedule.occupying_between(
        max(context.now, min(starts) - NEAR), max(starts) + NEAR, scanners=scanners
    )
    lost = {one.appointment.id for one in affected}
    booked = [
        one
        for one in near
        if one.status is AppointmentStatus.BOOKED and one.id not in lost
    ]
    orders = uow.orders.get_many([one.order_id for one in booked])
    patients = {one.patient for one in booked}
    engaged: Counter[str | None] = Counter(
        one.patient for one in uow.schedule.occupying_patients(patients, context.now)
    )
    engaged.update(
        one.patient for one in uow.diary.taking_patients(patients, context.now)
    )
    return [
        one
        for one in (Booked(orders[a.order_id], a) for a in booked)
        if engaged[one.appointment.patient] == 1 and _may_be_asked(one, uow)
    ]


def _may_be_asked(booked: Booked, uow: UnitOfWork) -> bool:
    order = booked.order
    return (
        order.status is OrderStatus.BOOKED
        and not order.holds
        and not _obstacle(booked, uow)
    )
