"""Elapsed wall time, and whether it is up."""

from __future__ import annotations

import time


class Clock:
    """Counts seconds from its making.

    Parameters
    ----------
    seconds
        When the clock expires; None for never, which keeps runs deterministic.
    """

    def __init__(self, seconds: float | None) -> None:
        self._began = time.monotonic()
        self.seconds = seconds

    def elapsed(self) -> float:
        """Return the seconds since the clock was made."""
        return time.monotonic() - self._began

    def expired(self) -> bool:
        """Tell whether the time is up."""
        return self.seconds is not None and self.elapsed() >= self.seconds

    def share(self, part: float) -> Clock:
        """Return a clock that expires after `part` of the seconds that are left."""
        if self.seconds is None:
            return Clock(None)
        return Clock(max(0.0, (self.seconds - self.elapsed()) * part))

    def fraction(self) -> float:
        """Return the share of the time that is used, 0 without a limit."""
        if self.seconds is None:
            return 0.0
        if self.seconds <= 0:
            return 1.0
        return min(1.0, self.elapsed() / self.seconds)
