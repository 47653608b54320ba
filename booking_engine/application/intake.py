"""Orders coming in from senders: new, changed, withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import CancelOrder, ChangeOrder, ReceiveOrder
from booking_engine.application.context import Context
from booking_engine.application.patients import as_registered
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.vetting import authorise_under_guideline
from booking_engine.domain.clock import local_date
from booking_engine.domain.errors import (
    DuplicateOrder,
    InvalidValue,
    NotKnown,
    PatientBusy,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import (
    SETTLED_BY_A_PERSON,
    TERMINAL,
    WITH_A_SLOT,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock

_ENDED_UNSCANNED = TERMINAL - {OrderStatus.PERFORMED}
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


def receive_order(command: ReceiveOrder, uow: UnitOfWork, context: Context) -> Received:
    """Store a new order; held if anything about it is not settled.

    A repeat with the same content changes nothing. A number that is used again after
    its order ended without a scan may be the wish to have it after all: a person
    decides, so that nothing is acknowledged and then forgotten (HAZ-1).

    Raises
    ------
    DuplicateOrder
        The placer number exists with other content; the sender should send a change.
    """
    content, doubts = as_registered(command.content, uow)
    existing = None
    if content.placer_number:
        existing = uow.orders.by_placer(
            (command.partner, content.placer_authority, content.placer_number)
        )
    holds = command.holds + doubts + network_holds(content, uow, context)
    if existing is not None:
        ended = existing.status in _ENDED_UNSCANNED
        if ended and command.sent_at > existing.sent_at:
            holds += (HoldReason(HoldCode.PLACER_NUMBER_REUSED, existing.id),)
        elif same_request(existing.content, content):
            return Received(existing.id, ReceivedAs.DUPLICATE)
        else:
            raise DuplicateOrder(
                f"Placer number {content.placer_number} exists as order {existing.id}"
                " with other content; send a change (ORC-1 XO) instead."
            )
    status = OrderStatus.AWAITING_VETTING
    if command.refusal:
        status = OrderStatus.REJECTED
    elif holds:
        status = OrderStatus.HELD
    order = ImagingOrder(
        id=OrderId(context.ids("O")),
        partner=command.partner,
        content=content,
        status=status,
        status_since=context.now,
        clock=WaitingClock.requested(content.requested_at),
        received_at=context.now,
        sent_at=command.sent_at,
        holds=holds if status is OrderStatus.HELD else (),
        mode=command.mode,
    )
    uow.orders.log(
        StatusChange(
            order.id,
            context.now,
            context.actor,
            "receive",
            None,
            status,
            command.refusal or _codes(order.holds),
        )
    )
    uow.orders.log_clock(
        ClockEvent(order.id, context.now, ClockReason.REQUESTED, order.clock.started_on)
    )
    if status is OrderStatus.REJECTED:
        uow.orders.add(order)
        uow.outbox.add(
            Event(
                EventKind.ORDER_REJECTED,
                order.id,
                context.now,
                (command.partner,),
                reason=command.refusal,
            )
        )
        return Received(order.id, ReceivedAs.REFUSED)
    if status is OrderStatus.HELD:
        uow.orders.add(order)
        return Received(order.id, ReceivedAs.HELD)
    order = authorise_under_guideline(order, command.guidelines, uow, context)
    uow.orders.add(order)
    return Received(order.id, ReceivedAs.CREATED)


def change_order(command: ChangeOrder, uow: UnitOfWork, context: Context) -> Received:
    """Replace what a sender asked for.

    A request that differs in what matters clinically is vetted again. On a booked
    order the slot stays, and a person is asked to look: a patient who has been told
    is never moved without approval (HAZ-10).

    Raises
    ------
    NotKnown
        No order with this placer number.
    TransitionRefused
        The order has ended, or the patient has arrived.
    """
    content, doubts = as_registered(command.content, uow)
    order = uow.orders.by_placer(
        (command.partner, content.placer_authority, content.placer_number)
    )
    if order is None:
        raise _unknown(content.placer_number)
    if _is_older(command.sent_at, order):
        return Received(order.id, ReceivedAs.IGNORED_OLDER)
    content = _keeping_others_answers(content, order)
    before = order
    doubts = tuple(doubt for doubt in doubts if doubt not in order.holds)
    holds = command.holds + doubts + network_holds(content, uow, context)
    material = not _same_exam(order.content, content)
    booked = order.status in WITH_A_SLOT
    held = order.status is OrderStatus.HELD
    # What this message leaves open is held anew; what it settles is not.
    kept = tuple(h for h in order.holds if h.code in SETTLED_BY_A_PERSON)
    if held:
        holds += kept
    anew = (material or holds or held) and not booked
    action = Action.RESUBMIT if anew else Action.CHANGE
    order = replace(
        order.after(action, context.now),
        content=content,
        sent_at=command.sent_at,
    )
    if booked and (material or holds):
        changed = HoldReason(HoldCode.CHANGED_AFTER_BOOKING)
        order = replace(order, vetting=None, holds=(changed, *holds, *kept))
        order = _same_patient_in_the_diary(order, before, uow)
    elif action is Action.RESUBMIT:
        # A slot that is held was chosen for another exam.
        cancel_live_appointment(before, uow, context, reason="order changed")
        order = replace(order, vetting=None)
        if holds:
            order = order.held(holds, context.now)
        else:
            order = authorise_under_guideline(order, command.guidelines, uow, context)
    uow.orders.save(order)
    uow.orders.log(
        StatusChange(
            order.id,
            context.now,
            context.actor,
            action,
            before.status,
            order.status,
            _codes(order.holds),
        )
    )
    return Received(order.id, ReceivedAs.CHANGED)


def cancel_order(command: CancelOrder, uow: UnitOfWork, context: Context) -> Received:
    """Withdraw an order; its slot is freed and those who knew of it are told.

    Cancelling what is cancelled already changes nothing.

    Raises
    ------
    NotKnown
        No such order.
    TransitionRefused
        The order has ended otherwise, or the patient has arrived.
    """
    order = _named(command, uow)
    if order.status is OrderStatus.CANCELLED:
        return Received(order.id, ReceivedAs.CANCELLED)
    if _is_older(command.sent_at, order):
        return _cancel_in_doubt(order, uow, context)
    cancelled = replace(
        order.after(Action.CANCEL, context.now), sent_at=command.sent_at
    )
    cancel_live_appointment(order, uow, context, reason=command.reason)
    uow.orders.save(cancelled)
    uow.orders.log(
        StatusChange(
            order.id,
            context.now,
            context.actor,
            Action.CANCEL,
            order.status,
            cancelled.status,
            command.reason,
        )
    )
    uow.orders.log_clock(
        ClockEvent(
            order.id,
            context.now,
            ClockReason.CLOSED_WITHOUT_SCAN,
            order.clock.started_on,
        )
    )
    if command.order_id is not None:  # withdrawn on our side: the sender must know
        uow.outbox.add(
            Event(
                EventKind.ORDER_CANCELLED,
                order.id,
                context.now,
                (order.partner,),
                reason=command.reason,
            )
        )
    return Received(order.id, ReceivedAs.CANCELLED)


def _is_older(sent_at: datetime, order: ImagingOrder) -> bool:
    """Return whether a message was sent before the last one that was applied.

    Some senders write whole minutes: within the minute, what comes later is later.
    """
    return sent_at < order.sent_at.replace(second=0, microsecond=0)


def _cancel_in_doubt(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> Received:
    """Have a person look at a cancel that is older than the last change."""
    doubt = HoldReason(HoldCode.CANCEL_OUT_OF_ORDER)
    if doubt in order.holds:
        return Received(order.id, ReceivedAs.HELD)
    reasons = (*order.holds, doubt)
    if order.status in WITH_A_SLOT:
        flagged = replace(order, holds=reasons)
    else:
        flagged = order.held(reasons, context.now)
    uow.orders.save(flagged)
    uow.orders.log(
        StatusChange(
            order.id,
            context.now,
            context.actor,
            Action.HOLD,
            order.status,
            flagged.status,
            doubt.code,
        )
    )
    return Received(order.id, ReceivedAs.HELD)


def _keeping_others_answers(content: OrderContent, order: ImagingOrder) -> OrderContent:
    """Return the content with the safety answers that others than the sender gave."""
    others = tuple(
        answer
        for answer in order.content.safety
        if not answer.source.startswith(f"{order.partner} ")
    )
    return replace(content, safety=others + content.safety)


def _same_patient_in_the_diary(
    order: ImagingOrder, before: ImagingOrder, uow: UnitOfWork
) -> ImagingOrder:
    """Keep the appointment's patient that of the order, so that overlaps are seen."""
    key = order.content.patient.key
    live = uow.schedule.live_appointment(order.id)
    if live is None or key == before.content.patient.key:
        return order
    try:
        with uow.savepoint():
            uow.schedule.save(replace(live, patient=key))
            uow.flush()
    except PatientBusy:
        doubt = HoldReason(HoldCode.IDENTITY_CONFLICT)
        return replace(order, holds=(*order.holds, doubt))
    return order


