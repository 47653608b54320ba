"""Waiting-time rules: when a clock starts, what resets it, when it breaches.

One clock per test. DM01 (NHS England, monthly diagnostic waiting times): a patient
who misses or cancels an appointment restarts at the date of that appointment; a
hospital's cancellation never resets anything (HAZ-8). The original request date is
never overwritten, and the log of clock events is append-only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import OrderId

SIX_WEEKS_DAYS = 42
"""DM01: 42 days or more counts as over six weeks."""


class ClockReason(StrEnum):
    """Why a clock event was written."""

    REQUESTED = "requested"
    DID_NOT_ATTEND = "did_not_attend"
    PATIENT_CANCELLED = "patient_cancelled"
    HOSPITAL_CANCELLED = "hospital_cancelled"
    PLANNED_OVERDUE = "planned_overdue"
    PERFORMED = "performed"
    CLOSED_WITHOUT_SCAN = "closed_without_scan"


RESETS = frozenset(
    {
        ClockReason.DID_NOT_ATTEND,
        ClockReason.PATIENT_CANCELLED,
        ClockReason.PLANNED_OVERDUE,
    }
)
"""Reasons after which the wait counts from the date of the event."""


@dataclass(frozen=True, slots=True)
class WaitingClock:
    """The clock of one test.

    Parameters
    ----------
    original_request_on
        The day of the request; never changes.
    started_on
        The day from which the wait counts now.
    """

    original_request_on: date
    started_on: date

    @classmethod
    def requested(cls, at: datetime) -> WaitingClock:
        """Start a clock at the instant of the request."""
        day = local_date(at)
        return cls(day, day)

    def after(self, reason: ClockReason, on: date) -> WaitingClock:
        """Return the clock as it stands after `reason` on the day `on`."""
        return replace(self, started_on=on) if reason in RESETS else self

    @property
    def breach_on(self) -> date:
        """First local day on which the wait counts as over six weeks."""
        return self.started_on + timedelta(days=SIX_WEEKS_DAYS)

    def waited_days(self, on: date) -> int:
        """Return whole days waited by the day `on`."""
        return (on - self.started_on).days


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One line of the append-only clock log."""

    order_id: OrderId
    at: datetime
    reason: ClockReason
    clock_started_on: date
