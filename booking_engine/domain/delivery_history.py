"""What was tried with a delivery, and what people decided about it: never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.identifiers import Actor, DeliveryId


class AttemptOutcome(StrEnum):
    """How one attempt to send ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    BUSY = "busy"
    """Refused for now; it is sent again."""
    FAILED = "failed"
    """Not acknowledged; it is sent again."""


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt to send.

    Parameters
    ----------
    duration_us
        Microseconds from sending, connecting included, to the acknowledgement or the
        failure.
    phase
        How far a failure came: ``connect``, ``send`` or ``await_ack``; else empty.
    code, text
        MSA-1 and what a refusal says, or what failed; never patient data.
    """

    delivery_id: DeliveryId
    started_at: datetime
    duration_us: int
    outcome: AttemptOutcome
    phase: str = ""
    code: str = ""
    text: str = ""


class DeliveryAction(StrEnum):
    """What a person can do with a parked delivery."""

    RETRY = "retry"
    SKIP = "skip"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """What a person did.

    Parameters
    ----------
    payload
        The bytes that an edit replaced; ``None`` otherwise, or if there were none.
    """

    delivery_id: DeliveryId
    at: datetime
    actor: Actor
    action: DeliveryAction
    reason: str
    payload: bytes | None = None
