"""The statements of the read models, one for each combination of filters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Table,
    TextClause,
    bindparam,
    select,
    text,
    tuple_,
    union_all,
)

from booking_engine.persistence import rows
from booking_engine.persistence.message_search import MESSAGE_KEY
from booking_engine.persistence.queries import AnySelect, changed_since_booked
from booking_engine.persistence.statements import Statement, among

Condition = ColumnElement[bool]

_ORDER: Final = rows.table_of(rows.ImagingOrderRow)
_APPOINTMENT: Final = rows.table_of(rows.AppointmentRow)
_DELIVERY: Final = rows.table_of(rows.DeliveryRow)
_MESSAGE: Final = rows.table_of(rows.InboundMessageRow)
_ALERT: Final = rows.table_of(rows.AlertRow)
_LINK: Final = rows.table_of(rows.MessageOrderRow)

TIER_KEY: Final = (_ORDER.c.tier, _ORDER.c.breach_on, _ORDER.c.id)
RECEIVED_KEY: Final = (_ORDER.c.received_at, _ORDER.c.id)
RAISED_KEY: Final = (_ALERT.c.raised_at, _ALERT.c.id)
DELIVERY_KEY: Final = (_DELIVERY.c.sequence,)
_DELIVERY_COLUMNS: Final = tuple(
    c for c in _DELIVERY.c if c.name not in {"payload", "ack"}
)
START_KEY: Final = (_APPOINTMENT.c.starts_at, _APPOINTMENT.c.id)

Key = tuple[ColumnElement[Any], ...]
Names = tuple[str, ...]

_KEPT: Final = 256
"""Statements kept, one for each combination of filters that was asked for."""

MESSAGES_OF: Final = Statement(
    lambda _: (
        select(_MESSAGE.c.id)
        .join(_LINK, _LINK.c.message_id == _MESSAGE.c.id)
        .where(_LINK.c.order_id == bindparam("order_id"))
        .order_by(*MESSAGE_KEY)
    )
)
APPOINTMENTS_OF: Final = Statement(
    lambda on: select(_APPOINTMENT).where(among(_APPOINTMENT.c.id, "ids", on))
)


@lru_cache(_KEPT)
def worklist(states: Names, given: Names, after: bool, *, changed: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    """Return the worklist's statement.

    Parameters
    ----------
    changed
        Whether booked orders belong to it whose sender changed the request since: a
        person must look.
    """
    conditions = _equal(_ORDER, given)
    if "procedure_as_sent" in given:
        conditions.append(_ORDER.c.procedure.is_(None))
    if "code" in given:
        conditions.append(_ORDER.c.hold_codes.like(bindparam("code"), escape="/"))

    def build(_: str) -> AnySelect:
        # Each state is read in the order of its index, and no further than needed.
        parts: list[Condition | TextClause] = [_ORDER.c.status == s for s in states]
        if changed:
            parts.append(changed_since_booked())
        ahead = [
            _ahead(select(*TIER_KEY), TIER_KEY, conditions, after=after)
            .where(part)
            .limit(bindparam("limit"))
            .subquery()
            for part in parts
        ]
        merged = union_all(*(select(state) for state in ahead)).subquery("merged")
        first = (
            select(merged.c.id)
            .order_by(merged.c.tier, merged.c.breach_on, merged.c.id)
            .limit(bindparam("limit"))
            .subquery("first")
        )
        return select(_ORDER).join(first, first.c.id == _ORDER.c.id).order_by(*TIER_KEY)

    return Statement(build)


@lru_cache(_KEPT)
def orders(given: Names, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    """Return the statement for orders, newest first."""
    conditions = _equal(_ORDER, given)
    return Statement(
        lambda _: _back(select(_ORDER), RECEIVED_KEY, conditions, after=after)
    )


@lru_cache(_KEPT)
def deliveries(given: Names, after: bool, *, unsent: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    """Return the statement for deliveries.

    Parameters
    ----------
    unsent
        Whether the status asked for is in the index of what is not sent yet: there
        are few of them beside a long history.
    """
    conditions = _equal(_DELIVERY, given)
    if unsent and "destination" not in given:
        conditions.append(text("status IN ('parked', 'pending')"))  # type: ignore[arg-type]
    return Statement(
        lambda _: _back(
            select(*_DELIVERY_COLUMNS), DELIVERY_KEY, conditions, after=after
        )
    )


@lru_cache(_KEPT)
def appointments(given: Names, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    """Return the statement for appointments, by start."""
    conditions = _equal(_APPOINTMENT, given) + _within(_APPOINTMENT.c.starts_at, given)
    return Statement(
        lambda _: _ahead(
            select(_APPOINTMENT), START_KEY, conditions, after=after
        ).limit(bindparam("limit"))
    )


@lru_cache(_KEPT)
def alerts(given: Names, is_open: bool | None, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    """Return the statement for alerts, newest first."""
    conditions = _equal(_ALERT, given)
    if is_open is not None:
        cleared = _ALERT.c.cleared_at
        conditions.append(cleared.is_(None) if is_open else cleared.is_not(None))
    return Statement(
        lambda _: _back(select(_ALERT), RAISED_KEY, conditions, after=after)
    )


def _equal(table: Table, given: Names) -> list[Condition]:
    """Return the conditions of those filters that name a column."""
    return [table.c[name] == bindparam(name) for name in given if name in table.c]


def _within(column: ColumnElement[Any], given: Names) -> list[Condition]:
    """Return the conditions on the interval, half open, that `column` lies in."""
    found = []
    if "since" in given:
        found.append(column >= bindparam("since"))
    if "until" in given:
        found.append(column < bindparam("until"))
    return found


def _after(key: Key) -> ColumnElement[Any]:
    return tuple_(*(bindparam(f"after_{c.key}", type_=c.type) for c in key))


def _ahead(
    query: AnySelect, key: Key, conditions: Sequence[Condition], *, after: bool
) -> AnySelect:
    """Return the query in the order of `key`, from just after a page's end."""
    if after:
        query = query.where(tuple_(*key) > _after(key))
    return query.where(*conditions).order_by(*key)


def _back(
    query: AnySelect, key: Key, conditions: Sequence[Condition], *, after: bool
) -> AnySelect:
    """Return the query against the order of `key`, from just after a page's end."""
    if after:
        query = query.where(tuple_(*key) < _after(key))
    ordered = query.where(*conditions).order_by(*(column.desc() for column in key))
    return ordered.limit(bindparam("limit"))
