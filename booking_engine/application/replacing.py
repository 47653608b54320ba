"""Orders put in the place of others, and orders of a filler's own making."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import NumberOrder, ReceiveOrder, ReplaceOrders
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.history import save_change
from booking_engine.application.intake import receive_order
from booking_engine.application.naming import Named, order_named
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.order_names import filler_name
from booking_engine.domain.orders import (
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)

_WITHOUT_NUMBER: Final = HoldCode.MISSING_PLACER_NUMBER


def replace_orders(
    command: ReplaceOrders, uow: UnitOfWork, context: Context
) -> Received:
    """End some orders and store others in their place; told twice, done once.

    The new ones wait as long as the one of the old that has waited longest. A slot of
    the old is freed through its cancellation, and those who knew of it are told.

    Raises
    ------
    NotKnown
        One of the old orders is not known.
    InvalidValue
        One of the names means several orders.
    TransitionRefused
        One of the old orders has ended otherwise, or its patient has arrived.
    DuplicateOrder
        A new one has the placer number of a third order.
    """
    old = [_ended_before(n, uow) or order_named(n, uow) for n in command.replaced]
    if any(is_older(command.sent_at, order.sent_at) for order in old):
        return Received(old[0].id, ReceivedAs.IGNORED_OLDER)
    for order in old:
        if order.status is not OrderStatus.REPLACED:
            _end(order, command, uow, context)
    longest = min(old, key=lambda order: order.clock.started_on)
    new: list[OrderId] = []
    for replacement in command.replacements:
        received = receive_order(
            _of_its_placer(replacement, longest), uow, context, replaced=longest
        )
        assert received.order_id is not None, "an order was received"
        new.append(received.order_id)
        if replacement.partner != longest.partner and replacement.content.filler_number:
            name = filler_name(replacement.partner, replacement.content.filler_number)
            uow.orders.add_name(uow.orders.get(received.order_id), name)
    return Received(
        old[0].id, ReceivedAs.REPLACED, (*(order.id for order in old[1:]), *new)
    )


def _ended_before(named: Named, uow: UnitOfWork) -> ImagingOrder | None:
    """Return the order if it has been replaced already: what is told again."""
    number = named.shared or named.number
    return next(
        (
            order
            for order in (
                uow.orders.placed_as(named.authority, number) if number else ()
            )
            if order.status is OrderStatus.REPLACED
            and order.content.placer_number == named.number
            and (order.partner == named.partner or named.fills)
        ),
        None,
    )


def _of_its_placer(replacement: ReceiveOrder, old: ImagingOrder) -> ReceiveOrder:
    """Return what a filler makes of an order, as an order of whoever placed that."""
    if replacement.partner == old.partner:
        return replacement
    content = replacement.content
    return replace(
        replacement,
        partner=old.partner,
        content=replace(
            content,
            placer_authority=old.content.placer_authority,
            placer_number=content.placer_number or old.content.placer_number,
        ),
        holds=tuple(h for h in replacement.holds if h.code is not _WITHOUT_NUMBER),
    )


def _end(
    order: ImagingOrder, command: ReplaceOrders, uow: UnitOfWork, context: Context
) -> None:
    ended = replace(order.after(Action.REPLACE, context.now), sent_at=command.sent_at)
    cancel_live_appointment(order, uow, context, reason=command.reason or "replaced")
    save_change(order, ended, Action.REPLACE, uow, context, note=command.reason)


def number_order(command: NumberOrder, uow: UnitOfWork, context: Context) -> Received:
    """Store an exam of a filler's own making under a number of ours.

    Asked again, it gets the same number.
    """
    order = command.order
    if order.content.filler_number:
        name = filler_name(order.partner, order.content.filler_number)
        known = uow.orders.named(name)
        if known:
            return Received(known[0].id, ReceivedAs.NUMBERED)
    number = OrderId(context.ids("O"))
    content = replace(order.content, placer_number=number)
    elsewhere = HoldReason(HoldCode.BOOKED_ELSEWHERE)
    holds = tuple(h for h in order.holds if h.code is not _WITHOUT_NUMBER)
    received = receive_order(
        replace(order, content=content, holds=(elsewhere, *holds), refusal=""),
        uow,
        context,
        order_id=number,
    )
    return replace(received, kind=ReceivedAs.NUMBERED)
