"""Planning runs, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.plan_runs import PlanRunStatus


class PlanRunDocument(Document):
    """One run and its result."""

    id: str
    status: PlanRunStatus
    requested_at: Instant
    requested_by: str
    policy_version: str
    seed: int
    orders: int
    openings: int
    placed: int
    booked: int
    lost: int = Field(description="Placed, but changed meanwhile; in the next run.")
    cost: int | None = Field(
        description="Of the plan; what orders to come are expected to lose counts too."
    )
    bound: int | None
    room_kept: int = Field(
        description="Urgent exams to come that the plan leaves room for."
    )
    to_come_cost: int = Field(
        description="What others to come, left no room, are expected to cost; in cost."
    )
    gap: float | None = Field(description="(cost - bound) / bound, certified.")
    seconds: float
    finished_at: Instant | None
    error: str


class PlanRunAccepted(Document):
    """A run has been asked for."""

    id: str
    status: PlanRunStatus
