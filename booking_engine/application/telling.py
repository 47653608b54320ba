"""What partners tell of orders: how they stand elsewhere, and answers to us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from booking_engine.application.attendance import record_outcome
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import (
    AskStatus,
    CancelOrder,
    HoldOrder,
    RecordAnswer,
    RecordOutcome,
    RecordStatus,
)
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.history import save_change
from booking_engine.application.intake import receive_order
from booking_engine.application.naming import order_named, orders_named, unknown
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.suspending import hold_order, suspend
from booking_engine.application.withdrawing import cancel_order
from booking_engine.domain.clock import local_date
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.filler_status import FillerStatus
from booking_engine.domain.order_names import filler_name
from booking_engine.domain.orders import (
    TERMINAL,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.waiting import ClockEvent, ClockReason

_LONGEST_REASON: Final = 60


def record_status(command: RecordStatus, uow: UnitOfWork, context: Context) -> Received:
    """Record how an order stands with its filler.

    What the filler has scheduled is not booked by us; what it has scanned is done; what
    it cancels is cancelled, and who placed it is told. An exam that only the filler
    knows is stored, held, while it is still to come.

    Raises
    ------
    NotKnown
        No such order, and nothing to store in its place.
    InvalidValue
        The name means several orders.
    TransitionRefused
        It is cancelled or held, and the order's state does not allow that.
    """
    if not orders_named(command.named, uow):
        return _of_unknown_order(command, uow, context)
    order = order_named(command.named, uow)
    if is_older(command.sent_at, order.told_at):
        return Received(order.id, ReceivedAs.IGNORED_OLDER)
    order = _with_filler_number(order, command, uow)
    if order.status in TERMINAL and command.status is not FillerStatus.CANCELLED:
        _note(order, f"told {command.status}", uow, context)
        return Received(order.id, ReceivedAs.STATUS_RECORDED)
    return _RECORDERS[command.status](order, command, uow, context)


def _of_unknown_order(
    command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    if not command.named.filler_number:
        raise unknown(command.named)
    if command.status in {FillerStatus.PERFORMED, FillerStatus.CANCELLED}:
        return Received(None, ReceivedAs.STATUS_RECORDED)  # nothing is left to do
    if command.order is None:
        raise unknown(command.named)
    elsewhere = _elsewhere(command)
    order = replace(command.order, holds=(elsewhere, *command.order.holds), refusal="")
    received = receive_order(order, uow, context)
    return replace(received, kind=ReceivedAs.STATUS_RECORDED)


def _with_filler_number(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork
) -> ImagingOrder:
    """Return the order with the filler's number, so that it is found by it."""
    number = command.named.filler_number
    order = replace(order, told_at=command.sent_at)
    if not number or number == order.id:
        return order
    if number != order.content.filler_number:
        name = filler_name(command.named.partner, number)
        if order.id not in {known.id for known in uow.orders.named(name)}:
            uow.orders.add_name(order, name)
    if not order.content.filler_number:
        order = replace(order, content=replace(order.content, filler_number=number))
    return order


def _elsewhere(command: RecordStatus) -> HoldReason:
    when = command.starts_at
    detail = "" if when is None else when.isoformat(timespec="minutes")
    return HoldReason(HoldCode.BOOKED_ELSEWHERE, detail)


