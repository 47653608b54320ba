"""Decision records and planning runs in the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, select

from booking_engine.domain.decisions import Decision
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import DecisionId, PlanRunId
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_DECISION: Final = TABLES[Kind.DECISION]
_RUN: Final = TABLES[Kind.PLAN_RUN]


_DECISIONS: Final = Statement(
    lambda on: select(_DECISION).where(among(_DECISION.c.id, "ids", on))
)
_OF_RUN: Final = Statement(
    lambda _: (
        select(_DECISION)
        .where(_DECISION.c.plan_run_id == bindparam("run_id"))
        .order_by(_DECISION.c.made_at, _DECISION.c.id)
    )
)
_ONE_RUN: Final = Statement(lambda _: select(_RUN).where(_RUN.c.id == bindparam("id")))
_LATEST: Final = Statement(
    lambda _: (
        select(*(c for c in _RUN.c if c.name not in ("problem", "plan")))
        .order_by(_RUN.c.requested_at.desc(), _RUN.c.id.desc())
        .limit(bindparam("limit"))
    )
)


class SqlDecisions:
    """Decision records."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, decision: Decision) -> None:
        """Store a record."""
        self._transaction.write(Write(Kind.DECISION, mapping.decision_row(decision)))

    def get(self, decision_id: DecisionId) -> Decision:
        """Return one record; raises `NotKnown`."""
        try:
            return self.get_many((decision_id,))[decision_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Decision", decision_id)) from None

    def get_many(
        self, decision_ids: Iterable[DecisionId]
    ) -> dict[DecisionId, Decision]:
        """Return those of `decision_ids` that exist, in one query."""
        t = self._transaction
        wanted = list(dict.fromkeys(decision_ids))
        if not wanted:
            return {}
        t.settle(Kind.DECISION)
        read = {
            row.id: mapping.decision_of(row) for row in t.rows(_DECISIONS, ids=wanted)
        }
        return {i: read[i] for i in wanted if i in read}

    def of_run(self, plan_run_id: PlanRunId) -> list[Decision]:
        """Return the records of one planning run, in the order they were made."""
        t = self._transaction
        t.settle(Kind.DECISION)
        return [mapping.decision_of(row) for row in t.rows(_OF_RUN, run_id=plan_run_id)]


class SqlPlanRuns:
    """Planning runs."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, run: PlanRun) -> None:
        """Store a new run."""
        self._transaction.write(Write(Kind.PLAN_RUN, mapping.run_row(run)))

    def save(self, run: PlanRun) -> None:
        """Store a changed run; a file that it leaves out stays as it was."""
        # A save must not merge with one before it, which may have brought the files.
        self._transaction.settle(Kind.PLAN_RUN)
        row = mapping.run_row(run)
        self._transaction.write(Write(Kind.PLAN_RUN, row, changes=True))

    def get(self, run_id: PlanRunId) -> PlanRun:
        """Return one run with its files; raises `NotKnown`."""
        self._transaction.settle(Kind.PLAN_RUN)
        for row in self._transaction.rows(_ONE_RUN, id=run_id):
            return mapping.run_of(row)
        raise NotKnown(refusals.not_stored("Planning run", run_id))

    def latest(self, limit: int) -> list[PlanRun]:
        """Return the newest runs, without their files."""
        self._transaction.settle(Kind.PLAN_RUN)
        found = self._transaction.rows(_LATEST, limit=limit)
        return [mapping.run_of(row) for row in found]
