"""Alerts in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, false, or_, select

from booking_engine.domain.alerts import Alert, AlertId
from booking_engine.domain.errors import NotKnown
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.statements import Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_ALERT: Final = TABLES[Kind.ALERT]
_ONE: Final = "alert"

_BY_ID: Final = Statement(
    lambda _: select(_ALERT).where(_ALERT.c.id == bindparam("id"))
)
_OPEN: Final = Statement(
    lambda _: (
        select(_ALERT)
        .where(_ALERT.c.cleared_at.is_(None))
        .order_by(_ALERT.c.raised_at, _ALERT.c.id)
    )
)


def _untold(_: str) -> Any:
    one = _ALERT.c
    since = bindparam("since", type_=one.raised_at.type)
    return (
        select(_ALERT)
        .where(
            or_(
                and_(one.told_raised == false(), one.raised_at >= since),
                and_(one.told_cleared == false(), one.cleared_at >= since),
            )
        )
        .order_by(one.raised_at, one.id)
        .limit(bindparam("limit"))
    )


_UNTOLD: Final = Statement(_untold)


class SqlAlerts:
    """Alerts."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, alert: Alert) -> None:
        """Store a new alert; flushing refuses a second open one."""
        self._transaction.write(Write(Kind.ALERT, mapping.alert_row(alert)))
        self._transaction.remember(_ONE, alert.id, alert)

    def save(self, alert: Alert) -> None:
        """Store a changed alert; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE, alert.id, alert.version)
        stored = replace(alert, version=version)
        row = mapping.alert_row(stored)
        t.write(Write(Kind.ALERT, row, changes=True, replaces=replaces))
        t.remember(_ONE, alert.id, stored)

    def get(self, alert_id: AlertId) -> Alert:
        """Return one alert; raises `NotKnown`."""
        t = self._transaction
        known: Alert | None = t.recall(_ONE, alert_id)
        if known is not None:
            return known
        for alert in self._identified(t.rows(_BY_ID, id=alert_id)):
            return alert
        raise NotKnown(refusals.not_stored("Alert", alert_id))

    def open(self) -> list[Alert]:
        """Return the open alerts, oldest first."""
        self._transaction.settle(Kind.ALERT)
        return self._identified(self._transaction.rows(_OPEN))

    def untold(self, since: datetime, *, limit: int) -> list[Alert]:
        """Return alerts since then of which the webhook was not told, oldest first."""
        self._transaction.settle(Kind.ALERT)
        found = self._transaction.rows(_UNTOLD, since=since, limit=limit)
        return self._identified(found)

    def _identified(self, found: list[Any]) -> list[Alert]:
        return self._transaction.identify(_ONE, found, mapping.alert_of)
