"""What one more session at each scanner would be worth, from a stored plan.

The price of the minutes is known at once. How far it holds is tested by planning the
scanner's orders again with and without the session (`solver.worth`), which takes
seconds for each scanner: whoever runs that does it aside.
"""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.application.free_time import session_of
from booking_engine.application.stored_plans import StoredPlan
from booking_engine.domain.identifiers import ScannerId, SessionId
from solver.worth import Estimate, session_values, solved_value


@dataclass(frozen=True, slots=True)
class Tested:
    """What the session saved when the orders were planned again.

    Parameters
    ----------
    saved
        Mean over the seeds, in cost units.
    low, high
        95 % interval of the mean.
    seeds
        How many pairs of plans were compared.
    """

    saved: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class SessionValue:
    """One more session at a scanner, as long as its dearest one.

    Parameters
    ----------
    like
        The session that it would be a copy of, on the same day.
    minutes
        How long.
    estimate
        Price times minutes, in cost units.
    tested
        ``None`` until it has been planned.
    """

    scanner: ScannerId
    like: SessionId
    minutes: int
    estimate: float
    tested: Tested | None


def estimates(stored: StoredPlan) -> list[Estimate]:
    """Return for each scanner its best session at the prices, the dearest first."""
    return session_values(stored.problem, stored.plan)


def tested(stored: StoredPlan, estimate: Estimate) -> Tested:
    """Plan the scanner's orders with and without the session; takes seconds."""
    solved = solved_value(stored.problem, stored.plan, estimate.like)
    savings = solved.savings
    return Tested(sum(savings) / len(savings), solved.low, solved.high, len(savings))


def session_value(
    stored: StoredPlan, estimate: Estimate, found: Tested | None
) -> SessionValue:
    """Return an estimate in our words, with its test once there is one."""
    problem = stored.problem
    return SessionValue(
        scanner=ScannerId(problem.scanner_key[estimate.scanner]),
        like=session_of(problem.openings.key[estimate.like]),
        minutes=estimate.minutes,
        estimate=estimate.value,
        tested=found,
    )
