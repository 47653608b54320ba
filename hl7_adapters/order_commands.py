"""One order of a message, one command: what each order control code asks of us.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias

from booking_engine.application.commands import (
    AskStatus,
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    NumberOrder,
    ReceiveOrder,
    RecordAnswer,
    RecordStatus,
    ReplaceOrders,
)
from booking_engine.application.naming import Named
from booking_engine.domain.filler_status import FillerStatus
from booking_engine.domain.identifiers import DeliveryId
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import HoldCode
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import BadValue, Purpose, read_timestamp
from hl7_adapters.dialect import places
from hl7_adapters.er7 import Message
from hl7_adapters.order_controls import FILLER_STATUSES, RESULT_STATUSES, Control
from hl7_adapters.order_fields import (
    read_content,
    read_name,
    reason_of,
    refusal_of,
    sent_at,
)
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.reading import MappingError, Reading

OrderCommand: TypeAlias = (
    ReceiveOrder
    | ChangeOrder
    | CancelOrder
    | HoldOrder
    | LiftHold
    | ReplaceOrders
    | NumberOrder
    | RecordStatus
    | AskStatus
    | RecordAnswer
)

_SCHEDULED: Final = places("OBR-36", "TQ1-7", "ORC-7.4", "OBR-27.4")


def new_order(group: OrderGroup, message: Message, reading: Reading) -> ReceiveOrder:
    """Return a new order, with what holds or refuses it; raises `MappingError`."""
    reading.begin()
    orc = group.segments.get("ORC")
    if orc is not None and orc.value(5).strip().upper() == "SC":
        # An IHE order filler has given it a time: booking again would double it.
        reading.hold(HoldCode.BOOKED_ELSEWHERE, "ORC-5 SC")
    content = read_content(group, message, reading, number_needed=False)
    profile = reading.profile
    return ReceiveOrder(
        partner=profile.id,
        content=content,
        sent_at=sent_at(group, reading),
        holds=tuple(reading.holds),
        refusal=refusal_of(group, content, reading),
        guidelines=profile.guidelines,
        mode=profile.mode_of(content.procedures, otherwise=profile.booking_mode),
        linked=profile.linked_orders,
    )


def _change(group: OrderGroup, message: Message, reading: Reading) -> ChangeOrder:
    reading.begin(changes=True)
    named = read_name(group, reading)
    content = read_content(
        group, message, reading, number_needed=not named.filler_number
    )
    return ChangeOrder(
        partner=reading.profile.id,
        content=content,
        sent_at=sent_at(group, reading),
        holds=tuple(reading.holds),
        guidelines=reading.profile.guidelines,
        kept=frozenset(reading.kept),
        withdrawn=frozenset(reading.withdrawn),
        fills=named.fills,
    )


def _cancel(group: OrderGroup, _: Message, reading: Reading) -> CancelOrder:
    return CancelOrder(
        reason=reason_of(group, reading) or "cancelled by sender",
        sent_at=sent_at(group, reading),
        named=read_name(group, reading),
    )


def _discontinue(group: OrderGroup, _: Message, reading: Reading) -> CancelOrder:
    return CancelOrder(
        reason=reason_of(group, reading) or "discontinued by sender",
        sent_at=sent_at(group, reading),
        named=read_name(group, reading),
        remaining_only=True,
    )


def _hold(group: OrderGroup, _: Message, reading: Reading) -> HoldOrder:
    return HoldOrder(
        read_name(group, reading),
        sent_at(group, reading),
        reason_of(group, reading),
        keeps_slot=reading.profile.hold_keeps_slot,
    )


def _release(group: OrderGroup, _: Message, reading: Reading) -> LiftHold:
    return LiftHold(
        read_name(group, reading),
        sent_at(group, reading),
        guidelines=reading.profile.guidelines,
    )


def child_order(
    group: OrderGroup, number: int, message: Message, reading: Reading
) -> ReceiveOrder:
    """Return one exam of a split order: it shares the placer's number (ORC-8)."""
    order = new_order(group, message, reading)
    content = order.content
    shared = content.placer_number
    if shared and as_placed(shared) == shared:
        code = content.procedure_as_sent.replace("#", "")
        content = replace(content, placer_number=f"{shared}#{number}#{code}")
    return replace(order, content=content)


