"""How much room is protected for urgent orders that are still to come.

Part of the policy: which history the forecast is counted from, how much of it is kept
untouched, what a displaced exam costs, and whose target comes before all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from booking_engine.domain.vocabulary import Priority

DISPLACED_DAYS: Final = 7
"""Days beyond the target that a displaced exam costs where the policy says nothing."""
MOST_DISPLACED: Final = 10**6
MOST_WEEKS: Final = 52
MOST_QUANTILE: Final = 0.999
MOST_EXAMS: Final = 50
MOST_MARGIN: Final = 10


def _nothing_stated() -> Mapping[Priority, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class UrgentRoom:
    """How room is protected; checked with the policy that it stands in.

    Parameters
    ----------
    enabled
        Whether it is at all.
    history_weeks
        The forecast is counted from what was examined in so many weeks up to now.
    quantile
        Room is kept untouched for the demand that is not exceeded with this chance;
        0 keeps none by the forecast, and the price alone decides.
    least_exams
        Kept untouched at least, while any more urgent demand is to come at all.
    margin
        The forecast is taken this many times.
    most_in_plans
        Most that keeping room for one exam may cost those whom a plan or a rebooking
        places, in cost units; 0: these keep none. ``None``: `Policy.most_in_plans`.
    displaced_cost
        By urgency, in cost units: what it costs if one exam finds no room on its day.
        Whoever is not named: `Policy.displaced_cost`.
    hard_targets
        Urgencies whose target comes before the protection: they take room that is kept
        rather than a place beyond their target. All but routine by default.
    """

    enabled: bool = True
    history_weeks: int = 8
    quantile: float = 0.0
    least_exams: int = 1
    margin: float = 1.0
    most_in_plans: int | None = None
    displaced_cost: Mapping[Priority, int] = field(default_factory=_nothing_stated)
    hard_targets: frozenset[Priority] = frozenset(set(Priority) - {Priority.ROUTINE})

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each key whose value is outside its range, and what to give."""
        for name, least, most in (
            ("history_weeks", 1, MOST_WEEKS),
            ("quantile", 0, MOST_QUANTILE),
            ("least_exams", 0, MOST_EXAMS),
            ("margin", 0, MOST_MARGIN),
            ("most_in_plans", 0, MOST_DISPLACED),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if not least <= value <= most:
                yield (name,), f"is {value}; give {least} to {most}"
        for priority, cost in self.displaced_cost.items():
            if not 0 <= cost <= MOST_DISPLACED:
                yield (
                    ("displaced_cost", priority.value),
                    f"is {cost}; give 0 to {MOST_DISPLACED}",
                )
