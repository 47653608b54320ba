"""Inbound messages in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select, tuple_

from booking_engine.application.ports import (
    AppointmentNumber,
    MessageKey,
    OldMessage,
)
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import MessageId, OrderId
from booking_engine.domain.messages import (
    APPOINTMENT_KEYS,
    InboundMessage,
    MessageOutcome,
    SearchKey,
)
from booking_engine.domain.parking import ParkingStatus
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.locks import lock_numbers
from booking_engine.persistence.queries import is_open
from booking_engine.persistence.session import Query, Session
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.transaction import Ahead, Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_MESSAGE: Final = TABLES[Kind.MESSAGE]
_KEY: Final = TABLES[Kind.MESSAGE_KEY]
_LINK: Final = TABLES[Kind.MESSAGE_ORDER]
_ORDER: Final = TABLES[Kind.ORDER]
_PARKED: Final = TABLES[Kind.PARKED]
_DELIVERY: Final = TABLES[Kind.DELIVERY]

_ONE: Final = "message"
_BY_KEY: Final = "newest message of key"


def _newest_of(on: str) -> Select[Any]:
    message = _MESSAGE.c
    rank = func.row_number().over(
        partition_by=(message.control_id, message.sender),
        order_by=(message.received_at.desc(), message.id.desc()),
    )
    ranked = (
        select(message.id, rank.label("rank"))
        .where(
            among(message.control_id, "controls", on),
            among(message.sender, "senders", on),
            ~message.edited,
        )
        .subquery()
    )
    return (
        select(_MESSAGE)
        .join(ranked, ranked.c.id == message.id)
        .where(ranked.c.rank == 1)
    )


_NEWEST_OF: Final = Statement(_newest_of)
_BY_ID: Final = Statement(
    lambda _: select(_MESSAGE).where(_MESSAGE.c.id == bindparam("id"))
)
_LINKS: Final = Statement(
    lambda on: (
        select(_LINK.c.message_id, _LINK.c.order_id)
        .where(among(_LINK.c.message_id, "ids", on))
        .order_by(_LINK.c.message_id, _LINK.c.position)
    )
)


_FIRST_OF: Final = Statement(
    lambda on: (
        select(_LINK.c.order_id, func.min(_LINK.c.message_id))
        .where(among(_LINK.c.order_id, "ids", on))
        .group_by(_LINK.c.order_id)
    )
)


_OF_APPOINTMENTS: Final = Statement(
    lambda on: (
        select(_MESSAGE.c.partner, _KEY.c.value, func.max(_MESSAGE.c.id))
        .join(_MESSAGE, _MESSAGE.c.id == _KEY.c.message_id)
        .where(
            or_(*(_KEY.c.kind == kind.value for kind in sorted(APPOINTMENT_KEYS))),
            among(_KEY.c.value, "numbers", on),
            _MESSAGE.c.kind.startswith("SIU"),
        )
        .group_by(_MESSAGE.c.partner, _KEY.c.value)
    )
)


_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


def _old(_: str) -> Select[Any]:
    message, when = _MESSAGE.c, _MESSAGE.c.received_at.type
    of_order = (
        select(_LINK.c.order_id)
        .join(_ORDER, _ORDER.c.id == _LINK.c.order_id)
        .where(_LINK.c.message_id == message.id, is_open(_ORDER))
    )
    waits = select(_PARKED.c.id).where(
        _PARKED.c.id == message.id, _PARKED.c.status == ParkingStatus.WAITING.value
    )
    answered = select(_DELIVERY.c.id).where(_DELIVERY.c.answers == message.id)
    needed = or_(of_order.exists(), waits.exists(), answered.exists())
    end: list[Any] = [bindparam("since", type_=when), bindparam("name")]
    return (
        select(
            *(message.id, message.received_at, message.outcome, message.search_keys),
            needed.label("needed"),
        )
        .where(
            message.received_at < bindparam("before", type_=when),
            tuple_(message.received_at, message.id) > tuple_(*end),
        )
        .order_by(message.received_at, message.id)
        .limit(bindparam("limit"))
    )


_OLD: Final = Statement(_old)


def orders_of(
    message_ids: Sequence[str], session: Session
) -> dict[str, tuple[OrderId, ...]]:
    """Return the orders that each message created or changed, in their order."""
    found: dict[str, tuple[OrderId, ...]] = {}
    if message_ids:
        for message_id, order_id in session.tuples(_LINKS, ids=message_ids):
            found[message_id] = (*found.get(message_id, ()), order_id)
    return found


class SqlMessages:
    """Inbound messages."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, message: InboundMessage) -> None:
        """Store a message with its acknowledgement."""
        t = self._transaction
        orders = tuple(dict.fromkeys(message.order_ids))
        if orders != message.order_ids:
            message = replace(message, order_ids=orders)
        key = (message.sender, message.control_id)
        t.write(Write(Kind.MESSAGE, mapping.message_row(message)))
        for position in range(len(orders)):
            t.write(Write(Kind.MESSAGE_ORDER, _link(message, position)))
        if message.keys:
            row = {"message_id": message.id, "keys": message.keys}
            t.write(Write(Kind.MESSAGE_KEY, row))
        t.remember(_ONE, message.id, message)
        if t.knows(_BY_KEY, key) and not message.edited:
            t.remember(_BY_KEY, key, _newer(t.recall(_BY_KEY, key), message))

    def settle(
        self,
        message_id: MessageId,
        outcome: MessageOutcome,
        order_ids: Iterable[OrderId] = (),
    ) -> None:
        """Store what became of a message in the end, and of which orders."""
        t = self._transaction
        before = self.get(message_id)
        orders = tuple(dict.fromkeys((*before.order_ids, *order_ids)))
        after = replace(before, outcome=outcome, order_ids=orders)
        row = {"id": message_id, "outcome": outcome.value}
        t.write(Write(Kind.MESSAGE, row, changes=True))
        for position in range(len(before.order_ids), len(orders)):
            t.write(Write(Kind.MESSAGE_ORDER, _link(after, position)))
        t.remember(_ONE, message_id, after)
        key = (after.sender, after.control_id)
        if t.knows(_BY_KEY, key) and t.recall(_BY_KEY, key) == before:
            t.remember(_BY_KEY, key, after)

    def file(
        self,
        message_id: MessageId,
        *,
        keys: Sequence[SearchKey],
        sent_at: datetime | None,
        order_control: str,
    ) -> None:
        """Store what a message is found by that had no keys."""
        t = self._transaction
        before = self.get(message_id)
        after = replace(
            before, keys=tuple(keys), sent_at=sent_at, order_control=order_control
        )
        row = mapping.message_row(after)
        filed = {
            name: row[name]
            for name in ("id", "sent_at", "order_control", "search_keys")
        }
        t.write(Write(Kind.MESSAGE, filed, changes=True))
        t.write(Write(Kind.MESSAGE_KEY, {"message_id": message_id, "keys": after.keys}))
        t.remember(_ONE, message_id, after)
        key = (after.sender, after.control_id)
        if t.knows(_BY_KEY, key) and t.recall(_BY_KEY, key) == before:
            t.remember(_BY_KEY, key, after)

    def of_orders(self, order_ids: Iterable[OrderId]) -> dict[OrderId, MessageId]:
        """Return the first message of each of these orders, in one query."""
        t = self._transaction
        wanted = sorted(set(order_ids))
        if not wanted:
            return {}
        t.settle(Kind.MESSAGE, Kind.MESSAGE_ORDER)
        # Names of messages sort by time.
        return {
            OrderId(order_id): MessageId(message_id)
            for order_id, message_id in t.tuples(_FIRST_OF, ids=wanted)
        }

    def of_appointments(
        self, numbers: Iterable[AppointmentNumber]
    ) -> dict[AppointmentNumber, MessageId]:
        """Return the newest message that names each of these, in one query."""
        t = self._transaction
        wanted = frozenset(numbers)
        if not wanted:
            return {}
        t.settle(Kind.MESSAGE, Kind.MESSAGE_KEY)
        values = sorted({number for _, number in wanted})
        # Names of messages sort by time.
        return {
            (partner, number): MessageId(message_id)
            for partner, number, message_id in t.tuples(
                _OF_APPOINTMENTS, numbers=values
            )
            if (partner, number) in wanted
        }

    def ahead(self, keys: Iterable[MessageKey]) -> Ahead | None:
        """Return the query for the newest message of each key, for `by_key`."""
        t = self._transaction
        unread = {key for key in keys if not t.knows(_BY_KEY, key)}
        if not unread:
            return None
        t.settle(Kind.MESSAGE)
        values = {
            "controls": sorted({control_id for _, control_id in unread}),
            "senders": sorted({sender for sender, _ in unread}),
        }
        query = Query(_NEWEST_OF, values, lock_numbers(t, "message", unread))
        return Ahead(query, lambda found: self._take(unread, found))

    def _take(self, unread: Iterable[MessageKey], found: Sequence[Any]) -> None:
        t = self._transaction
        read = {(one.sender, one.control_id): one for one in self._build(found)}
        for key in unread:
            t.remember(_BY_KEY, key, read.get(key))

    def by_key(self, key: MessageKey) -> InboundMessage | None:
        """Return the newest message with this sender and control id, or ``None``."""
        t = self._transaction
        t.read_ahead([self.ahead((key,))])
        found: InboundMessage | None = t.recall(_BY_KEY, key)
        return found

    def get(self, message_id: MessageId) -> InboundMessage:
        """Return one message; raises `NotKnown`."""
        t = self._transaction
        known: InboundMessage | None = t.recall(_ONE, message_id)
        if known is not None:
            return known
        found = self._build(t.rows(_BY_ID, id=message_id))
        if not found:
            raise NotKnown(refusals.not_stored("Message", message_id))
        return t.remember(_ONE, message_id, found[0])

    def old(
        self,
        *,
        before: datetime,
        after: tuple[datetime, MessageId] | None,
        limit: int,
    ) -> list[OldMessage]:
        """Return messages received before an instant, oldest first."""
        since, name = after or (_LONG_AGO, "")
        found = self._transaction.rows(
            _OLD, before=before, since=since, name=name, limit=limit
        )
        return [
            OldMessage(
                row.id,
                row.received_at,
                MessageOutcome(row.outcome),
                mapping.keys_of(row.search_keys),
                row.needed,
            )
            for row in found
        ]

    def discard(self, messages: Sequence[OldMessage]) -> None:
        """Delete messages with all that belongs to them; orders stay."""
        for message in messages:
            row = {"id": message.id, "keys": message.keys}
            self._transaction.write(Write(Kind.OLD_MESSAGE, row))

    def _build(self, found: Sequence[Any]) -> list[InboundMessage]:
        ids = [row.id for row in found]
        orders = self._transaction.read(lambda session: orders_of(ids, session))
        return [
            mapping.message_of(row, orders.get(row.id, ()), row.raw) for row in found
        ]


def _link(message: InboundMessage, position: int) -> dict[str, object]:
    return {
        "message_id": message.id,
        "position": position,
        "order_id": message.order_ids[position],
    }


def _newer(known: InboundMessage | None, other: InboundMessage) -> InboundMessage:
    if known is None:
        return other
    return max(known, other, key=lambda message: (message.received_at, message.id))
