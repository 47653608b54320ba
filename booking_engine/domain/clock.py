"""What time it is: passed in, so that tests and simulations decide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""The zone of breach dates, session templates and every time shown to a person."""


class Clock(Protocol):
    """Where the present instant comes from."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock: the only place that reads it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until told to move.

    Parameters
    ----------
    instant
        Aware; kept in UTC.
    """

    def __init__(self, instant: datetime) -> None:
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self._instant

    def advance(self, by: timedelta) -> None:
        """Move forward (or back, if `by` is negative)."""
        self._instant += by


def local_date(instant: datetime) -> date:
    """Return the day in England on which `instant` falls.

    23:30 UTC in summer is already tomorrow in London.
    """
    return instant.astimezone(LONDON).date()
