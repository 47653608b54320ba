"""The read models on the database: keyset pages from indexed queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    literal,
    select,
    tuple_,
    union_all,
)

from booking_engine.application.views import (
    AppointmentFilter,
    MessageFilter,
    OrderFilter,
    Page,
    WorklistFilter,
    WorklistItem,
)
from booking_engine.domain.identifiers import AppointmentId, MessageId, OrderId
from booking_engine.domain.messages import InboundMessage
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import Appointment
from booking_engine.persistence import mapping, rows
from booking_engine.persistence.catalogue_store import cache_of, read_catalogue
from booking_engine.persistence.cursors import (
    BY_INSTANT,
    BY_TIER,
    checked_limit,
    decode_cursor,
    encode_cursor,
)
from booking_engine.persistence.engine import open_reading
from booking_engine.persistence.queries import AnyRow, AnySelect, among
from booking_engine.persistence.sql_messages import orders_of
from booking_engine.persistence.summaries import OPEN_STATUSES, worklist_item

Item = TypeVar("Item")
Condition = ColumnElement[bool]

_ORDER: Final = rows.table_of(rows.ImagingOrderRow)
_APPOINTMENT: Final = rows.table_of(rows.AppointmentRow)
_MESSAGE: Final = rows.table_of(rows.InboundMessageRow)
_LINK: Final = rows.table_of(rows.MessageOrderRow)

_TIER_KEY: Final = (_ORDER.c.tier, _ORDER.c.breach_on, _ORDER.c.id)
_RECEIVED_KEY: Final = (_ORDER.c.received_at, _ORDER.c.id)
_MESSAGE_KEY: Final = (_MESSAGE.c.received_at, _MESSAGE.c.id)
_START_KEY: Final = (_APPOINTMENT.c.starts_at, _APPOINTMENT.c.id)
_MESSAGE_COLUMNS: Final = tuple(c for c in _MESSAGE.c if c.name != "raw")

Key = Sequence[ColumnElement[Any]]


class SqlViews:
    """Reads for the API; each call is one short read-only transaction.

    Parameters
    ----------
    engine
        As `booking_engine.persistence.sql.make_engine` returns it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cache = cache_of(engine)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        connection = open_reading(self._engine)
        try:
            yield connection
        finally:
            connection.close()

    def worklist(
        self, wanted: WorklistFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of the worklist; raises `InvalidValue` on a bad cursor."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_TIER)
        conditions = _equal(
            (_ORDER.c.partner, wanted.partner),
            (_ORDER.c.procedure_as_sent, wanted.procedure_as_sent),
        )
        if wanted.procedure_as_sent is not None:
            conditions.append(_ORDER.c.procedure.is_(None))
        if wanted.hold_code is not None:
            code = f",{wanted.hold_code},"
            conditions.append(_ORDER.c.hold_codes.contains(code, autoescape=True))
        # Each state is read in the order of its index, and no further than needed.
        states = [
            _ahead(select(_ORDER), _TIER_KEY, after, conditions)
            .where(_ORDER.c.status == status.value)
            .limit(limit + 1)
            .subquery()
            for status in sorted(set(wanted.statuses or OPEN_STATUSES))
        ]
        if not wanted.statuses:
            states.append(_booked_but_changed(after, conditions, limit))
        merged = union_all(*(select(state) for state in states)).subquery("merged")
        page = (
            select(merged)
            .order_by(merged.c.tier, merged.c.breach_on, merged.c.id)
            .limit(limit + 1)
        )
        with self._reading() as connection:
            found = connection.execute(page).all()
            return self._order_page(connection, found, _TIER_KEY, limit)

    def orders(
        self, wanted: OrderFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of orders, newest first."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        conditions = _equal(
            (_ORDER.c.status, wanted.status and wanted.status.value),
            (_ORDER.c.partner, wanted.partner),
            (_ORDER.c.placer_number, wanted.placer_number),
            (_ORDER.c.nhs_number, wanted.nhs_number),
            (_ORDER.c.accession, wanted.accession),
        )
        page = _back(select(_ORDER), _RECEIVED_KEY, after, conditions)
        with self._reading() as connection:
            found = connection.execute(page.limit(limit + 1)).all()
            return self._order_page(connection, found, _RECEIVED_KEY, limit)

    def _order_page(
        self, connection: Connection, found: Sequence[AnyRow], key: Key, limit: int
    ) -> Page[WorklistItem]:
        catalogue = read_catalogue(connection, self._cache)
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
        message = _MESSAGE.c
        conditions = _equal(
            (message.partner, wanted.partner),
            (message.control_id, wanted.control_id),
            (message.outcome, wanted.outcome),
        )
        if wanted.order_id is not None:
            of_order = select(_LINK.c.message_id).where(
                _LINK.c.order_id == wanted.order_id
            )
            conditions.append(message.id.in_(of_order))
        if wanted.received_from is not None:
            conditions.append(message.received_at >= wanted.received_from)
        if wanted.received_to is not None:
            conditions.append(message.received_at < wanted.received_to)
        page = _back(select(*_MESSAGE_COLUMNS), _MESSAGE_KEY, after, conditions)
        with self._reading() as connection:
            found = connection.execute(page.limit(limit + 1)).all()
            orders = orders_of([row.id for row in found], connection)
        return _page(
            found,
            _MESSAGE_KEY,
            limit,
            lambda row: mapping.message_of(row, orders.get(row.id, ()), b""),
        )

    def appointments(
        self, wanted: AppointmentFilter, *, cursor: str | None, limit: int
    ) -> Page[Appointment]:
        """Return a page of appointments by start, then id."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        one = _APPOINTMENT.c
        conditions = _equal(
            (one.scanner, wanted.scanner),
            (one.session_id, wanted.session_id),
            (one.order_id, wanted.order_id),
        )
        if wanted.starts_from is not None:
            conditions.append(one.starts_at >= wanted.starts_from)
        if wanted.starts_to is not None:
            conditions.append(one.starts_at < wanted.starts_to)
        page = _ahead(select(_APPOINTMENT), _START_KEY, after, conditions)
        with self._reading() as connection:
            found = connection.execute(page.limit(limit + 1)).all()
        return _page(found, _START_KEY, limit, mapping.appointment_of)

    def messages_of(self, order_id: OrderId) -> list[MessageId]:
        """Return the inbound messages that created or changed an order, in order."""
        found = (
            select(_MESSAGE.c.id)
            .join(_LINK, _LINK.c.message_id == _MESSAGE.c.id)
            .where(_LINK.c.order_id == order_id)
            .order_by(*_MESSAGE_KEY)
        )
        with self._reading() as connection:
            return [MessageId(i) for i in connection.execute(found).scalars()]

    def appointments_of(
        self, appointment_ids: Iterable[AppointmentId]
    ) -> dict[AppointmentId, Appointment]:
        """Return those of these appointments that exist, in one query."""
        with self._reading() as connection:
            found = select(_APPOINTMENT).where(
                among(_APPOINTMENT.c.id, appointment_ids, connection)
            )
            read = connection.execute(found).all()
        return {row.id: mapping.appointment_of(row) for row in read}


def _equal(*pairs: tuple[ColumnElement[Any], str | None]) -> list[Condition]:
    """Return the conditions of those filters that ask for something."""
    return [column == value for column, value in pairs if value is not None]


def _after(key: Key, after: Sequence[Any]) -> ColumnElement[Any]:
    return tuple_(
        *(literal(value, column.type) for value, column in zip(after, key, strict=True))
    )


def _booked_but_changed(after: Any, conditions: list[Any], limit: int) -> Any:
    """Return the booked orders whose sender changed the request: a person must look."""
    return (
        _ahead(select(_ORDER), _TIER_KEY, after, conditions)
        .where(_ORDER.c.status == OrderStatus.BOOKED.value)
        .where(_ORDER.c.hold_codes != "")
        .limit(limit + 1)
        .subquery()
    )


def _ahead(
    query: AnySelect, key: Key, after: Sequence[Any], conditions: Sequence[Condition]
) -> AnySelect:
    """Return the query in the order of `key`, from just after a page's end."""
    if after:
        query = query.where(tuple_(*key) > _after(key, after))
    return query.where(*conditions).order_by(*key)


def _back(
    query: AnySelect, key: Key, after: Sequence[Any], conditions: Sequence[Condition]
) -> AnySelect:
    """Return the query against the order of `key`, from just after a page's end."""
    if after:
        query = query.where(tuple_(*key) < _after(key, after))
    return query.where(*conditions).order_by(*(column.desc() for column in key))


def _page(
    found: Sequence[AnyRow],
    key: Key,
    limit: int,
    build: Callable[[AnyRow], Item],
) -> Page[Item]:
    """Return a page from one row more than it shows, if there is one more."""
    shown = found[:limit]
    cursor = None
    if len(found) > limit:
        last = shown[-1]
        cursor = encode_cursor([getattr(last, str(column.key)) for column in key])
    return Page(tuple(build(row) for row in shown), cursor)
