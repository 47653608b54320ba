"""Rebookings in the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import bindparam, select

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import DiaryEntryId, RebookingId
from booking_engine.domain.rebookings import Rebooking
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.statements import Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_REBOOKING: Final = TABLES[Kind.REBOOKING]
_ONE: Final = "rebooking"

_BY_ID: Final = Statement(
    lambda _: select(_REBOOKING).where(_REBOOKING.c.id == bindparam("id"))
)
_LATEST: Final = Statement(
    lambda _: (
        select(_REBOOKING)
        .where(_REBOOKING.c.closure_id == bindparam("closure_id"))
        .order_by(_REBOOKING.c.made_at.desc(), _REBOOKING.c.id.desc())
        .limit(1)
    )
)
_IMPROVING: Final = Statement(
    lambda _: (
        select(_REBOOKING.c.id)
        .where(_REBOOKING.c.improving)
        .order_by(_REBOOKING.c.made_at, _REBOOKING.c.id)
    )
)


class SqlRebookings:
    """Proposals for the bookings under closures."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, rebooking: Rebooking) -> None:
        """Store a new one; flushing refuses a second undecided one of a closure."""
        row = mapping.rebooking_row(rebooking)
        self._transaction.write(Write(Kind.REBOOKING, row))
        self._transaction.remember(_ONE, rebooking.id, rebooking)

    def save(self, rebooking: Rebooking) -> None:
        """Store a changed one; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE, rebooking.id, rebooking.version)
        stored = replace(rebooking, version=version)
        row = mapping.rebooking_row(stored)
        t.write(Write(Kind.REBOOKING, row, changes=True, replaces=replaces))
        t.remember(_ONE, rebooking.id, stored)

    def get(self, rebooking_id: RebookingId) -> Rebooking:
        """Return one; raises `NotKnown`."""
        t = self._transaction
        known: Rebooking | None = t.recall(_ONE, rebooking_id)
        if known is not None:
            return known
        for rebooking in self._identified(t.rows(_BY_ID, id=rebooking_id)):
            return rebooking
        raise NotKnown(refusals.not_stored("Rebooking", rebooking_id))

    def latest_of(self, closure_id: DiaryEntryId) -> Rebooking | None:
        """Return the newest of a closure, or ``None``."""
        t = self._transaction
        t.settle(Kind.REBOOKING)
        found = self._identified(t.rows(_LATEST, closure_id=closure_id))
        return found[0] if found else None

    def to_improve(self) -> list[RebookingId]:
        """Return those for which a better one is to be looked for, oldest first."""
        self._transaction.settle(Kind.REBOOKING)
        return [RebookingId(row.id) for row in self._transaction.rows(_IMPROVING)]

    def _identified(self, found: list[Any]) -> list[Rebooking]:
        return self._transaction.identify(_ONE, found, mapping.rebooking_of)
