"""Planning runs that were asked for, done one after another.

A run is stored when it is asked for, so any process may ask. One process of the role
``work`` does them: its own requests at once, those of others when it next looks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from api.errors import log_failure
from api.metrics import Metrics
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.plan_runner import PlanRunner
from booking_engine.domain.identifiers import Actor, PlanRunId
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:plan")
LOOK_BACK: Final = 50
OTHERS_WAIT: Final = timedelta(seconds=3)
"""So that a process that means to run its own request may begin first."""


class PlanQueue:
    """Asks for runs and does them.

    Parameters
    ----------
    runner
        Stores and does one run.
    metrics
        Where time and gap are noted.
    """

    def __init__(
        self, dispatcher: Dispatcher, runner: PlanRunner, metrics: Metrics
    ) -> None:
        self._dispatcher = dispatcher
        self._runner = runner
        self._metrics = metrics
        self._lock = threading.Lock()
        self._own: set[PlanRunId] = set()
        self._stages: dict[PlanRunId, str] = {}
        self.wake: Callable[[], None] = lambda: None
        """Called when a run was asked for; the jobs put theirs here."""

    def request(self, actor: Actor) -> PlanRunId:
        """Store a run to be done and return its name."""
        run_id = self._runner.request(actor)
        with self._lock:
            self._own.add(run_id)
        self.wake()
        return run_id

    def stage_of(self, run_id: PlanRunId) -> str | None:
        """Return what a run of this process is at, or ``None`` if not known."""
        return self._stages.get(run_id)

    def run_due(self) -> int:
        """Do what was asked for, oldest first; return how many runs were done."""
        now = self._dispatcher.clock.now()
        due = [
            run
            for run in reversed(self._latest())
            if run.status is PlanRunStatus.QUEUED
            and (run.id in self._own or now - run.requested_at >= OTHERS_WAIT)
        ]
        for run in due:
            self.run(run)
        return len(due)

    def run(self, run: PlanRun) -> PlanRun:
        """Do one run and return it as it ended."""
        try:
            done = self._runner.run(
                run.id, on_progress=lambda stage, _: self._note(run.id, stage)
            )
        except Exception as error:  # noqa: BLE001 - a failed run must say so
            log_failure("planning run failed", error)
            done = self._failed(run, f"failed unexpectedly: {type(error).__name__}")
        finally:
            self._stages.pop(run.id, None)
            with self._lock:
                self._own.discard(run.id)
        if done.status is PlanRunStatus.APPLIED:
            self._metrics.solver_seconds.observe(done.seconds)
            if done.gap is not None:
                self._metrics.solver_gap_ratio.set(done.gap)
        return done

    def abandon_interrupted(self) -> int:
        """Mark runs that a stopped process left half done; return how many."""
        left = [
            run
            for run in self._latest()
            if run.status in {PlanRunStatus.SOLVING, PlanRunStatus.SOLVED}
        ]
        for run in left:
            self._failed(run, "the process that ran it was stopped")
        return len(left)

    def _note(self, run_id: PlanRunId, stage: str) -> None:
        self._stages[run_id] = stage

    def _latest(self) -> list[PlanRun]:
        with self._dispatcher.reading(ACTOR) as session:
            return session.uow.plan_runs.latest(LOOK_BACK)

    def _failed(self, run: PlanRun, why: str) -> PlanRun:
        with self._dispatcher.session(ACTOR) as session:
            stored = session.uow.plan_runs.get(run.id)
            failed = replace(
                stored,
                status=PlanRunStatus.FAILED,
                error=why,
                finished_at=session.context.now,
            )
            session.uow.plan_runs.save(failed)
            session.commit()
        return failed
