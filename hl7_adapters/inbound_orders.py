"""Orders in: ORC-1 of ORM^O01, OMG^O19 and OMI^O23 chooses the command.

What a person at our end can settle (an unknown procedure, urgency or site) never
refuses a message: the order is held, for a message refused is an order that nobody
looks at.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from hl7_adapters.datatypes import BadValue, Purpose, read_timestamp
from hl7_adapters.dialect import (
    CONTROLS,
    FILLER_STATUSES,
    RESULT_STATUSES,
    Condition,
    Control,
    places,
)
from hl7_adapters.er7 import Message
from hl7_adapters.order_fields import (
    read_content,
    read_name,
    reason_of,
    refusal_of,
    sent_at,
)
from hl7_adapters.order_groups import OrderGroup, group_orders
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
Asked: TypeAlias = tuple[OrderGroup, OrderCommand]
"""A command and the order of the message that asks for it; of several, the first."""

MOST_ORDERS: Final = 100
"""In one message; all of them hang on one commit, and no exam needs so many."""
_CONTRADICTIONS: Final = frozenset({"CA", "CM", "DC"})
"""ORC-5 that cannot stand beside a new order (NW)."""
_FOLLOWED_BY: Final = {
    Control.REPLACE: Control.REPLACEMENT,
    Control.SPLIT: Control.CHILD,
}
"""Orders that end, and what takes their place further on in the message."""
_SCHEDULED: Final = places("OBR-36", "TQ1-7", "ORC-7.4", "OBR-27.4")


def read_orders(message: Message, reading: Reading) -> Iterator[OrderCommand]:
    """Return what the orders of a message ask for; raises `MappingError`."""
    for group, command in read_asked(message, reading):
        reading.asked.append(group)
        yield command


def read_asked(message: Message, reading: Reading) -> Iterator[Asked]:
    """Return what the orders of a message ask for, each with where it stands.

    Raises
    ------
    MappingError
        One of them cannot be carried out.
    """
    groups = group_orders(message)
    if not groups:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "ORC^1", "an order needs ORC and OBR segments"
        )
    if len(groups) > MOST_ORDERS:
        raise reading.refuse(
            Condition.TOO_MANY_ORDERS,
            f"ORC^{MOST_ORDERS}",
            f"send at most {MOST_ORDERS} orders in a message",
        )
    controls: list[tuple[OrderGroup, Control]] = []
    for group in groups:
        if group.is_service:
            controls.append((group, _control(group, reading)))
        else:
            reading.warn("pharmacy, diet or supply order: nothing to do")
    at = 0
    while at < len(controls):
        group, control = controls[at]
        if control in _FOLLOWED_BY:
            count, command = _replace(controls[at:], message, reading)
            yield group, command
            at += count
            continue
        if control in _FOLLOWED_BY.values():
            raise reading.refuse(
                Condition.UNKNOWN_CONTROL,
                group.location("ORC", 1),
                "say first what it takes the place of, in the same message",
            )
        read = _READERS.get(control)
        command_or_none = None if read is None else read(group, message, reading)
        if command_or_none is None:
            reading.warn("ORC-1: nothing to do for this order control")
        else:
            yield group, command_or_none
        at += 1


def _control(group: OrderGroup, reading: Reading) -> Control:
    orc = group.segments.get("ORC")
    code = "" if orc is None else orc.value(1).strip()
    if not code:
        default = reading.profile.default_control
        if default is None or group.detail_number == 0:
            raise reading.refuse(
                Condition.MISSING_FIELD,
                group.location("ORC", 1),
                "an order needs an order control, such as NW",
            )
        code = default
    control = reading.profile.control(code)
    if control is None:
        raise reading.refuse(
            Condition.UNKNOWN_CONTROL,
            group.location("ORC", 1),
            "not an order control that you may send; map local codes in the profile,"
            " and say there if you fill orders",
        )
    status = "" if orc is None else orc.value(5).strip().upper()
    if control is Control.NEW and status in _CONTRADICTIONS:
        raise reading.refuse(
            Condition.UNKNOWN_CONTROL,
            group.location("ORC", 5),
            "a new order cannot have ended already",
        )
    return control


# One order, one command -------------------------------------------------------------


def _new(group: OrderGroup, message: Message, reading: Reading) -> ReceiveOrder:
    reading.begin()
    orc = group.segments.get("ORC")
    if orc is not None and orc.value(5).strip().upper() == "SC":
        # An IHE order filler has given it a time: booking again would double it.
        reading.hold(HoldCode.BOOKED_ELSEWHERE, "ORC-5 SC")
    content = read_content(group, message, reading, number_needed=False)
    profile = reading.profile
    mode = profile.booking_mode
    if content.procedure is not None:
        mode = profile.booking_modes.get(content.procedure, mode)
    return ReceiveOrder(
        partner=profile.id,
        content=content,
        sent_at=sent_at(group, reading),
        holds=tuple(reading.holds),
        refusal=refusal_of(group, content, reading),
        guidelines=profile.guidelines,
        mode=mode,
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


def _child(
    group: OrderGroup, number: int, message: Message, reading: Reading
) -> ReceiveOrder:
    """Return one exam of a split order: it shares the placer's number (ORC-8)."""
    order = _new(group, message, reading)
    content = order.content
    shared = content.placer_number
    if shared and as_placed(shared) == shared:
        code = content.procedure_as_sent.replace("#", "")
        content = replace(content, placer_number=f"{shared}#{number}#{code}")
    return replace(order, content=content)


