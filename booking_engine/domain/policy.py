"""The published weights: what a day of waiting costs, by urgency.

Integers in cost units; only their ratios matter. Each version has a name, and every
decision stores the version it was made with.

Errors::

    InvalidPolicy   names the key, the value and what to give instead
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar, Final

from booking_engine.domain.exam_pairs import ExamPair, table_faults
from booking_engine.domain.fair_waits import FairWaits
from booking_engine.domain.unusable_gaps import UnusableGaps
from booking_engine.domain.urgent_room import DISPLACED_DAYS, UrgentRoom
from booking_engine.domain.vocabulary import ListType, Priority

Key = tuple[str, ...]
Fault = tuple[Key, str]
"""The key of a value, and what is wrong with it."""

MOST_WEIGHT: Final = 10**6
MOST_DEAREST: Final = 10**7
"""Greatest cost of one order: England's plan (1.3 million orders, 10**8 minutes) then
stays within the solver's whole numbers."""
MOST_DAYS: Final = 400
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""Of a version: it travels in HL7 messages and web addresses."""
_WEIGHTS: Final = ("wait", "late", "breach", "unplaced")


class InvalidPolicy(ValueError):
    """A policy that no bookings can be made by.

    Parameters
    ----------
    problem
        What is wrong and what to give.
    key
        Where, such as ``("weights", "routine", "wait")``.
    """

    code: ClassVar[str] = "policy.invalid"

    def __init__(self, problem: str, key: Key) -> None:
        super().__init__(f"{'.'.join(key)}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one urgency; checked with the policy that they stand in.

    Parameters
    ----------
    target_days
        Days from the clock start within which the exam is wanted.
    wait, late
        Cost of each day of waiting, and of each day beyond the target.
    breach
        Cost of reaching day 42 of the clock.
    unplaced
        Cost of leaving the order without a slot in a plan, above that of waiting to
        the end of the horizon.
    lists
        The list types that the order may use.
    """

    target_days: int
    wait: int
    late: int
    breach: int
    unplaced: int
    lists: ListType


_G, _C, _I, _U = (
    ListType.GENERAL,
    ListType.CANCER,
    ListType.INPATIENT,
    ListType.URGENT,
)

DEFAULT_WEIGHTS = MappingProxyType(
    {
        Priority.IMMEDIATE: Weights(0, 20, 400, 0, 12000, _G | _I | _U),
        Priority.INPATIENT: Weights(1, 12, 240, 0, 8000, _G | _I),
        Priority.SUSPECTED_CANCER: Weights(7, 6, 120, 2000, 6000, _G | _C | _U),
        Priority.URGENT: Weights(14, 3, 40, 1000, 3000, _G | _U),
        Priority.ROUTINE: Weights(35, 1, 10, 500, 1000, _G),
    }
)
"""Defaults to be agreed locally; targets follow the NHS domain notes, section 1."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the weights and limits.

    Parameters
    ----------
    version
        Name under which it is published and stored with decisions.
    weights
        By urgency.
    travel_per_km
        Cost of each road kilometre between patient and site.
    price_per_pound
        Cost units per pound of an independent provider's marginal price.
    other_trust
        Cost of an exam at another organisation than the one that asked.
    max_travel_km
        Furthest site considered where the patient stated no cap.
    horizon_days
        Days that a planning run looks ahead.
    hold_minutes
        How long a hold lasts.
    urgent_room
        How room is protected for urgent orders that are still to come.
    exam_pairs
        Which exams of one visit come in an order, and with what gap.
    unusable_gaps
        What a plan pays for idle time that is too short for any exam.
    fair_waits
        How much longer than all one group of patients may wait in a plan.

    Raises
    ------
    InvalidPolicy
        A value is outside its range, or the values make no sense together.
    """

    version: str = "2026-11.3"
    weights: MappingProxyType[Priority, Weights] = field(
        default_factory=lambda: DEFAULT_WEIGHTS
    )
    travel_per_km: int = 1
    price_per_pound: float = 0.1
    other_trust: int = 3
    max_travel_km: int = 60
    horizon_days: int = 28
    hold_minutes: int = 5
    urgent_room: UrgentRoom = field(default_factory=UrgentRoom)
    exam_pairs: tuple[ExamPair, ...] = ()
    unusable_gaps: UnusableGaps = field(default_factory=UnusableGaps)
    fair_waits: FairWaits = field(default_factory=FairWaits)

    def __post_init__(self) -> None:
        """Refuse the first thing that cannot be."""
        for key, problem in _faults(self):
            raise InvalidPolicy(problem, key)

    @property
    def hold_for(self) -> timedelta:
        """How long a hold lasts."""
        return timedelta(minutes=self.hold_minutes)

    @property
    def most_in_plans(self) -> int:
        """Most that keeping room for one exam may cost those being planned.

        Where the policy does not say: less than one day beyond the target of whoever
        has a hard target and it costs least. So the room of one exam alone is never
        worth making somebody with a hard target late.
        """
        stated = self.urgent_room.most_in_plans
        if stated is not None:
            return stated
        hard = [self.weights[p] for p in self.urgent_room.hard_targets]
        return max(0, min((one.wait + one.late for one in hard), default=0) - 1)

    def displaced_cost(self, priority: Priority) -> int:
        """Return what it costs if one exam finds no room on its day, in cost units.

        Where the policy does not say: what a week beyond the target costs.
        """
        weights = self.weights[priority]
        by_default = DISPLACED_DAYS * (weights.wait + weights.late)
        return self.urgent_room.displaced_cost.get(priority, by_default)


