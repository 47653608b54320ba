"""What the plan of a run lets groups of patients wait, as planners are told it.

Of a group of few orders nothing is told but that there are some: its mean would say how
long somebody in it waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from booking_engine.domain.fair_waits import Grouping

FEWEST: Final = 5
"""Orders of the smallest group that is told by itself."""


@dataclass(frozen=True, slots=True)
class GroupWait:
    """What a plan lets one group of patients wait.

    Parameters
    ----------
    group
        Its name, one of `GROUPS`.
    orders
        How many; `FEWEST` at least.
    mean_wait_days
        From the day of the run, to a tenth; an order without a slot counts as waiting
        to the horizon.
    days_beyond
        Days beyond what the policy allows the group, summed over its orders, to a
        tenth.
    """

    group: str
    orders: int
    mean_wait_days: float
    days_beyond: float


@dataclass(frozen=True, slots=True)
class WaitsByGroup:
    """What a plan lets every group wait that is large enough to be told.

    Parameters
    ----------
    by
        What tells groups apart.
    groups
        Those of `FEWEST` orders or more, in the order of `GROUPS`.
    orders_in_small_groups
        Orders in all the other groups together.
    """

    by: Grouping
    groups: tuple[GroupWait, ...]
    orders_in_small_groups: int
