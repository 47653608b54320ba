"""Orders in: ORC-1 of ORM^O01, OMG^O19 and OMI^O23 chooses the command.

What a person at our end can settle (an unknown procedure, urgency or site) never
refuses a message: the order is held, for a message refused is an order that nobody
looks at.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from booking_engine.application.commands import CancelOrder, ChangeOrder, ReceiveOrder
from booking_engine.domain.orders import HoldCode
from hl7_adapters.dialect import Condition, Control
from hl7_adapters.er7 import Message
from hl7_adapters.order_fields import (
    cancel_reason,
    read_content,
    read_placer,
    refusal_of,
    sent_at,
)
from hl7_adapters.order_groups import OrderGroup, group_orders
from hl7_adapters.reading import Reading

OrderCommand: TypeAlias = ReceiveOrder | ChangeOrder | CancelOrder

MOST_ORDERS: Final = 100
"""In one message; all of them hang on one commit, and no exam needs so many."""
_CONTRADICTIONS: Final = frozenset({"CA", "CM", "DC"})
"""ORC-5 that cannot stand beside a new order (NW)."""


def read_orders(message: Message, reading: Reading) -> Iterator[OrderCommand]:
    """Return what each order of a message asks for; raises `MappingError`."""
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
    for group in groups:
        if not group.is_service:
            reading.warn("pharmacy, diet or supply order: nothing to do")
            continue
        reading.holds = []
        match _control(group, reading):
            case Control.CANCEL:
                yield _cancel(group, reading)
            case Control.NEW:
                yield _new(group, message, reading)
            case Control.CHANGE:
                yield _change(group, message, reading)
            case Control.IGNORE:
                reading.warn("ORC-1: nothing to do for this order control")


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
            "we take NW, XO, CA and DC; map local codes in the profile",
        )
    if control is Control.NEW and orc is not None:
        status = orc.value(5).strip().upper()
        if status in _CONTRADICTIONS:
            raise reading.refuse(
                Condition.UNKNOWN_CONTROL,
                group.location("ORC", 5),
                "a new order cannot have ended already",
            )
        if status == "SC":
            # An IHE order filler has given it a time: booking again would double it.
            reading.hold(HoldCode.REQUESTED_BY_SENDER, "ORC-5 SC: scheduled elsewhere")
    return control


def _new(group: OrderGroup, message: Message, reading: Reading) -> ReceiveOrder:
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
    return ChangeOrder(
        partner=reading.profile.id,
        content=read_content(group, message, reading, number_needed=True),
        sent_at=sent_at(group, reading),
        holds=tuple(reading.holds),
        guidelines=reading.profile.guidelines,
    )


def _cancel(group: OrderGroup, reading: Reading) -> CancelOrder:
    number, authority = read_placer(group, reading, needed=True)
    return CancelOrder(
        reason=cancel_reason(group, reading),
        sent_at=sent_at(group, reading),
        partner=reading.profile.id,
        placer_authority=authority,
        placer_number=number,
    )
