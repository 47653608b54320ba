"""Orders that wait because somebody asked, and go on when that is taken back."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.announcing import tell_of_hold
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import HoldOrder, LiftHold
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.history import log_change, save_change
from booking_engine.application.naming import orders_named, unknown
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.vetting import (
    authorise_under_guideline,
    restore_vetting,
)
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.orders import (
    TERMINAL,
    WITH_A_SLOT,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)

_LONGEST_REASON = 60


def hold_order(command: HoldOrder, uow: UnitOfWork, context: Context) -> Received:
    """Suspend an order, or all that share its number: none of them is booked.

    Raises
    ------
    NotKnown
        No such order.
    TransitionRefused
        It has ended, or the patient has arrived.
    """
    orders = orders_named(command.named, uow)
    if not orders:
        raise unknown(command.named)
    applied = [_hold(order, command, uow, context) for order in orders]
    return _received(orders, applied, ReceivedAs.HELD_ON_REQUEST)


def lift_hold(command: LiftHold, uow: UnitOfWork, context: Context) -> Received:
    """Take such a hold back: the order is where it was, unless more holds it.

    Raises
    ------
    NotKnown
        No such order.
    TransitionRefused
        It has ended.
    """
    orders = orders_named(command.named, uow)
    if not orders:
        raise unknown(command.named)
    applied = [_lift(order, command, uow, context) for order in orders]
    return _received(orders, applied, ReceivedAs.RELEASED)


def suspend(
    order: ImagingOrder,
    reason: HoldReason,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str = "",
) -> ImagingOrder:
    """Have an order wait for a person; what is booked stays, with the reason on it.

    A reason of the same kind is replaced. The caller has seen that the order has not
    ended; the order is stored here.
    """
    reasons = (*(h for h in order.holds if h.code is not reason.code), reason)
    if order.status in WITH_A_SLOT:
        after = replace(order, holds=reasons)
    else:
        # A slot that is only kept for an answer goes back.
        cancel_live_appointment(order, uow, context, reason=reason.code)
        after = order.held(reasons, context.now)
    save_change(order, after, Action.HOLD, uow, context, note=note or reason.code)
    tell_of_hold(order, after, uow, context)
    return after


def _hold(
    order: ImagingOrder, command: HoldOrder, uow: UnitOfWork, context: Context
) -> bool:
    if is_older(command.sent_at, order.held_at):
        return False
    if order.status in TERMINAL or order.status is OrderStatus.ARRIVED:
        raise TransitionRefused(
            f"Order {order.id} is {order.status}: it cannot be held any more."
        )
    if order.status is OrderStatus.BOOKED and not command.keeps_slot:
        cancel_live_appointment(order, uow, context, reason=command.reason or "held")
        freed = order.after(Action.UNBOOK, context.now)
        log_change(order, freed, Action.UNBOOK, uow, context, note=command.reason)
        order = replace(freed, holds=order.holds)
    reason = HoldReason(HoldCode.REQUESTED_BY_SENDER, command.reason[:_LONGEST_REASON])
    order = replace(order, held_at=command.sent_at)
    suspend(order, reason, uow, context, note=command.reason)
    return True


def _lift(
    order: ImagingOrder, command: LiftHold, uow: UnitOfWork, context: Context
) -> bool:
    if is_older(command.sent_at, order.held_at):
        return False
    if order.status in TERMINAL:
        raise TransitionRefused(
            f"Order {order.id} is {order.status}: there is nothing to release."
        )
    remaining = tuple(
        hold for hold in order.holds if hold.code is not HoldCode.REQUESTED_BY_SENDER
    )
    order = replace(order, held_at=command.sent_at)
    if remaining == order.holds:
        uow.orders.save(order)
        return True
    if remaining or order.status is not OrderStatus.HELD:
        after = replace(order, holds=remaining)
        log_change(order, after, Action.RELEASE, uow, context)
    else:
        after = order.after(Action.RELEASE, context.now)
        log_change(order, after, Action.RELEASE, uow, context)
        if after.vetting is not None:
            after = restore_vetting(after, uow, context)
        else:
            after = authorise_under_guideline(after, command.guidelines, uow, context)
    uow.orders.save(after)
    return True


def _received(
    orders: list[ImagingOrder], applied: list[bool], kind: ReceivedAs
) -> Received:
    first, *others = (order.id for order in orders)
    return Received(
        first, kind if any(applied) else ReceivedAs.IGNORED_OLDER, tuple(others)
    )
