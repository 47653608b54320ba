"""The values of sessions, tested in a thread of its own and kept by run.

The estimates are answered at once; the intervals come one scanner after the other, the
dearest first. A stored plan never changes and the tests have fixed seeds and work, so
what is kept is what any process would find again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from api.loops import Loop
from booking_engine.application.session_values import (
    SessionValue,
    Tested,
    estimates,
    session_value,
    tested,
)
from booking_engine.application.stored_plans import StoredPlan, StoredPlans
from booking_engine.domain.identifiers import Actor, PlanRunId

KEPT: Final = 20
"""Runs whose intervals are kept: a few numbers for each scanner."""
_PAUSE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class SessionValues:
    """What is known of a run's sessions by now.

    Parameters
    ----------
    values
        By scanner, the dearest first.
    complete
        Whether every one of them has been tested.
    """

    values: tuple[SessionValue, ...]
    complete: bool


class SessionValuation:
    """Answers with what is known, and tests what was asked about.

    Parameters
    ----------
    plans
        Reads the stored plans.
    """

    def __init__(self, plans: StoredPlans) -> None:
        self._plans = plans
        self._lock = Lock()
        self._found: OrderedDict[PlanRunId, dict[int, Tested]] = OrderedDict()
        self._wanted: list[StoredPlan] = []
        self._stopping = False
        self._loop = Loop("session values", self.run_due, _PAUSE_SECONDS)
        self._begun = False

    def of(self, run_id: PlanRunId, actor: Actor) -> SessionValues:
        """Return the values of a run; what is not tested yet will be.

        Raises
        ------
        NotKnown, TransitionRefused
            No such run, or one without a plan.
        """
        stored = self._plans.get(run_id, actor)
        listed = estimates(stored)
        with self._lock:
            found = self._found.setdefault(run_id, {})
            self._found.move_to_end(run_id)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
            complete = len(found) == len(listed)
            if not complete and all(one.run_id != run_id for one in self._wanted):
                self._wanted.append(stored)
            values = tuple(
                session_value(stored, one, found.get(one.scanner)) for one in listed
            )
            begins = not complete and not self._begun
            self._begun = self._begun or begins
        if begins:
            self._loop.start()
        if not complete:
            self._loop.wake()
        return SessionValues(values, complete)

    def run_due(self) -> None:
        """Test what was asked about, one scanner after the other."""
        while self._wanted and not self._stopping:
            stored = self._wanted[0]
            try:
                self._test(stored)
            finally:
                with self._lock:
                    self._wanted.remove(stored)

    def stop(self, seconds: float) -> None:
        """End after the scanner at hand; wait at most so long for it."""
        self._stopping = True
        self._loop.stop(seconds)

    def _test(self, stored: StoredPlan) -> None:
        for estimate in estimates(stored):
            with self._lock:
                known = estimate.scanner in self._found.get(stored.run_id, {})
            if known:
                continue
            if self._stopping:
                return
            value = tested(stored, estimate)
            with self._lock:
                self._found.setdefault(stored.run_id, {})[estimate.scanner] = value
