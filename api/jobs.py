"""What runs by itself: holds, urgent orders, planning runs, rebookings, the diary.

Times are UTC: a local time near 01:30 comes twice in autumn. Only one process with the
role ``work`` may run these for a database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from api.diary import extend_diary
from api.errors import log_failure
from api.loops import Loop
from api.plan_queue import PlanQueue
from api.rebooking_queue import RebookingQueue
from api.urgent import UrgentBooking
from api.watch import Watch
from booking_engine.application.commands import ExpireHolds, ExpireParked
from booking_engine.application.diary import orders_found
from booking_engine.application.diary_commands import LinkEntries
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.retention import Retention
from booking_engine.domain.identifiers import Actor
from booking_engine.settings import JobSettings, PlanSection

log = logging.getLogger(__name__)

HOLDS: Final = Actor("job:holds")
DIARIES: Final = Actor("job:diaries")
PARKED: Final = Actor("job:parked")
NIGHTLY: Final = Actor("job:nightly-plan")
_LOOK_FOR_RUNS_SECONDS: Final = 5.0
_LOOK_FOR_REBOOKINGS_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 3600
_ARRIVALS_LEAST_SECONDS: Final = 0.25
_RETENTION_HOUR: Final = 1  # UTC; before the nightly plan
_EXPIRE_PARKED_SECONDS: Final = 60
_DIARY_HOUR: Final = 3  # UTC; after any local midnight


class Jobs:
    """The jobs of one process.

    Parameters
    ----------
    dispatcher
        Runs the commands.
    plans
        Planning runs.
    rebookings
        Rebookings of closures.
    urgent
        Urgent orders.
    settings, plan
        How often, and when at night.
    retention
        What deletes old messages at night, if anything is to be deleted.
    watch, watch_seconds
        The watch over the feeds, and how often it looks.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        plans: PlanQueue,
        rebookings: RebookingQueue,
        urgent: UrgentBooking,
        *,
        settings: JobSettings,
        plan: PlanSection,
        watch: Watch,
        watch_seconds: float,
        retention: Retention,
    ) -> None:
        self._dispatcher = dispatcher
        self._plans = plans
        self._rebookings = rebookings
        self._settings = settings
        self._retention = retention
        self._urgent = urgent
        self._arrivals = Loop(
            "arrivals",
            self.see_to_arrivals,
            settings.urgent_seconds,
            least_seconds=_ARRIVALS_LEAST_SECONDS,
        )
        self._runs = Loop("planning runs", plans.run_due, _LOOK_FOR_RUNS_SECONDS)
        self._better = Loop(
            "rebookings", rebookings.improve_due, _LOOK_FOR_REBOOKINGS_SECONDS
        )
        self._watch = watch
        self._watch_seconds = watch_seconds
        self._scheduler = self._scheduled(plan)
        self._running = False

    def _scheduled(self, plan: PlanSection) -> Any:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": _GRACE_SECONDS,
            },
        )
        scheduler.add_job(
            _safely("expire holds", self.expire_holds),
            IntervalTrigger(
                seconds=max(1, round(self._settings.expire_holds_seconds)), timezone=UTC
            ),
            id="expire-holds",
        )
        scheduler.add_job(
            _safely("expire parked", self.expire_parked),
            IntervalTrigger(seconds=_EXPIRE_PARKED_SECONDS, timezone=UTC),
            id="expire-parked",
        )
        scheduler.add_job(
            _safely("extend diary", self.extend_diary),
            CronTrigger(hour=_DIARY_HOUR, timezone=UTC),
            id="extend-diary",
        )
        scheduler.add_job(
            _safely("watch", self._watch.run_once),
            IntervalTrigger(seconds=max(1, round(self._watch_seconds)), timezone=UTC),
            id="watch",
        )
        if self._retention.policy.deletes:
            scheduler.add_job(
                _safely("retention", self._retention.run_once),
                CronTrigger(hour=_RETENTION_HOUR, timezone=UTC),
                id="retention",
            )
        if plan.at is not None:
            scheduler.add_job(
                _safely("nightly plan", lambda: self._plans.request(NIGHTLY)),
                CronTrigger(
                    hour=plan.at.hour,
                    minute=plan.at.minute,
                    second=plan.at.second,
                    timezone=UTC,
                ),
                id="nightly-plan",
            )
        return scheduler

    def start(self) -> None:
        """Begin."""
        abandoned = self._plans.abandon_interrupted()
        if abandoned:
            log.warning(
                "planning runs were interrupted",
                extra={"event": "plan.interrupted", "runs": abandoned},
            )
        self._plans.wake = self._runs.wake
        self._rebookings.wake = self._better.wake
        self._running = True
        self._arrivals.start()
        self._runs.start()
        self._better.start()
        self._scheduler.start()

    def stop(self, seconds: float = 30.0) -> None:
        """End after what is being done now; safe to call twice.

        Parameters
        ----------
        seconds
            How long to wait for each loop.
        """
        if not self._running:
            return
        self._running = False
        self._plans.wake = lambda: None
        self._rebookings.wake = lambda: None
        self._scheduler.shutdown(wait=True)
        self._arrivals.stop(seconds)
        self._runs.stop(seconds)
        self._better.stop(seconds)

    def orders_changed(self) -> None:
        """See to orders at once: one may have come, or become bookable."""
        self._arrivals.wake()

    def see_to_arrivals(self) -> None:
        """Link orders that a diary has booked already, and book urgent ones.

        What is booked there must not be booked again here: of the urgent orders that
        are booked, each was there already when the diaries were looked at.
        """
        link = _safely("link diary entries", self.link_entries)
        if self._settings.urgent_tier >= 0:
            self._urgent.run_once(before_booking=link)
        else:
            link()

    def expire_holds(self) -> int:
        """Release every hold that has lapsed; return how many."""
        lapsed: int = self._dispatcher.handle(ExpireHolds(), HOLDS)
        if lapsed:
            log.info("holds released", extra={"event": "hold.lapsed", "holds": lapsed})
        return lapsed

    def expire_parked(self) -> int:
        """Put before a person what waited in vain for its order; return how many."""
        expired: int = self._dispatcher.handle(ExpireParked(), PARKED)
        if expired:
            log.warning(
                "messages waited in vain for their order",
                extra={"event": "hl7.parked_expired", "messages": expired},
            )
        return expired

    def link_entries(self) -> int:
        """Link what other diaries booked to orders that came later; return how many."""
        with self._dispatcher.reading(DIARIES) as session:
            if not orders_found(session.uow):
                return 0
        linked: int = self._dispatcher.handle(LinkEntries(), DIARIES)
        log.info("entries linked", extra={"event": "diary.linked", "entries": linked})
        return linked

    def extend_diary(self) -> int:
        """Generate the sessions of the next weeks; return how many there are."""
        return extend_diary(self._dispatcher, days=self._settings.diary_days)

    @property
    def schedule(self) -> list[str]:
        """The names of the scheduled jobs."""
        return sorted(job.id for job in self._scheduler.get_jobs())


def _safely(name: str, work: Callable[[], object]) -> Callable[[], None]:
    """Return `work` with its failures logged without their text."""

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the next turn may succeed
            log_failure(f"{name} failed", error)

    return run
