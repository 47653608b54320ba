"""Runs plans: stores the run, solves outside any transaction, applies, remembers.

One run at a time in a process; the run's row tells everyone else where it stands.
"""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from booking_engine.application.commands import ApplyPlan, PlannedBooking
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.guarded_waits import waits_by_group
from booking_engine.application.on_arrival import book_best
from booking_engine.application.planned_room import room_in
from booking_engine.application.planning import (
    VISIT_LOST,
    PlanRefused,
    bookings_of,
    price_book,
    snapshot_of,
    solve_linked,
)
from booking_engine.domain.errors import DomainError, PatientBusy
from booking_engine.domain.identifiers import Actor, ContractId, OrderId, PlanRunId
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.prices import NO_PRICES, PriceBook
from solver.instances import (
    plan_from_json,
    plan_to_json,
    problem_from_json,
    problem_to_json,
)
from solver.limits import Limits
from solver.progress import Progress
from solver.solve import solve

log = logging.getLogger(__name__)
_LOOK_BACK = 20
_TRIED_AGAIN: Final = frozenset({PatientBusy.code, VISIT_LOST})
"""What is found another slot at once, unless it can wait for its visit."""

OnProgress = Callable[[str, Progress | None], None]
"""Told of each stage by name, and of the solver's progress while it solves."""


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How long and how reproducibly a run solves.

    Parameters
    ----------
    seconds
        Wall time; ``None`` where `work` alone limits, which is reproducible.
    work
        The solver's own measure of effort; ``None`` for no limit.
    target_gap
        Stop once the certified gap is this small.
    """

    seconds: float | None = 30.0
    work: int | None = None
    target_gap: float = 0.005
    seed: int = 1
    workers: int = 2


class PlanRunner:
    """Requests and runs plans.

    Parameters
    ----------
    dispatcher
        Applies what was planned; its prices are replaced after each run.
    settings
        Limits of each run.
    """

    def __init__(self, dispatcher: Dispatcher, settings: PlanSettings) -> None:
        self._dispatcher = dispatcher
        self._settings = settings
        self._one_at_a_time = threading.Lock()

    def request(self, actor: Actor) -> PlanRunId:
        """Store a run to be done and return its name."""
        dispatcher = self._dispatcher
        run = PlanRun(
            id=PlanRunId(dispatcher.ids("R")),
            status=PlanRunStatus.QUEUED,
            requested_at=dispatcher.clock.now(),
            requested_by=actor,
            policy_version=dispatcher.policy.version,
            seed=self._settings.seed,
        )
        with dispatcher.session(actor) as session:
            session.uow.plan_runs.add(run)
            session.commit()
        return run.id

    def run(
        self, run_id: PlanRunId, *, on_progress: OnProgress | None = None
    ) -> PlanRun:
        """Do a requested run and return it as it ended.

        A run that fails is stored as failed, with one line that says why; nothing of
        it is applied.
        """
        tell = on_progress or (lambda _stage, _progress: None)
        with self._one_at_a_time:
            run = self._read(run_id)
            actor = Actor(run.requested_by)
            try:
                return self._solve_and_apply(run, actor, tell)
            except (DomainError, PlanRefused, ValueError) as error:
                log.exception("planning run failed", extra={"plan_run_id": run_id})
                failed = replace(
                    run,
                    status=PlanRunStatus.FAILED,
                    error=str(error),
                    finished_at=self._dispatcher.clock.now(),
                )
                self._save(failed, actor)
                return failed

    def _solve_and_apply(self, run: PlanRun, actor: Actor, tell: OnProgress) -> PlanRun:
        settings = self._settings
        self._save(replace(run, status=PlanRunStatus.SOLVING), actor)
        tell("snapshot", None)
        with self._dispatcher.reading(actor) as session:
            snapshot = snapshot_of(session.uow, session.context)
            contracts = list(session.uow.catalogue().contracts)
        snapshot, plan = solve_linked(
            snapshot,
            solve=solve,
            limits=Limits(
                seconds=settings.seconds,
                work=settings.work,
                seed=settings.seed,
                target_gap=settings.target_gap,
                workers=settings.workers,
            ),
            progress=lambda progress: tell("solve", progress),
        )
        tell("explain", None)
        waits = waits_by_group(snapshot, plan, self._dispatcher.policy)
        for wait in waits.groups if waits else ():
            log.info(
                "waits of one group in a plan",
                extra={
                    "event": "plan.group_waits",
                    "plan_run_id": run.id,
                    **asdict(wait),
                },
            )
        groups = bookings_of(snapshot, plan)
        kept, without = room_in(snapshot.problem, plan)
        run = replace(
            run,
            status=PlanRunStatus.SOLVED,
            orders=len(snapshot.orders),
            openings=len(snapshot.free),
            placed=sum(len(group) for group in groups),
            cost=plan.terms.total,
            bound=plan.certificate.bound,
            room_kept=kept,
            to_come_cost=without,
            waits_by_group=waits,
            seconds=plan.seconds,
            problem=gzip.compress(problem_to_json(snapshot.problem), mtime=0),
            plan=gzip.compress(plan_to_json(plan), mtime=0),
        )
        self._save(run, actor)
        tell("apply", None)
        booked, lost = self._apply(run.id, groups, actor)
        self._dispatcher.prices = price_book(snapshot.problem, plan, contracts)
        run = replace(
            run,
            status=PlanRunStatus.APPLIED,
            booked=booked,
            lost=lost,
            finished_at=self._dispatcher.clock.now(),
        )
        self._save(run, actor)
        log.info(
            "plan applied",
            extra={"event": "plan.applied", "plan_run_id": run.id, "booked": booked},
        )
        return run

    def _apply(
        self, run_id: PlanRunId, groups: list[list[PlannedBooking]], actor: Actor
    ) -> tuple[int, int]:
        """Apply each group in its own transaction; return booked and lost counts."""
        booked, lost = 0, 0
        for group in groups:
            applied, missed = self._apply_group(run_id, tuple(group), actor)
            booked += applied
            waits = {b.order_id for b in group if b.can_wait}
            for order_id, code in missed:
                again = code in _TRIED_AGAIN and order_id not in waits
                if again and self._book_otherwise(order_id, actor):
                    booked += 1
                else:
                    lost += 1
        return booked, lost

    def _apply_group(
        self, run_id: PlanRunId, group: tuple[PlannedBooking, ...], actor: Actor
    ) -> tuple[int, list[tuple[OrderId, str]]]:
        try:
            applied = self._dispatcher.handle(ApplyPlan(run_id, group, actor), actor)
        except DomainError as error:
            if len(group) == 1:
                return 0, [(group[0].order_id, error.code)]
            if group[0].visit is not None:
                return 0, [(booking.order_id, VISIT_LOST) for booking in group]
            # The database refused one of them at commit: find out which, alone.
            booked, lost = 0, list[tuple[OrderId, str]]()
            for booking in group:
                one, missed = self._apply_group(run_id, (booking,), actor)
                booked += one
                lost += missed
            return booked, lost
        return len(applied.booked), list(applied.lost)

    def _book_otherwise(self, order_id: OrderId, actor: Actor) -> bool:
        """Book around what the plan does not know: the patient's other appointments."""
        try:
            return book_best(self._dispatcher, order_id, actor) is not None
        except DomainError:
            return False

    def _read(self, run_id: PlanRunId) -> PlanRun:
        with self._dispatcher.reading(Actor("job:plan")) as session:
            return session.uow.plan_runs.get(run_id)

    def _save(self, run: PlanRun, actor: Actor) -> None:
        with self._dispatcher.session(actor) as session:
            session.uow.plan_runs.save(run)
            session.commit()


def latest_prices(dispatcher: Dispatcher) -> PriceBook:
    """Return the prices of the newest applied run; no prices before the first."""
    with dispatcher.reading(Actor("job:plan")) as session:
        for run in session.uow.plan_runs.latest(_LOOK_BACK):
            if run.status is PlanRunStatus.APPLIED:
                contracts = list(session.uow.catalogue().contracts)
                return stored_prices(session.uow.plan_runs.get(run.id), contracts)
    return NO_PRICES


def stored_prices(run: PlanRun, contracts: Sequence[ContractId]) -> PriceBook:
    """Return the price book of a stored run, read from its files."""
    assert run.problem is not None, "an applied run keeps its problem"
    assert run.plan is not None, "an applied run keeps its plan"
    source = Path(f"plan run {run.id}")
    return price_book(
        problem_from_json(gzip.decompress(run.problem), source),
        plan_from_json(gzip.decompress(run.plan), source),
        contracts,
    )
