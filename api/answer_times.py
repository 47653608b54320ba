"""How fast the last messages of each partner were answered, commit included.

Only this process knows: the database has the time to the making of an answer, not to
its going out. Bounded: the newest few thousand of each partner.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Final

from booking_engine.domain.alerts import p99

KEPT: Final = 5000


class AnswerTimes:
    """The newest answers; written by the listener's thread."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[tuple[datetime, float]]] = {}

    def add(self, partner: str, at: datetime, seconds: float) -> None:
        """Keep when a message came, and how long its answer took."""
        kept = self._kept.get(partner)
        if kept is None:
            kept = self._kept.setdefault(partner, deque(maxlen=KEPT))
        kept.append((at, seconds))

    def p99_since(self, partner: str, since: datetime) -> float | None:
        """Return the time, in seconds, that 99 of 100 answers since then kept."""
        # A copy: the other thread goes on appending.
        kept = self._kept.get(partner, deque()).copy()
        return p99([seconds for at, seconds in kept if at >= since])
