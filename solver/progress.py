"""How far a solve is: its stages, and what it says of them while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from solver.clock import Clock
from solver.gap import GapParts


class Stage(StrEnum):
    """Where a solve is."""

    PRICES = "prices"
    CONSTRUCT = "construct"
    IMPROVE = "improve"
    SEQUENCE = "sequence"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known at one moment of a solve.

    Parameters
    ----------
    stage
        The stage that has just made progress.
    seconds
        Wall time since the solve began.
    cost
        Cost of the best plan so far, or None before there is one.
    bound
        Lower bound on the cost of every plan.
    gap
        ``(cost - bound) / bound``, or None before there is a plan.
    used
        Share of the time or the work that is used up, from 0 to 1.
    parts
        Where the gap sits, where the search has worked it out; else None.
    """

    stage: Stage
    seconds: float
    cost: int | None
    bound: int
    gap: float | None
    used: float = 0.0
    parts: GapParts | None = None


class Teller:
    """Passes progress on, not more than a few times a second within a stage."""

    LEAST_SECONDS = 0.2

    def __init__(
        self, clock: Clock, progress: Callable[[Progress], None] | None
    ) -> None:
        self._clock, self._progress = clock, progress
        self.listens = progress is not None
        self._stage: Stage | None = None
        self._told = 0.0

    def __call__(
        self,
        stage: Stage,
        cost: int | None,
        bound: int,
        used: float = 0.0,
        parts: GapParts | None = None,
    ) -> None:
        """Say how far the solve is, unless it was said just now; as in `Progress`."""
        now = self._clock.elapsed()
        if self._progress is None or (
            stage is self._stage and now - self._told < self.LEAST_SECONDS
        ):
            return
        self._stage, self._told = stage, now
        gap = None if cost is None else _gap(cost, bound)
        self._progress(Progress(stage, now, cost, bound, gap, used, parts))


def _gap(cost: int, bound: int) -> float:
    if cost == bound:
        return 0.0
    return (cost - bound) / bound if bound > 0 else float("inf")
