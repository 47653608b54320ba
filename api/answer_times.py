"""How the last messages of each partner were answered, as this process saw it.

Bounded: the newest few thousand of each partner and direction.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from booking_engine.domain.alerts import Answers

KEPT: Final = 5000


class Direction(StrEnum):
    """Who answered."""

    GIVEN = "in"
    """We, a message that came in."""
    HEARD = "out"
    """They, a message that went out."""


class _Answer(NamedTuple):
    at: datetime
    seconds: float
    refused: bool


class AnswerTimes:
    """The newest answers; written by the listener's and the relay's threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Direction], deque[_Answer]] = {}

    def add(
        self,
        partner: str,
        direction: Direction,
        at: datetime,
        *,
        seconds: float,
        refused: bool,
    ) -> None:
        """Keep one answer."""
        kept = self._kept.get((partner, direction))
        if kept is None:
            kept = self._kept.setdefault((partner, direction), deque(maxlen=KEPT))
        kept.append(_Answer(at, seconds, refused))

    def since(self, partner: str, direction: Direction, since: datetime) -> Answers:
        """Return how many answers there were since then, and how fast they were."""
        kept = self._kept.get((partner, direction))
        if kept is None:
            return Answers()
        # A copy: the other threads go on appending.
        found = [answer for answer in kept.copy() if answer.at >= since]
        if not found:
            return Answers()
        times = sorted(answer.seconds for answer in found)
        p99 = times[math.ceil(0.99 * len(times)) - 1]
        return Answers(len(found), sum(answer.refused for answer in found), p99)
