"""A planning run: one snapshot, one plan, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.group_waits import WaitsByGroup
from booking_engine.domain.identifiers import PlanRunId


class PlanRunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    SOLVING = "solving"
    SOLVED = "solved"
    APPLIED = "applied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlanRun:
    """One run and its result.

    Parameters
    ----------
    orders, openings
        Size of the snapshot.
    placed, booked, lost
        Orders the plan placed, bookings made from it, and those that were lost
        because something had changed meanwhile (they enter the next run).
    cost, bound
        In cost units, those who stand in for orders to come among them; ``None`` until
        solved.
    room_kept, to_come_cost
        Urgent exams to come that the plan leaves room for, and what those it leaves
        none are expected to cost: a part of `cost`, in cost units.
    waits_by_group
        What the plan lets groups of patients wait; ``None`` until solved, and where the
        policy does not ask.
    problem, plan
        The stored instance and plan files, gzipped JSON in the documented formats, so
        that any run can be checked again; ``None`` until solved.
    error
        Why it failed, in one line; empty otherwise.
    """

    id: PlanRunId
    status: PlanRunStatus
    requested_at: datetime
    requested_by: str
    policy_version: str
    seed: int
    orders: int = 0
    openings: int = 0
    placed: int = 0
    booked: int = 0
    lost: int = 0
    cost: int | None = None
    bound: int | None = None
    room_kept: int = 0
    to_come_cost: int = 0
    waits_by_group: WaitsByGroup | None = None
    seconds: float = 0.0
    finished_at: datetime | None = None
    problem: bytes | None = None
    plan: bytes | None = None
    error: str = ""

    @property
    def gap(self) -> float | None:
        """``(cost - bound) / bound``, or ``None`` until solved or without a bound."""
        if self.cost is None or self.bound is None:
            return None
        if self.cost == self.bound:
            return 0.0
        return (self.cost - self.bound) / self.bound if self.bound > 0 else None
