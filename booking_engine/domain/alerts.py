"""What is watched of each partner, and the alerts that begin and end once.

An alert is raised when a value reaches its threshold and cleared when it is well below
it again, so that a value which swings about the threshold makes one alert, not many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.quiet_times import NIGHTS_AND_WEEKENDS, QuietTimes

AlertId = NewType("AlertId", str)

LONGEST_SILENCE = timedelta(days=60)
"""A feed that was silent for longer is not looked at any further back."""


class Condition(StrEnum):
    """What can be wrong with a partner's feed."""

    SILENT_FEED = "silent_feed"
    UNSENT_MESSAGES = "unsent_messages"
    REFUSED_BY_US = "refused_by_us"
    REFUSED_BY_THEM = "refused_by_them"
    SLOW_ANSWERS = "slow_answers"
    SLOW_ACKNOWLEDGEMENTS = "slow_acknowledgements"
    UNMAPPED_CODES = "unmapped_codes"
    DIARY_CONFLICTS = "diary_conflicts"
    EXPIRED_MESSAGES = "expired_messages"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a partner's feed is no longer well; ``None`` is not watched.

    Parameters
    ----------
    silent_after
        Longest time without a message, not counting quiet times.
    oldest_unsent
        Longest time that an outbound message may wait.
    nak_rate
        Share of refused messages, in either direction, from 0 to 1.
    ack_p99
        Time that 99 of 100 acknowledgements must keep, in either direction.
    unmapped_waiting
        How many orders may wait for a code to be mapped.
    diary_conflicts
        On how many bookings of ours the partner's diary may lie.
    expired_messages
        How many messages may have waited in vain for their order.
    least_refused
        With fewer refusals in the window, no rate raises an alert.
    least_messages
        With fewer answers in the window, no latency does.
    """

    silent_after: timedelta | None = timedelta(hours=4)
    quiet: QuietTimes = NIGHTS_AND_WEEKENDS
    oldest_unsent: timedelta | None = timedelta(minutes=15)
    nak_rate: float | None = 0.1
    ack_p99: timedelta | None = timedelta(seconds=5)
    unmapped_waiting: int | None = 1
    diary_conflicts: int | None = 1
    expired_messages: int | None = 1
    least_refused: int = 3
    least_messages: int = 20


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers in one direction within the window.

    Parameters
    ----------
    p99_seconds
        Time that 99 of 100 kept; ``None`` where it was not measured.
    """

    count: int = 0
    refused: int = 0
    p99_seconds: float | None = None

    @property
    def refused_share(self) -> float | None:
        """Share of refusals; ``None`` without answers."""
        return self.refused / self.count if self.count else None


def p99(times: Sequence[float]) -> float | None:
    """Return the time that 99 of 100 kept; ``None`` without any."""
    ordered = sorted(times)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else None


@dataclass(frozen=True, slots=True)
class FeedReading:
    """One partner's feed as it stands.

    Parameters
    ----------
    last_received_at
        ``None`` if nothing ever came: not connected yet, hence not silent.
    oldest_unsent_at
        When the oldest waiting delivery was created.
    given, heard
        Our answers to them; theirs to us.
    unmapped
        Orders that wait for one of their codes to be mapped.
    unplaced
        Entries of their diary, not over yet, of which a room or machine is not mapped:
        one of our scanners may be taken there without our knowing.
    conflicts
        Bookings of ours, not over yet, that their diary contradicts: an entry lies on
        the time, or has the same order elsewhere.
    expired
        Messages of theirs that waited in vain for their order and that nobody has
        replayed since.
    """

    last_received_at: datetime | None = None
    oldest_unsent_at: datetime | None = None
    given: Answers = Answers()
    heard: Answers = Answers()
    unmapped: int = 0
    unplaced: int = 0
    conflicts: int = 0
    expired: int = 0


