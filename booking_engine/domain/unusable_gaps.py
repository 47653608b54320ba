"""Idle time that no exam fits in, and what leaving it costs in a plan.

A scanner's list is full of exams but for short stretches between and behind them. A
stretch that is shorter than the shortest usual exam is lost to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_MINUTES: Final = 240
MOST_COST: Final = 1_000
"""A day of it then costs no more than an order may, by far (`MOST_DEAREST`)."""


@dataclass(frozen=True, slots=True)
class UnusableGaps:
    """What idle time costs that is too short; checked with the policy.

    Parameters
    ----------
    minutes
        A stretch shorter than this is too short for any exam; 0: none is.
    cost_per_minute
        Cost of each minute of such a stretch, in cost units; 0: plans do not ask.
    """

    minutes: int = 0
    cost_per_minute: int = 0

    @property
    def counted(self) -> bool:
        """Whether plans look at it at all."""
        return self.minutes > 0 and self.cost_per_minute > 0

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each key whose value is outside its range, and what to give."""
        for name, most in (("minutes", MOST_MINUTES), ("cost_per_minute", MOST_COST)):
            value = getattr(self, name)
            if not 0 <= value <= most:
                yield (name,), f"is {value}; give 0 to {most}"
        if self.minutes == 0 and self.cost_per_minute > 0:
            problem = (
                f"is 0 though a minute costs {self.cost_per_minute}; give the minutes"
                " of the shortest usual exam, or cost_per_minute 0"
            )
            yield ("minutes",), problem
