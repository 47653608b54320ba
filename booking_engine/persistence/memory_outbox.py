"""The outbox in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from booking_engine.application.ports import OldDelivery
from booking_engine.domain.delivery_history import DeliveryAttempt, DeliveryChange
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import DeliveryId, EventId, OrderId, PartnerId
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
)
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryOutbox:
    """Events, and their deliveries to partners."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, event: Event) -> EventId:
        """Store an event and one pending delivery for each partner in its audience."""
        event_id = EventId(self._unit.new_id("E"))
        self._unit.own("events")[event_id] = event
        self._unit.check(lambda t: t.check_order_known(event.order_id))
        for partner in dict.fromkeys(event.audience):
            delivery = Delivery(
                id=DeliveryId(self._unit.new_id("X")),
                event_id=event_id,
                order_id=event.order_id,
                destination=partner,
                status=DeliveryStatus.PENDING,
                created_at=event.occurred_at,
                sequence=self._unit.next_sequence(),
            )
            self._add(delivery)
        return event_id

    def queue(self, delivery: Delivery) -> None:
        """Store a new delivery that answers a message, with its bytes."""
        if delivery.answers is not None:
            answered = delivery.answers
            self._unit.check(lambda t: t.check_message_known(answered))
        self._add(replace(delivery, sequence=self._unit.next_sequence()))

    def _add(self, delivery: Delivery) -> None:
        self._unit.own("deliveries")[delivery.id] = delivery
        self._unit.own("unsent")[delivery.id] = None
        if delivery.order_id is not None:
            index = self._unit.own("deliveries_of")
            known = index.get(delivery.order_id, ())
            index[delivery.order_id] = (*known, delivery.id)

    def event(self, event_id: EventId) -> Event:
        """Return one event; raises `NotKnown`."""
        try:
            return self._unit.tables.events[event_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Event", event_id)) from None

    def events(self, event_ids: Iterable[EventId]) -> dict[EventId, Event]:
        """Return those of these events that exist."""
        events = self._unit.tables.events
        return {i: events[i] for i in event_ids if i in events}

    def due(
        self, destination: PartnerId, now: datetime, *, limit: int
    ) -> list[Delivery]:
        """Return pending deliveries that may go now, in sequence."""
        deliveries = self._unit.tables.deliveries
        found: list[Delivery] = []
        stuck: set[OrderId | None] = set()
        # Insertion order is sequence order, and `unsent` keeps it.
        for delivery_id in self._unit.tables.unsent:
            delivery = deliveries[delivery_id]
            if delivery.destination != destination or delivery.order_id in stuck:
                continue
            waits = (
                delivery.next_attempt_at is not None and delivery.next_attempt_at > now
            )
            if waits or delivery.status is DeliveryStatus.PARKED:
                if delivery.order_id is not None and (waits or delivery.event_id):
                    stuck.add(delivery.order_id)
            elif len(found) < limit:
                found.append(delivery)
        return found

    def save(self, deliveries: Sequence[Delivery]) -> None:
        """Store changed deliveries; what names them does not change."""
        stored, unsent = self._unit.own("deliveries"), self._unit.own("unsent")
        moved = False
        for delivery in deliveries:
            before: Delivery | None = stored.get(delivery.id)
            if before is None:
                message = refusals.not_stored("Delivery", delivery.id)
                self._unit.refuse(NotKnown(message))
                continue
            stored[delivery.id] = replace(
                before,
                status=delivery.status,
                payload=delivery.payload,
                attempts=delivery.attempts,
                next_attempt_at=delivery.next_attempt_at,
                last_error=delivery.last_error,
                ack=delivery.ack,
                delivered_at=delivery.delivered_at,
            )
            if delivery.status in (DeliveryStatus.PENDING, DeliveryStatus.PARKED):
                moved = moved or delivery.id not in unsent
                unsent[delivery.id] = None
            else:
                unsent.pop(delivery.id, None)
        if moved:
            in_sequence = sorted(unsent, key=lambda i: stored[i].sequence)
            unsent.clear()
            unsent.update(dict.fromkeys(in_sequence))

    def answered(self, delivery_id: DeliveryId, code: str) -> None:
        """Store the application acknowledgement of a delivery, and nothing else."""
        stored = self._unit.own("deliveries")
        if delivery_id not in stored:
            message = refusals.not_stored("Delivery", delivery_id)
            self._unit.refuse(NotKnown(message))
            return
        stored[delivery_id] = replace(stored[delivery_id], application_ack=code)

    def get(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery; raises `NotKnown`."""
        try:
            return self._unit.tables.deliveries[delivery_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Delivery", delivery_id)) from None

    def claim(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery; there is one writer anyway."""
        return self.get(delivery_id)

    def parked(self, destination: PartnerId, *, limit: int) -> list[Delivery]:
        """Return a partner's parked deliveries, in sequence."""
        tables = self._unit.tables
        found = [
            delivery
            for delivery in (tables.deliveries[i] for i in tables.unsent)
            if delivery.destination == destination
            and delivery.status is DeliveryStatus.PARKED
        ]
        return found[:limit]

    def record(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Append to what was tried."""
        stored = self._unit.own("attempts")
        for attempt in attempts:
            known = stored.get(attempt.delivery_id, ())
            stored[attempt.delivery_id] = (*known, attempt)

    def note(self, change: DeliveryChange) -> None:
        """Append to what people decided."""
        stored = self._unit.own("delivery_changes")
        stored[change.delivery_id] = (*stored.get(change.delivery_id, ()), change)

    def attempts(self, delivery_id: DeliveryId) -> list[DeliveryAttempt]:
        """Return what was tried with a delivery, oldest first."""
        return list(self._unit.tables.attempts.get(delivery_id, ()))

    def changes(self, delivery_id: DeliveryId) -> list[DeliveryChange]:
        """Return what people decided about a delivery, oldest first."""
        return list(self._unit.tables.delivery_changes.get(delivery_id, ()))

    def old(self, *, before: datetime, after: int, limit: int) -> list[OldDelivery]:
        """Return deliveries created before an instant and after a sequence."""
        tables = self._unit.tables
        found = [
            OldDelivery(
                one.id,
                one.sequence,
                one.id in tables.unsent or tables.is_open(one.order_id),
            )
            for one in tables.deliveries.values()
            if one.sequence > after and one.created_at < before
        ]
        return sorted(found, key=lambda one: one.sequence)[:limit]

    def discard(self, delivery_ids: Sequence[DeliveryId]) -> None:
        """Delete deliveries with their history; their events stay."""
        deliveries = self._unit.own("deliveries")
        of_order = self._unit.own("deliveries_of")
        for delivery_id in delivery_ids:
            gone: Delivery = deliveries.pop(delivery_id)
            kept = of_order.get(gone.order_id, ())
            of_order[gone.order_id] = tuple(i for i in kept if i != delivery_id)
            self._unit.own("attempts").pop(delivery_id, None)
            self._unit.own("delivery_changes").pop(delivery_id, None)

    def of_order(self, order_id: OrderId) -> list[Delivery]:
        """Return the deliveries of one order, in sequence."""
        tables = self._unit.tables
        return [tables.deliveries[i] for i in tables.deliveries_of.get(order_id, ())]

    def led_to(self, message: InboundMessage) -> list[Delivery]:
        """Return what answers a message, and what was told of its orders since."""
        found = [
            delivery
            for delivery in self._unit.tables.deliveries.values()
            if delivery.answers == message.id
            or (
                delivery.order_id in message.order_ids
                and delivery.created_at >= message.received_at
            )
        ]
        return sorted(found, key=lambda delivery: delivery.sequence)

    def counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many deliveries each partner has in each status."""
        deliveries = self._unit.tables.deliveries.values()
        return dict(Counter((d.destination, d.status.value) for d in deliveries))

    def unsent_counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many each partner has pending, and parked."""
        tables = self._unit.tables
        unsent = (tables.deliveries[i] for i in tables.unsent)
        return dict(Counter((d.destination, d.status.value) for d in unsent))

    def oldest_pending(self) -> datetime | None:
        """Return when the oldest pending delivery was created, or ``None``."""
        tables = self._unit.tables
        unsent = (tables.deliveries[i] for i in tables.unsent)
        return min(
            (d.created_at for d in unsent if d.status is DeliveryStatus.PENDING),
            default=None,
        )
