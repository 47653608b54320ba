"""What the stored bookings say of the past, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking_engine.domain.identifiers import ScannerId


@dataclass(frozen=True, slots=True, order=True)
class BookedExams:
    """Exams that are alike, counted.

    Parameters
    ----------
    scanner
        Where.
    tier
        Of their orders; `Priority.tier`, or beyond it where the urgency is not known.
    lead_days
        From the UTC day of the decision to that of the exam.
    minutes
        Of each.
    number
        How many.
    """

    scanner: ScannerId
    tier: int
    lead_days: int
    minutes: int
    number: int


class History(Protocol):
    """Past bookings, counted; for jobs, not for requests."""

    def booked_exams(self, since: datetime, until: datetime) -> list[BookedExams]:
        """Return the exams that began in the interval, sorted; in one query.

        Those that were kept or not attended count: their room was needed. Holds,
        cancelled ones and errors do not.
        """
        ...

    def open_days(self, since: datetime, until: datetime) -> dict[ScannerId, int]:
        """Return on how many UTC days each scanner had an open session begin."""
        ...
