"""Alerts, as seen over HTTP."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from api.schemas.common import Body, Document, Instant, Note, example
from booking_engine.domain.alerts import Condition


class AlertState(StrEnum):
    """Where an alert stands."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class AlertDocument(Document):
    """One condition of one partner's feed, from when it was raised."""

    id: str
    partner: str
    condition: Condition
    state: AlertState
    says: str = Field(description="What was wrong, in a sentence.")
    raised_at: Instant
    value: float = Field(description="When raised: seconds, a share or a count.")
    threshold: float
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    note: str
    cleared_at: Instant | None


class Acknowledgement(Body):
    """What is being done about it; no patient data."""

    model_config = example(note="Called the trust; their interface is being restarted.")

    note: Note = ""
