"""Events about appointments, and who is told of them."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import PartnerId, ScannerId
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.schedule import Appointment


def appointment_event(
    kind: EventKind,
    order: ImagingOrder,
    appointment: Appointment,
    uow: UnitOfWork,
    context: Context,
    *,
    reason: str = "",
) -> Event:
    """Return the event that tells the diary's owner and the placer."""
    return Event(
        kind=kind,
        order_id=order.id,
        occurred_at=context.now,
        audience=audience_of(order, appointment.scanner, uow),
        appointment_id=appointment.id,
        scanner=appointment.scanner,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        decision_id=appointment.decision_id,
        reason=reason,
        contact_stopped=order.contact_stopped,
    )


def audience_of(
    order: ImagingOrder, scanner: ScannerId, uow: UnitOfWork
) -> tuple[PartnerId, ...]:
    """Return who is told of an appointment: the diary's owner, then the placer."""
    diary = uow.catalogue().site_of(scanner).diary_partner
    return (diary,) if diary == order.partner else (diary, order.partner)


def tell_of_hold(
    before: ImagingOrder, after: ImagingOrder, uow: UnitOfWork, context: Context
) -> None:
    """Tell the placer that an order has come to wait for a person.

    Where the placer's own message led to it, the answer to that message says so.
    """
    if after.status is not OrderStatus.HELD or before.status is OrderStatus.HELD:
        return
    event = besides_teller(
        Event(
            EventKind.ORDER_HELD,
            after.id,
            context.now,
            (after.partner,),
            reason=after.holds[-1].code if after.holds else "",
            contact_stopped=after.contact_stopped,
        ),
        context,
    )
    if event.audience:
        uow.outbox.add(event)


def besides_teller(event: Event, context: Context) -> Event:
    """Return the event for all but the partner whose message led to it."""
    others = tuple(p for p in event.audience if f"interface:{p}" != context.actor)
    return replace(event, audience=others)
