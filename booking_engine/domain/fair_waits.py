"""How much longer one group of patients may wait than all, and what beyond it costs.

Whoever is hard to place (a longer exam, fewer scanners that will do) waits longer where
nobody looks. A plan run that looks tells groups apart by one thing that an order says
of its patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from booking_engine.domain.patients import Needs, Patient

LEAST_PERMILLE, MOST_PERMILLE = 1_000, 10_000
MOST_COST: Final = 1_000
"""A horizon of it then costs no more than an order may, by far (`MOST_DEAREST`)."""
_ADULT, _OLDER, _OLDEST = 18, 65, 80


class Grouping(StrEnum):
    """What tells groups apart; each is one part of the order."""

    AGE = "age"
    LANGUAGE = "language"
    MOBILITY = "mobility"


GROUPS: Final[Mapping[Grouping, tuple[str, ...]]] = MappingProxyType(
    {
        Grouping.AGE: (
            "under_18",
            "from_18_to_64",
            "from_65_to_79",
            "from_80",
            "not_known",
        ),
        Grouping.LANGUAGE: ("no_interpreter", "interpreter"),
        Grouping.MOBILITY: ("no_hoist", "hoist"),
    }
)
"""The groups by name; an order's group is a position here."""


@dataclass(frozen=True, slots=True)
class FairWaits:
    """The guard on waits; checked with the policy that it stands in.

    Parameters
    ----------
    by
        What tells groups apart.
    permille
        The mean wait of a group may be this many thousandths of that of all.
    cost_per_day
        Cost of each day beyond it, summed over the group's orders, in cost units; 0:
        plans do not ask.
    """

    by: Grouping = Grouping.AGE
    permille: int = 1_100
    cost_per_day: int = 0

    def group(self, patient: Patient, needs: Needs, day: date) -> int:
        """Return the position in `GROUPS` of the group that an order is in on `day`."""
        if self.by is Grouping.LANGUAGE:
            return int(needs.interpreter)
        if self.by is Grouping.MOBILITY:
            return int(needs.hoist)
        age = patient.age_on(day)
        if age is None:
            return len(GROUPS[Grouping.AGE]) - 1
        return sum(age >= edge for edge in (_ADULT, _OLDER, _OLDEST))

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each key whose value is outside its range, and what to give."""
        for name, least, most in (
            ("permille", LEAST_PERMILLE, MOST_PERMILLE),
            ("cost_per_day", 0, MOST_COST),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                yield (name,), f"is {value}; give {least} to {most}"
