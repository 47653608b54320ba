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
    VISIT_WHOLE = "visit.whole"
    """The orders of a visit are all placed, or none is."""
    VISIT_TOGETHER = "visit.together"
    """A visit of one day or one place is on one day, at one place."""
    LINK_GAP = "link.gap"
    """A linked exam follows the other no sooner and no later than allowed."""
    BOOKING_KEPT = "booking.kept"
    """Who has a booking has a slot in the plan."""
    BOOKING_FROZEN = "booking.frozen"
    """A frozen booking is where it was."""
    MOVE_BUDGET = "booking.moves"
    """No more bookings are moved than allowed."""
    RESOURCE_UNITS = "resource.units"
    """A shared resource is never asked for more than is there."""
    CHANGEOVER = "scanner.changeover"
    """Neighbouring exams leave the minutes that their families need."""
    SUPPLY_AGE = "supply.age"
    """A perishable supply is neither too young nor too old at the exam."""
    SUPPLY_AMOUNT = "supply.amount"
    """No delivery is drawn on beyond what it held."""


class Term(StrEnum):
    """What a plan's cost is made of; the values are the fields of `CostTerms`."""

    WAITING = "waiting"
    LATENESS = "lateness"
    BREACH = "breach"
    PAIR = "pair"
    OPENING = "opening"
    UNPLACED = "unplaced"
    MOVES = "moves"
    CONTRACT = "contract"
    JOURNEYS = "journeys"
    GAPS = "gaps"
    UNFAIRNESS = "unfairness"
