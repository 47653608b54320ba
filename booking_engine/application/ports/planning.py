"""What is stored of the engine's own choices, and the policy behind them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from booking_engine.domain.decisions import Decision
from booking_engine.domain.identifiers import (
    DecisionId,
    DiaryEntryId,
    PlanRunId,
    RebookingId,
)
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.domain.published_policy import PublishedPolicy
from booking_engine.domain.rebookings import Rebooking


class Decisions(Protocol):
    """Decision records."""

    def add(self, decision: Decision) -> None:
        """Store a record."""
        ...

    def get(self, decision_id: DecisionId) -> Decision:
        """Return one record; raises `NotKnown`."""
        ...

    def get_many(
        self, decision_ids: Iterable[DecisionId]
    ) -> dict[DecisionId, Decision]:
        """Return those of `decision_ids` that exist, in one query."""
        ...

    def of_run(self, plan_run_id: PlanRunId) -> list[Decision]:
        """Return the records of one planning run."""
        ...


class PlanRuns(Protocol):
    """Planning runs."""

    def add(self, run: PlanRun) -> None:
        """Store a new run."""
        ...

    def save(self, run: PlanRun) -> None:
        """Store a changed run (one writer: the job that runs it)."""
        ...

    def get(self, run_id: PlanRunId) -> PlanRun:
        """Return one run with its files; raises `NotKnown`."""
        ...

    def latest(self, limit: int) -> list[PlanRun]:
        """Return the newest runs, without their files."""
        ...


class Policies(Protocol):
    """Versions of the policy that were in force."""

    def add(self, policy: PublishedPolicy) -> None:
        """Store a version; one that is stored already is left as it is."""
        ...

    def get(self, version: str) -> PublishedPolicy:
        """Return one version; raises `NotKnown`."""
        ...

    def all(self) -> list[PublishedPolicy]:
        """Return every version, the one that came into force last first."""
        ...

    def take_effect(self, version: str, since: datetime) -> None:
        """Note that a stored version takes the place of another."""
        ...


class Rebookings(Protocol):
    """Proposals for the bookings under closures."""

    def add(self, rebooking: Rebooking) -> None:
        """Store a new one; flushing refuses a second undecided one of a closure."""
        ...

    def save(self, rebooking: Rebooking) -> None:
        """Store a changed one; optimistic as `Orders.save`."""
        ...

    def get(self, rebooking_id: RebookingId) -> Rebooking:
        """Return one; raises `NotKnown`."""
        ...

    def latest_of(self, closure_id: DiaryEntryId) -> Rebooking | None:
        """Return the newest of a closure, or ``None``."""
        ...

    def to_improve(self) -> list[RebookingId]:
        """Return those for which a better one is to be looked for, oldest first."""
        ...
