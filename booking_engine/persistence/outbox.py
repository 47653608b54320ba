"""The outbox in the database: events, and their deliveries to partners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, or_, select, text

from booking_engine.application.ports import OldDelivery
from booking_engine.domain.delivery_history import DeliveryAttempt, DeliveryChange
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import (
    DeliveryId,
    EventId,
    Ids,
    OrderId,
    PartnerId,
)
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
)
from booking_engine.persistence import guards, mapping, refusals
from booking_engine.persistence.queries import is_open
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_EVENT: Final = TABLES[Kind.EVENT]
_DELIVERY: Final = TABLES[Kind.DELIVERY]
_ATTEMPT: Final = TABLES[Kind.ATTEMPT]
_CHANGE: Final = TABLES[Kind.DELIVERY_CHANGE]
_ORDER: Final = TABLES[Kind.ORDER]
_ONE: Final = "event"


def _due(_: str) -> Select[Any]:
    now = bindparam("now", type_=_DELIVERY.c.next_attempt_at.type)
    one, earlier = _DELIVERY.c, _DELIVERY.alias("earlier")
    stuck = (
        select(earlier.c.sequence)
        .where(
            earlier.c.order_id == one.order_id,
            earlier.c.destination == one.destination,
            earlier.c.sequence < one.sequence,
            or_(
                and_(
                    earlier.c.status == DeliveryStatus.PARKED.value,
                    earlier.c.event_id.is_not(None),
                ),
                and_(
                    earlier.c.status == DeliveryStatus.PENDING.value,
                    earlier.c.next_attempt_at > now,
                ),
            ),
        )
        .exists()
    )
    return (
        select(_DELIVERY)
        .where(
            one.destination == bindparam("destination"),
            one.status == DeliveryStatus.PENDING.value,
            or_(one.next_attempt_at.is_(None), one.next_attempt_at <= now),
            ~stuck,
        )
        .order_by(one.sequence)
        .limit(bindparam("limit"))
    )


_DUE: Final = Statement(_due)
_EVENTS: Final = Statement(
    lambda on: select(_EVENT).where(among(_EVENT.c.id, "ids", on))
)
_BY_ID: Final = Statement(
    lambda _: select(_DELIVERY).where(_DELIVERY.c.id == bindparam("id"))
)
_OF_ORDER: Final = Statement(
    lambda _: (
        select(_DELIVERY)
        .where(_DELIVERY.c.order_id == bindparam("order_id"))
        .order_by(_DELIVERY.c.sequence)
    )
)
_OF_ORDERS: Final = Statement(
    lambda on: select(_DELIVERY).where(
        among(_DELIVERY.c.order_id, "ids", on),
        _DELIVERY.c.created_at >= bindparam("since"),
    )
)
_ANSWERS: Final = Statement(
    lambda _: select(_DELIVERY).where(_DELIVERY.c.answers == bindparam("answers"))
)
_CLAIM: Final = Statement(
    # SQLite has one writer anyway, and knows no such words.
    lambda _: (
        select(_DELIVERY).where(_DELIVERY.c.id == bindparam("id")).with_for_update()
    )
)
_PARKED: Final = Statement(
    lambda _: (
        select(_DELIVERY)
        .where(
            _DELIVERY.c.destination == bindparam("destination"),
            _DELIVERY.c.status == DeliveryStatus.PARKED.value,
        )
        .order_by(_DELIVERY.c.sequence)
        .limit(bindparam("limit"))
        .with_for_update()
    )
)
_ATTEMPTS: Final = Statement(
    lambda _: (
        select(_ATTEMPT)
        .where(_ATTEMPT.c.delivery_id == bindparam("delivery_id"))
        .order_by(_ATTEMPT.c.id)
    )
)
_CHANGES: Final = Statement(
    lambda _: (
        select(_CHANGE)
        .where(_CHANGE.c.delivery_id == bindparam("delivery_id"))
        .order_by(_CHANGE.c.id)
    )
)


def _old(_: str) -> Select[Any]:
    one, when = _DELIVERY.c, _DELIVERY.c.created_at.type
    of_order = select(_ORDER.c.id).where(_ORDER.c.id == one.order_id, is_open(_ORDER))
    unsent = or_(
        one.status == DeliveryStatus.PENDING.value,
        one.status == DeliveryStatus.PARKED.value,
    )
    return (
        select(one.id, one.sequence, or_(unsent, of_order.exists()).label("needed"))
        .where(
            one.sequence > bindparam("after"),
            one.created_at < bindparam("before", type_=when),
        )
        .order_by(one.sequence)
        .limit(bindparam("limit"))
    )


_OLD: Final = Statement(_old)
_COUNTS: Final = Statement(
    lambda _: select(
        _DELIVERY.c.destination, _DELIVERY.c.status, func.count()
    ).group_by(_DELIVERY.c.destination, _DELIVERY.c.status)
)
# The words of the partial index, and no parameter: only then is it used.
_IS_UNSENT: Final = text(f"delivery.{guards.UNSENT_SQL}")
_UNSENT_COUNTS: Final = Statement(
    lambda _: (
        select(_DELIVERY.c.destination, _DELIVERY.c.status, func.count())
        .where(_IS_UNSENT)
        .group_by(_DELIVERY.c.destination, _DELIVERY.c.status)
    )
)
_OLDEST: Final = Statement(
    lambda _: select(func.min(_DELIVERY.c.created_at).label("created_at")).where(
        _IS_UNSENT, _DELIVERY.c.status == DeliveryStatus.PENDING.value
    )
)


class SqlOutbox:
    """Events, and their deliveries to partners.

    Parameters
    ----------
    ids
        Names events ("E") and deliveries ("X").
    """

    def __init__(self, transaction: Transaction, ids: Ids) -> None:
        self._transaction = transaction
        self._ids = ids

    def add(self, event: Event) -> EventId:
        """Store an event and one pending delivery for each partner in its audience."""
        t = self._transaction
        event_id = EventId(self._ids("E"))
        t.write(Write(Kind.EVENT, mapping.event_row(event_id, event)))
        t.remember(_ONE, event_id, event)
        for partner in dict.fromkeys(event.audience):
            delivery = Delivery(
                id=DeliveryId(self._ids("X")),
                event_id=event_id,
                order_id=event.order_id,
                destination=partner,
                status=DeliveryStatus.PENDING,
                created_at=event.occurred_at,
            )
            t.write(Write(Kind.DELIVERY, mapping.delivery_row(delivery)))
        return event_id

    def queue(self, delivery: Delivery) -> None:
        """Store a new delivery that answers a message, with its bytes."""
        row = mapping.delivery_row(delivery)
        self._transaction.write(Write(Kind.DELIVERY, row))

    def event(self, event_id: EventId) -> Event:
        """Return one event; raises `NotKnown`."""
        try:
            return self.events((event_id,))[event_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Event", event_id)) from None

    def events(self, event_ids: Iterable[EventId]) -> dict[EventId, Event]:
        """Return those of these events that exist, in one query."""
        t = self._transaction
        wanted = list(dict.fromkeys(event_ids))
        unread = [i for i in wanted if not t.knows(_ONE, i)]
        if unread:
            for row in t.rows(_EVENTS, ids=unread):
                t.remember(_ONE, row.id, mapping.event_of(row))
        return {i: t.recall(_ONE, i) for i in wanted if t.knows(_ONE, i)}

    def due(
        self, destination: PartnerId, now: datetime, *, limit: int
    ) -> list[Delivery]:
        """Return pending deliveries that may go now, in sequence.

        For each order only deliveries with no earlier one that is parked or waits
        for its retry: a cancel never overtakes a stuck booking. An answer that is
        parked keeps nothing back.
        """
        t = self._transaction
        t.settle(Kind.DELIVERY)
        found = t.rows(_DUE, destination=destination, now=now, limit=limit)
        return [mapping.delivery_of(row) for row in found]

    def save(self, deliveries: Sequence[Delivery]) -> None:
        """Store changed deliveries; what names them does not change."""
        for delivery in deliveries:
            row = {"id": delivery.id, **mapping.delivery_state(delivery)}
            self._transaction.write(Write(Kind.DELIVERY, row, changes=True))

    def answered(self, delivery_id: DeliveryId, code: str) -> None:
        """Store the application acknowledgement of a delivery, and nothing else."""
        row = {"id": delivery_id, "application_ack": code}
        self._transaction.write(Write(Kind.DELIVERY, row, changes=True))

    def get(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery; raises `NotKnown`."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        for row in t.rows(_BY_ID, id=delivery_id):
            return mapping.delivery_of(row)
        raise NotKnown(refusals.not_stored("Delivery", delivery_id))

    def claim(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery that nobody else can claim until the unit ends."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        for row in t.rows(_CLAIM, id=delivery_id):
            return mapping.delivery_of(row)
        raise NotKnown(refusals.not_stored("Delivery", delivery_id))

    def parked(self, destination: PartnerId, *, limit: int) -> list[Delivery]:
        """Return a partner's parked deliveries, claimed, in sequence."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        found = t.rows(_PARKED, destination=destination, limit=limit)
        return [mapping.delivery_of(row) for row in found]

    def record(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Append to what was tried."""
        for attempt in attempts:
            self._transaction.write(Write(Kind.ATTEMPT, mapping.attempt_row(attempt)))

    def note(self, change: DeliveryChange) -> None:
        """Append to what people decided."""
        row = mapping.delivery_change_row(change)
        self._transaction.write(Write(Kind.DELIVERY_CHANGE, row))

    def attempts(self, delivery_id: DeliveryId) -> list[DeliveryAttempt]:
        """Return what was tried with a delivery, oldest first."""
        t = self._transaction
        t.settle(Kind.ATTEMPT)
        found = t.rows(_ATTEMPTS, delivery_id=delivery_id)
        return [mapping.attempt_of(row) for row in found]

    def changes(self, delivery_id: DeliveryId) -> list[DeliveryChange]:
        """Return what people decided about a delivery, oldest first."""
        t = self._transaction
        t.settle(Kind.DELIVERY_CHANGE)
        found = t.rows(_CHANGES, delivery_id=delivery_id)
        return [mapping.delivery_change_of(row) for row in found]

    def old(self, *, before: datetime, after: int, limit: int) -> list[OldDelivery]:
        """Return deliveries created before an instant and after a sequence."""
        found = self._transaction.rows(_OLD, before=before, after=after, limit=limit)
        return [OldDelivery(row.id, row.sequence, row.needed) for row in found]

    def discard(self, delivery_ids: Sequence[DeliveryId]) -> None:
        """Delete deliveries with their history; their events stay."""
        for delivery_id in delivery_ids:
            self._transaction.write(Write(Kind.OLD_DELIVERY, {"id": delivery_id}))

    def of_order(self, order_id: OrderId) -> list[Delivery]:
        """Return the deliveries of one order, in sequence."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        return [
            mapping.delivery_of(row) for row in t.rows(_OF_ORDER, order_id=order_id)
        ]

    def led_to(self, message: InboundMessage) -> list[Delivery]:
        """Return what answers a message, and what was told of its orders since."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        found = t.rows(_ANSWERS, answers=message.id)
        if message.order_ids:
            found += t.rows(
                _OF_ORDERS, ids=list(message.order_ids), since=message.received_at
            )
        by_sequence = {row.sequence: mapping.delivery_of(row) for row in found}
        return [by_sequence[number] for number in sorted(by_sequence)]

    def counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many deliveries each partner has in each status."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        return {(partner, status): count for partner, status, count in t.rows(_COUNTS)}

    def unsent_counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many each partner has pending, and parked."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        found = t.rows(_UNSENT_COUNTS)
        return {(partner, status): count for partner, status, count in found}

    def oldest_pending(self) -> datetime | None:
        """Return when the oldest pending delivery was created, or ``None``."""
        t = self._transaction
        t.settle(Kind.DELIVERY)
        oldest: datetime | None = t.rows(_OLDEST)[0][0]
        return oldest
