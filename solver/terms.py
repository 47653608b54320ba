"""Names of the rules that a plan keeps and of the terms that its cost has.

Each `Constraint` is honoured somewhere in the optimiser and checked in `check`; each
`Term` is a field of `CostTerms`. Tests hold the registries to these enumerations.
"""

from __future__ import annotations

from enum import StrEnum


class Constraint(StrEnum):
    """What every plan must keep."""

    PLAN_SHAPE = "plan.shape"
    """Every column of the plan is whole-numbered and has one entry per order."""
    KNOWN_ROWS = "plan.rows"
    """Openings and pairs exist; an order has both or neither."""
    ELIGIBLE_SCANNER = "order.scanner"
    """The pair belongs to the order, the opening to the pair's scanner."""
    LIST_TYPE = "order.list_type"
    """The order may use the opening's list type."""
    DAY_WINDOW = "order.day_window"
    """The day is not before the earliest or after the latest allowed."""
    TIME_WINDOW = "order.time_window"
    """The whole exam lies inside the order's hours of the day."""
    INSIDE_OPENING = "opening.inside"
    """The whole exam lies inside its opening."""
    CAPACITY = "opening.capacity"
    """The exams' minutes sum to no more than the opening's."""
    NO_OVERLAP_ON_SCANNER = "scanner.overlap"
    """One exam at a time on a scanner."""
    PATIENT_OVERLAP = "patient.overlap"
    """One exam at a time for a patient, with the gap in between."""
    CONTRACT_CEILING = "contract.ceiling"
    """No more exams on a contract than it allows."""


class Term(StrEnum):
    """What a plan's cost is made of; the values are the fields of `CostTerms`."""

    WAITING = "waiting"
    LATENESS = "lateness"
    BREACH = "breach"
    PAIR = "pair"
    OPENING = "opening"
    UNPLACED = "unplaced"
