"""What came in over a wire and what goes out: stored whole, never thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from booking_engine.domain.identifiers import (
    Actor,
    DeliveryId,
    EventId,
    MessageId,
    OrderId,
    PartnerId,
)


class MessageOutcome(StrEnum):
    """What became of an inbound message."""

    PROCESSED = "processed"
    HELD = "held"
    PARKED = "parked"
    """Acknowledged, and kept until the order that it is about comes."""
    EXPIRED = "expired"
    """Parked, and the order never came: a person must look."""
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"


class KeyKind(StrEnum):
    """What a message can be searched by besides its header."""

    NHS_NUMBER = "nhs_number"
    HOSPITAL_NUMBER = "hospital_number"
    PLACER = "placer"
    FILLER = "filler"
    ACCESSION = "accession"


APPOINTMENT_KEYS: Final = frozenset({KeyKind.PLACER, KeyKind.FILLER})
"""What a scheduling message's own number is filed as (SCH-1 and SCH-2)."""


class SearchKey(NamedTuple):
    """One number that a message names, as sent but for blanks around it.

    It is one line of letters, digits and signs.
    """

    kind: KeyKind
    value: str


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One frame as it arrived, with the acknowledgement that answered it.

    Parameters
    ----------
    partner
        Whose feed, or ``None`` if the sender is not known.
    sender, control_id
        ``MSH-3|MSH-4`` and MSH-10; empty where unreadable.
    kind
        MSH-9, such as ``ORM^O01``; empty where unreadable.
    digest
        SHA-256 of the raw bytes, in hex: a repeat is the same sender, control id and
        digest.
    raw, ack
        The bytes received and the bytes answered.
    error_code, error_text
        Table 0357 code of a refusal and what was answered, or empty.
    order_ids
        The orders that it created or changed.
    warnings
        What was repaired, dropped or passed over; never patient data.
    sent_at
        MSH-7, or ``None`` if it is no time.
    order_control
        The different ORC-1 of the message, such as ``NW`` or ``CA,NW``.
    keys
        The numbers that it names: what it is searched by.
    latency_us
        Microseconds from the last byte to the making of the acknowledgement; the
        commit, which all messages of a batch share, comes on top.
    fault
        Why the bytes are no whole frame, such as ``too_long``, or empty.
    replay_of, replayed_by, replay_reason
        The message that this one is a replay of, who asked for it, and why.
    edited
        Whether the replay's bytes are not those of the original.
    """

    id: MessageId
    received_at: datetime
    peer: str
    partner: PartnerId | None
    sender: str
    control_id: str
    kind: str
    digest: str
    raw: bytes
    ack: bytes
    outcome: MessageOutcome
    error_code: str = ""
    error_text: str = ""
    order_ids: tuple[OrderId, ...] = ()
    warnings: tuple[str, ...] = ()
    sent_at: datetime | None = None
    order_control: str = ""
    keys: tuple[SearchKey, ...] = ()
    latency_us: int = 0
    fault: str = ""
    replay_of: MessageId | None = None
    replayed_by: Actor | None = None
    replay_reason: str = ""
    edited: bool = False


class DeliveryStatus(StrEnum):
    """Where an outbound message stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, or one answer, on its way to one partner.

    Parameters
    ----------
    id
        Also MSH-10 of the message, so a retry sends identical bytes.
    event_id
        The event that it tells of; ``None`` if it answers a message.
    order_id
        The order that it concerns; ``None`` on an answer that concerns none.
    sequence
        Grows with every delivery; those of one order to one partner go in this order.
    payload
        The bytes to send; ``None`` until rendered, stored before the first attempt.
    attempts, next_attempt_at, last_error
        The retry state; errors name the phase, never patient data.
    ack
        What was answered on the connection.
    answers
        The message that it answers; ``None`` if it tells of an event.
    application_ack
        What the application acknowledgement said (MSA-1, or ORC-1 of an answer to an
        order), where one came later as a message of its own (HL7 2.5.1 section 2.9.3);
        empty until then.
    """

    id: DeliveryId
    event_id: EventId | None
    order_id: OrderId | None
    destination: PartnerId
    status: DeliveryStatus
    created_at: datetime
    sequence: int = 0
    payload: bytes | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str = ""
    ack: bytes | None = None
    delivered_at: datetime | None = None
    answers: MessageId | None = None
    application_ack: str = ""
