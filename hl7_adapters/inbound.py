"""Orders in: ORM^O01, OMG^O19 and OMI^O23 become commands.

Checks go in the order of what a sender can act on: the header, whether it is imaging,
the keys, then types and table values. What a person at our end can settle (an unknown
procedure, urgency or site) never refuses a message: the order is held, for a message
refused is an order that nobody looks at.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from booking_engine.application.commands import CancelOrder, ChangeOrder, ReceiveOrder
from booking_engine.domain.orders import HoldCode
from hl7_adapters.datatypes import BadValue, Timestamp, read_timestamp
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
from hl7_adapters.profile import Profile
from hl7_adapters.reading import MappingError, Reading

__all__ = ["Mapped", "MappingError", "OrderCommand", "to_commands"]

OrderCommand: TypeAlias = ReceiveOrder | ChangeOrder | CancelOrder

VERSIONS: Final = frozenset(
    ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1")
) | frozenset(("2.8", "2.8.1", "2.8.2"))
MOST_ORDERS: Final = 100
"""In one message; all of them hang on one commit, and no exam needs so many."""
_CONTRADICTIONS: Final = frozenset({"CA", "CM", "DC"})
"""ORC-5 that cannot stand beside a new order (NW)."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a message asks for.

    Parameters
    ----------
    commands
        In the order of the message; carry out all or none. Empty: nothing to do.
    warnings
        What is worth a look, each with its place; never patient data.
    """

    commands: tuple[OrderCommand, ...] = ()
    warnings: tuple[str, ...] = ()


def to_commands(message: Message, profile: Profile, *, now: datetime) -> Mapped:
    """Return what a message asks for.

    Raises
    ------
    MappingError
        It cannot be carried out; nothing of it may be.
    """
    reading = Reading(profile, now, warnings=list(message.warnings))
    reader = _check_header(message, reading)
    reading.header_time = _header_time(message, reading)
    return Mapped(tuple(reader(message, reading)), tuple(reading.warnings))


# Header -----------------------------------------------------------------------------

Reader: TypeAlias = Callable[[Message, Reading], Iterator[OrderCommand]]


def _check_header(message: Message, reading: Reading) -> Reader:
    """Return the reader for the message's type; refuses what we do not take."""
    header = message.header
    if not message.control_id:
        raise reading.refuse(
            Condition.MISSING_CONTROL_ID, "MSH^1^10", "no MSH-10; number your messages"
        )
    if "several_headers" in message.warnings:
        raise reading.refuse(
            Condition.SEVERAL_MESSAGES, "MSH^2", "send one message in each frame"
        )
    kind, event = message.type
    readers = READERS.get(kind)
    if readers is None:
        raise reading.refuse(
            Condition.UNSUPPORTED_TYPE, "MSH^1^9", f"send one of {', '.join(READERS)}"
        )
    reader = readers.get(event)
    if reader is None:
        raise reading.refuse(
            Condition.UNSUPPORTED_EVENT,
            "MSH^1^9",
            f"of {kind} we take {', '.join(readers)}",
        )
    processing = header.value(11).strip().upper()
    if processing not in {"", reading.profile.processing_id}:
        raise reading.refuse(
            Condition.WRONG_PROCESSING_ID,
            "MSH^1^11",
            f"this endpoint takes {reading.profile.processing_id} only",
        )
    version = message.version
    if version and version not in VERSIONS:
        reading.bad_value(
            Condition.UNSUPPORTED_VERSION,
            "MSH^1^12",
            BadValue("203", "MSH-12", "send HL7 2.3 to 2.5.1"),
        )
        reading.warn("MSH-12: version not known; read as the nearest")
    return reader


def _header_time(message: Message, reading: Reading) -> Timestamp | None:
    try:
        return read_timestamp(message.header.value(7), zone=reading.profile.zone)
    except BadValue:
        reading.warn("MSH-7: no time of the message")
        return None


# Orders -----------------------------------------------------------------------------


def _orders(message: Message, reading: Reading) -> Iterator[OrderCommand]:
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


READERS: Final[dict[str, dict[str, Reader]]] = {
    "ORM": {"O01": _orders},
    "OMG": {"O19": _orders},
    "OMI": {"O23": _orders},
}
"""What we take: by message code, then trigger event (MSH-9)."""


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
