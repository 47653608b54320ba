"""When a partner's feed is no longer well: the ``watch`` block of its profile.

::

    watch:
      silent_after_minutes: 120        # empty: not watched; likewise the others
      quiet:
        night: 19:00-07:30             # empty: none
        days: [sat, sun]
        bank_holidays: true
        dates: [2026-12-24]
      oldest_unsent_minutes: 15
      nak_rate: 0.1
      ack_p99_ms: 5000
      unmapped_waiting: 1
      diary_conflicts: 1
      expired_messages: 1
      least_refused: 3
      least_messages: 20
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from booking_engine.domain.alerts import Thresholds
from booking_engine.domain.quiet_times import QuietTimes
from hl7_adapters.dialect import Strict

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NIGHT: Final = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class QuietRules(Strict):
    """When nobody is expected to send, in the partner's zone.

    Parameters
    ----------
    night
        Such as ``19:00-07:30``.
    dates
        Single days; bank holidays are known.
    """

    night: str | None = "19:00-08:00"
    days: frozenset[Day] = frozenset({"sat", "sun"})
    bank_holidays: bool = True
    dates: frozenset[date] = frozenset()

    @field_validator("night")
    @classmethod
    def _two_times(cls, night: str | None) -> str | None:
        if night is not None:
            begin, end = _times(night)
            if begin == end:
                raise ValueError(f"{night} is a whole day; name days instead")
        return night

    def times(self, zone: ZoneInfo) -> QuietTimes:
        """Return them in a zone."""
        return QuietTimes(
            night=None if self.night is None else _times(self.night),
            days=frozenset(map(_DAYS.index, self.days)),
            bank_holidays=self.bank_holidays,
            dates=self.dates,
            zone=zone,
        )


class WatchRules(Strict):
    """Thresholds of one partner; see `domain.alerts.Thresholds`."""

    silent_after_minutes: float | None = Field(default=240, gt=0, le=60 * 24 * 30)
    quiet: QuietRules = QuietRules()
    oldest_unsent_minutes: float | None = Field(default=15, gt=0)
    nak_rate: float | None = Field(default=0.1, gt=0, le=1)
    ack_p99_ms: float | None = Field(default=5000, gt=0)
    unmapped_waiting: int | None = Field(default=1, ge=1)
    diary_conflicts: int | None = Field(default=1, ge=1)
    expired_messages: int | None = Field(default=1, ge=1)
    least_refused: int = Field(default=3, ge=1)
    least_messages: int = Field(default=20, ge=1)

    def thresholds(self, zone: ZoneInfo) -> Thresholds:
        """Return them as the domain has them."""
        return Thresholds(
            silent_after=_minutes(self.silent_after_minutes),
            quiet=self.quiet.times(zone),
            oldest_unsent=_minutes(self.oldest_unsent_minutes),
            nak_rate=self.nak_rate,
            ack_p99=(
                None
                if self.ack_p99_ms is None
                else timedelta(milliseconds=self.ack_p99_ms)
            ),
            unmapped_waiting=self.unmapped_waiting,
            diary_conflicts=self.diary_conflicts,
            expired_messages=self.expired_messages,
            least_refused=self.least_refused,
            least_messages=self.least_messages,
        )


def _minutes(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(minutes=count)


def _times(night: str) -> tuple[time, time]:
    found = _NIGHT.fullmatch(night.replace(" ", ""))
    try:
        if found is not None:
            hours = [int(part) for part in found.groups()]
            return time(hours[0], hours[1]), time(hours[2], hours[3])
    except ValueError:
        pass
    raise ValueError(f"{night!r} is not two times, such as 19:00-08:00")
