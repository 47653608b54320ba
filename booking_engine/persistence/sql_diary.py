"""Entries of other systems' diaries in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    literal_column,
    or_,
    select,
    text,
)

from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    DiaryEntryId,
    OrderId,
    PartnerId,
    ScannerId,
)
from booking_engine.persistence import guards, mapping, refusals
from booking_engine.persistence.locks import lock_numbers
from booking_engine.persistence.statements import POSTGRESQL, Statement, among
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_ENTRY: Final = TABLES[Kind.DIARY]
_ORDER: Final = TABLES[Kind.ORDER]
_NAME: Final = TABLES[Kind.ORDER_NAME]
_ONE: Final = "diary entry"
_BY_START: Final = (_ENTRY.c.starts_at, _ENTRY.c.id)


def _taking() -> Select[Any]:
    return select(_ENTRY).where(text(guards.TAKING_SQL)).order_by(*_BY_START)


def _between() -> Select[Any]:
    ends = bindparam("ends_at", type_=_ENTRY.c.starts_at.type)
    return _taking().where(
        _ENTRY.c.ends_at > bindparam("starts_at"), _ENTRY.c.starts_at < ends
    )


_BY_ID: Final = Statement(
    lambda _: select(_ENTRY).where(_ENTRY.c.id == bindparam("id"))
)
_NUMBERED: Final = Statement(
    lambda _: (
        select(_ENTRY)
        .where(
            _ENTRY.c.partner == bindparam("partner"),
            _ENTRY.c.number == bindparam("number"),
        )
        .order_by(*_BY_START)
    )
)
_BETWEEN: Final = Statement(lambda _: _between())
_BETWEEN_ON: Final = Statement(
    lambda on: _between().where(among(_ENTRY.c.scanner, "scanners", on))
)
TAKING_ON: Final = _BETWEEN_ON
"""What takes time on scanners in an interval; see `SqlUnitOfWork.engaged`."""
TAKING_OF: Final = Statement(
    lambda on: _between().where(among(_ENTRY.c.patient, "patients", on))
)
"""Likewise of patients."""
_PATIENTS: Final = Statement(
    lambda on: _taking().where(
        among(_ENTRY.c.patient, "patients", on), _ENTRY.c.ends_at > bindparam("after")
    )
)


def _sought_number(place: int, dialect: str) -> ColumnElement[str]:
    """Return one of the three texts of `DiaryEntry.sought`."""
    return literal_column(
        f"diary_entry.sought ->> {place}"
        if dialect == POSTGRESQL
        else f"json_extract(diary_entry.sought, '$[{place}]')",
        String,
    )


def _sought_and_stored(dialect: str) -> Select[Any]:
    placer, filler = (_sought_number(place, dialect) for place in (1, 2))
    placed = select(_ORDER.c.id).where(_ORDER.c.placer_number == placer, placer != "")
    ours = select(_ORDER.c.id).where(_ORDER.c.id == filler)
    named = select(_NAME.c.order_id).where(_NAME.c.number.in_((placer, filler)))
    return (
        select(_ENTRY)
        .where(
            text(guards.SOUGHT_SQL),
            or_(*(query.correlate(_ENTRY).exists() for query in (placed, ours, named))),
        )
        .order_by(_ENTRY.c.id)
        .limit(bindparam("limit"))
    )


_SOUGHT: Final = Statement(_sought_and_stored)


def _unknown(*, of_one: bool) -> Select[Any]:
    query = (
        select(_ENTRY)
        .where(text(guards.UNKNOWN_SQL), _ENTRY.c.ends_at > bindparam("after"))
        .order_by(*_BY_START)
    )
    return query.where(_ENTRY.c.partner == bindparam("partner")) if of_one else query


_UNKNOWN: Final = Statement(lambda _: _unknown(of_one=False))
_UNKNOWN_OF: Final = Statement(lambda _: _unknown(of_one=True))
_OF_ORDER: Final = Statement(
    lambda _: (
        select(_ENTRY)
        .where(
            _ENTRY.c.order_id == bindparam("order_id"), _ENTRY.c.order_id.is_not(None)
        )
        .order_by(*_BY_START)
    )
)


class SqlDiary:
    """Entries of other systems' diaries, and closures."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, entry_id: DiaryEntryId) -> DiaryEntry:
        """Return one entry; raises `NotKnown`."""
        for entry in self._read(_BY_ID, id=entry_id):
            return entry
        raise NotKnown(refusals.not_stored("Diary entry", entry_id))

    def numbered(self, partner: PartnerId, number: str) -> list[DiaryEntry]:
        """Return the entries of this name; open for writing, the name is kept."""
        t = self._transaction
        t.settle(Kind.DIARY)
        found = t.locked_rows(
            _NUMBERED,
            lock_numbers(t, "diary entry", [(partner, number)]),
            partner=partner,
            number=number,
        )
        return t.identify(_ONE, found, mapping.diary_entry_of)

    def add(self, entry: DiaryEntry) -> None:
        """Store a new entry."""
        t = self._transaction
        t.write(Write(Kind.DIARY, mapping.diary_entry_row(entry)))
        t.remember(_ONE, entry.id, entry)

    def save(self, entry: DiaryEntry) -> None:
        """Store a changed entry; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE, entry.id, entry.version)
        stored = replace(entry, version=version)
        row = mapping.diary_entry_row(stored)
        t.write(Write(Kind.DIARY, row, changes=True, replaces=replaces))
        t.remember(_ONE, entry.id, stored)

    def of_order(self, order_id: OrderId) -> list[DiaryEntry]:
        """Return the entries for an order, ended ones too, by start."""
        return self._read(_OF_ORDER, order_id=order_id)

    def taking_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[DiaryEntry]:
        """Return the entries that take time in the interval, by start."""
        if scanners is None:
            return self._read(_BETWEEN, starts_at=starts_at, ends_at=ends_at)
        listed = sorted(set(scanners))
        return self._read(
            _BETWEEN_ON, starts_at=starts_at, ends_at=ends_at, scanners=listed
        )

    def taking_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[DiaryEntry]:
        """Return the entries that keep these patients busy and end after, by start."""
        return self._read(_PATIENTS, patients=sorted(set(patients)), after=after)

    def sought_and_stored(self, limit: int) -> list[DiaryEntry]:
        """Return entries whose order was not known and may be by now, oldest first."""
        self._transaction.settle(Kind.ORDER, Kind.ORDER_NAME)
        return self._read(_SOUGHT, limit=limit)

    def with_unknown_names(
        self, after: datetime, *, partner: PartnerId | None = None
    ) -> list[DiaryEntry]:
        """Return the entries with names that no table knew, which end after, by start.

        Linked ones too.
        """
        if partner is None:
            return self._read(_UNKNOWN, after=after)
        return self._read(_UNKNOWN_OF, after=after, partner=partner)

    def entries_of(
        self, statement: Statement, found: Sequence[Sequence[Any]]
    ) -> list[DiaryEntry]:
        """Return the entries of a query's rows as the driver has them."""
        t = self._transaction
        rows = statement.on(t.dialect).read(found)
        return t.identify(_ONE, rows, mapping.diary_entry_of)

    def _read(self, statement: Statement, **values: Any) -> list[DiaryEntry]:
        t = self._transaction
        t.settle(Kind.DIARY)
        found = t.rows(statement, **values)
        return t.identify(_ONE, found, mapping.diary_entry_of)
