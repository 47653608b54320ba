"""What slots are priced by, renewed in the background, and how old it is.

Searches and bookings look prices up and never wait for them. Each turn renews three
things, each by itself: one that fails is logged and counted, keeps what it had, and
does not keep the others from being renewed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from api.errors import log_failure
from api.metrics import Metrics
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.plan_runner import latest_prices
from booking_engine.application.protecting import learn
from booking_engine.domain.clock import Clock
from booking_engine.domain.identifiers import Actor, PlanRunId
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.prices import NO_PRICES

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:prices")
OLDEST_PLAN: Final = timedelta(days=7)
"""Prices of an older plan are of another waiting list: none are better than those."""
COUNT_EVERY: Final = timedelta(hours=1)
"""How often past bookings are counted, to protect room for urgent orders."""
COUNT_AGAIN: Final = timedelta(minutes=5)
"""How soon after a count that failed."""
_LOOK_BACK: Final = 20

PLAN: Final = "plan"
URGENT_ROOM: Final = "urgent_room"
FREE_TIME: Final = "free_time"


class PriceRefresh:
    """Renews what one process prices slots by.

    Parameters
    ----------
    dispatcher
        Whose prices and kept room are renewed.
    clock
        Tells what is due.
    metrics
        Counts what fails, and shows how old what is used is.
    """

    def __init__(self, dispatcher: Dispatcher, clock: Clock, metrics: Metrics) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._failures = metrics.price_refresh_failures
        self._plan: PlanRunId | None = None
        self._planned_at: datetime | None = None
        self._counted_at: datetime | None = None
        self._count_at: datetime | None = None
        metrics.watch_prices(self.ages)

    def run_once(self) -> None:
        """Renew what is due."""
        self._renew(PLAN, self._take_over_plan)
        self._renew(URGENT_ROOM, self._count_past_bookings)
        self._renew(FREE_TIME, self._read_free_time)

    def ages(self) -> Mapping[str, float]:
        """Return the age in seconds of what is used, without what there is not."""
        now = self._clock.now()
        since = {PLAN: self._planned_at, URGENT_ROOM: self._counted_at}
        return {
            part: (now - at).total_seconds()
            for part, at in since.items()
            if at is not None
        }

    def _renew(self, part: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the other parts go on
            self._failures.labels(part).inc()
            log_failure(f"renewing what slots are priced by failed: {part}", error)

    def _take_over_plan(self) -> None:
        """Take over the prices of the newest applied plan, and drop old ones."""
        # Before the database is asked: what it does not answer must not keep them.
        if self._planned_at is not None and self._is_old(self._planned_at):
            log.warning(
                "the last plan is too old for its prices to be used",
                extra={"event": "prices.dropped", "plan_run_id": self._plan},
            )
            self._dispatcher.prices = NO_PRICES
            self._plan = self._planned_at = None
        newest = self._newest_applied()
        if newest is None or newest.finished_at is None:
            return
        if newest.id == self._plan or self._is_old(newest.finished_at):
            return
        self._dispatcher.prices = latest_prices(self._dispatcher)
        self._plan, self._planned_at = newest.id, newest.finished_at

    def _is_old(self, planned_at: datetime) -> bool:
        return self._clock.now() - planned_at > OLDEST_PLAN

    def _newest_applied(self) -> PlanRun | None:
        with self._dispatcher.reading(ACTOR) as session:
            runs = session.uow.plan_runs.latest(_LOOK_BACK)
        return next((run for run in runs if run.status is PlanRunStatus.APPLIED), None)

    def _count_past_bookings(self) -> None:
        """Count past bookings anew, if that was long ago; a failure keeps the old.

        Room is rather kept by an old count than given away for want of a new one: the
        counts are of weeks and change slowly.
        """
        now = self._clock.now()
        if self._count_at is not None and now < self._count_at:
            return
        self._count_at = now + COUNT_AGAIN
        with self._dispatcher.reading(ACTOR) as session:
            kept = learn(session.uow, session.context.policy, now)
        self._dispatcher.room_kept = kept
        self._counted_at, self._count_at = now, now + COUNT_EVERY

    def _read_free_time(self) -> None:
        """Read what is free before anybody asks for it."""
        with self._dispatcher.reading(ACTOR) as session:
            now = session.context.now
            horizon = timedelta(days=session.context.policy.horizon_days)
            session.uow.schedule.free_time(now, now + horizon)
