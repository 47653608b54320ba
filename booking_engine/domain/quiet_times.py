"""When nobody is expected to send anything: nights, weekends, bank holidays.

Silence is measured in time that is not quiet, so that a feed which sleeps at the
weekend is not late on Monday morning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from booking_engine.domain.clock import LONDON

_MONDAY, _SATURDAY, _SUNDAY = 0, 5, 6


@dataclass(frozen=True, slots=True)
class QuietTimes:
    """The quiet times of one partner.

    Parameters
    ----------
    night
        Local times at which each night begins and ends, or ``None``.
    days
        Whole days of the week, Monday is 0.
    bank_holidays
        Whether those of England and Wales are quiet.
    dates
        Further days.
    """

    night: tuple[time, time] | None = (time(19), time(8))
    days: frozenset[int] = frozenset({_SATURDAY, _SUNDAY})
    bank_holidays: bool = True
    dates: frozenset[date] = frozenset()
    zone: ZoneInfo = LONDON

    def awake_between(self, begin: datetime, end: datetime) -> timedelta:
        """Return how much of the time between two instants is not quiet.

        Measured in elapsed time: the night on which clocks change counts as long as
        it lasted.
        """
        awake = timedelta(0)
        day = begin.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        while day <= last:
            for starts, ends in self._awake_on(day):
                awake += max(timedelta(0), min(ends, end) - max(starts, begin))
            day += timedelta(days=1)
        return awake

    def _awake_on(self, day: date) -> list[tuple[datetime, datetime]]:
        if (
            day.weekday() in self.days
            or day in self.dates
            or (self.bank_holidays and day in bank_holidays(day.year))
        ):
            return []
        begin, end = self._at(day, time(0)), self._at(day + timedelta(days=1), time(0))
        if self.night is None:
            return [(begin, end)]
        falls, breaks = (self._at(day, at) for at in self.night)
        if self.night[0] > self.night[1]:  # over midnight
            return [(breaks, falls)]
        return [(begin, falls), (breaks, end)]

    def _at(self, day: date, local: time) -> datetime:
        return datetime.combine(day, local, tzinfo=self.zone).astimezone(UTC)


NIGHTS_AND_WEEKENDS = QuietTimes()


@lru_cache(maxsize=16)
def bank_holidays(year: int) -> frozenset[date]:
    """Return the bank holidays of England and Wales, each with its substitute day.

    Those of the standing rules (Banking and Financial Dealings Act 1971 and the yearly
    proclamations); single ones, as for a coronation, belong into `QuietTimes.dates`.
    """
    easter = _easter(year)
    new_year, christmas = date(year, 1, 1), date(year, 12, 25)
    boxing_day = date(year, 12, 26)
    found = {
        new_year,
        _next_weekday(new_year),
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        _monday_from(date(year, 5, 1)),
        _monday_from(date(year, 5, 25)),
        _monday_from(date(year, 8, 25)),
        christmas,
        boxing_day,
    }
    if christmas.weekday() >= _SATURDAY:
        found.add(date(year, 12, 27))
    if boxing_day.weekday() >= _SATURDAY:
        found.add(date(year, 12, 28))
    return frozenset(found)


def _monday_from(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _next_weekday(day: date) -> date:
    return _monday_from(day) if day.weekday() >= _SATURDAY else day


def _easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian rule, Nature 1876)."""
    century, rest = divmod(year, 100)
    leap, skipped = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leap - moon + 15) % 30
    quarter, left = divmod(rest, 4)
    sunday = (32 + 2 * skipped + 2 * quarter - epact - left) % 7
    late = (year % 19 + 11 * epact + 22 * sunday) // 451
    month, day = divmod(epact + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)
