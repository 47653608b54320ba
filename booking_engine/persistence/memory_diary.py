"""Entries of other systems' diaries in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from booking_engine.domain.diary_entries import DiaryEntry, EntryStatus
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    DiaryEntryId,
    OrderId,
    PartnerId,
    ScannerId,
)
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import overlaps
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryDiary:
    """Entries of other systems' diaries, and closures."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def get(self, entry_id: DiaryEntryId) -> DiaryEntry:
        """Return one entry; raises `NotKnown`."""
        try:
            return self._unit.tables.diary[entry_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Diary entry", entry_id)) from None

    def numbered(self, partner: PartnerId, number: str) -> list[DiaryEntry]:
        """Return the entries of this name."""
        return self._where(lambda e: (e.partner, e.number) == (partner, number))

    def add(self, entry: DiaryEntry) -> None:
        """Store a new entry."""
        diary = self._unit.own("diary")
        if entry.id in diary:
            self._unit.refuse_existing()
            return
        diary[entry.id] = entry
        self._unit.check(lambda t: t.check_diary_entry(entry.id))

    def save(self, entry: DiaryEntry) -> None:
        """Store a changed entry; see `sql` for the rule."""
        before = self._unit.tables.diary.get(entry.id)
        version = self._unit.next_version(
            "Diary entry", entry.id, entry.version, before
        )
        self._unit.own("diary")[entry.id] = replace(entry, version=version)
        self._unit.check(lambda t: t.check_diary_entry(entry.id))

    def of_order(self, order_id: OrderId) -> list[DiaryEntry]:
        """Return the entries for an order, ended ones too, by start."""
        return self._where(lambda e: e.order_id == order_id)

    def taking_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[DiaryEntry]:
        """Return the entries that take time in the interval, by start."""
        wanted = None if scanners is None else frozenset(scanners)
        return self._where(
            lambda e: (
                e.status is EntryStatus.TAKING
                and (wanted is None or e.scanner in wanted)
                and overlaps(e.starts_at, e.ends_at, starts_at, ends_at)
            )
        )

    def taking_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[DiaryEntry]:
        """Return the entries that keep these patients busy and end after, by start."""
        wanted = frozenset(patients)
        return self._where(
            lambda e: (
                e.status is EntryStatus.TAKING
                and e.patient in wanted
                and e.ends_at > after
            )
        )

    def sought_and_stored(self, limit: int) -> list[DiaryEntry]:
        """Return entries whose order was not known and may be by now, oldest first."""
        tables = self._unit.tables
        placed = {order.content.placer_number for order in tables.orders.values()}
        names = {name.number for name in tables.names}
        found = self._where(
            lambda e: (
                e.sought is not None
                and e.status is EntryStatus.TAKING
                and bool(
                    (e.sought[1] and e.sought[1] in placed | names)
                    or e.sought[2] in names
                    or e.sought[2] in tables.orders
                )
            )
        )
        return sorted(found, key=lambda e: e.id)[:limit]

    def with_unknown_names(
        self, after: datetime, *, partner: PartnerId | None = None
    ) -> list[DiaryEntry]:
        """Return the entries with names that no table knew, which end after, by start.

        Linked ones too.
        """
        return self._where(
            lambda e: (
                bool(e.unknown)
                and e.status is not EntryStatus.ENDED
                and e.ends_at > after
                and partner in (None, e.partner)
            )
        )

    def _where(self, wanted: Callable[[DiaryEntry], bool]) -> list[DiaryEntry]:
        found = [e for e in self._unit.tables.diary.values() if wanted(e)]
        return sorted(found, key=lambda e: (e.starts_at, e.id))
