"""What a problem may ask for beyond one order, one slot: columns, empty by default.

Orders may belong together (`Visits`, `Links`), have a place already (`Bookings`), need
something besides the scanner (`Shifts`, `Needs`, `Deliveries`, `Draws`), or leave the
scanner in a state that the next exam has to wait for (`Changeovers`). `Weights` and the
last columns of `Rules` say what a plan costs as a whole. All are integers; a row number
is a position in the table that is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]

NO_LIMIT = -1
"""In `Weights.most_moves` and `Links.most_gap`: as many as one likes."""


def none() -> Column:
    """Return a column without rows."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Visits:
    """Orders that are placed together or not at all, in compressed rows.

    Parameters
    ----------
    start
        Shape ``(visits + 1,)``. Visit ``v`` has ``order[start[v]:start[v + 1]]``.
    order
        Shape ``(members,)``. Rows of orders; an order has one visit at most.
    same_day, same_place
        Shape ``(visits,)``. 1 if all exams are on one day, at one place, else 0.
    """

    start: Column = field(default_factory=lambda: np.zeros(1, np.int64))
    order: Column = field(default_factory=none)
    same_day: Column = field(default_factory=none)
    same_place: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Links:
    """Which exam of a visit follows which, and how soon; shape ``(links,)``.

    Parameters
    ----------
    first, second
        Rows of two orders of one visit.
    least_gap, most_gap
        Minutes, nights included, from the end of the first to the start of the
        second; `NO_LIMIT` in `most_gap` for any time later.
    """

    first: Column = field(default_factory=none)
    second: Column = field(default_factory=none)
    least_gap: Column = field(default_factory=none)
    most_gap: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Bookings:
    """Orders that have a slot already; shape ``(bookings,)``.

    They stay in the plan: a booking may be moved but is never taken away.

    Parameters
    ----------
    order, opening, pair
        Rows.
    start_minute
        Minutes from midnight of the opening's day.
    move_cost
        Cost of any other opening or start.
    frozen
        1 where the booking may not be moved, else 0.
    """

    order: Column = field(default_factory=none)
    opening: Column = field(default_factory=none)
    pair: Column = field(default_factory=none)
    start_minute: Column = field(default_factory=none)
    move_cost: Column = field(default_factory=none)
    frozen: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Shifts:
    """When how much of a shared resource is there; shape ``(shifts,)``.

    Shifts of one resource that overlap add up; outside them there is none.
    """

    resource: Column = field(default_factory=none)
    day: Column = field(default_factory=none)
    begin_minute: Column = field(default_factory=none)
    minutes: Column = field(default_factory=none)
    units: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Needs:
    """What an exam takes of shared resources, by pair; shape ``(needs,)``.

    Parameters
    ----------
    pair, resource
        Rows; an order at another place needs another resource.
    offset
        Minutes from the exam's start to that of the need; negative for before it.
    minutes, units
        How long, and how much.
    """

    pair: Column = field(default_factory=none)
    resource: Column = field(default_factory=none)
    offset: Column = field(default_factory=none)
    minutes: Column = field(default_factory=none)
    units: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Changeovers:
    """Minutes between neighbouring exams of different families on a scanner.

    Parameters
    ----------
    family
        Shape ``(orders,)``, or ``(0,)`` where there are none. Row of the family, or -1.
    minutes
        Shape ``(families * families,)``. From the end of an exam of family ``f`` to
        the start of the next, of family ``g``: entry ``f * families + g``. A third
        family in between never shortens the way.
    """

    family: Column = field(default_factory=none)
    minutes: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Batches of perishable supplies; shape ``(deliveries,)``.

    Parameters
    ----------
    supply
        Number of the kind.
    scanner, day, minute
        Where and when.
    amount
        How much there is at that minute.
    """

    supply: Column = field(default_factory=none)
    scanner: Column = field(default_factory=none)
    day: Column = field(default_factory=none)
    minute: Column = field(default_factory=none)
    amount: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Draws:
    """Orders that use a perishable supply; shape ``(draws,)``.

    The exam draws on the youngest delivery of its supply, to its scanner on its day,
    that is at least `least_age` old when the exam starts.

    Parameters
    ----------
    order, supply
        Row of the order, one draw each; number of the kind.
    least_age, most_age
        Minutes from the delivery to the exam's start.
    amount
        How much of a fresh delivery the exam needs.
    half_life
        Minutes in which the supply halves, so that an exam at age ``a`` takes
        ``ceil(amount * 2 ** (a / half_life))`` of it; 0 if it does not decay.
    """

    order: Column = field(default_factory=none)
    supply: Column = field(default_factory=none)
    least_age: Column = field(default_factory=none)
    most_age: Column = field(default_factory=none)
    amount: Column = field(default_factory=none)
    half_life: Column = field(default_factory=none)


@dataclass(frozen=True, slots=True)
class Weights:
    """Numbers that hold for the plan as a whole; a cost of 0 switches a term off.

    Parameters
    ----------
    most_moves
        Most bookings that may be moved, or `NO_LIMIT`.
    journey_cost
        Cost of each day and place that a patient comes to beyond the first.
    gap_minutes, gap_cost
        An idle stretch shorter than `gap_minutes`, in an opening that is used, costs
        `gap_cost` for each of its minutes.
    unplaced_days
        Days that an order without a slot counts as waiting in the fairness guard.
    unfair_permille, unfair_cost
        The mean wait of a cohort may be this many thousandths of the mean wait of
        all who have one; each day beyond it, times the cohort's orders, costs
        `unfair_cost`.
    """

    most_moves: int = NO_LIMIT
    journey_cost: int = 0
    gap_minutes: int = 0
    gap_cost: int = 0
    unplaced_days: int = 0
    unfair_permille: int = 1000
    unfair_cost: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """All of it; the default asks for nothing.

    Parameters
    ----------
    visits, links, bookings, shifts, needs, changeovers, deliveries, draws, weights
        The tables.
    scanner_place
        Shape ``(scanners,)``, or ``(0,)`` where each scanner is a place of its own.
    cohort
        Shape ``(orders,)``, or ``(0,)``. Group for the fairness guard, or -1 for who
        counts among nobody.
    contract_floor, contract_price
        Shape ``(contracts,)``, or ``(0,)``. Exams that are paid for in any case, and
        what each exam beyond them costs.
    """

    visits: Visits = field(default_factory=Visits)
    links: Links = field(default_factory=Links)
    bookings: Bookings = field(default_factory=Bookings)
    shifts: Shifts = field(default_factory=Shifts)
    needs: Needs = field(default_factory=Needs)
    changeovers: Changeovers = field(default_factory=Changeovers)
    deliveries: Deliveries = field(default_factory=Deliveries)
    draws: Draws = field(default_factory=Draws)
    weights: Weights = field(default_factory=Weights)
    scanner_place: Column = field(default_factory=none)
    cohort: Column = field(default_factory=none)
    contract_floor: Column = field(default_factory=none)
    contract_price: Column = field(default_factory=none)

    @property
    def asked(self) -> bool:
        """Whether anything is asked for, so that the plain way will not do."""
        weights = self.weights
        return bool(
            self.visits.order.size
            or self.bookings.order.size
            or self.needs.pair.size
            or self.changeovers.family.size
            or self.draws.order.size
            or self.contract_price.size
            or weights.journey_cost
            or (weights.gap_cost and weights.gap_minutes)
            or (weights.unfair_cost and self.cohort.size)
        )
