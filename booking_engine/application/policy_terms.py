"""Every rule and every cost that a booking is decided by, as it is published.

Tests hold the tables to the enumerations: what is added there has to be said here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from booking_engine.domain.eligibility import Rule
from booking_engine.domain.published_policy import Content
from solver.terms import Constraint, Term

HARD: Final = "hard"


@dataclass(frozen=True, slots=True)
class PublishedTerm:
    """One part of what a booking costs.

    Parameters
    ----------
    name
        As in the cost terms of decisions and plans.
    counts
        What one unit of it is.
    weights
        Cost units for one unit, by urgency or by what is counted. Empty: no plan or
        search of this engine weighs it.
    """

    name: str
    counts: str
    weights: Mapping[str, int | float]


@dataclass(frozen=True, slots=True)
class PublishedRule:
    """One rule that no booking breaks, whatever it costs."""

    name: str
    keeps: str
    weight: str = HARD


TERMS: Final[Mapping[Term, str]] = MappingProxyType(
    {
        Term.WAITING: "each day from today to the exam",
        Term.LATENESS: "each day of the exam beyond the urgency's target",
        Term.BREACH: "an exam on or after the day on which the wait breaches",
        Term.PAIR: "each kilometre, another trust, each pound of a provider's price",
        Term.OPENING: "the use of one list rather than another",
        Term.UNPLACED: "an order left without a slot, above waiting to the horizon",
        Term.MOVES: "an appointment that a plan moves",
        Term.CONTRACT: "an exam above what a contract pays for anyhow",
        Term.JOURNEYS: "a patient's further journey for linked exams",
        Term.GAPS: "each minute of idle time that a plan leaves too short for an exam",
        Term.UNFAIRNESS: "each day that a group waits beyond what is allowed",
    }
)
_BY_URGENCY: Final = {
    Term.WAITING: "wait",
    Term.LATENESS: "late",
    Term.BREACH: "breach",
    Term.UNPLACED: "unplaced",
}
_OF_PAIR: Final = ("travel_per_km", "other_trust", "price_per_pound")

CONSTRAINTS: Final[Mapping[Constraint, str]] = MappingProxyType(
    {
        Constraint.PLAN_SHAPE: "the plan says of each order whether it has a slot",
        Constraint.KNOWN_ROWS: "only known lists and scanners; both or neither",
        Constraint.ELIGIBLE_SCANNER: "the scanner is one that will do for the order",
        Constraint.LIST_TYPE: "the order may use the kind of list",
        Constraint.DAY_WINDOW: "neither too soon to prepare for nor later than asked",
        Constraint.TIME_WINDOW: "the exam lies in the order's hours of the day",
        Constraint.INSIDE_OPENING: "the exam lies inside its list",
        Constraint.CAPACITY: "exams fill a list no more than it is long",
        Constraint.NO_OVERLAP_ON_SCANNER: "one exam at a time on a scanner",
        Constraint.PATIENT_OVERLAP: "one exam at a time for a patient",
        Constraint.CONTRACT_CEILING: "no more exams on a contract than it allows",
        Constraint.VISIT_WHOLE: "all exams of a visit are placed, or none",
        Constraint.VISIT_TOGETHER: "a visit of one day or place is on one, at one",
        Constraint.LINK_GAP: "linked exams are no closer and no further apart",
        Constraint.BOOKING_KEPT: "who has a booking has a slot in the plan",
        Constraint.BOOKING_FROZEN: "a frozen booking stays where it is",
        Constraint.MOVE_BUDGET: "no more bookings are moved than allowed",
        Constraint.RESOURCE_UNITS: "shared staff and bays are not asked for twice",
        Constraint.CHANGEOVER: "neighbouring exams leave the minutes they need",
        Constraint.SUPPLY_AGE: "a tracer is neither too young nor too old",
        Constraint.SUPPLY_AMOUNT: "no delivery is drawn on beyond what it held",
    }
)
ELIGIBILITY: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.MODALITY: "the scanner is of the exam's kind",
        Rule.PROVIDER_OPEN: "the provider takes orders now",
        Rule.CAPABILITY: "the scanner can do what exam and patient need",
        Rule.WEIGHT: "the table bears the patient",
        Rule.CONTRACT_EXCLUSION: "the contract does not exclude the case",
        Rule.SITE: "an inpatient is scanned where they lie",
        Rule.TRAVEL: "the journey is within the patient's cap, else the policy's",
        Rule.SESSION_OPEN: "the list takes patients",
        Rule.LIST_TYPE: "the urgency may use the kind of list",
        Rule.NOTICE: "there is time to prepare",
        Rule.LATEST: "not later than the order allows",
        Rule.LENGTH: "the exam lies inside its list",
        Rule.CONTRACT_CEILING: "the contract covers one more exam",
    }
)


def published_terms(content: Content) -> tuple[PublishedTerm, ...]:
    """Return every soft term with the weights that a policy's values give it."""
    return tuple(
        PublishedTerm(str(term), counts, _weights(term, content))
        for term, counts in TERMS.items()
    )


def _weights(term: Term, content: Content) -> dict[str, Any]:
    if term is Term.PAIR:
        return {name: content[name] for name in _OF_PAIR}
    if term is Term.GAPS:
        return dict(content.get("unusable_gaps", {}))
    if term is Term.UNFAIRNESS:
        fair = content.get("fair_waits", {})
        return {name: fair[name] for name in fair if name != "by"}
    name = _BY_URGENCY.get(term)
    if name is None:
        return {}
    return {urgency: each[name] for urgency, each in content["weights"].items()}


def published_rules() -> tuple[PublishedRule, ...]:
    """Return every hard rule: those of eligibility, then those of a plan."""
    return tuple(
        PublishedRule(str(name), keeps)
        for table in (ELIGIBILITY, CONSTRAINTS)
        for name, keeps in table.items()
    )
