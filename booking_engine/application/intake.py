"""Orders coming in from senders: new and changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from booking_engine.application.commands import ReceiveOrder
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.patient_numbers import as_registered
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.suspending import suspend
from booking_engine.application.vetting import authorise_under_guideline
from booking_engine.domain.clock import local_date
from booking_engine.domain.errors import (
    DuplicateOrder,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.exams import catalogue_holds
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import (
    TERMINAL,
    WITH_A_SLOT,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    OrderStatus,
    StatusChange,
    with_meanings_of,
)
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock

_ENDED_UNSCANNED = TERMINAL - {OrderStatus.PERFORMED}
_UNBOOKED = frozenset(OrderStatus) - TERMINAL - WITH_A_SLOT
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


def receive_order(
    command: ReceiveOrder,
    uow: UnitOfWork,
    context: Context,
    *,
    replaced: ImagingOrder | None = None,
    order_id: OrderId | None = None,
) -> Received:
    """Store a new order; held if anything about it is not settled.

    A repeat with the same content changes nothing, nor does one that is older than
    what was changed since. A number that is used again after its order ended without
    a scan may be the wish to have it after all: a person decides, so that nothing is
    acknowledged and then forgotten (HAZ-1).

    Parameters
    ----------
    replaced
        The order in whose place it comes: its clock goes on, and its placer number
        may come again.
    order_id
        Its id, if it has been given already.

    Raises
    ------
    DuplicateOrder
        The placer number exists with other content; the sender should send a change.
    """
    content, doubts = as_registered(command.content, uow)
    if content is not command.content:
        command = replace(command, content=content)
    holds = command.holds + doubts + network_holds(content, uow, context)
    existing = _existing(command, uow)
    if existing is not None and (replaced is None or existing.id != replaced.id):
        repeated = _repeats(command, existing, uow, context)
        if repeated is not None:
            return repeated
        holds += (HoldReason(HoldCode.PLACER_NUMBER_REUSED, existing.id),)
    status = OrderStatus.AWAITING_VETTING
    if command.refusal:
        status = OrderStatus.REJECTED
    elif holds:
        status = OrderStatus.HELD
    order = ImagingOrder(
        id=order_id or OrderId(context.ids("O")),
        partner=command.partner,
        content=content,
        status=status,
        status_since=context.now,
        clock=(
            WaitingClock.requested(content.requested_at)
            if replaced is None
            else replaced.clock
        ),
        received_at=context.now,
        sent_at=command.sent_at,
        holds=holds if status is OrderStatus.HELD else (),
        mode=command.mode,
        linked=command.linked,
    )
    uow.orders.log(
        StatusChange(
            order.id,
            context.now,
            context.actor,
            "receive",
            None,
            status,
            command.refusal or codes_of(order.holds) or _in_place_of(replaced),
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


def _existing(command: ReceiveOrder, uow: UnitOfWork) -> ImagingOrder | None:
    content = command.content
    if not content.placer_number:
        return None
    key = (command.partner, content.placer_authority, content.placer_number)
    return uow.orders.by_placer(key)


def _repeats(
    command: ReceiveOrder, existing: ImagingOrder, uow: UnitOfWork, context: Context
) -> Received | None:
    """Return what a known placer number means; ``None`` if a person must say.

    Sent again with the news that it is booked elsewhere, it must not be booked here.

    Raises
    ------
    DuplicateOrder
        The number is used for another order.
    """
    if existing.status in _ENDED_UNSCANNED and command.sent_at > existing.sent_at:
        return None
    if _same_request(command, existing):
        elsewhere = [h for h in command.holds if h.code is HoldCode.BOOKED_ELSEWHERE]
        if elsewhere and existing.status in _UNBOOKED:
            if elsewhere[0].code not in {hold.code for hold in existing.holds}:
                suspend(existing, elsewhere[0], uow, context)
            return Received(existing.id, ReceivedAs.HELD)
        return Received(existing.id, ReceivedAs.DUPLICATE)
    content = command.content
    same_patient = content.patient.key == existing.content.patient.key
    if same_patient and is_older(command.sent_at, existing.sent_at):
        return Received(existing.id, ReceivedAs.IGNORED_OLDER)
    raise DuplicateOrder(
        f"Placer number {content.placer_number} exists as order {existing.id}"
        " with other content; send a change (ORC-1 XO) instead."
    )


def _same_request(command: ReceiveOrder, existing: ImagingOrder) -> bool:
    """Return whether an order is what its sender sent before, whenever that was.

    What a person settled meanwhile counts as sent, since the sender left it open; so
    do answers from others, and the number that the filler gave it.
    """
    stored, sent = existing.content, command.content
    settled = as_settled(sent, stored)
    if any(hold.code is HoldCode.UNKNOWN_SETTING for hold in command.holds):
        settled = replace(settled, setting=stored.setting, list_type=stored.list_type)
    if any(hold.code is HoldCode.SEVERAL_STEPS for hold in command.holds):
        settled = replace(settled, further_steps=stored.further_steps)
    if settled.patient.birth_date is None:
        born = stored.patient.birth_date
        settled = replace(settled, patient=replace(settled.patient, birth_date=born))
    if (
        command.sent_at == existing.sent_at
        and settled.patient.key == stored.patient.key
    ):
        # The same transaction again: who the patient is may have been put right since.
        settled = replace(settled, patient=stored.patient)
    if not settled.filler_number:
        settled = replace(settled, filler_number=stored.filler_number)
    before, now = _answers(stored), _answers(sent)
    own = {
        (a.question, a.answer)
        for a in stored.safety
        if a.source.startswith(f"{existing.partner} ")
    }
    return own <= now <= before and _plain(settled) == _plain(stored)


def as_settled(sent: OrderContent, stored: OrderContent) -> OrderContent:
    """Return what was sent, with what a person made of the same codes before."""
    if sent.procedure is None and sent.procedure_as_sent == stored.procedure_as_sent:
        sent = replace(sent, procedure=stored.procedure)
    if sent.priority is None and sent.priority_as_sent == stored.priority_as_sent:
        sent = replace(sent, priority=stored.priority)
    if sent.further_steps:
        steps = with_meanings_of(sent.further_steps, stored.further_steps)
        sent = replace(sent, further_steps=steps)
    return sent


def _answers(content: OrderContent) -> set[tuple[Question, Answer]]:
    return {(a.question, a.answer) for a in content.safety}


def _plain(content: OrderContent) -> OrderContent:
    steps = tuple(replace(step, procedure_text="") for step in content.further_steps)
    return replace(
        content,
        safety=(),
        requested_at=_NO_TIME,
        procedure_text="",  # the code says what is meant
        further_steps=steps,
    )


def network_holds(
    content: OrderContent, uow: UnitOfWork, context: Context
) -> tuple[HoldReason, ...]:
    """Return what only the network's own data can tell: open provider, known codes."""
    catalogue = uow.catalogue()
    found: list[HoldReason] = []
    if content.site is not None:
        if content.site not in catalogue.sites:
            found.append(HoldReason(HoldCode.UNKNOWN_SITE, content.site))
        elif catalogue.site_is_closed(content.site, local_date(context.now)):
            found.append(HoldReason(HoldCode.CLOSED_PROVIDER, content.site))
    return (*found, *catalogue_holds(content, catalogue))


def _in_place_of(replaced: ImagingOrder | None) -> str:
    return "" if replaced is None else f"in place of {replaced.id}"


def codes_of(holds: tuple[HoldReason, ...]) -> str:
    """Return the codes of holds as the history notes them."""
    return ", ".join(hold.code for hold in holds)
