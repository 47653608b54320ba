"""Orders in: ORC-1 of ORM^O01, OMG^O19 and OMI^O23 chooses the command.

What a person at our end can settle (an unknown procedure, urgency or site) never
refuses a message: the order is held, for a message refused is an order that nobody
looks at.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from booking_engine.application.commands import RecordAnswer, ReplaceOrders
from booking_engine.domain.identifiers import DeliveryId
from hl7_adapters.conditions import Condition
from hl7_adapters.er7 import Message
from hl7_adapters.order_commands import (
    READERS,
    OrderCommand,
    child_order,
    new_order,
    read_answer,
)
from hl7_adapters.order_controls import CONTROLS, Control
from hl7_adapters.order_fields import read_name, reason_of, sent_at
from hl7_adapters.order_groups import OrderGroup, group_orders
from hl7_adapters.reading import Reading

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
        read = READERS.get(control)
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
            "not a control you may send; map it in the profile (controls,"
            " fills_orders)",
        )
    status = "" if orc is None else orc.value(5).strip().upper()
    if control is Control.NEW and status in _CONTRADICTIONS:
        raise reading.refuse(
            Condition.UNKNOWN_CONTROL,
            group.location("ORC", 5),
            "a new order cannot have ended already",
        )
    return control


# Answers to what we sent ------------------------------------------------------------


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
        yield read_answer(
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
            child_order(group, number, message, reading)
            if follows is Control.CHILD
            else new_order(group, message, reading)
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
