"""What is stored of the engine's own choices: runs, decisions, the policy behind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from booking_engine.domain.decisions import Decision
from booking_engine.domain.identifiers import (
    DecisionId,
    PlanRunId,
)
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.domain.published_policy import PublishedPolicy


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
