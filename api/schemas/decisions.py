"""Decision records, as seen over HTTP."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.schemas.appointments import ChoiceDocument, ExcludedDocument
from api.schemas.common import Document, Instant
from booking_engine.domain.decisions import DecisionKind


class ReplayDocument(Document):
    """Whether the record still is what was written."""

    digest_matches: bool
    inputs_digest: str = Field(description="Computed now from the stored inputs.")


class DecisionDocument(Document):
    """Why a booking was made."""

    id: str
    order_id: str
    appointment_id: str
    kind: DecisionKind
    made_at: Instant
    actor: str
    sentence: str = Field(description="In plain English.")
    chosen: ChoiceDocument
    runner_up: ChoiceDocument | None
    options: int = Field(description="How many feasible options there were.")
    excluded: list[ExcludedDocument]
    policy_version: str
    rules_version: str
    plan_run_id: str | None
    inputs_digest: str
    inputs: dict[str, Any]
    replay: ReplayDocument
