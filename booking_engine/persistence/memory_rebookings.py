"""Rebookings in memory."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.identifiers import DiaryEntryId, RebookingId
from booking_engine.domain.rebookings import UNDECIDED, Rebooking
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryRebookings:
    """Proposals for the bookings under closures."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, rebooking: Rebooking) -> None:
        """Store a new one; flushing refuses a second undecided one of a closure."""
        rebookings = self._unit.own("rebookings")
        if rebooking.id in rebookings:
            self._unit.refuse_existing()
            return
        rebookings[rebooking.id] = rebooking
        self._unit.check(lambda tables: _stands(rebooking, tables))

    def save(self, rebooking: Rebooking) -> None:
        """Store a changed one; see `sql` for the rule."""
        before = self._unit.tables.rebookings.get(rebooking.id)
        version = self._unit.next_version(
            "Rebooking", rebooking.id, rebooking.version, before
        )
        stored = replace(rebooking, version=version)
        self._unit.own("rebookings")[rebooking.id] = stored
        self._unit.check(lambda tables: _stands(stored, tables))

    def get(self, rebooking_id: RebookingId) -> Rebooking:
        """Return one; raises `NotKnown`."""
        try:
            return self._unit.tables.rebookings[rebooking_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Rebooking", rebooking_id)) from None

    def latest_of(self, closure_id: DiaryEntryId) -> Rebooking | None:
        """Return the newest of a closure, or ``None``."""
        found = [one for one in self._sorted() if one.closure_id == closure_id]
        return found[-1] if found else None

    def to_improve(self) -> list[RebookingId]:
        """Return those for which a better one is to be looked for, oldest first."""
        return [one.id for one in self._sorted() if one.improving]

    def _sorted(self) -> list[Rebooking]:
        rebookings = self._unit.tables.rebookings.values()
        return sorted(rebookings, key=lambda one: (one.made_at, one.id))


def _stands(rebooking: Rebooking, tables: Tables) -> None:
    """Refuse what a foreign key and a unique index would."""
    if rebooking.closure_id not in tables.diary:
        raise NotKnown(refusals.DANGLING)
    alike = [
        one
        for one in tables.rebookings.values()
        if one.closure_id == rebooking.closure_id and one.status in UNDECIDED
    ]
    if len(alike) > 1:
        raise StaleVersion(refusals.EXISTS_ALREADY)
