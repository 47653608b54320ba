"""When the solver stops."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """The solver stops at the first limit that it reaches.

    Parameters
    ----------
    seconds
        Wall time, or None. A wall-clock limit is never deterministic: store the
        plan, and replay by checking it.
    work
        Local-search work in thousands of moves tried, or None. With `work` and no
        `seconds`, the same problem, seed and work give the same plan bit by bit.
    seed
        Seed of all chance.
    target_gap
        Good enough: ``(cost - bound) / bound`` at which the search ends.
    workers
        Most threads to use. The plan does not depend on it under a work limit.
    """

    seconds: float | None = None
    work: int | None = None
    seed: int = 1
    target_gap: float = 0.0
    workers: int = 1

    def __post_init__(self) -> None:
        if self.seconds is None and self.work is None:
            raise ValueError("Limits needs seconds or work; give at least one.")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise ValueError(f"seconds is {self.seconds}; give a positive number.")
        if self.work is not None and self.work < 0:
            raise ValueError(f"work is {self.work}; give 0 or more.")
        if not self.target_gap >= 0:
            raise ValueError(f"target_gap is {self.target_gap}; give 0 or more.")
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}; give 1 or more.")

    def part(self, share: float) -> Limits:
        """Return limits with a share of the work; the time is left to clocks."""
        if self.work is None:
            return self
        return replace(self, work=int(self.work * share))
