"""Past bookings in memory, counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from booking_engine.application.ports import BookedExams
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.schedule import AppointmentStatus, SessionStatus
from booking_engine.persistence.memory_transaction import Transaction
from booking_engine.persistence.summaries import tier_of

COUNTED = frozenset(
    {
        AppointmentStatus.BOOKED,
        AppointmentStatus.ARRIVED,
        AppointmentStatus.PERFORMED,
        AppointmentStatus.DID_NOT_ATTEND,
    }
)
"""States of an appointment whose room was needed."""


def _day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


class InMemoryHistory:
    """Past bookings."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def booked_exams(self, since: datetime, until: datetime) -> list[BookedExams]:
        """Return the exams that began in the interval, sorted."""
        tables = self._unit.tables
        counted: Counter[tuple[ScannerId, int, int, int]] = Counter()
        for one in tables.appointments.values():
            if one.status not in COUNTED or not since <= one.starts_at < until:
                continue
            if one.decision_id is None:
                continue
            decided = tables.decisions[one.decision_id].made_at
            lead = (_day(one.starts_at) - _day(decided)).days
            minutes = int((one.ends_at - one.starts_at).total_seconds()) // 60
            tier = tier_of(tables.orders[one.order_id])
            counted[one.scanner, tier, lead, minutes] += 1
        return sorted(BookedExams(*key, number) for key, number in counted.items())

    def open_days(self, since: datetime, until: datetime) -> dict[ScannerId, int]:
        """Return on how many UTC days each scanner had an open session begin."""
        days = {
            (one.scanner, _day(one.starts_at))
            for one in self._unit.tables.sessions.values()
            if one.status is SessionStatus.OPEN and since <= one.starts_at < until
        }
        return dict(Counter(scanner for scanner, _ in days))
