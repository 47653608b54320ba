"""What an option costs under a policy: the soft terms, in whole cost units.

Declared once, as arithmetic on plain numbers or numpy columns, like the hard rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from booking_engine.domain.eligibility import Number
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.policy import Policy
from booking_engine.domain.vocabulary import WaitingListType

NEVER = 10**6
"""A day that no plan reaches: for orders that cannot breach."""


@dataclass(frozen=True, slots=True)
class WaitCurve:
    """Cost of waiting as a function of the exam's day, counted from today.

    Parameters
    ----------
    wait, late
        Per day from today; per day beyond `target_day`.
    target_day, breach_day
        Counted from today, and never before it: lateness that has happened already is
        the same whatever is decided, so it must not make a slot look dear.
    breach
        Added once from `breach_day` on.
    unplaced
        Cost of leaving the order without a slot: what it would cost on the last day of
        the horizon, and the weight of being unplaced on top. So a slot in the horizon
        is always worth having, however late the patient is already (HAZ-9).
    """

    wait: int
    target_day: int
    late: int
    breach_day: int
    breach: int
    unplaced: int

    def at(self, day: int) -> tuple[int, int, int]:
        """Return the waiting, lateness and breach terms of an exam on `day`."""
        return (
            self.wait * day,
            self.late * max(0, day - self.target_day),
            self.breach if day >= self.breach_day else 0,
        )


def wait_curve(order: ImagingOrder, *, today: date, policy: Policy) -> WaitCurve:
    """Return the order's curve under `policy`, seen from `today`."""
    assert order.content.priority is not None, "an order without urgency is held"
    weights = policy.weights[order.content.priority]
    started = order.clock.started_on.toordinal() - today.toordinal()
    counted = order.content.list_type is WaitingListType.ACTIVE
    breach_day = order.clock.breach_on.toordinal() - today.toordinal()
    curve = WaitCurve(
        wait=weights.wait,
        target_day=max(0, started + weights.target_days),
        late=weights.late,
        breach_day=breach_day if counted and breach_day > 0 else NEVER,
        breach=weights.breach,
        unplaced=0,
    )
    still_waiting = sum(curve.at(policy.horizon_days))
    return replace(curve, unplaced=weights.unplaced + still_waiting)


def pair_cost(
    policy: Policy, *, travel_km: Number, other_trust: Number, pounds: Number
) -> Number:
    """Return the cost of a scanner for an order: travel, provider and price.

    Parameters
    ----------
    travel_km
        Whole road kilometres.
    other_trust
        1 where the scanner belongs to another organisation than the one that asked.
    pounds
        Marginal price of the exam there; 0 for a trust's own time.
    """
    hundredths = round(policy.price_per_pound * 100)
    return (
        policy.travel_per_km * travel_km
        + policy.other_trust * other_trust
        + hundredths * pounds // 100
    )
