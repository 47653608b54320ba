"""Parked messages in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.parking import ParkedMessage, ParkingStatus
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryParking:
    """Messages that wait for their order."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, parked: ParkedMessage) -> None:
        """Let a message wait; it is stored in the same transaction."""
        self._unit.own("parked")[parked.id] = parked

        def check(tables: Tables) -> None:
            if parked.id not in tables.messages:
                raise NotKnown(refusals.DANGLING)

        self._unit.check(check)

    def save(self, parked: ParkedMessage) -> None:
        """Store what became of it."""
        if parked.id not in self._unit.tables.parked:
            self._unit.refuse(NotKnown(refusals.not_stored("Parked", parked.id)))
            return
        self._unit.own("parked")[parked.id] = parked

    def waiting(self, numbers: Iterable[str]) -> list[ParkedMessage]:
        """Return what waits for these placer numbers, of any partner, as sent."""
        wanted = frozenset(numbers)
        found = [p for p in self._waiting() if p.placer_number in wanted]
        return sorted(found, key=lambda p: (p.sent_at, p.id))

    def expired(self, now: datetime) -> list[ParkedMessage]:
        """Return what has waited too long."""
        found = [p for p in self._waiting() if p.expires_at <= now]
        return sorted(found, key=lambda p: (p.expires_at, p.id))

    def _waiting(self) -> list[ParkedMessage]:
        parked = self._unit.tables.parked.values()
        return [p for p in parked if p.status is ParkingStatus.WAITING]
