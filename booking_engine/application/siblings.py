"""The other exams of a group, as they stand: waiting, on their way, or booked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.decisions import LinkedExam
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.linked_exams import (
    Beside,
    GroupKey,
    Member,
    Way,
    arranged,
    booked_beside,
    by_group,
    group_of,
)
from booking_engine.domain.orders import ImagingOrder


def groups_of(
    orders: Sequence[ImagingOrder], uow: UnitOfWork, *, ready: Collection[OrderId]
) -> dict[GroupKey, list[Member]]:
    """Return the groups of these orders, each with all members that are not over.

    Two queries for all; none where no order has a group.

    Parameters
    ----------
    ready
        Those that are to be given a slot now.
    """
    wanted = by_group(orders)
    if not wanted:
        return {}
    keys = {order.content.patient.key for group in wanted.values() for order in group}
    found = by_group(uow.orders.of_patient(keys, open_only=True))
    found = {key: group for key, group in found.items() if key in wanted}
    booked = _booked([o for group in found.values() for o in group], uow)
    return {
        key: [Member(o, booked.get(o.id), ready=o.id in ready) for o in group]
        for key, group in found.items()
    }


def _booked(orders: Sequence[ImagingOrder], uow: UnitOfWork) -> dict[OrderId, Beside]:
    live = uow.schedule.live_appointments([order.id for order in orders])
    catalogue, found = uow.catalogue(), {}
    for order in orders:
        one = live.get(order.id)
        site = None if one is None else catalogue.site_of(one.scanner).code
        beside = booked_beside(order, one, site)
        if beside is not None:
            found[order.id] = beside
    return found


def sibling_of(order: ImagingOrder, uow: UnitOfWork, context: Context) -> Beside | None:
    """Return the booked exam of its group that an exam is best placed beside."""
    if group_of(order) is None:
        return None
    (members,) = groups_of([order], uow, ready={order.id}).values()
    mine = [one for one in members if one.order.id == order.id or one.booked]
    for one in arranged(mine, now=context.now, policy=context.policy):
        if one.order.id == order.id and one.way is Way.BESIDE:
            return one.beside
    return None


def exams_of(orders: Iterable[ImagingOrder]) -> tuple[LinkedExam, ...]:
    """Return the linked exams as a decision names them."""
    return tuple(
        LinkedExam(order.id, order.content.procedure)
        for order in orders
        if order.content.procedure is not None
    )