def _faults(policy: Policy) -> Iterator[Fault]:
    if not _NAME.fullmatch(policy.version):
        yield (
            ("version",),
            f"{policy.version!r} is no name; give up to 40 letters, digits and ._-",
        )
    missing = [p.value for p in Priority if p not in policy.weights]
    if missing:
        yield ("weights",), f"has none for {', '.join(missing)}; add them"
        return
    yield from _range(policy, "travel_per_km", 0, 10**4)
    yield from _range(policy, "other_trust", 0, MOST_WEIGHT)
    yield from _range(policy, "price_per_pound", 0, 1000)
    yield from _range(policy, "max_travel_km", 0, 2000)
    yield from _range(policy, "horizon_days", 1, MOST_DAYS)
    yield from _range(policy, "hold_minutes", 1, 7 * 24 * 60)
    for priority in Priority:
        yield from _weight_faults(policy, priority)
    for name, problem in policy.urgent_room.faults():
        yield ("urgent_room", *name), problem
    for name, problem in table_faults(policy.exam_pairs):
        yield ("exam_pairs", *name), problem
    for name, problem in policy.unusable_gaps.faults():
        yield ("unusable_gaps", *name), problem
    for name, problem in policy.fair_waits.faults():
        yield ("fair_waits", *name), problem


def _weight_faults(policy: Policy, priority: Priority) -> Iterator[Fault]:
    weights, key = policy.weights[priority], ("weights", priority.value)
    yield from _range(weights, "target_days", 0, MOST_DAYS, key)
    for name in _WEIGHTS:
        yield from _range(weights, name, 0, MOST_WEIGHT, key)
    if not weights.lists:
        yield (*key, "lists"), "names no list type; name at least general"
    days = policy.horizon_days
    dearest = weights.unplaced + weights.breach + days * (weights.wait + weights.late)
    if dearest > MOST_DEAREST:
        problem = (
            f"an order left to the end of {days} days costs {dearest}, more than"
            f" {MOST_DEAREST}; scale all weights down together"
        )
        yield key, problem
    journey = policy.travel_per_km * policy.max_travel_km + policy.other_trust
    if weights.unplaced <= journey:
        # Else whoever lives far away is cheapest left without a slot (HAZ-9).
        problem = (
            f"is {weights.unplaced}, no more than the longest journey costs"
            f" ({journey}); give {journey + 1} or more"
        )
        yield (*key, "unplaced"), problem


def _range(
    of: object, name: str, least: int, most: int, key: Key = ()
) -> Iterator[Fault]:
    value = getattr(of, name)
    # Not a number is neither below nor above anything.
    if not (math.isfinite(value) and least <= value <= most):
        yield (*key, name), f"is {value}; give {least} to {most}"
