"""Messages in: the header is checked, then the reader of its type makes commands.

Checks go in the order of what a sender can act on: the header, whether it is for us,
the keys, then types and table values.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from booking_engine.application.commands import (
    AskStatus,
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    RecordStatus,
    ReplaceOrders,
)
from booking_engine.application.diary_commands import EndEntry, RecordEntry
from booking_engine.application.request_commands import (
    RequestChange,
    RequestEnding,
    RequestMove,
)
from hl7_adapters.ack import LONGEST_TEXT
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import BadValue, Timestamp, read_timestamp
from hl7_adapters.er7 import Message
from hl7_adapters.event_codes import SCHEDULING
from hl7_adapters.inbound_adt import ADT_READERS
from hl7_adapters.inbound_orders import read_answers, read_orders
from hl7_adapters.inbound_siu import TRIGGERS, read_diary
from hl7_adapters.inbound_sqm import read_query
from hl7_adapters.inbound_srm import REQUESTED, read_request
from hl7_adapters.inbound_visits import (
    read_cancelled_pre_admission,
    read_pre_admission,
)
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile
from hl7_adapters.reading import MappingError, Reading

__all__ = ["Mapped", "MappingError", "to_commands"]

_CONTINUED: Final = frozenset({"ADD", "DSC"})  # HL7 2.5.1 section 2.10.2
VERSIONS: Final = frozenset(
    ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1")
) | frozenset(("2.8", "2.8.1", "2.8.2"))


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a message asks for.

    Parameters
    ----------
    commands
        In the order of the message; carry out all or none. Empty: nothing to do.
    warnings
        What is worth a look, each with its place; never patient data.
    asked
        The order behind each command; empty on messages of other kinds.
    sent_at
        MSH-7, if it is a time.
    """

    commands: tuple[object, ...] = ()
    warnings: tuple[str, ...] = ()
    asked: tuple[OrderGroup, ...] = field(default=(), compare=False)
    sent_at: datetime | None = None


def to_commands(message: Message, profile: Profile, *, now: datetime) -> Mapped:
    """Return what a message asks for.

    Raises
    ------
    MappingError
        It cannot be carried out; nothing of it may be.
    """
    reading = Reading(profile, now, warnings=list(message.warnings))
    reader = _check_header(message, reading)
    time = header_time(message, profile)
    reading.head(time)
    if time is None:
        reading.warn("MSH-7: no time of the message")
    commands = tuple(reader(message, reading))
    sent_at = None if time is None else time.instant
    return Mapped(commands, tuple(reading.warnings), tuple(reading.asked), sent_at)


# Header -----------------------------------------------------------------------------

Reader: TypeAlias = Callable[[Message, Reading], Iterable[object]]


def _events_taken(kind: str, events: Iterable[str]) -> str:
    """Return which events of a kind are taken; where they are too many, where to look.

    What the sender wrote is not repeated: it may be anything.
    """
    text = f"of {kind} we take {', '.join(event or '(none)' for event in events)}"
    if len(text) <= LONGEST_TEXT:
        return text
    return f"not an event of {kind} that we take; the partner document lists them"


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
            EVENTS_TAKEN[kind],
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
    if not _CONTINUED.isdisjoint(segment.id for segment in message.segments):
        raise reading.refuse(
            Condition.FRAGMENT,
            "MSH^1^14",
            "a part of a message (ADD, DSC) cannot be used; send the message whole",
        )
    return reader


def header_time(message: Message, profile: Profile) -> Timestamp | None:
    """Return when the message was written (MSH-7), if that can be read."""
    try:
        return read_timestamp(message.header.value(7), zone=profile.zone)
    except BadValue:
        return None


ACKNOWLEDGED: Final = (
    *("", "O01", "O19", "O02", "O20", "O24"),
    *sorted({row.trigger for row in SCHEDULING.values()}),
)
"""MSH-9.2 of application acknowledgements to what we send; many leave it out."""

READERS: Final[dict[str, dict[str, Reader]]] = {
    "ORM": {"O01": read_orders},
    "OMG": {"O19": read_orders},
    "OMI": {"O23": read_orders},
    "ORR": {"O02": read_answers},
    "ORG": {"O20": read_answers},
    "ORI": {"O24": read_answers},
    "ACK": dict.fromkeys(ACKNOWLEDGED, read_answers),
    "SIU": dict.fromkeys(TRIGGERS, read_diary),
    "ADT": {
        **ADT_READERS,
        "A05": read_pre_admission,
        "A38": read_cancelled_pre_admission,
    },
    "SRM": dict.fromkeys(REQUESTED, read_request),
    "SQM": {"S25": read_query},
}
"""What we take: by message code, then trigger event (MSH-9)."""

WHEN_UNKNOWN: Final[dict[type, Condition]] = {
    ChangeOrder: Condition.CHANGE_UNKNOWN_ORDER,
    CancelOrder: Condition.CANCEL_UNKNOWN_ORDER,
    HoldOrder: Condition.CHANGE_UNKNOWN_ORDER,
    LiftHold: Condition.CHANGE_UNKNOWN_ORDER,
    ReplaceOrders: Condition.CHANGE_UNKNOWN_ORDER,
    RecordStatus: Condition.CHANGE_UNKNOWN_ORDER,
    AskStatus: Condition.CHANGE_UNKNOWN_ORDER,
    RecordEntry: Condition.CHANGE_UNKNOWN_APPOINTMENT,
    EndEntry: Condition.CANCEL_UNKNOWN_APPOINTMENT,
    RequestMove: Condition.CHANGE_UNKNOWN_APPOINTMENT,
    RequestChange: Condition.CHANGE_UNKNOWN_APPOINTMENT,
    RequestEnding: Condition.CANCEL_UNKNOWN_APPOINTMENT,
}
"""What it means that a command's order or appointment is not known here."""

EVENTS_TAKEN: Final = {
    kind: _events_taken(kind, readers) for kind, readers in READERS.items()
}
"""What the sender of an event that is not taken is told."""