def same_request(one: OrderContent, other: OrderContent) -> bool:
    """Return whether two messages ask for the same, whenever they were sent."""
    return _without_times(one) == _without_times(other)


def _without_times(content: OrderContent) -> tuple[OrderContent, frozenset[str]]:
    answers = frozenset(f"{a.question}={a.answer}" for a in content.safety)
    return replace(content, safety=(), requested_at=_NO_TIME), answers


def _same_exam(one: OrderContent, other: OrderContent) -> bool:
    """Return whether everything that vetting and booking looked at is the same."""
    return _vetted_part(one) == _vetted_part(other)


def _vetted_part(content: OrderContent) -> tuple[object, ...]:
    return (
        content.procedure,
        content.priority,
        content.setting,
        content.needs,
        content.patient.key,
        content.patient.birth_date,
        content.clinical_reason,
        content.earliest_on,
        content.latest_on,
        frozenset((a.question, a.answer) for a in content.safety),
    )


def network_holds(
    content: OrderContent, uow: UnitOfWork, context: Context
) -> tuple[HoldReason, ...]:
    """Return what only the network's own data can tell: open provider, known code."""
    catalogue = uow.catalogue()
    found: list[HoldReason] = []
    if content.site is not None:
        if content.site not in catalogue.sites:
            found.append(HoldReason(HoldCode.UNKNOWN_SITE, content.site))
        elif catalogue.site_is_closed(content.site, local_date(context.now)):
            found.append(HoldReason(HoldCode.CLOSED_PROVIDER, content.site))
    if content.procedure is not None and content.procedure not in catalogue.procedures:
        found.append(HoldReason(HoldCode.UNMAPPED_PROCEDURE, content.procedure))
    return tuple(found)


def _named(command: CancelOrder, uow: UnitOfWork) -> ImagingOrder:
    if command.order_id is not None:
        return uow.orders.get(command.order_id)
    if command.partner is None or not command.placer_number:
        raise InvalidValue(
            "A cancellation names its order by id or by partner and placer number."
        )
    order = uow.orders.by_placer(
        (command.partner, command.placer_authority, command.placer_number)
    )
    if order is None:
        raise _unknown(command.placer_number)
    return order


def _unknown(placer_number: str) -> NotKnown:
    return NotKnown(
        f"No order with placer number {placer_number} has come from this sender;"
        " send the new order first."
    )


def _codes(holds: tuple[HoldReason, ...]) -> str:
    return ", ".join(hold.code for hold in holds)
