"""Buffered writes, and the few bulk statements that they become.

Several writes of one thing become one statement with the last value. Updates go
before inserts, those that free time first, so that a slot can change hands within
one batch; what is referred to goes before what refers to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Delete,
    Insert,
    String,
    Table,
    bindparam,
    delete,
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
from booking_engine.persistence.session import Session
from booking_engine.persistence.statements import POSTGRESQL, Statement, among

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
    ORDER_NAME = 12
    PARKED = 13
    PATIENT = 14
    PATIENT_IDENTIFIER = 15
    PARTNER_VERSION = 20
    PROFILE = 21
    MAPPING = 22
    MESSAGE_KEY = 30
    ATTEMPT = 31
    DELIVERY_CHANGE = 32
    OLD_DELIVERY = 33
    OLD_MESSAGE = 34
    DIARY = 23
    ALERT = 40


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
    Kind.DIARY: rows.table_of(rows.DiaryEntryRow),
    Kind.PLAN_RUN: rows.table_of(rows.PlanRunRow),
    Kind.DECISION: rows.table_of(rows.DecisionRow),
    Kind.CHANGE: rows.table_of(rows.StatusChangeRow),
    Kind.CLOCK: rows.table_of(rows.ClockEventRow),
    Kind.MESSAGE: rows.table_of(rows.InboundMessageRow),
    Kind.MESSAGE_ORDER: rows.table_of(rows.MessageOrderRow),
    Kind.MESSAGE_KEY: rows.table_of(rows.MessageKeyRow),
    Kind.ATTEMPT: rows.table_of(rows.DeliveryAttemptRow),
    Kind.DELIVERY_CHANGE: rows.table_of(rows.DeliveryChangeRow),
    Kind.EVENT: rows.table_of(rows.OutboxEventRow),
    Kind.DELIVERY: rows.table_of(rows.DeliveryRow),
    Kind.ORDER_NAME: rows.table_of(rows.OrderNameRow),
    Kind.PARKED: rows.table_of(rows.ParkedMessageRow),
    Kind.PARTNER_VERSION: rows.table_of(rows.PartnerVersionRow),
    Kind.PROFILE: rows.table_of(rows.PartnerProfileRow),
    Kind.MAPPING: rows.table_of(rows.CodeMappingRow),
    Kind.PATIENT: rows.table_of(rows.PatientRow),
    Kind.PATIENT_IDENTIFIER: rows.table_of(rows.PatientIdentifierRow),
    Kind.ALERT: rows.table_of(rows.AlertRow),
}
LABELS: Final = {
    Kind.ORDER: "Order",
    Kind.SESSION: "Session",
    Kind.APPOINTMENT: "Appointment",
    Kind.DIARY: "Diary entry",
    Kind.PLAN_RUN: "Planning run",
    Kind.DELIVERY: "Delivery",
    Kind.MESSAGE: "Message",
    Kind.PARKED: "Parked message",
    Kind.MAPPING: "Mapping",
    Kind.PATIENT: "Patient",
    Kind.ALERT: "Alert",
}


def write_all(session: Session, writes: Sequence[Write]) -> None:
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
    with session.together():
        for kind in sorted(by_kind):
            _WRITERS.get(kind, _insert)(session, kind, by_kind[kind])


def _insert(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    if writes:
        listed = [write.row for write in writes]
        session.insert(_inserting(kind, tuple(listed[0])), listed)


def _write_versioned(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    merged = _merge(kind, writes)
    changed = [write for write in merged if write.changes]
    if kind is Kind.APPOINTMENT:
        changed.sort(key=lambda write: write.row["status"] in OCCUPYING)
    _replace(session, kind, changed)
    _insert(session, kind, [write for write in merged if not write.changes])


def _write_sessions(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    _insert_absent(session, kind, [write for write in writes if not write.changes])
    # Not merged with the inserts: an insert does nothing where the id exists.
    _replace(session, kind, _merge(kind, [w for w in writes if w.changes]))


def _insert_absent(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert what is not stored; what is stays as it is."""
    if writes:
        session.insert(_inserting_absent(kind), [write.row for write in writes])


