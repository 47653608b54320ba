"""Buffered writes, and the few bulk statements that they become.

Several writes of one thing become one statement with the last value. Updates go
before inserts, those that free time first, so that a slot can change hands within
one batch; what is referred to goes before what refers to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Insert,
    Table,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.schedule import OCCUPYING
from booking_engine.persistence import refusals, rows
from booking_engine.persistence.catalogue_store import write_catalogue
from booking_engine.persistence.queries import among

Values = dict[str, Any]


class Kind(IntEnum):
    """What is written, in the order in which it reaches the database."""

    CATALOGUE = 0
    ORDER = 1
    SESSION = 2
    APPOINTMENT = 3
    PLAN_RUN = 4
    DECISION = 5
    CHANGE = 6
    CLOCK = 7
    MESSAGE = 8
    MESSAGE_ORDER = 9
    EVENT = 10
    DELIVERY = 11


@dataclass(frozen=True, slots=True)
class Write:
    """One buffered write.

    Parameters
    ----------
    row
        Values by column.
    changes
        Whether the row is stored already.
    replaces
        The version that must be stored still, where the thing has versions.
    """

    kind: Kind
    row: Values
    changes: bool = False
    replaces: int | None = None


TABLES: Final[dict[Kind, Table]] = {
    Kind.ORDER: rows.table_of(rows.ImagingOrderRow),
    Kind.SESSION: rows.table_of(rows.ScanSessionRow),
    Kind.APPOINTMENT: rows.table_of(rows.AppointmentRow),
    Kind.PLAN_RUN: rows.table_of(rows.PlanRunRow),
    Kind.DECISION: rows.table_of(rows.DecisionRow),
    Kind.CHANGE: rows.table_of(rows.StatusChangeRow),
    Kind.CLOCK: rows.table_of(rows.ClockEventRow),
    Kind.MESSAGE: rows.table_of(rows.InboundMessageRow),
    Kind.MESSAGE_ORDER: rows.table_of(rows.MessageOrderRow),
    Kind.EVENT: rows.table_of(rows.OutboxEventRow),
    Kind.DELIVERY: rows.table_of(rows.DeliveryRow),
}
LABELS: Final = {
    Kind.ORDER: "Order",
    Kind.SESSION: "Session",
    Kind.APPOINTMENT: "Appointment",
    Kind.PLAN_RUN: "Planning run",
    Kind.DELIVERY: "Delivery",
}


def write_all(connection: Connection, writes: Sequence[Write]) -> None:
    """Send buffered writes.

    Raises
    ------
    StaleVersion
        A thing to replace is stored in another version.
    NotKnown
        A thing to change is not stored.
    DBAPIError
        The database refuses a row.
    """
    by_kind: dict[Kind, list[Write]] = {}
    for write in writes:
        by_kind.setdefault(write.kind, []).append(write)
    for kind in sorted(by_kind):
        _WRITERS.get(kind, _insert)(connection, kind, by_kind[kind])


def _insert(connection: Connection, kind: Kind, writes: Sequence[Write]) -> None:
    if writes:
        connection.execute(insert(TABLES[kind]), [write.row for write in writes])


def _write_versioned(
    connection: Connection, kind: Kind, writes: Sequence[Write]
) -> None:
    merged = _merge(kind, writes)
    changed = [write for write in merged if write.changes]
    if kind is Kind.APPOINTMENT:
        changed.sort(key=lambda write: write.row["status"] in OCCUPYING)
    _replace(connection, kind, changed)
    _insert(connection, kind, [write for write in merged if not write.changes])


def _write_sessions(
    connection: Connection, kind: Kind, writes: Sequence[Write]
) -> None:
    new = [write.row for write in writes if not write.changes]
    if new:
        connection.execute(_insert_absent(connection.dialect.name), new)
    # Not merged with the inserts: an insert does nothing where the id exists.
    _replace(connection, kind, _merge(kind, [w for w in writes if w.changes]))


def _write_changing(
    connection: Connection, kind: Kind, writes: Sequence[Write]
) -> None:
    """Insert, then update, things without versions: each has one writer."""
    _insert(connection, kind, [write for write in writes if not write.changes])
    changed = {w.row["id"]: w for w in writes if w.changes}
    if not changed:
        return
    listed = [_parameters(write) for write in changed.values()]
    result = connection.execute(_update_by_id(kind), listed)
    if result.rowcount != len(listed):
        table = TABLES[kind]
        found = select(table.c.id).where(among(table.c.id, changed, connection))
        stored = set(connection.execute(found).scalars())
        missing = next(i for i in changed if i not in stored)
        raise NotKnown(refusals.not_stored(LABELS[kind], missing))


def _write_catalogue(connection: Connection, _: Kind, writes: Sequence[Write]) -> None:
    write_catalogue(connection, writes[-1].row["catalogue"])


_WRITERS: Final = {
    Kind.CATALOGUE: _write_catalogue,
    Kind.ORDER: _write_versioned,
    Kind.APPOINTMENT: _write_versioned,
    Kind.SESSION: _write_sessions,
    Kind.PLAN_RUN: _write_changing,
    Kind.DELIVERY: _write_changing,
}


def _merge(kind: Kind, writes: Sequence[Write]) -> list[Write]:
    """Return one write for each thing, in the order of its last one."""
    merged: dict[str, Write] = {}
    for write in writes:
        before = merged.pop(write.row["id"], None)
        if before is None:
            merged[write.row["id"]] = write
            continue
        if not write.changes:
            raise StaleVersion(refusals.EXISTS_ALREADY)
        if write.replaces != before.row["version"]:
            raise StaleVersion(refusals.stale(LABELS[kind], write.row["id"]))
        merged[write.row["id"]] = Write(
            kind, write.row, changes=before.changes, replaces=before.replaces
        )
    return list(merged.values())


def _replace(connection: Connection, kind: Kind, writes: Sequence[Write]) -> None:
    if not writes:
        return
    listed = [{**_parameters(write), "old_version": write.replaces} for write in writes]
    result = connection.execute(_update_by_version(kind), listed)
    if result.rowcount == len(listed):
        return
    raise StaleVersion(_name_stale(connection, kind, writes))


def _name_stale(connection: Connection, kind: Kind, writes: Sequence[Write]) -> str:
    """Return the message that names what was stale among updates just made.

    Where somebody else has stored the very version that we meant to store, the two
    cannot be told apart any more, and the message names the kind alone.
    """
    table = TABLES[kind]
    ids = [write.row["id"] for write in writes]
    found = select(table.c.id, table.c.version).where(
        among(table.c.id, ids, connection)
    )
    stored = {row.id: row.version for row in connection.execute(found)}
    named = [w.row["id"] for w in writes if stored.get(w.row["id"]) != w.row["version"]]
    suspects = named or ids
    if len(suspects) == 1:
        return refusals.stale(LABELS[kind], suspects[0])
    return refusals.some_stale(LABELS[kind], len(suspects))


def _parameters(write: Write) -> Values:
    values = dict(write.row)
    values["old_id"] = values.pop("id")
    for name in ("problem", "plan"):
        if name in values:
            values[f"new_{name}"] = values.pop(name)
    return values


@cache
def _update_by_id(kind: Kind) -> Update:
    table = TABLES[kind]
    statement = update(table).where(table.c.id == bindparam("old_id"))
    if kind is Kind.PLAN_RUN:
        # A run that was listed comes without its files: they stay as they are.
        statement = statement.values(
            problem=func.coalesce(bindparam("new_problem"), table.c.problem),
            plan=func.coalesce(bindparam("new_plan"), table.c.plan),
        )
    return statement


@cache
def _update_by_version(kind: Kind) -> Update:
    table = TABLES[kind]
    return update(table).where(
        table.c.id == bindparam("old_id"),
        table.c.version == bindparam("old_version"),
    )


@cache
def _insert_absent(dialect: str) -> Insert:
    table = TABLES[Kind.SESSION]
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=["id"])
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=["id"])