def _scheduled(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    live = uow.schedule.live_appointment(order.id)
    confirmed = live is not None and (
        command.starts_at is None or command.starts_at == live.starts_at
    )
    if order.status is OrderStatus.ARRIVED or (
        confirmed and order.status is OrderStatus.BOOKED
    ):
        _note(order, "told scheduled", uow, context)
    else:
        suspend(order, _elsewhere(command), uow, context)
    return Received(order.id, ReceivedAs.STATUS_RECORDED)


def _under_way(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    live = uow.schedule.live_appointment(order.id)
    if order.status is OrderStatus.ARRIVED:
        _note(order, "told under way", uow, context)
    elif (
        live is not None
        and order.status is OrderStatus.BOOKED
        and _has_come(live.starts_at, context)
    ):
        uow.orders.save(order)
        record_outcome(RecordOutcome(live.id, "arrived"), uow, context)
    else:
        suspend(order, _elsewhere(command), uow, context)
    return Received(order.id, ReceivedAs.STATUS_RECORDED)


def _performed(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    live = uow.schedule.live_appointment(order.id)
    booked = order.status in {OrderStatus.BOOKED, OrderStatus.ARRIVED}
    if live is not None and booked and _has_come(live.starts_at, context):
        uow.orders.save(order)
        record_outcome(RecordOutcome(live.id, "performed"), uow, context)
        return Received(order.id, ReceivedAs.STATUS_RECORDED)
    # Scanned at another time: the slot that is kept for it goes to somebody else.
    reason = command.reason or "performed elsewhere"
    cancel_live_appointment(order, uow, context, reason=reason)
    after = order.after(Action.PERFORM, context.now)
    save_change(order, after, Action.PERFORM, uow, context, note=reason)
    uow.orders.log_clock(
        ClockEvent(order.id, context.now, ClockReason.PERFORMED, order.clock.started_on)
    )
    return Received(order.id, ReceivedAs.STATUS_RECORDED)


def _cancelled(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    uow.orders.save(order)
    cancel = CancelOrder(
        command.reason or "cancelled by filler",
        command.sent_at,
        named=command.named,
        remaining_only=True,
    )
    return cancel_order(cancel, uow, context)


def _held(
    order: ImagingOrder, command: RecordStatus, uow: UnitOfWork, context: Context
) -> Received:
    uow.orders.save(order)
    hold = HoldOrder(command.named, command.sent_at, command.reason)
    return hold_order(hold, uow, context)


_Recorder = Callable[[ImagingOrder, RecordStatus, UnitOfWork, Context], Received]
_RECORDERS: Final[dict[FillerStatus, _Recorder]] = {
    FillerStatus.SCHEDULED: _scheduled,
    FillerStatus.UNDER_WAY: _under_way,
    FillerStatus.PERFORMED: _performed,
    FillerStatus.CANCELLED: _cancelled,
    FillerStatus.HELD: _held,
}


def ask_status(command: AskStatus, uow: UnitOfWork, _: Context) -> Received:
    """Return how an order stands; raises `NotKnown` for an unknown one."""
    found = orders_named(command.named, uow)
    if not found:
        raise unknown(command.named)
    newest = found[0]
    return Received(newest.id, ReceivedAs.STATUS_REPORTED, status=newest.status)


def record_answer(command: RecordAnswer, uow: UnitOfWork, context: Context) -> Received:
    """Record an answer to what we sent; a refused order is put to a person.

    An answer about nothing that is known changes nothing: to refuse an answer would
    only be answered again.
    """
    order = _answered(command, uow)
    if order is None:
        return Received(None, ReceivedAs.ANSWER_RECORDED)
    open_still = order.status not in TERMINAL and order.status is not (
        OrderStatus.ARRIVED
    )
    if command.accepted or not open_still:
        _note(order, f"answer {command.code}", uow, context)
    else:
        detail = f"{command.code} {command.reason}".strip()[:_LONGEST_REASON]
        reason = HoldReason(HoldCode.REFUSED_BY_PARTNER, detail)
        suspend(order, reason, uow, context, note=f"answer {detail}")
    return Received(order.id, ReceivedAs.ANSWER_RECORDED)


def _answered(command: RecordAnswer, uow: UnitOfWork) -> ImagingOrder | None:
    if command.answers is not None:
        try:
            sent = uow.outbox.get(command.answers)
        except NotKnown:
            sent = None
        if sent is not None and sent.destination == command.partner:
            uow.outbox.answered(sent.id, command.code)
            return None if sent.order_id is None else uow.orders.get(sent.order_id)
    if command.named is None:
        return None
    found = orders_named(command.named, uow)
    return found[0] if len(found) == 1 else None


def _note(order: ImagingOrder, note: str, uow: UnitOfWork, context: Context) -> None:
    """Add a line to the history of an order whose state stays as it is."""
    save_change(order, order, "told", uow, context, note=note)


def _has_come(starts_at: datetime, context: Context) -> bool:
    return local_date(starts_at) <= local_date(context.now)
