"""Deliveries, as seen over HTTP."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from api.schemas.common import Body, Document, Identifier, Instant, Reason, example
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAction
from booking_engine.domain.messages import DeliveryStatus

MOST_RETRIED: Final = 200


class DeliveryDocument(Document):
    """One event, or one answer, on its way to one partner."""

    id: str = Field(description="Also the message's control id (MSH-10).")
    event_id: str | None
    order_id: str | None
    answers: str | None = Field(description="The inbound message that it answers.")
    destination: str
    status: DeliveryStatus
    created_at: Instant
    attempts: int = Field(description="Since it was last let go.")
    next_attempt_at: Instant | None
    last_error: str = Field(description="Of a skipped one: why.")
    delivered_at: Instant | None
    application_ack: str = Field(
        description="What an application acknowledgement said that came later."
    )


class AttemptDocument(Document):
    """One attempt to send."""

    number: int
    started_at: Instant
    duration_us: int = Field(description="Microseconds to the answer or failure.")
    outcome: AttemptOutcome
    phase: str = Field(description="How far a failure came: connect, send, await_ack.")
    code: str = Field(description="MSA-1.")
    text: str


class ChangeDocument(Document):
    """What a person did with it while it was parked."""

    at: Instant
    actor: str
    action: DeliveryAction
    reason: str
    replaced: str | None = Field(description="What an edit replaced.")


class DeliveryHistory(DeliveryDocument):
    """One delivery with its bytes, every attempt, and what people did."""

    payload: str | None = Field(description="Null until it is written.")
    ack: str | None = Field(description="What was answered last.")
    history: list[AttemptDocument] = Field(description="Oldest first.")
    changes: list[ChangeDocument] = Field(description="Oldest first.")


class DeliveryCount(Document):
    """How many deliveries a partner has in a status."""

    destination: str
    status: DeliveryStatus
    count: int


class RetryBody(Body):
    """Why a parked delivery goes again, if that is worth a word."""

    model_config = example(reason="their table was mended")

    reason: Reason | None = None


NO_REASON: Final = RetryBody()


class RetryParkedBody(Body):
    """Whose parked deliveries go again."""

    model_config = example(destination="r0a", reason="their table was mended")

    destination: Identifier
    reason: Reason | None = None
    limit: int = Field(default=50, ge=1, le=MOST_RETRIED)


class SkipBody(Body):
    """Why the partner need not be told."""

    model_config = example(reason="told by telephone")

    reason: Reason


class EditBody(Body):
    """What to send in place of what was refused."""

    model_config = example(reason="ward corrected", text="MSH|^~\\&|BOOKING|…\rSCH|…\r")

    reason: Reason
    text: str = Field(
        min_length=1,
        description="A whole message with the same MSH-10; lines may end as on any"
        " system.",
    )