class Level(StrEnum):
    """Where a value stands."""

    WELL = "well"
    BETWEEN = "between"
    """Neither bad enough to raise an alert nor good enough to clear one; or unknown."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one condition.

    Parameters
    ----------
    value, threshold
        Seconds, a share or a count, as the condition has it.
    """

    condition: Condition
    level: Level
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one condition is judged.

    Parameters
    ----------
    threshold
        Of a partner; ``None`` is not watched.
    value
        ``None`` if there is none to judge.
    cleared_below
        Share of the threshold.
    too_few
        Whether the value stands on too little to raise an alert.
    """

    threshold: Callable[[Thresholds], float | None]
    value: Callable[[FeedReading, Thresholds, datetime], float | None]
    cleared_below: float
    too_few: Callable[[FeedReading, Thresholds], bool] = lambda _, __: False


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _silence(reading: FeedReading, thresholds: Thresholds, now: datetime) -> float:
    if reading.last_received_at is None:
        return 0.0
    since = max(reading.last_received_at, now - LONGEST_SILENCE)
    return thresholds.quiet.awake_between(since, now).total_seconds()


def _unsent(reading: FeedReading, _: Thresholds, now: datetime) -> float:
    at = reading.oldest_unsent_at
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


_RULES: dict[Condition, _Rule] = {
    Condition.SILENT_FEED: _Rule(lambda t: _seconds(t.silent_after), _silence, 0.5),
    Condition.UNSENT_MESSAGES: _Rule(lambda t: _seconds(t.oldest_unsent), _unsent, 0.5),
    Condition.REFUSED_BY_US: _Rule(
        lambda t: t.nak_rate,
        lambda r, _, __: r.given.refused_share,
        0.5,
        lambda r, t: r.given.refused < t.least_refused,
    ),
    Condition.REFUSED_BY_THEM: _Rule(
        lambda t: t.nak_rate,
        lambda r, _, __: r.heard.refused_share,
        0.5,
        lambda r, t: r.heard.refused < t.least_refused,
    ),
    Condition.SLOW_ANSWERS: _Rule(
        lambda t: _seconds(t.ack_p99),
        lambda r, _, __: r.given.p99_seconds,
        0.8,
        lambda r, t: r.given.count < t.least_messages,
    ),
    Condition.SLOW_ACKNOWLEDGEMENTS: _Rule(
        lambda t: _seconds(t.ack_p99),
        lambda r, _, __: r.heard.p99_seconds,
        0.8,
        lambda r, t: r.heard.count < t.least_messages,
    ),
    Condition.UNMAPPED_CODES: _Rule(
        lambda t: t.unmapped_waiting, lambda r, _, __: r.unmapped + r.unplaced, 0.8
    ),
    Condition.DIARY_CONFLICTS: _Rule(
        lambda t: t.diary_conflicts, lambda r, _, __: r.conflicts, 0.8
    ),
    Condition.EXPIRED_MESSAGES: _Rule(
        lambda t: t.expired_messages, lambda r, _, __: r.expired, 0.8
    ),
}
"""Every condition and how it is judged; a test holds this to the enum."""


def judge(
    reading: FeedReading, thresholds: Thresholds, now: datetime
) -> dict[Condition, Verdict]:
    """Return what is found of every condition.

    What is not watched is well, so that switching a rule off clears its alert. A rate
    or latency without any message says nothing: an alert stays as it is.
    """
    found: dict[Condition, Verdict] = {}
    for condition, rule in _RULES.items():
        threshold = rule.threshold(thresholds)
        value = rule.value(reading, thresholds, now)
        if threshold is None:
            level = Level.WELL
        elif value is None:
            level = Level.BETWEEN
        elif value >= threshold:
            few = rule.too_few(reading, thresholds)
            level = Level.BETWEEN if few else Level.BAD
        elif value < threshold * rule.cleared_below:
            level = Level.WELL
        else:
            level = Level.BETWEEN
        found[condition] = Verdict(condition, level, value or 0.0, threshold or 0.0)
    return found


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition of one partner, from when it was raised until it was cleared.

    Parameters
    ----------
    value, threshold
        When it was raised; seconds, a share or a count.
    acknowledged_at, acknowledged_by, note
        That a person has seen it; it stays open.
    cleared_at
        ``None`` while it is open.
    told_raised, told_cleared
        Whether the webhook has taken it.
    """

    id: AlertId
    partner: PartnerId
    condition: Condition
    raised_at: datetime
    value: float
    threshold: float
    acknowledged_at: datetime | None = None
    acknowledged_by: Actor | None = None
    note: str = ""
    cleared_at: datetime | None = None
    told_raised: bool = False
    told_cleared: bool = False
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it has not been cleared."""
        return self.cleared_at is None
