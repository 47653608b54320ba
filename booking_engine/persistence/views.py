"""The read models on the database: keyset pages from indexed queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Engine,
    Table,
    TextClause,
    bindparam,
    select,
    text,
    tuple_,
    union_all,
)

from booking_engine.application.views import (
    COUNTED,
    AlertFilter,
    AppointmentFilter,
    DeliveryFilter,
    MessageFilter,
    OrderFilter,
    Page,
    WorklistFilter,
    WorklistItem,
)
from booking_engine.domain.alerts import Alert
from booking_engine.domain.identifiers import AppointmentId, MessageId, OrderId
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
)
from booking_engine.domain.register import nhs_key
from booking_engine.domain.schedule import Appointment
from booking_engine.persistence import mapping, rows
from booking_engine.persistence.catalogue_store import cache_of, read_catalogue
from booking_engine.persistence.cursors import (
    BY_INSTANT,
    BY_SEQUENCE,
    BY_TIER,
    checked_limit,
    decode_cursor,
    encode_cursor,
)
from booking_engine.persistence.message_search import (
    MESSAGE_KEY,
    asked_of,
    counting,
    listing,
    oldest,
)
from booking_engine.persistence.queries import AnySelect, changed_since_booked
from booking_engine.persistence.session import Database, Session
from booking_engine.persistence.sql_messages import orders_of
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.summaries import OPEN_STATUSES, worklist_item

Item = TypeVar("Item")
Condition = ColumnElement[bool]

_ORDER: Final = rows.table_of(rows.ImagingOrderRow)
_APPOINTMENT: Final = rows.table_of(rows.AppointmentRow)
_DELIVERY: Final = rows.table_of(rows.DeliveryRow)
_MESSAGE: Final = rows.table_of(rows.InboundMessageRow)
_ALERT: Final = rows.table_of(rows.AlertRow)
_LINK: Final = rows.table_of(rows.MessageOrderRow)

_TIER_KEY: Final = (_ORDER.c.tier, _ORDER.c.breach_on, _ORDER.c.id)
_RECEIVED_KEY: Final = (_ORDER.c.received_at, _ORDER.c.id)
_RAISED_KEY: Final = (_ALERT.c.raised_at, _ALERT.c.id)
_DELIVERY_KEY: Final = (_DELIVERY.c.sequence,)
_DELIVERY_COLUMNS: Final = tuple(
    c for c in _DELIVERY.c if c.name not in {"payload", "ack"}
)
_START_KEY: Final = (_APPOINTMENT.c.starts_at, _APPOINTMENT.c.id)

Key = tuple[ColumnElement[Any], ...]
Names = tuple[str, ...]

_LITERALLY: Final = re.compile("[/%_]")
"""What LIKE would take for something else."""
_KEPT: Final = 256
"""Statements kept, one for each combination of filters that was asked for."""

_MESSAGES_OF: Final = Statement(
    lambda _: (
        select(_MESSAGE.c.id)
        .join(_LINK, _LINK.c.message_id == _MESSAGE.c.id)
        .where(_LINK.c.order_id == bindparam("order_id"))
        .order_by(*MESSAGE_KEY)
    )
)
_APPOINTMENTS_OF: Final = Statement(
    lambda on: select(_APPOINTMENT).where(among(_APPOINTMENT.c.id, "ids", on))
)


class SqlViews:
    """Reads for the API; each call is one short read-only transaction.

    Parameters
    ----------
    engine
        As `booking_engine.persistence.sql.make_engine` returns it.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = Database.of(engine)
        self._cache = cache_of(engine)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        session = Session(self._database, writable=False)
        try:
            yield session
        finally:
            session.close()

    def worklist(
        self, wanted: WorklistFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of the worklist; raises `InvalidValue` on a bad cursor."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_TIER)
        values = _given(
            partner=wanted.partner, procedure_as_sent=wanted.procedure_as_sent
        )
        if wanted.hold_code is not None:
            code = _LITERALLY.sub(r"/\g<0>", wanted.hold_code)
            values["code"] = f"%,{code},%"
        states = tuple(sorted({s.value for s in wanted.statuses or OPEN_STATUSES}))
        page = _worklist(
            states, tuple(values), bool(after), changed=not wanted.statuses
        )
        values |= _ends(_TIER_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
            return self._order_page(session, found, _TIER_KEY, limit)

    def orders(
        self, wanted: OrderFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of orders, newest first."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        values = _given(
            status=wanted.status and wanted.status.value,
            partner=wanted.partner,
            placer_number=wanted.placer_number,
            patient_key=wanted.nhs_number and nhs_key(wanted.nhs_number),
            accession=wanted.accession,
        )
        page = _orders(tuple(values), bool(after))
        values |= _ends(_RECEIVED_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
            return self._order_page(session, found, _RECEIVED_KEY, limit)

    def _order_page(
        self, session: Session, found: Sequence[Any], key: Key, limit: int
    ) -> Page[WorklistItem]:
        catalogue = read_catalogue(session, self._cache)
        return _page(
            found,
            key,
            limit,
            lambda row: worklist_item(mapping.order_of(row), catalogue),
        )

    def messages(
        self, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[InboundMessage]:
        """Return a page of inbound messages, newest first, without raw bytes."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        values = asked_of(wanted)
        page = listing(tuple(values), after=bool(after))
        values |= _ends(MESSAGE_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
            orders = orders_of([row.id for row in found], session)
        return _page(
            found,
            MESSAGE_KEY,
            limit,
            lambda row: mapping.message_of(row, orders.get(row.id, ()), b""),
        )

    def to_replay(
        self, wanted: MessageFilter, *, limit: int
    ) -> tuple[list[MessageId], int]:
        """Return the oldest that match, and how many there are, counted to a limit."""
        values = asked_of(wanted)
        names = tuple(values)
        with self._reading() as session:
            found = session.tuples(oldest(names), **values, limit=limit)
            ((count,),) = session.tuples(counting(names), **values, limit=COUNTED)
        return [MessageId(message_id) for (message_id,) in found], count

    def deliveries(
        self, wanted: DeliveryFilter, *, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first, without their bytes."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_SEQUENCE)
        values = _given(
            destination=wanted.destination,
            status=wanted.status and wanted.status.value,
            order_id=wanted.order_id,
        )
        unsent = wanted.status in (DeliveryStatus.PARKED, DeliveryStatus.PENDING)
        page = _deliveries(tuple(values), bool(after), unsent=unsent)
        values |= _ends(_DELIVERY_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, _DELIVERY_KEY, limit, _bare_delivery)

    def appointments(
        self, wanted: AppointmentFilter, *, cursor: str | None, limit: int
    ) -> Page[Appointment]:
        """Return a page of appointments by start, then id."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        values = _given(
            scanner=wanted.scanner,
            session_id=wanted.session_id,
            order_id=wanted.order_id,
            since=wanted.starts_from,
            until=wanted.starts_to,
        )
        page = _appointments(tuple(values), bool(after))
        values |= _ends(_START_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, _START_KEY, limit, mapping.appointment_of)

    def alerts(
        self, wanted: AlertFilter, *, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """Return a page of alerts, newest first."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        values = _given(partner=wanted.partner, condition=wanted.condition)
        page = _alerts(tuple(values), wanted.is_open, bool(after))
        values |= _ends(_RAISED_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, _RAISED_KEY, limit, mapping.alert_of)

    def messages_of(self, order_id: OrderId) -> list[MessageId]:
        """Return the inbound messages that created or changed an order, in order."""
        with self._reading() as session:
            found = session.tuples(_MESSAGES_OF, order_id=order_id)
        return [MessageId(message_id) for (message_id,) in found]

    def appointments_of(
        self, appointment_ids: Iterable[AppointmentId]
    ) -> dict[AppointmentId, Appointment]:
        """Return those of these appointments that exist, in one query."""
        with self._reading() as session:
            found = session.rows(_APPOINTMENTS_OF, ids=sorted(set(appointment_ids)))
        return {row.id: mapping.appointment_of(row) for row in found}


def _given(**values: Any) -> dict[str, Any]:
    """Return the values of those filters that ask for something."""
    return {name: value for name, value in values.items() if value is not None}


def _ends(key: Key, after: Sequence[Any]) -> dict[str, Any]:
    """Return the values that say where the page before ended."""
    return {f"after_{c.key}": v for c, v in zip(key, after, strict=False)}


# Statements, by the filters that are given ---------------------------------------


@lru_cache(_KEPT)
def _worklist(states: Names, given: Names, after: bool, *, changed: bool) -> Statement:  # noqa: FBT001 - the key of a cache
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
            _ahead(select(*_TIER_KEY), _TIER_KEY, conditions, after=after)
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
        return (
            select(_ORDER).join(first, first.c.id == _ORDER.c.id).order_by(*_TIER_KEY)
        )

    return Statement(build)


@lru_cache(_KEPT)
def _orders(given: Names, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    conditions = _equal(_ORDER, given)
    return Statement(
        lambda _: _back(select(_ORDER), _RECEIVED_KEY, conditions, after=after)
    )


@lru_cache(_KEPT)
def _deliveries(given: Names, after: bool, *, unsent: bool) -> Statement:  # noqa: FBT001 - the key of a cache
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
            select(*_DELIVERY_COLUMNS), _DELIVERY_KEY, conditions, after=after
        )
    )


def _bare_delivery(row: Any) -> Delivery:
    return mapping.delivery_of(row, bare=True)


@lru_cache(_KEPT)
def _appointments(given: Names, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    conditions = _equal(_APPOINTMENT, given) + _within(_APPOINTMENT.c.starts_at, given)
    return Statement(
        lambda _: _ahead(
            select(_APPOINTMENT), _START_KEY, conditions, after=after
        ).limit(bindparam("limit"))
    )


@lru_cache(_KEPT)
def _alerts(given: Names, is_open: bool | None, after: bool) -> Statement:  # noqa: FBT001 - the key of a cache
    conditions = _equal(_ALERT, given)
    if is_open is not None:
        cleared = _ALERT.c.cleared_at
        conditions.append(cleared.is_(None) if is_open else cleared.is_not(None))
    return Statement(
        lambda _: _back(select(_ALERT), _RAISED_KEY, conditions, after=after)
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


def _page(
    found: Sequence[Any],
    key: Key,
    limit: int,
    build: Callable[[Any], Item],
) -> Page[Item]:
    """Return a page from one row more than it shows, if there is one more."""
    shown = found[:limit]
    cursor = None
    if len(found) > limit:
        last = shown[-1]
        cursor = encode_cursor([getattr(last, str(column.key)) for column in key])
    return Page(tuple(build(row) for row in shown), cursor)
