"""The published weights: what a day of waiting costs, by urgency.

Integers in cost units; only their ratios matter. Each version has a name, and every
decision stores the version it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.vocabulary import ListType, Priority


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one urgency.

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

    def __post_init__(self) -> None:
        """Refuse weights below zero."""
        for name in ("target_days", "wait", "late", "breach", "unplaced"):
            if getattr(self, name) < 0:
                raise InvalidValue(
                    f"Weight {name} is {getattr(self, name)}; give 0 or more."
                )


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
    """

    version: str = "2026-11.1"
    weights: MappingProxyType[Priority, Weights] = field(
        default_factory=lambda: DEFAULT_WEIGHTS
    )
    travel_per_km: int = 1
    price_per_pound: float = 0.1
    other_trust: int = 3
    max_travel_km: int = 60
    horizon_days: int = 28
    hold_minutes: int = 5

    def __post_init__(self) -> None:
        """Refuse a policy that misses an urgency."""
        missing = [p.value for p in Priority if p not in self.weights]
        if missing:
            raise InvalidValue(
                f"Policy {self.version} has no weights for {', '.join(missing)}."
            )

    @property
    def hold_for(self) -> timedelta:
        """How long a hold lasts."""
        return timedelta(minutes=self.hold_minutes)
