"""Elapsed wall time, and whether it is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from solver.problem import Ints

PIECE_SECONDS = 0.05
"""How long the clock is not looked at, more or less."""
UNTIMED_PIECE = 100
"""Rows in a piece where there is no limit of time."""


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

    def left(self) -> float | None:
        """Return the seconds until the clock expires, or None without a limit."""
        if self.seconds is None:
            return None
        return max(0.0, self.seconds - self.elapsed())

    def paced(self, rows: Ints) -> Iterator[Ints]:
        """Yield the rows piece by piece until the clock expires.

        Each piece is as long as earlier ones let expect to take `PIECE_SECONDS`;
        without a limit all pieces have the same length.
        """
        first, length = 0, 1 if self.seconds is not None else UNTIMED_PIECE
        while first < rows.shape[0] and not self.expired():
            began = time.monotonic()
            yield rows[first : first + length]
            first += length
            if self.seconds is not None:
                spent = max(time.monotonic() - began, 1e-6)
                factor = min(4.0, max(0.25, PIECE_SECONDS / spent))
                length = max(1, int(length * factor))

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
