"""Small pieces of SQL that several repositories share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, TextClause, and_, text

from booking_engine.domain.orders import TERMINAL
from booking_engine.persistence import guards

AnySelect = Select[*tuple[Any, ...]]
"""A query for rows of columns that the type checker need not know."""


def occupying() -> TextClause:
    """Return the condition that an appointment occupies time.

    For statements on the table of appointments alone, or joined to tables without
    a ``status``.
    """
    return text(guards.OCCUPYING_SQL)


def held() -> TextClause:
    """Return the condition that an appointment is a hold, worded as its index is."""
    return text("status = 'held'")


def changed_since_booked() -> TextClause:
    """Return the condition that an order was changed once booked, as its index is."""
    return text(guards.CHANGED_SQL)


def is_open(order: Table) -> ColumnElement[bool]:
    """Return the condition that an order has not ended."""
    return and_(*(order.c.status != status.value for status in sorted(TERMINAL)))
