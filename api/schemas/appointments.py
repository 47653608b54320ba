"""Slots, holds and appointments, as seen over HTTP."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from api.schemas.common import (
    Body,
    Document,
    Identifier,
    Instant,
    MinuteIn,
    Reason,
    example,
)
from booking_engine.domain.schedule import AppointmentStatus


class AppointmentDocument(Document):
    """An appointment, or a hold on a slot."""

    id: str
    version: int
    order_id: str
    session_id: str
    scanner: str
    starts_at: Instant
    ends_at: Instant
    status: AppointmentStatus
    decision_id: str | None
    told: bool = Field(description="The patient knows: only a person may move it.")
    expires_at: Instant | None = Field(description="When a hold lapses.")
    cancel_reason: str


class TermsDocument(Document):
    """What an option costs, by term, in cost units of the policy."""

    waiting: int
    lateness: int
    breach: int
    pair: int
    opening: int
    total: int


class ChoiceDocument(Document):
    """One option: where, when, and what it costs."""

    scanner: str
    session_id: str
    starts_at: Instant
    minutes: int
    travel_km: int
    terms: TermsDocument
    price: int = Field(
        description="What the time is worth to other patients, in thousandths."
    )
    to_come: int = Field(
        description="The part of it due to more urgent orders still to come."
    )
    reserved: bool = Field(description="Takes room that is kept for them.")


class SlotSearchBody(Body):
    """Which order a slot is wanted for."""

    model_config = example(order_id="O06QH8K3PCD0A1B", limit=5, days=14)

    order_id: Identifier
    limit: int = Field(default=10, ge=1, le=50, strict=True)
    days: int | None = Field(
        default=None, ge=1, le=366, strict=True, description="The policy's by default."
    )


class ExcludedDocument(Document):
    """How many scanners or openings one rule took out."""

    rule: str
    count: int


class BesideDocument(Document):
    """Another exam of the same visit that is booked."""

    order_id: str
    starts_at: Instant
    site: str


class SlotSearchDocument(Document):
    """What is possible now, best first."""

    options: list[ChoiceDocument]
    count: int = Field(description="How many openings are possible in all.")
    excluded: list[ExcludedDocument]
    beside: BesideDocument | None = Field(
        description="Slots on its day and at its site come first, if there are any."
    )


class SlotBody(Body):
    """One slot for one order."""

    model_config = example(
        order_id="O06QH8K3PCD0A1B",
        session_id="MR2-261202-0800",
        starts_at="2026-12-02T09:20:00+00:00",
    )

    order_id: Identifier
    session_id: Identifier
    starts_at: MinuteIn


class BookBody(Body):
    """A chosen slot, or none: then the engine's best is booked."""

    model_config = example(
        order_id="O06QH8K3PCD0A1B",
        session_id="MR2-261202-0800",
        starts_at="2026-12-02T09:20:00+00:00",
    )

    order_id: Identifier
    session_id: Identifier | None = None
    starts_at: MinuteIn | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.session_id is None) != (self.starts_at is None):
            raise ValueError("give session_id and starts_at, or neither")
        return self


class RescheduleBody(Body):
    """Another slot for an appointment."""

    model_config = example(
        session_id="MR2-261203-0800",
        starts_at="2026-12-03T10:00:00+00:00",
        reason="patient asked",
    )

    session_id: Identifier
    starts_at: MinuteIn
    reason: Reason


class CancelAppointmentBody(Body):
    """Why an appointment ends, and by whose wish."""

    model_config = example(reason="scanner fault", by="hospital")

    reason: Reason
    by: Literal["patient", "hospital"] = Field(
        description="A patient's cancellation restarts the clock; a hospital's never."
    )


class EnteredInErrorBody(Body):
    """Why an appointment should never have been recorded."""

    model_config = example(reason="booked for the wrong order")

    reason: Reason


class OutcomeBody(Body):
    """What happened on the day."""

    model_config = example(outcome="arrived")

    outcome: Literal["arrived", "performed", "did_not_attend"]
