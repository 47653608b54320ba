"""Deliveries, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.messages import DeliveryStatus


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
