"""Looks at every partner's feed, each minute: raises alerts, clears them, tells of it.

What is open is in the database, so that a restart neither raises an alert again nor
forgets it, and of two processes that watch only one raises it. How long our answers
took only the process knows that listens: another leaves an alert on that as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from api.answer_times import AnswerTimes
from api.webhook import Webhook
from booking_engine.application.commands import ClearAlert, RaiseAlert, RecordTold
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.alerts import (
    Alert,
    Condition,
    Level,
    Thresholds,
    Verdict,
    judge,
)
from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.identifiers import Actor, PartnerId

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:watch")
_TOLD_AT_ONCE: Final = 20
_TOLD_FOR: Final = timedelta(days=1)


class Watch:
    """The watch over all partners.

    Parameters
    ----------
    thresholds
        Of each partner that has a profile, as they stand.
    times
        How fast this process answered.
    window
        The time over which rates and latencies are taken.
    webhook
        Told of every alert that begins or ends; what it does not take is repeated at
        each turn for a day.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        thresholds: Callable[[], Mapping[PartnerId, Thresholds]],
        times: AnswerTimes,
        *,
        window: timedelta,
        webhook: Webhook | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._thresholds = thresholds
        self._times = times
        self._window = window
        self._webhook = webhook

    def run_once(self) -> list[Alert]:
        """Look once; return the alerts that began or ended."""
        changed = self._look()
        for alert in changed:
            _log(alert)
        if self._webhook is not None:
            self._tell(self._webhook)
        return changed

    def _look(self) -> list[Alert]:
        now = self._dispatcher.clock.now()
        thresholds = self._thresholds()
        since = now - self._window
        with self._dispatcher.reading(ACTOR) as session:
            readings = session.uow.traffic.readings(thresholds, since)
            heard = session.uow.traffic.heard(since)
            standing = {(a.partner, a.condition): a for a in session.uow.alerts.open()}
        changed: list[Alert | None] = []
        for partner, given in thresholds.items():
            reading = readings[partner]
            took = self._times.p99_since(partner, since)
            reading = replace(
                reading,
                given=replace(reading.given, p99_seconds=took),
                heard=heard.get(partner, reading.heard),
            )
            for verdict in judge(reading, given, now).values():
                alert = standing.pop((partner, verdict.condition), None)
                changed.append(self._act(partner, verdict, alert))
        for alert in standing.values():  # of partners that are gone
            changed.append(self._clear(alert))
        return [alert for alert in changed if alert is not None]

    def _act(
        self, partner: PartnerId, verdict: Verdict, alert: Alert | None
    ) -> Alert | None:
        if alert is None and verdict.level is Level.BAD:
            return self._raise(partner, verdict)
        if alert is not None and verdict.level is Level.WELL:
            return self._clear(alert)
        return None

    def _raise(self, partner: PartnerId, verdict: Verdict) -> Alert | None:
        command = RaiseAlert(
            partner, verdict.condition, verdict.value, verdict.threshold
        )
        try:
            raised: Alert | None = self._dispatcher.handle(command, ACTOR)
        except StaleVersion:
            return None  # another process was faster, and tells of it
        return raised

    def _clear(self, alert: Alert) -> Alert | None:
        try:
            cleared: Alert | None = self._dispatcher.handle(ClearAlert(alert.id), ACTOR)
        except StaleVersion:
            return None  # likewise, or a person acknowledged it just now: next turn
        return cleared

    def _tell(self, webhook: Webhook) -> None:
        since = self._dispatcher.clock.now() - _TOLD_FOR
        with self._dispatcher.reading(ACTOR) as session:
            untold = session.uow.alerts.untold(since, limit=_TOLD_AT_ONCE)
        for alert in untold:
            if not alert.told_raised and not self._told(webhook, alert, cleared=False):
                return  # nobody there: the next turn tries again
            ended = not alert.is_open and not alert.told_cleared
            if ended and not self._told(webhook, alert, cleared=True):
                return

    def _told(self, webhook: Webhook, alert: Alert, *, cleared: bool) -> bool:
        if not webhook.post(document(alert, cleared=cleared)):
            return False
        try:
            self._dispatcher.handle(RecordTold(alert.id, cleared=cleared), ACTOR)
        except StaleVersion:
            log.info("alert told twice", extra={"event": "alert.told", "id": alert.id})
        return True


def document(alert: Alert, *, cleared: bool) -> dict[str, object]:
    """Return what the webhook is told; `alert` and `event` together are unique."""
    ended = alert.cleared_at if cleared else None
    return {
        "alert": alert.id,
        "event": "cleared" if cleared else "raised",
        "partner": alert.partner,
        "condition": alert.condition.value,
        "raised_at": alert.raised_at.isoformat(),
        "cleared_at": None if ended is None else ended.isoformat(),
        "value": alert.value,
        "threshold": alert.threshold,
        "says": sentence(alert),
    }


_UNITS: Final = {
    Condition.SILENT_FEED: "no message for {value:.0f} min that should not be quiet",
    Condition.UNSENT_MESSAGES: "the oldest unsent message waits for {value:.0f} min",
    Condition.REFUSED_BY_US: "we refused {value:.0%} of their messages",
    Condition.REFUSED_BY_THEM: "they refused {value:.0%} of our messages",
    Condition.SLOW_ANSWERS: "1 of 100 of our answers took {value:.1f} s or more",
    Condition.SLOW_ACKNOWLEDGEMENTS: "1 of 100 of their answers took {value:.1f} s"
    " or more",
    Condition.UNMAPPED_CODES: "orders and diary entries that wait for a code to be"
    " mapped: {value:.0f}",
    Condition.DIARY_CONFLICTS: "bookings of ours that their diary contradicts:"
    " {value:.0f}",
    Condition.EXPIRED_MESSAGES: "messages that waited in vain for their order:"
    " {value:.0f}",
}
_IN_MINUTES: Final = frozenset({Condition.SILENT_FEED, Condition.UNSENT_MESSAGES})


def sentence(alert: Alert) -> str:
    """Return what was wrong when the alert was raised, for a person."""
    value = alert.value / 60 if alert.condition in _IN_MINUTES else alert.value
    return f"{alert.partner}: {_UNITS[alert.condition].format(value=value)}"


def _log(alert: Alert) -> None:
    level, text = logging.WARNING, "alert raised"
    if not alert.is_open:
        level, text = logging.INFO, "alert cleared"
    log.log(
        level,
        text,
        extra={
            "event": text.replace(" ", "."),
            "alert_id": alert.id,
            "partner": alert.partner,
            "condition": alert.condition.value,
            "value": alert.value,
            "threshold": alert.threshold,
        },
    )
