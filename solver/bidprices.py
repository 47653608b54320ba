"""What room is worth to the more urgent orders that have not arrived yet.

Let D be the exams that more urgent classes will still ask for on one day of one
scanner, Poisson with a mean learnt per class and lead time. If room for r exams is
left, they lose E[(D - r)+] of them, each at the cost h of being displaced. An exam that
takes q of the room therefore costs h (E[(D - r + q)+] - E[(D - r)+]), which for q = 1
is h P(D >= r): the newsvendor's price. The values are tabulated whole, at each refresh,
so that ranking looks them up and repeats bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined
from solver.plan import PRICE_SCALE
from solver.problem import Ints

Floats = NDArray[np.float64]

TAIL = 1e-9
"""Tables end where the chance of still more demand is below this."""

LARGEST_MEAN = 600.0
"""Of the exams to come for one day of one scanner; exp(-mean) must not vanish."""


class InvalidDemand(ValueError):
    """A forecast or history that no prices can be made of."""


@dataclass(frozen=True, slots=True)
class DemandToCome:
    """How many exams each class will still ask for, by how far ahead the day is.

    Parameters
    ----------
    mean
        Shape ``(kinds, classes, leads)``, exams. ``mean[s, i, n]`` is what class `i`
        (0 the most urgent) will still be booked, from tomorrow on, onto one day of a
        scanner of kind `s` that is `n` days ahead. ``mean[:, :, :2]`` is zero in
        practice: nobody who asks tomorrow is booked for that same day.
    unit_minutes
        Shape ``(kinds,)``. Table time of a typical exam, by which room is counted.

    Raises
    ------
    InvalidDemand
        A mean is negative, not finite or above `LARGEST_MEAN`, a unit is not positive,
        or the shapes do not agree.
    """

    mean: Floats
    unit_minutes: Ints

    def __post_init__(self) -> None:
        """Refuse what is not a forecast."""
        if self.mean.ndim != 3 or 0 in self.mean.shape[1:]:  # noqa: PLR2004
            raise InvalidDemand(
                f"mean has shape {self.mean.shape}; give (kinds, classes, leads) with"
                " at least one class and one lead time"
            )
        if self.unit_minutes.shape != self.mean.shape[:1]:
            raise InvalidDemand(
                f"unit_minutes has shape {self.unit_minutes.shape}; give one typical"
                f" length for each of {self.mean.shape[0]} kinds"
            )
        if (self.unit_minutes <= 0).any():
            kind = int(np.argmin(self.unit_minutes))
            raise InvalidDemand(
                f"unit_minutes[{kind}] is {int(self.unit_minutes[kind])}; give minutes"
                " above 0"
            )
        wrong = ~((self.mean >= 0) & (self.mean <= LARGEST_MEAN))
        if wrong.any():
            at = tuple(int(v) for v in np.argwhere(wrong)[0])
            raise InvalidDemand(
                f"mean{list(at)} is {float(self.mean[at])}; give exams between 0 and"
                f" {LARGEST_MEAN:.0f}"
            )

    @staticmethod
    def by_rates(booked: Floats, unit_minutes: Ints) -> DemandToCome:
        """Return what is to come if bookings go on at these rates.

        Parameters
        ----------
        booked
            Shape ``(kinds, classes, leads)``. Exams a day that a class is booked
            exactly n days ahead, on one scanner of the kind.
        unit_minutes
            As in `DemandToCome`.
        """
        mean = np.zeros_like(booked)
        np.cumsum(booked[:, :, :-1], axis=2, out=mean[:, :, 1:])
        return DemandToCome(mean, unit_minutes)

    @staticmethod
    def by_history(
        *,
        kind: Ints,
        tier: Ints,
        lead_days: Ints,
        minutes: Ints,
        scanner_days: Ints,
        classes: int,
        leads: int,
    ) -> DemandToCome:
        """Return what is to come if the future is as the past was.

        Minutes are turned into typical exams of the kind, so that ten short exams do
        not claim the room of ten average ones.

        Parameters
        ----------
        kind, tier, lead_days, minutes
            One entry per past booking: the kind of its scanner, its class, how many
            days ahead it was made, its table time. Bookings further ahead than the
            table are counted at its end.
        scanner_days
            Shape ``(kinds,)``. Days on which scanners of the kind were open, summed
            over the scanners; 0 if never, then nothing is expected.
        classes, leads
            Size of the table.
        """
        kinds = scanner_days.shape[0]
        if kind.size and (
            min(kind.min(), tier.min(), lead_days.min(), minutes.min() - 1) < 0
            or kind.max() >= kinds
            or tier.max() >= classes
        ):
            raise InvalidDemand(
                f"history names a kind outside 0 to {kinds - 1}, a class outside 0 to"
                f" {classes - 1}, a negative lead time or no minutes; leave such"
                " bookings out"
            )
        count = np.bincount(kind, minlength=kinds)
        total = np.bincount(kind, weights=minutes, minlength=kinds)
        unit = np.maximum(1, np.rint(total / np.maximum(count, 1))).astype(np.int64)
        booked = np.zeros((kinds, classes, leads))
        at = kind, tier, np.minimum(lead_days, leads - 1)
        np.add.at(booked, at, minutes / unit[kind])
        booked /= np.maximum(scanner_days, 1)[:, None, None]
        booked[scanner_days == 0] = 0.0
        return DemandToCome.by_rates(booked, unit)


@dataclass(frozen=True, slots=True)
class RoomPrices:
    """The tables that an order is priced and protected by.

    Parameters
    ----------
    lost
        Shape ``(kinds, classes, leads, rooms)``, in 1 / `PRICE_SCALE` cost units:
        what classes more urgent than `i` are expected to lose when room for so many
        typical exams is left. Zero for class 0 and beyond the table.
    reserve
        Shape ``(kinds, classes, leads)``, minutes: room that an order of the class
        leaves alone while there is any other. Zero for class 0.
    unit_minutes
        As in `DemandToCome`.
    """

    lost: Ints
    reserve: Ints
    unit_minutes: Ints


def expected_excess(mean: Floats, rooms: int) -> Floats:
    """Return E[(D - r)+] for r = 0 to ``rooms - 1``, D Poisson with each mean.

    Parameters
    ----------
    mean
        Any shape; at most `LARGEST_MEAN`.
    rooms
        Length of the axis that is added at the end.
    """
    excess = np.zeros((*mean.shape, rooms))
    term = np.exp(-mean)
    below = np.zeros_like(mean)
    left = mean.astype(np.float64)
    for r in range(rooms):
        excess[..., r] = np.maximum(0.0, left)
        below = below + term
        left = left - (1.0 - below)
        term = term * mean / (r + 1)
    return excess


def quantile_of(mean: Floats, share: float) -> Ints:
    """Return the least n with P(D <= n) >= `share`, for D Poisson with each mean."""
    term = np.exp(-mean)
    below = term
    n = np.zeros(mean.shape, np.int64)
    step = 0
    while (short := below < share).any():
        step += 1
        n += short
        term = term * mean / step
        below = below + term
    return n


def room_prices(
    demand: DemandToCome,
    *,
    displaced_cost: Floats,
    quantile: float = 0.0,
    least_exams: int = 0,
    margin: float = 1.0,
) -> RoomPrices:
    """Tabulate what room is worth and how much of it is kept.

    Parameters
    ----------
    demand
        The forecast.
    displaced_cost
        Shape ``(classes,)``, cost units. What it costs if one exam of the class finds
        no room (overtime, a breach, another day). Several more urgent classes count
        with the mean of theirs, weighted by what each will ask for.
    quantile
        Room is kept for the demand that is not exceeded with this chance; 0 for none,
        below 1.
    least_exams
        Kept at least while any more urgent demand is to come at all, however small
        the forecast: the last urgent slot does not hang on a forecast being right.
    margin
        The forecast is taken this many times; above 1 guards against a low one.

    Raises
    ------
    InvalidDemand
        A cost is negative or not finite, or `quantile`, `least_exams` or `margin` is
        outside its range.
    """
    classes = demand.mean.shape[1]
    if displaced_cost.shape != (classes,) or not (
        np.isfinite(displaced_cost).all() and (displaced_cost >= 0).all()
    ):
        raise InvalidDemand(
            f"displaced_cost is {displaced_cost.tolist()}; give {classes} finite costs"
            " of 0 or more"
        )
    if not (0 <= quantile < 1 - TAIL and least_exams >= 0 and 0 <= margin <= 10):  # noqa: PLR2004
        raise InvalidDemand(
            f"quantile {quantile}, least_exams {least_exams}, margin {margin}; give a"
            " chance below 1, a count of 0 or more and a factor of 0 to 10"
        )
    own = demand.mean * margin
    higher = np.cumsum(own, axis=1) - own
    worth = own * displaced_cost[:, None]
    worth = np.cumsum(worth, axis=1) - worth
    mean = np.minimum(higher, LARGEST_MEAN)
    rooms = int(quantile_of(mean.max(initial=0.0, keepdims=True), 1 - TAIL).max()) + 2
    each = PRICE_SCALE * np.divide(
        worth, higher, out=np.zeros_like(worth), where=higher > 0
    )
    lost = np.rint(each[..., None] * expected_excess(mean, rooms)).astype(np.int64)
    kept = np.maximum(least_exams, quantile_of(mean, quantile))
    reserve = np.where(higher > 0, kept, 0) * demand.unit_minutes[:, None, None]
    return RoomPrices(lost, reserve.astype(np.int64), demand.unit_minutes)


def learnt(
    booked: Callable[[DemandToCome], Floats],
    unit_minutes: Ints,
    *,
    shape: tuple[int, int, int],
    rounds: int = 12,
    damping: float = 0.5,
) -> DemandToCome:
    """Find the demand to come that the prices made from it bring about.

    Who books how far ahead depends on the prices, and these on who books how far
    ahead. Each round simulates with the present forecast and moves it part of the way
    to what was seen; undamped, the two can chase each other for ever.

    Parameters
    ----------
    booked
        Simulates the booking rule under a forecast and returns the rates that
        `DemandToCome.by_rates` takes, with this `shape`.
    unit_minutes
        As in `DemandToCome`.
    shape
        Kinds, classes, leads.
    rounds
        How often.
    damping
        Share of the old forecast that each round but the first keeps; 0 to below 1.
    """
    demand = DemandToCome(np.zeros(shape), unit_minutes)
    for turn in range(rounds):
        seen = DemandToCome.by_rates(booked(demand), unit_minutes).mean
        kept = damping if turn else 0.0
        demand = DemandToCome(kept * demand.mean + (1 - kept) * seen, unit_minutes)
    return demand


@inlined
def lost_at(lost: Ints, unit: int, kind: int, tier: int, lead: int, room: int) -> int:
    """Return the expected loss with `room` minutes left, between the table's entries.

    Less than no room loses as much more as the table's first step.
    """
    rooms = lost.shape[3]
    if room < 0:
        step: int = lost[kind, tier, lead, 0] - lost[kind, tier, lead, 1]
        nothing: int = lost[kind, tier, lead, 0]
        return nothing + (-room * step) // unit
    whole = room // unit
    if whole >= rooms - 1:
        return 0
    part = room - whole * unit
    low: int = lost[kind, tier, lead, whole]
    high: int = lost[kind, tier, lead, whole + 1]
    return low - (low - high) * part // unit
