"""Planning runs, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.plan_runs import PlanRunStatus


class GroupWaitDocument(Document):
    """What the plan lets one group of patients wait."""

    group: str = Field(description="As the policy's fair_waits tells groups apart.")
    orders: int
    mean_wait_days: float = Field(
        description="From the day of the run; without a slot, to the horizon."
    )
    days_beyond: float = Field(
        description="Days beyond what the policy allows, summed over the orders."
    )


class WaitsByGroupDocument(Document):
    """How fair the plan is, as the policy's fair_waits asks."""

    by: Grouping
    groups: list[GroupWaitDocument] = Field(description="Those of five orders or more.")
    orders_in_small_groups: int = Field(
        description="Orders in all smaller groups together; of these no waits are told."
    )


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
    waits_by_group: WaitsByGroupDocument | None = Field(
        description="Null until solved, and where the policy does not ask."
    )
    gap: float | None = Field(description="(cost - bound) / bound, certified.")
    seconds: float
    finished_at: Instant | None
    error: str


class PlanRunAccepted(Document):
    """A run has been asked for."""

    id: str
    status: PlanRunStatus
