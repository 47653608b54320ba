"""Elapsed wall time, and whether it is up."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Counts seconds from its making.

    Parameters
    ----------
    seconds
        When the clock expires; None for never, which keeps runs deterministic.
    stop
        Expires the clock, whatever the time, as soon as it returns true.
    """

    def __init__(
        self, seconds: float | None, stop: Callable[[], bool] | None = None
    ) -> None:
        self._began = time.monotonic()
        self._stop = stop
        self.seconds = seconds

    def elapsed(self) -> float:
        """Return the seconds since the clock was made."""
        return time.monotonic() - self._began

    def expired(self) -> bool:
        """Tell whether the time is up."""
        if self._stop is not None and self._stop():
            return True
        return self.seconds is not None and self.elapsed() >= self.seconds

    def share(self, part: float) -> Clock:
        """Return a clock that expires after `part` of the seconds that are left."""
        if self.seconds is None:
            return Clock(None, self._stop)
        return Clock(max(0.0, (self.seconds - self.elapsed()) * part), self._stop)

    def fraction(self) -> float:
        """Return the share of the time that is used, 0 without a limit."""
        if self.seconds is None:
            return 0.0
        if self.seconds <= 0:
            return 1.0
        return min(1.0, self.elapsed() / self.seconds)
