"""Searching inbound messages: one statement for each combination of filters.

A number that a message names (`SearchKey`) leads to few messages, so it is looked up
first and the rest is checked on what it leads to. Everything else is read in the order
of an index that begins with it, and no further than the page needs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    any_,
    bindparam,
    func,
    null,
    select,
    text,
    tuple_,
)

from booking_engine.application.views import MessageFilter
from booking_engine.domain.messages import KeyKind, MessageOutcome
from booking_engine.persistence import rows
from booking_engine.persistence.statements import POSTGRESQL, Statement

_MESSAGE: Final = rows.table_of(rows.InboundMessageRow)
_LINK: Final = rows.table_of(rows.MessageOrderRow)
_KEY: Final = rows.table_of(rows.MessageKeyRow)

MESSAGE_KEY: Final = (_MESSAGE.c.received_at, _MESSAGE.c.id)
"""What pages of messages are sorted by."""
_COLUMNS: Final = tuple(c for c in _MESSAGE.c if c.name != "raw")
_KINDS: Final = {f"key_{kind}": kind for kind in KeyKind}
_FEW: Final = frozenset({"order_id", *_KINDS})
"""Filters that leave few messages, looked up one by one."""
_ADMITTED: Final = (
    "NOT (inbound_message.partner IS NULL AND inbound_message.control_id = ''"
    " AND inbound_message.sender <> '')"
)
"""That a message was not refused for the port or certificate that it came by: such a
one names its sender, but is filed without partner and key."""
_KEPT: Final = 256

Names = tuple[str, ...]
Condition = ColumnElement[bool]


def asked_of(wanted: MessageFilter) -> dict[str, Any]:
    """Return the values of those filters that ask for something.

    Several values of one kind of key are more than any statement here asks for: the
    last one counts.
    """
    values: dict[str, Any] = {
        "partner": wanted.partner,
        "control_id": wanted.control_id,
        "outcome": wanted.outcome,
        "kind": wanted.kind,
        "error_code": wanted.error_code,
        "order_id": wanted.order_id,
        "replay_of": wanted.replay_of,
        "since": wanted.received_from,
        "until": wanted.received_to,
        **{f"key_{key.kind}": key.value for key in wanted.keys},
    }
    found = {name: value for name, value in values.items() if value is not None}
    if wanted.unreplayed:
        found["unreplayed"] = True
    if wanted.outcome == MessageOutcome.PROCESSED:
        # Nearly all are: the index of outcomes leaves them out.
        found["processed"] = True
    if wanted.error_code:
        found["erroneous"] = True
    return found


@lru_cache(_KEPT)
def listing(given: Names, *, after: bool) -> Statement:
    """Return the statement for a page, newest first, without the raw bytes."""

    def build(on: str) -> Select[Any]:
        query = select(*_COLUMNS).where(*_conditions(given, on))
        if after:
            ends = [bindparam(f"after_{c.key}", type_=c.type) for c in MESSAGE_KEY]
            query = query.where(tuple_(*MESSAGE_KEY) < tuple_(*ends))
        return query.order_by(*(column.desc() for column in MESSAGE_KEY)).limit(
            bindparam("limit")
        )

    return Statement(build)


@lru_cache(_KEPT)
def oldest(given: Names) -> Statement:
    """Return the statement for the names of the oldest messages."""
    return Statement(
        lambda on: (
            select(_MESSAGE.c.id)
            .where(*_conditions(given, on))
            .order_by(*MESSAGE_KEY)
            .limit(bindparam("limit"))
        )
    )


@lru_cache(_KEPT)
def counting(given: Names) -> Statement:
    """Return the statement that counts messages, up to a limit."""

    def build(on: str) -> Select[Any]:
        some = (
            select(_MESSAGE.c.id)
            .where(*_conditions(given, on))
            .limit(bindparam("limit"))
            .subquery()
        )
        return select(func.count()).select_from(some)

    return Statement(build)


def _conditions(given: Names, on: str) -> list[Condition]:
    few = not _FEW.isdisjoint(given)
    received_at = _checked(_MESSAGE.c.received_at, few=few)
    found: list[Any] = [
        _checked(_MESSAGE.c[name], few=few) == bindparam(name)
        for name in given
        if name in _MESSAGE.c
    ]
    if "outcome" in given and "processed" not in given:
        found.append(text("inbound_message.outcome <> 'processed'"))
    if "erroneous" in given:
        found.append(text("inbound_message.error_code <> ''"))
    if "since" in given:
        found.append(received_at >= bindparam("since"))
    if "until" in given:
        found.append(received_at < bindparam("until"))
    if "order_id" in given:
        of_order = select(_LINK.c.message_id).where(
            _LINK.c.order_id == bindparam("order_id")
        )
        found.append(_among(of_order, on))
    for name in given:
        if name in _KINDS:
            named = select(_KEY.c.message_id).where(
                _KEY.c.kind == bindparam(f"{name}_kind", _KINDS[name].value),
                _KEY.c.value == bindparam(name),
            )
            found.append(_among(named, on))
    if "unreplayed" in given:
        later = _MESSAGE.alias("later")
        replay = select(later.c.id).where(later.c.replay_of == _MESSAGE.c.id)
        found += [
            _MESSAGE.c.replay_of.is_(None),
            text("inbound_message.fault = ''"),
            text(_ADMITTED),
            ~replay.exists(),
        ]
    return found


def _checked(column: ColumnElement[Any], *, few: bool) -> ColumnElement[Any]:
    """Return a column, hidden from its indexes where few messages are left anyway.

    SQLite would rather walk through all messages of a partner than look up four.
    """
    return func.coalesce(column, null()) if few else column


def _among(named: Select[Any], on: str) -> Condition:
    """Return the condition that a message is one of those named.

    On PostgreSQL as an array, which is looked up before anything else: the planner
    takes a join for one that might find many and walks through all messages instead.
    """
    if on == POSTGRESQL:
        return _MESSAGE.c.id == any_(func.array(named.scalar_subquery()))
    return _MESSAGE.c.id.in_(named)
