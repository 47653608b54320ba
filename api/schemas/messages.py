"""Messages in and deliveries out, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.messages import DeliveryStatus, MessageOutcome


class MessageLine(Document):
    """One inbound message in a list."""

    id: str
    received_at: Instant
    peer: str
    partner: str | None
    sender: str
    control_id: str
    kind: str
    outcome: MessageOutcome
    error_code: str
    error_text: str
    order_ids: list[str]


class MessageDocument(MessageLine):
    """One inbound message with what came and what was answered."""

    digest: str = Field(description="SHA-256 of the bytes received.")
    raw: str = Field(description="As received; segments end with a carriage return.")
    ack: str = Field(description="As answered.")


class DeliveryDocument(Document):
    """One event, or one answer, on its way to one partner."""

    id: str = Field(description="Also the message's control id (MSH-10).")
    event_id: str | None
    order_id: str | None
    answers: str | None = Field(description="The inbound message that it answers.")
    destination: str
    status: DeliveryStatus
    created_at: Instant
    attempts: int
    next_attempt_at: Instant | None
    last_error: str
    delivered_at: Instant | None
    application_ack: str = Field(
        description="MSA-1 of an application acknowledgement that came later."
    )


class DeliveryCount(Document):
    """How many deliveries a partner has in a status."""

    destination: str
    status: DeliveryStatus
    count: int


def as_text(raw: bytes) -> str:
    """Return bytes from a wire as text, whatever they are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
