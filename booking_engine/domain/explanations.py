"""Why an order waits, or is where it is: the record of an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from booking_engine.domain.decisions import Choice, Decision
from booking_engine.domain.identifiers import OrderId, PlanRunId
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import Appointment
from booking_engine.domain.vocabulary import Priority


class Cause(StrEnum):
    """Why an order has no slot, in a word; those of the filters have their names."""

    PLACED = "placed"
    """It has one."""
    OPEN = "open"
    """A slot is free for it: it may be booked now, or in the next planning run."""
    NO_SCANNER = "no_scanner"
    """No scanner that will do has free time."""
    LIST_TYPE = "list_type"
    DAY_WINDOW = "day_window"
    TIME_WINDOW = "time_window"
    LENGTH = "length"
    NO_ROOM = "no_room"
    """There is time, but not for one more exam: taken, or the contract is used up."""
    PRICED_OUT = "priced_out"
    """What is free is worth more to other patients than this one's wait costs."""
    PATIENT_BUSY = "patient_busy"
    """Wherever there is room, the patient has another appointment."""
    NOT_FOUND = "not_found"
    """The plan had room for it at a price worth paying and did not find it."""


@dataclass(frozen=True, slots=True)
class FilterStep:
    """One filter, in the order in which they are applied.

    Parameters
    ----------
    rule
        Its name, as in the exclusions of a decision.
    of_scanners
        Whether scanners are counted, or stretches of free time on those left.
    out, left
        How many it took out, and how many are left after it.
    """

    rule: str
    of_scanners: bool
    out: int
    left: int


@dataclass(frozen=True, slots=True)
class InPlan:
    """What the last plan made of the order."""

    run_id: PlanRunId
    cause: Cause
    steps: tuple[FilterStep, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A free slot, and whom its price protects.

    Parameters
    ----------
    protects
        Minutes that the last plan gave in that session to each urgency, most minutes
        first: what the price keeps the room for. Empty where it has no price.
    """

    choice: Choice
    protects: tuple[tuple[Priority, int], ...]


class RelaxationKind(StrEnum):
    """What could be lifted for one order, one at a time."""

    TRAVEL = "travel"
    """The furthest that the patient travels."""
    NOTICE = "notice"
    """The days kept for preparation."""
    DAY_WINDOW = "day_window"
    """The days between which the sender wants the exam."""
    LIST_TYPE = "list_type"
    """Whom lists are kept for."""
    ANOTHER_SESSION = "another_session"
    """A further list, on the first day allowed, at one scanner that will do."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What one relaxation would give: found by searching again with it lifted.

    Parameters
    ----------
    best
        The best slot that there is then; ``None`` where it is no better than now.
    saves
        How much less that costs this patient than the best slot now, in cost units;
        ``None`` where there is none now.
    """

    kind: RelaxationKind
    best: Choice | None
    saves: int | None = None


@dataclass(frozen=True, slots=True)
class OrderExplanation:
    """Everything that is said of one order.

    Parameters
    ----------
    steps
        The filters as they stand now.
    options
        Stretches of free time that are left after all filters.
    alternatives
        The best slots now, at most five, on different scanners and days first.
    in_plan
        ``None`` where no plan has been applied, or the last had it not.
    changes
        Every relaxation, in a fixed order; empty for an order with an appointment.
    change
        The cheapest of those that help, a further list only where nothing else does;
        ``None``: no single one does.
    decision
        Why its appointment was made, where the engine or a person decided it.
    """

    order_id: OrderId
    status: OrderStatus
    cause: Cause
    steps: tuple[FilterStep, ...]
    options: int
    alternatives: tuple[Alternative, ...]
    in_plan: InPlan | None
    changes: tuple[Relaxation, ...]
    change: Relaxation | None
    appointment: Appointment | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class UnplacedOrder:
    """An order that a plan left without a slot."""

    order_id: OrderId
    priority: Priority
    cause: Cause
    steps: tuple[FilterStep, ...]
    options: int
