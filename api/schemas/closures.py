"""Closed time, and what other systems' diaries hold, as seen over HTTP."""

from __future__ import annotations

from typing import Self

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
from booking_engine.domain.diary_entries import EntryKind, EntryStatus


class ClosureDocument(Document):
    """Time that nothing is booked into: closed, or taken in another diary."""

    id: str
    version: int
    kind: EntryKind
    partner: str | None = Field(description="Whose diary; null: our own people's.")
    scanner: str | None
    starts_at: Instant
    ends_at: Instant
    status: EntryStatus
    reason: str


class ClosedDocument(ClosureDocument):
    """A closure with the orders whose bookings lie in it: nothing moved them."""

    conflicts: list[str] = Field(description="Orders that a person must look at.")
    rebooking_id: str | None = Field(
        default=None, description="The proposal for them, if `propose` asked for it."
    )


class CloseBody(Body):
    """Which time of which scanner to close."""

    model_config = example(
        scanner="R0A02-MR1",
        starts_at="2026-12-02T08:00:00+00:00",
        ends_at="2026-12-02T12:00:00+00:00",
        reason="service",
    )

    scanner: Identifier
    starts_at: MinuteIn
    ends_at: MinuteIn
    reason: Reason
    propose: bool = Field(
        default=False,
        strict=True,
        description="Propose other slots at once for the bookings that lie in it.",
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class ReopenBody(Body):
    """The part to open again; neither bound means all of it."""

    model_config = example(
        starts_at="2026-12-02T10:00:00+00:00", ends_at="2026-12-02T12:00:00+00:00"
    )

    starts_at: MinuteIn | None = None
    ends_at: MinuteIn | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.starts_at is None) is not (self.ends_at is None):
            raise ValueError("give both bounds or neither")
        if (
            self.starts_at is not None
            and self.ends_at is not None
            and self.ends_at <= self.starts_at
        ):
            raise ValueError("ends_at must be after starts_at")
        return self