def _write_changing(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert, then update, things without versions: each has one writer."""
    _insert(session, kind, [write for write in writes if not write.changes])
    # By what is written: one part of a thing may have another writer than the rest.
    parts: dict[tuple[str, ...], dict[str, Write]] = {}
    for write in writes:
        if write.changes:
            parts.setdefault(tuple(write.row), {})[write.row["id"]] = write
    for changed in parts.values():
        _change_each(session, kind, changed)


def _change_each(session: Session, kind: Kind, changed: Mapping[str, Write]) -> None:
    listed = [_parameters(write) for write in changed.values()]
    if session.change(_update_by_id(kind, tuple(listed[0])), listed) != len(listed):
        found = session.rows(_stored(kind, "id"), ids=sorted(changed))
        stored = {row.id for row in found}
        missing = next(i for i in changed if i not in stored)
        raise NotKnown(refusals.not_stored(LABELS[kind], missing))


def _write_identifiers(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    """Insert or update: whose a number was before does not matter."""
    last = {write.row["key"]: write.row for write in writes}
    session.insert(_UPSERT_IDENTIFIER, list(last.values()))


def _write_message_keys(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert the keys of messages, each write being one message's."""
    if session.dialect == POSTGRESQL:
        # As three texts of lines: a row or a list for each key would cost more than
        # the message itself. No key has more than one line (`SearchKey`).
        keys = [key for write in writes for key in write.row["keys"]]
        names = [w.row["message_id"] for w in writes for _ in w.row["keys"]]
        columns = {
            "kind": "\n".join([key[0] for key in keys]),
            "value": "\n".join([key[1] for key in keys]),
            "message_id": "\n".join(names),
        }
        session.insert(_INSERT_KEYS, [columns])
        return
    listed = [
        {"kind": key.kind.value, "value": key.value, "message_id": w.row["message_id"]}
        for w in writes
        for key in w.row["keys"]
    ]
    session.insert(_inserting(kind, tuple(listed[0])), listed)


def _delete_messages(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    keys = [
        {"kind": key.kind.value, "value": key.value, "message_id": w.row["id"]}
        for w in writes
        for key in w.row["keys"]
    ]
    if keys:
        session.insert(_DELETE_KEY, keys)
    named = [{"ids": [write.row["id"] for write in writes]}]
    for statement in _DELETE_MESSAGES:
        session.insert(statement, named)


def _delete_deliveries(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    named = [{"ids": [write.row["id"] for write in writes]}]
    for statement in _DELETE_DELIVERIES:
        session.insert(statement, named)


def _write_catalogue(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    write_catalogue(session, writes[-1].row["catalogue"])


def _raise_partner_version(session: Session, _: Kind, __: Sequence[Write]) -> None:
    """Count a change; the first one makes the row."""
    session.insert(_RAISE_PARTNER_VERSION, [{}])


_WRITERS: Final = {
    Kind.CATALOGUE: _write_catalogue,
    Kind.ORDER: _write_versioned,
    Kind.APPOINTMENT: _write_versioned,
    Kind.SESSION: _write_sessions,
    Kind.DIARY: _write_versioned,
    Kind.PLAN_RUN: _write_changing,
    Kind.MESSAGE_KEY: _write_message_keys,
    Kind.OLD_DELIVERY: _delete_deliveries,
    Kind.OLD_MESSAGE: _delete_messages,
    Kind.DELIVERY: _write_changing,
    Kind.MESSAGE: _write_changing,
    Kind.ORDER_NAME: _insert_absent,
    Kind.PARKED: _write_changing,
    Kind.PARTNER_VERSION: _raise_partner_version,
    Kind.MAPPING: _write_versioned,
    Kind.PATIENT: _write_versioned,
    Kind.PATIENT_IDENTIFIER: _write_identifiers,
    Kind.ALERT: _write_versioned,
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


def _replace(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    if not writes:
        return
    listed = [{**_parameters(write), "old_version": write.replaces} for write in writes]
    statement = _update_by_version(kind, tuple(listed[0]))
    if session.change(statement, listed) != len(listed):
        raise StaleVersion(_name_stale(session, kind, writes))


def _name_stale(session: Session, kind: Kind, writes: Sequence[Write]) -> str:
    """Return the message that names what was stale among updates just made.

    Where somebody else has stored the very version that we meant to store, the two
    cannot be told apart any more, and the message names the kind alone.
    """
    ids = [write.row["id"] for write in writes]
    found = session.rows(_stored(kind, "id", "version"), ids=ids)
    stored = {row.id: row.version for row in found}
    named = [w.row["id"] for w in writes if stored.get(w.row["id"]) != w.row["version"]]
    suspects = named or ids
    if len(suspects) == 1:
        return refusals.stale(LABELS[kind], suspects[0])
    return refusals.some_stale(LABELS[kind], len(suspects))


def _parameters(write: Write) -> Values:
    return {
        f"new_{name}" if name != "id" else "old_id": v for name, v in write.row.items()
    }


@cache
def _stored(kind: Kind, *columns: str) -> Statement:
    table = TABLES[kind]
    return Statement(
        lambda on: select(*(table.c[name] for name in columns)).where(
            among(table.c.id, "ids", on)
        )
    )


def _values(table: Table, names: Sequence[str], prefix: str = "") -> dict[str, Any]:
    return {
        name: bindparam(f"{prefix}{name}", type_=table.c[name].type) for name in names
    }


@cache
def _inserting(kind: Kind, names: tuple[str, ...]) -> Statement:
    table = TABLES[kind]
    return Statement(lambda _: insert(table).values(_values(table, names)))


def _changed(names: Sequence[str]) -> list[str]:
    return [name.removeprefix("new_") for name in names if name.startswith("new_")]


@cache
def _update_by_id(kind: Kind, names: tuple[str, ...]) -> Statement:
    table = TABLES[kind]
    values = _values(table, _changed(names), "new_")
    if kind is Kind.PLAN_RUN:
        # A run that was listed comes without its files: they stay as they are.
        for name in ("problem", "plan"):
            values[name] = func.coalesce(values[name], table.c[name])
    where = table.c.id == bindparam("old_id")
    return Statement(lambda _: update(table).where(where).values(values))


@cache
def _update_by_version(kind: Kind, names: tuple[str, ...]) -> Statement:
    table = TABLES[kind]
    values = _values(table, _changed(names), "new_")
    where = (
        table.c.id == bindparam("old_id"),
        table.c.version == bindparam("old_version"),
    )
    return Statement(lambda _: update(table).where(*where).values(values))


@cache
def _inserting_absent(kind: Kind) -> Statement:
    table = TABLES[kind]
    values = _values(table, [column.name for column in table.c])
    keys = [column.name for column in table.primary_key]

    def build(dialect: str) -> Insert:
        if dialect == POSTGRESQL:
            found = postgresql.insert(table).values(values)
            return found.on_conflict_do_nothing(index_elements=keys)
        return (
            sqlite.insert(table)
            .values(values)
            .on_conflict_do_nothing(index_elements=keys)
        )

    return Statement(build)


def _raise_version(dialect: str) -> Insert:
    table = TABLES[Kind.PARTNER_VERSION]
    more = {"version": table.c.version + 1}
    if dialect == POSTGRESQL:
        found = postgresql.insert(table).values(id=1, version=1)
        return found.on_conflict_do_update(index_elements=["id"], set_=more)
    return (
        sqlite.insert(table)
        .values(id=1, version=1)
        .on_conflict_do_update(index_elements=["id"], set_=more)
    )


_RAISE_PARTNER_VERSION: Final = Statement(_raise_version)


def _upsert_identifier(dialect: str) -> Insert:
    table = TABLES[Kind.PATIENT_IDENTIFIER]
    names = [column.name for column in table.c]
    kind = postgresql.insert if dialect == POSTGRESQL else sqlite.insert
    new = kind(table).values(_values(table, names))
    changed = {name: new.excluded[name] for name in names if name != "key"}
    return new.on_conflict_do_update(index_elements=["key"], set_=changed)


_UPSERT_IDENTIFIER: Final = Statement(_upsert_identifier)


def _insert_keys(_: str) -> Insert:
    table = TABLES[Kind.MESSAGE_KEY]
    columns = [
        func.unnest(func.string_to_array(bindparam(name, type_=String()), "\n"))
        for name in ("kind", "value", "message_id")
    ]
    names = ["kind", "value", "message_id"]
    return insert(table).from_select(names, select(*columns))


_INSERT_KEYS: Final = Statement(_insert_keys)


def _deleting(kind: Kind, column: str) -> Statement:
    """Return the statement that deletes the rows that name one of many."""
    table = TABLES[kind]
    return Statement(lambda on: delete(table).where(among(table.c[column], "ids", on)))


def _delete_key(_: str) -> Delete:
    table = TABLES[Kind.MESSAGE_KEY]
    names = ("kind", "value", "message_id")
    return delete(table).where(*(table.c[name] == bindparam(name) for name in names))


_DELETE_KEY: Final = Statement(_delete_key)
_DELETE_MESSAGES: Final = (
    _deleting(Kind.MESSAGE_ORDER, "message_id"),
    _deleting(Kind.PARKED, "id"),
    _deleting(Kind.MESSAGE, "id"),
)
_DELETE_DELIVERIES: Final = (
    _deleting(Kind.ATTEMPT, "delivery_id"),
    _deleting(Kind.DELIVERY_CHANGE, "delivery_id"),
    _deleting(Kind.DELIVERY, "id"),
)
"""What refers to others goes first."""