def _ask_status(group: OrderGroup, _: Message, reading: Reading) -> AskStatus:
    return AskStatus(read_name(group, reading))


def _ask_number(group: OrderGroup, message: Message, reading: Reading) -> NumberOrder:
    return NumberOrder(new_order(group, message, reading))


def _status(
    group: OrderGroup, message: Message, reading: Reading
) -> RecordStatus | None:
    starts_at = _starts_at(group, reading)
    status = _filler_status(group)
    if status is None:
        if starts_at is None:
            return None
        status = FillerStatus.SCHEDULED
    return RecordStatus(
        named=read_name(group, reading),
        status=status,
        sent_at=sent_at(group, reading),
        starts_at=starts_at,
        reason=reason_of(group, reading),
        order=_if_unknown(group, message, reading),
    )


def _result(group: OrderGroup, _: Message, reading: Reading) -> RecordStatus | None:
    obr = group.segments.get("OBR")
    result = "" if obr is None else obr.value(25).strip().upper()
    if RESULT_STATUSES.get(result) is not FillerStatus.PERFORMED:
        return None
    try:
        named = read_name(group, reading)
    except MappingError:
        return None  # results of something else: no order needs to be known for them
    return RecordStatus(named, FillerStatus.PERFORMED, sent_at(group, reading))


def _filler_status(group: OrderGroup) -> FillerStatus | None:
    orc, obr = group.segments.get("ORC"), group.segments.get("OBR")
    status = "" if orc is None else orc.value(5).strip().upper()
    if status:
        return FILLER_STATUSES.get(status)
    result = "" if obr is None else obr.value(25).strip().upper()
    return RESULT_STATUSES.get(result)


def _starts_at(group: OrderGroup, reading: Reading) -> datetime | None:
    place, text = group.first(_SCHEDULED)
    if place is None:
        return None
    try:
        found = read_timestamp(
            text,
            zone=reading.profile.zone,
            default_offset=reading.offset,
            purpose=Purpose.APPOINTMENT,
            path=str(place),
        )
    except BadValue as error:
        reading.bad_value(
            Condition.BAD_TIME, group.location(place.segment, place.field), error
        )
        reading.warn(f"{place}: cannot be read as a time; not used")
        return None
    return found.instant


def _if_unknown(
    group: OrderGroup, message: Message, reading: Reading
) -> ReceiveOrder | None:
    """Return what to store if the order is not known: an exam of the filler's own."""
    if not {"PID", "OBR"} <= group.segments.keys():
        return None
    try:
        return new_order(group, message, reading)
    except MappingError:
        return None  # enough to tell of a known order, too little to store one


def _accepted(group: OrderGroup, message: Message, reading: Reading) -> RecordAnswer:
    return read_answer(group, message, reading, accepted=True)


def _refused(group: OrderGroup, message: Message, reading: Reading) -> RecordAnswer:
    return read_answer(group, message, reading, accepted=False)


def read_answer(
    group: OrderGroup, message: Message, reading: Reading, *, accepted: bool
) -> RecordAnswer:
    """Return what a partner answers to an order that we sent."""
    named: Named | None = None
    try:
        named = read_name(group, reading)
    except MappingError:
        reading.warn("ORC-2: the answer names no order")
    answers = message.get("MSA-2").strip()
    return RecordAnswer(
        code=group.segments["ORC"].value(1).strip().upper(),
        accepted=accepted,
        sent_at=sent_at(group, reading),
        partner=reading.profile.id,
        answers=DeliveryId(answers) if answers else None,
        named=named,
        reason=reason_of(group, reading),
    )


_Read: TypeAlias = Callable[[OrderGroup, Message, Reading], OrderCommand | None]

READERS: Final[dict[Control, _Read]] = {
    Control.NEW: new_order,
    Control.CHANGE: _change,
    Control.CANCEL: _cancel,
    Control.DISCONTINUE: _discontinue,
    Control.HOLD: _hold,
    Control.RELEASE: _release,
    Control.ASK_STATUS: _ask_status,
    Control.ASK_NUMBER: _ask_number,
    Control.STATUS: _status,
    Control.RESULT: _result,
    Control.ACCEPTED: _accepted,
    Control.REFUSED: _refused,
}
"""By what is asked; a reader returns ``None`` where there is nothing to do."""
