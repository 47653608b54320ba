"""Parked messages in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select

from booking_engine.domain.parking import ParkedMessage, ParkingStatus
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_PARKED: Final = TABLES[Kind.PARKED]
# A constant in the text, so that the index over what waits is used.
_WAITING: Final = _PARKED.c.status == ParkingStatus.WAITING.value

_FOR_NUMBERS: Final = Statement(
    lambda on: (
        select(_PARKED)
        .where(_WAITING, among(_PARKED.c.placer_number, "numbers", on))
        .order_by(_PARKED.c.sent_at, _PARKED.c.id)
    )
)
_EXPIRED: Final = Statement(
    lambda _: (
        select(_PARKED)
        .where(_WAITING, _PARKED.c.expires_at <= bindparam("now"))
        .order_by(_PARKED.c.expires_at, _PARKED.c.id)
    )
)


class SqlParking:
    """Messages that wait for their order."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, parked: ParkedMessage) -> None:
        """Let a message wait; it is stored in the same transaction."""
        self._transaction.write(Write(Kind.PARKED, _row(parked)))

    def save(self, parked: ParkedMessage) -> None:
        """Store what became of it."""
        self._transaction.write(Write(Kind.PARKED, _row(parked), changes=True))

    def waiting(self, numbers: Iterable[str]) -> list[ParkedMessage]:
        """Return what waits for these placer numbers, of any partner, as sent."""
        t = self._transaction
        t.settle(Kind.PARKED)
        return [_of(row) for row in t.rows(_FOR_NUMBERS, numbers=sorted(set(numbers)))]

    def expired(self, now: datetime) -> list[ParkedMessage]:
        """Return what has waited too long."""
        t = self._transaction
        t.settle(Kind.PARKED)
        return [_of(row) for row in t.rows(_EXPIRED, now=now)]


def _row(parked: ParkedMessage) -> dict[str, Any]:
    return {
        "id": parked.id,
        "partner": parked.partner,
        "placer_authority": parked.placer_authority,
        "placer_number": parked.placer_number,
        "sent_at": parked.sent_at,
        "expires_at": parked.expires_at,
        "status": parked.status.value,
    }


def _of(row: Any) -> ParkedMessage:
    return ParkedMessage(
        id=row.id,
        partner=row.partner,
        placer_authority=row.placer_authority,
        placer_number=row.placer_number,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        status=ParkingStatus(row.status),
    )
