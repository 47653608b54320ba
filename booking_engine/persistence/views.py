"""The read models on the database: keyset pages from indexed queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Engine

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
from booking_engine.domain.messages import Delivery, DeliveryStatus, InboundMessage
from booking_engine.domain.register import nhs_key
from booking_engine.domain.schedule import Appointment
from booking_engine.persistence import mapping
from booking_engine.persistence import view_statements as statements
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
from booking_engine.persistence.session import Database, Session
from booking_engine.persistence.sql_messages import orders_of
from booking_engine.persistence.summaries import OPEN_STATUSES, worklist_item
from booking_engine.persistence.view_statements import (
    APPOINTMENTS_OF,
    DELIVERY_KEY,
    MESSAGES_OF,
    RAISED_KEY,
    RECEIVED_KEY,
    START_KEY,
    TIER_KEY,
    Key,
)

Item = TypeVar("Item")

_LITERALLY: Final = re.compile("[/%_]")
"""What LIKE would take for something else."""


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
        page = statements.worklist(
            states, tuple(values), bool(after), changed=not wanted.statuses
        )
        values |= _ends(TIER_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
            return self._order_page(session, found, TIER_KEY, limit)

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
        page = statements.orders(tuple(values), bool(after))
        values |= _ends(RECEIVED_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
            return self._order_page(session, found, RECEIVED_KEY, limit)

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
        page = statements.deliveries(tuple(values), bool(after), unsent=unsent)
        values |= _ends(DELIVERY_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, DELIVERY_KEY, limit, _bare_delivery)

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
        page = statements.appointments(tuple(values), bool(after))
        values |= _ends(START_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, START_KEY, limit, mapping.appointment_of)

    def alerts(
        self, wanted: AlertFilter, *, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """Return a page of alerts, newest first."""
        checked_limit(limit)
        after = decode_cursor(cursor, BY_INSTANT)
        values = _given(partner=wanted.partner, condition=wanted.condition)
        page = statements.alerts(tuple(values), wanted.is_open, bool(after))
        values |= _ends(RAISED_KEY, after)
        with self._reading() as session:
            found = session.rows(page, **values, limit=limit + 1)
        return _page(found, RAISED_KEY, limit, mapping.alert_of)

    def messages_of(self, order_id: OrderId) -> list[MessageId]:
        """Return the inbound messages that created or changed an order, in order."""
        with self._reading() as session:
            found = session.tuples(MESSAGES_OF, order_id=order_id)
        return [MessageId(message_id) for (message_id,) in found]

    def appointments_of(
        self, appointment_ids: Iterable[AppointmentId]
    ) -> dict[AppointmentId, Appointment]:
        """Return those of these appointments that exist, in one query."""
        with self._reading() as session:
            found = session.rows(APPOINTMENTS_OF, ids=sorted(set(appointment_ids)))
        return {row.id: mapping.appointment_of(row) for row in found}


def _given(**values: Any) -> dict[str, Any]:
    """Return the values of those filters that ask for something."""
    return {name: value for name, value in values.items() if value is not None}


def _ends(key: Key, after: Sequence[Any]) -> dict[str, Any]:
    """Return the values that say where the page before ended."""
    return {f"after_{c.key}": v for c, v in zip(key, after, strict=False)}


def _bare_delivery(row: Any) -> Delivery:
    return mapping.delivery_of(row, bare=True)


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
