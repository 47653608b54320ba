"""Stored plans, read back: what a run was given, what it decided, and why.

Reading one of 5,000 orders takes a good part of a second, and people ask several
things of the same run, so the last few are kept. A run that has been solved never
changes, so nothing that is kept grows old.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.free_time import session_of
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.explanations import Cause, FilterStep, UnplacedOrder
from booking_engine.domain.identifiers import Actor, OrderId, PlanRunId, SessionId
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.vocabulary import Priority
from solver.explain import Explanation, Filter, Reason, explain, explain_all
from solver.instances import plan_from_json, problem_from_json
from solver.kept_room import stand_ins
from solver.plan import UNPLACED, Plan
from solver.problem import Problem

KEPT: Final = 2
"""Runs kept in memory: the newest, and one that is compared with it."""
_LOOK_BACK: Final = 20


@dataclass(frozen=True)
class StoredPlan:
    """A run's problem and plan, in the solver's terms.

    Whoever stands in for orders to come is a row of both, but nobody to be told of.
    What is derived is made when first asked for; two threads that ask at once make the
    same.
    """

    run_id: PlanRunId
    problem: Problem
    plan: Plan

    @cached_property
    def to_come(self) -> frozenset[int]:
        """The rows that stand in for orders to come."""
        return frozenset(stand_ins(self.problem).tolist())

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each order."""
        keys = self.problem.orders.key
        return {key: row for row, key in enumerate(keys) if row not in self.to_come}

    @cached_property
    def explained(self) -> tuple[Explanation, ...]:
        """What can be said of each order, by row."""
        explained = explain_all(self.problem, self.plan)
        return tuple(one for one in explained if one.order not in self.to_come)

    @cached_property
    def unplaced(self) -> tuple[Explanation, ...]:
        """What can be said of the orders left without a slot."""
        return tuple(e for e in self.explained if e.reason is not Reason.PLACED)

    @cached_property
    def minutes_by_class(self) -> dict[SessionId, dict[Priority, int]]:
        """Minutes that the plan gave in each session to each urgency."""
        found: dict[SessionId, dict[Priority, int]] = {}
        tiers = list(Priority)
        sessions = [session_of(key) for key in self.problem.openings.key]
        minutes = self.problem.pairs.minutes
        for row, opening in enumerate(self.plan.opening.tolist()):
            if opening == UNPLACED or row in self.to_come:
                continue
            of_session = found.setdefault(sessions[opening], {})
            urgency = tiers[int(self.problem.orders.tier[row])]
            taken = int(minutes[self.plan.pair[row]])
            of_session[urgency] = of_session.get(urgency, 0) + taken
        return found

    def explanation_of(self, order_id: OrderId) -> Explanation | None:
        """Return what can be said of one order; ``None`` if the run had it not."""
        row = self.rows.get(order_id)
        return None if row is None else explain(self.problem, self.plan, row)

    def urgency_of(self, row: int) -> Priority:
        """Return an order's urgency in the run."""
        return list(Priority)[int(self.problem.orders.tier[row])]


class StoredPlans:
    """Reads stored plans and keeps the last few.

    Parameters
    ----------
    dispatcher
        Reads them.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._lock = threading.Lock()
        self._kept: OrderedDict[PlanRunId, StoredPlan] = OrderedDict()

    def get(self, run_id: PlanRunId, actor: Actor) -> StoredPlan:
        """Return the plan of a run.

        Raises
        ------
        NotKnown
            No such run.
        TransitionRefused
            The run has no plan, or none yet.
        """
        with self._lock:
            found = self._kept.get(run_id)
            if found is None:
                with self._dispatcher.reading(actor) as session:
                    run = session.uow.plan_runs.get(run_id)
                found = _read(run)
            self._kept[run_id] = found
            self._kept.move_to_end(run_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def newest(self, actor: Actor) -> StoredPlan | None:
        """Return the plan of the newest applied run; ``None`` before the first."""
        with self._dispatcher.reading(actor) as session:
            run_id = next(
                (
                    run.id
                    for run in session.uow.plan_runs.latest(_LOOK_BACK)
                    if run.status is PlanRunStatus.APPLIED
                ),
                None,
            )
        return None if run_id is None else self.get(run_id, actor)


def opening_steps(explanation: Explanation) -> tuple[FilterStep, ...]:
    """Return how the free time is counted through the solver's filters."""
    first = explanation.counts[0][1]
    steps = [FilterStep(str(Filter.SCANNERS), of_scanners=False, out=0, left=first)]
    for (_, before), (name, left) in pairwise(explanation.counts):
        steps.append(
            FilterStep(str(name), of_scanners=False, out=before - left, left=left)
        )
    return tuple(steps)


def unplaced_orders(stored: StoredPlan) -> list[UnplacedOrder]:
    """Return what a run left without a slot, and why, by row."""
    return [
        UnplacedOrder(
            order_id=OrderId(stored.problem.orders.key[one.order]),
            priority=stored.urgency_of(one.order),
            cause=Cause(one.reason.value),
            steps=opening_steps(one),
            options=one.options,
        )
        for one in stored.unplaced
    ]


def _read(run: PlanRun) -> StoredPlan:
    if run.problem is None or run.plan is None:
        raise TransitionRefused(
            f"Planning run {run.id} is {run.status} and has no plan; follow"
            f" /v1/plan-runs/{run.id} and ask again once it is applied."
        )
    source = Path(f"plan run {run.id}")
    return StoredPlan(
        run.id,
        problem_from_json(gzip.decompress(run.problem), source),
        plan_from_json(gzip.decompress(run.plan), source),
    )