def _ask_status(group: OrderGroup, _: Message, reading: Reading) -> AskStatus:
    return AskStatus(read_name(group, reading))


def _ask_number(group: OrderGroup, message: Message, reading: Reading) -> NumberOrder:
    return NumberOrder(_new(group, message, reading))


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
        return _new(group, message, reading)
    except MappingError:
        return None  # enough to tell of a known order, too little to store one


def _accepted(group: OrderGroup, message: Message, reading: Reading) -> RecordAnswer:
    return _answer(group, message, reading, accepted=True)


def _refused(group: OrderGroup, message: Message, reading: Reading) -> RecordAnswer:
    return _answer(group, message, reading, accepted=False)


def _answer(
    group: OrderGroup, message: Message, reading: Reading, *, accepted: bool
) -> RecordAnswer:
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
_READERS: Final[dict[Control, _Read]] = {
    Control.NEW: _new,
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


def read_answers(message: Message, reading: Reading) -> Iterator[RecordAnswer]:
    """Return what a partner answers to what we sent (ORR, ORG, ORI).

    Without orders in it, the acknowledgement code is the answer to all.
    """
    told = False
    for group in group_orders(message):
        orc = group.segments.get("ORC")
        code = "" if orc is None else orc.value(1).strip()
        rule = CONTROLS.get(reading.profile.controls.get(code.casefold(), code.upper()))
        if rule is None or rule.control not in _ANSWERS:
            reading.warn("ORC-1: not an answer")
            continue
        told = True
        yield _answer(
            group, message, reading, accepted=rule.control is Control.ACCEPTED
        )
    code, answers = message.get("MSA-1").strip().upper(), message.get("MSA-2").strip()
    if not told and code and answers:
        yield RecordAnswer(
            code=code,
            accepted=code in {"AA", "CA"},
            sent_at=reading.now,
            partner=reading.profile.id,
            answers=DeliveryId(answers),
        )


_ANSWERS: Final = frozenset({Control.ACCEPTED, Control.REFUSED})


# Several orders, one command --------------------------------------------------------


def _replace(
    controls: Sequence[tuple[OrderGroup, Control]], message: Message, reading: Reading
) -> tuple[int, ReplaceOrders]:
    """Return how many orders make one replacement, and the command."""
    ends = controls[0][1]
    follows = _FOLLOWED_BY[ends]
    old = _run(controls, ends)
    new = _run(controls[len(old) :], follows)
    if not new:
        raise reading.refuse(
            Condition.MISSING_SEGMENT,
            old[-1].location("ORC", 1),
            "send what takes the order's place after it in the same message",
        )
    return len(old) + len(new), ReplaceOrders(
        replaced=tuple(read_name(group, reading) for group in old),
        replacements=tuple(
            _child(group, number, message, reading)
            if follows is Control.CHILD
            else _new(group, message, reading)
            for number, group in enumerate(new, 1)
        ),
        sent_at=sent_at(old[0], reading),
        reason=reason_of(old[0], reading),
    )


def _run(
    controls: Sequence[tuple[OrderGroup, Control]], wanted: Control
) -> list[OrderGroup]:
    """Return the orders at the beginning that have the wanted control."""
    found: list[OrderGroup] = []
    for group, control in controls:
        if control is not wanted:
            break
        found.append(group)
    return found
