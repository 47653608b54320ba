"""Past bookings in the database, counted there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from booking_engine.application.ports import BookedExams
from booking_engine.domain.identifiers import ScannerId
from booking_engine.persistence.statements import POSTGRESQL, Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind

_APPOINTMENT: Final = TABLES[Kind.APPOINTMENT]
_DECISION: Final = TABLES[Kind.DECISION]
_ORDER: Final = TABLES[Kind.ORDER]
_SESSION: Final = TABLES[Kind.SESSION]

_SINCE: Final = bindparam("since", type_=_SESSION.c.starts_at.type)
_UNTIL: Final = bindparam("until", type_=_SESSION.c.starts_at.type)
_COUNTED: Final = text(
    "appointment.status IN ('booked', 'arrived', 'performed', 'did_not_attend')"
)

_LEAD: Final = {
    True: "CAST(timezone('UTC', appointment.starts_at) AS DATE)"
    " - CAST(timezone('UTC', decision.made_at) AS DATE)",
    False: "CAST(julianday(date(appointment.starts_at))"
    " - julianday(date(decision.made_at)) AS INTEGER)",
}
_MINUTES: Final = {
    True: "CAST(round(extract(epoch FROM"
    " appointment.ends_at - appointment.starts_at) / 60) AS INTEGER)",
    False: "CAST(round((julianday(appointment.ends_at)"
    " - julianday(appointment.starts_at)) * 1440) AS INTEGER)",
}
_OPEN_DAY: Final = {
    True: "CAST(timezone('UTC', scan_session.starts_at) AS DATE)",
    False: "date(scan_session.starts_at)",
}
"""By whether the database is PostgreSQL; SQLite keeps instants as text in UTC."""


def _column(sql: dict[bool, str], on: str, name: str) -> ColumnElement[int]:
    return literal_column(f"({sql[on == POSTGRESQL]})", Integer).label(name)


def _booked_exams(on: str) -> Select[Any]:
    one = _APPOINTMENT.c
    alike = (
        one.scanner,
        _ORDER.c.tier,
        _column(_LEAD, on, "lead_days"),
        _column(_MINUTES, on, "minutes"),
    )
    return (
        select(*alike, func.count())
        .join(_DECISION, _DECISION.c.id == one.decision_id)
        .join(_ORDER, _ORDER.c.id == one.order_id)
        .where(_COUNTED, one.starts_at >= _SINCE, one.starts_at < _UNTIL)
        .group_by(*alike)
    )


def _open_days(on: str) -> Select[Any]:
    one = _SESSION.c
    return (
        select(one.scanner, func.count(_column(_OPEN_DAY, on, "day").distinct()))
        .where(text("status = 'open'"))
        .where(one.starts_at >= _SINCE, one.starts_at < _UNTIL)
        .group_by(one.scanner)
    )


_BOOKED: Final = Statement(_booked_exams)
_OPEN: Final = Statement(_open_days)


class SqlHistory:
    """Past bookings."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def booked_exams(self, since: datetime, until: datetime) -> list[BookedExams]:
        """Return the exams that began in the interval, sorted."""
        self._transaction.settle(Kind.APPOINTMENT, Kind.DECISION, Kind.ORDER)
        found = self._transaction.tuples(_BOOKED, since=since, until=until)
        return sorted(
            BookedExams(ScannerId(scanner), int(tier), int(lead), int(minutes), number)
            for scanner, tier, lead, minutes, number in found
        )

    def open_days(self, since: datetime, until: datetime) -> dict[ScannerId, int]:
        """Return on how many UTC days each scanner had an open session begin."""
        self._transaction.settle(Kind.SESSION)
        found = self._transaction.tuples(_OPEN, since=since, until=until)
        return {ScannerId(scanner): int(days) for scanner, days in found}
