"""Small pieces of SQL that several repositories share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    TextClause,
    any_,
    bindparam,
    func,
    select,
    text,
)

from booking_engine.persistence import guards

AnyRow = Row[*tuple[Any, ...]]
"""A result row of columns that the type checker need not know."""
AnySelect = Select[*tuple[Any, ...]]
"""A query for such rows."""


def among(
    column: ColumnElement[Any], values: Iterable[str], connection: Connection
) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`, however many.

    The values travel as one parameter, so the statement's text is always the same
    and no engine's limit on parameters is met.
    """
    wanted = sorted(set(values))
    if connection.dialect.name == "postgresql":
        listed = bindparam(None, wanted, type_=ARRAY(String), unique=True)
        return column == any_(listed)
    packed = func.json_each(json.dumps(wanted)).table_valued("value")
    return column.in_(select(packed.c.value))


def occupying() -> TextClause:
    """Return the condition that an appointment occupies time.

    For statements on the table of appointments alone, or joined to tables without
    a ``status``.
    """
    return text(guards.OCCUPYING_SQL)


def held() -> TextClause:
    """Return the condition that an appointment is a hold, worded as its index is."""
    return text("status = 'held'")
