"""The bulk statements of `writes`, one for each kind and set of columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Delete,
    Insert,
    LargeBinary,
    String,
    Table,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from booking_engine.persistence import rows
from booking_engine.persistence.statements import POSTGRESQL, Statement, among
from booking_engine.persistence.write_kinds import TABLES, Kind


@cache
def stored_rows(kind: Kind, *columns: str) -> Statement:
    """Return the statement that finds columns of rows by their ids."""
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
def inserting(kind: Kind, names: tuple[str, ...]) -> Statement:
    """Return the statement that inserts these columns."""
    table = TABLES[kind]
    return Statement(lambda _: insert(table).values(_values(table, names)))


@cache
def inserting_together(kind: Kind, names: tuple[str, ...]) -> Statement:
    """Return the statement that inserts these columns of many rows given as one JSON.

    PostgreSQL then runs one statement and not one for each row. For bytes JSON has no
    form: they come as `to_json` writes them.
    """
    table = TABLES[kind]
    types = {name: table.c[name].type for name in names}
    binary = {name for name, of in types.items() if isinstance(of, LargeBinary)}

    def build(_: str) -> Insert:
        columns = (
            column(name, String() if name in binary else of)
            for name, of in types.items()
        )
        given = (
            func.json_to_recordset(bindparam("rows", type_=JSON))
            .table_valued(*columns)
            .render_derived(name="given", with_types=True)
        )
        found = select(
            *(
                func.decode(given.c[name], literal_column("'hex'"))
                if name in binary
                else given.c[name]
                for name in names
            )
        )
        return insert(table).from_select(list(names), found)

    return Statement(build)


def _changed(names: Sequence[str]) -> list[str]:
    return [name.removeprefix("new_") for name in names if name.startswith("new_")]


@cache
def update_by_id(kind: Kind, names: tuple[str, ...]) -> Statement:
    """Return the statement that updates these parameters whatever the version."""
    table = TABLES[kind]
    values = _values(table, _changed(names), "new_")
    if kind is Kind.PLAN_RUN:
        # A run that was listed comes without its files: they stay as they are.
        for name in ("problem", "plan"):
            values[name] = func.coalesce(values[name], table.c[name])
    where = table.c.id == bindparam("old_id")
    return Statement(lambda _: update(table).where(where).values(values))


@cache
def update_by_version(kind: Kind, names: tuple[str, ...]) -> Statement:
    """Return the statement that updates these parameters of one version."""
    table = TABLES[kind]
    values = _values(table, _changed(names), "new_")
    where = (
        table.c.id == bindparam("old_id"),
        table.c.version == bindparam("old_version"),
    )
    return Statement(lambda _: update(table).where(*where).values(values))


@cache
def inserting_absent(kind: Kind) -> Statement:
    """Return the statement that inserts what is not stored."""
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


RAISE_PARTNER_VERSION: Final = Statement(_raise_version)


def _upsert_identifier(dialect: str) -> Insert:
    table = TABLES[Kind.PATIENT_IDENTIFIER]
    names = [column.name for column in table.c]
    kind = postgresql.insert if dialect == POSTGRESQL else sqlite.insert
    new = kind(table).values(_values(table, names))
    changed = {name: new.excluded[name] for name in names if name != "key"}
    return new.on_conflict_do_update(index_elements=["key"], set_=changed)


UPSERT_IDENTIFIER: Final = Statement(_upsert_identifier)


def _insert_keys(_: str) -> Insert:
    table = TABLES[Kind.MESSAGE_KEY]
    columns = [
        func.unnest(func.string_to_array(bindparam(name, type_=String()), "\n"))
        for name in ("kind", "value", "message_id")
    ]
    names = ["kind", "value", "message_id"]
    return insert(table).from_select(names, select(*columns))


INSERT_KEYS: Final = Statement(_insert_keys)


def _deleting(kind: Kind, column: str) -> Statement:
    """Return the statement that deletes the rows that name one of many."""
    table = TABLES[kind]
    return Statement(lambda on: delete(table).where(among(table.c[column], "ids", on)))


def _delete_key(_: str) -> Delete:
    table = TABLES[Kind.MESSAGE_KEY]
    names = ("kind", "value", "message_id")
    return delete(table).where(*(table.c[name] == bindparam(name) for name in names))


DELETE_KEY: Final = Statement(_delete_key)
DELETE_MESSAGES: Final = (
    _deleting(Kind.MESSAGE_ORDER, "message_id"),
    _deleting(Kind.PARKED, "id"),
    _deleting(Kind.MESSAGE, "id"),
)
_DIARY_CHANGE: Final = rows.table_of(rows.DiaryChangeRow)
DELETE_CHANGES: Final = Statement(
    lambda _: delete(_DIARY_CHANGE).where(
        _DIARY_CHANGE.c.number
        <= select(func.max(_DIARY_CHANGE.c.number)).scalar_subquery()
        - bindparam("keep", type_=BigInteger)
    )
)
DELETE_DELIVERIES: Final = (
    _deleting(Kind.ATTEMPT, "delivery_id"),
    _deleting(Kind.DELIVERY_CHANGE, "delivery_id"),
    _deleting(Kind.DELIVERY, "id"),
)
"""What refers to others goes first."""
