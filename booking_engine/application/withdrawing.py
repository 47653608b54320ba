"""Orders withdrawn: by who placed them, by who fills them, or by a person."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.announcing import tell_of_hold
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import CancelOrder
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.history import save_change
from booking_engine.application.naming import orders_named, unknown
from booking_engine.application.patient_orders import flagged
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.orders import (
    TERMINAL,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.waiting import ClockEvent, ClockReason

_DONE = frozenset({OrderStatus.ARRIVED, OrderStatus.PERFORMED})
_CLOSED_UNDONE = TERMINAL - _DONE


def cancel_order(command: CancelOrder, uow: UnitOfWork, context: Context) -> Received:
    """Withdraw an order; its slot is freed and those who knew of it are told.

    Cancelling what is cancelled already changes nothing. Of several exams under one
    number, all are withdrawn or none; or those that are not done yet.

    Raises
    ------
    NotKnown
        No such order.
    TransitionRefused
        The order has ended otherwise, or the patient has arrived.
    """
    kind = ReceivedAs.DISCONTINUED if command.remaining_only else ReceivedAs.CANCELLED
    orders = _meant(command, uow)
    open_orders = [o for o in orders if o.status is not OrderStatus.CANCELLED]
    if not open_orders:
        return _received(orders, kind)
    if len(open_orders) > 1:
        left_out = _CLOSED_UNDONE | _DONE if command.remaining_only else _CLOSED_UNDONE
        open_orders = [o for o in open_orders if o.status not in left_out] or [
            open_orders[0]
        ]
    kinds = {_cancel(order, command, uow, context) for order in open_orders}
    return _received(open_orders, ReceivedAs.HELD if False in kinds else kind)


def _received(orders: list[ImagingOrder], kind: ReceivedAs) -> Received:
    first, *others = (order.id for order in orders)
    return Received(first, kind, tuple(others))


def _meant(command: CancelOrder, uow: UnitOfWork) -> list[ImagingOrder]:
    if command.order_id is not None:
        return [uow.orders.get(command.order_id)]
    if command.named is None:
        raise InvalidValue(
            "A cancellation names its order by id or by a partner's number."
        )
    found = orders_named(command.named, uow)
    if not found:
        raise unknown(command.named)
    return found


def _cancel(
    order: ImagingOrder, command: CancelOrder, uow: UnitOfWork, context: Context
) -> bool:
    """Cancel one order; false if a person must look at it first."""
    if is_older(command.sent_at, order.sent_at):
        _cancel_in_doubt(order, uow, context)
        return False
    cancelled = replace(
        order.after(Action.CANCEL, context.now), sent_at=command.sent_at
    )
    cancel_live_appointment(order, uow, context, reason=command.reason)
    save_change(order, cancelled, Action.CANCEL, uow, context, note=command.reason)
    uow.orders.log_clock(
        ClockEvent(
            order.id,
            context.now,
            ClockReason.CLOSED_WITHOUT_SCAN,
            order.clock.started_on,
        )
    )
    if command.named is None or command.named.partner != order.partner:
        # Withdrawn by us or by the filler: who placed it must know.
        uow.outbox.add(
            Event(
                EventKind.ORDER_CANCELLED,
                order.id,
                context.now,
                (order.partner,),
                reason=command.reason,
            )
        )
    return True


def _cancel_in_doubt(order: ImagingOrder, uow: UnitOfWork, context: Context) -> None:
    """Have a person look at a cancel that is older than the last change."""
    doubt = HoldReason(HoldCode.CANCEL_OUT_OF_ORDER)
    if doubt in order.holds:
        return
    held = flagged(order, doubt, uow, context)
    save_change(order, held, Action.HOLD, uow, context, note=doubt.code)
    tell_of_hold(order, held, uow, context)
