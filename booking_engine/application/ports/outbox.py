"""What is stored of messages going out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking_engine.domain.delivery_history import DeliveryAttempt, DeliveryChange
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import (
    DeliveryId,
    EventId,
    OrderId,
    PartnerId,
)
from booking_engine.domain.messages import (
    Delivery,
    InboundMessage,
)


@dataclass(frozen=True, slots=True)
class OldDelivery:
    """A delivery as far as its deletion is concerned."""

    id: DeliveryId
    sequence: int
    needed: bool


class Outbox(Protocol):
    """Events, and their deliveries to partners."""

    def add(self, event: Event) -> EventId:
        """Store an event and one pending delivery for each partner in its audience."""
        ...

    def queue(self, delivery: Delivery) -> None:
        """Store a new delivery that answers a message, with its bytes."""
        ...

    def event(self, event_id: EventId) -> Event:
        """Return one event; raises `NotKnown`."""
        ...

    def events(self, event_ids: Iterable[EventId]) -> dict[EventId, Event]:
        """Return these events, in one query."""
        ...

    def due(
        self, destination: PartnerId, now: datetime, *, limit: int
    ) -> list[Delivery]:
        """Return pending deliveries that may go now, in sequence.

        For each order only deliveries with no earlier one that is parked or waits
        for its retry: a cancel never overtakes a stuck booking. An answer that is
        parked keeps nothing back: what happens to the order does not depend on it.
        """
        ...

    def save(self, deliveries: Sequence[Delivery]) -> None:
        """Store changed deliveries."""
        ...

    def get(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery; raises `NotKnown`."""
        ...

    def answered(self, delivery_id: DeliveryId, code: str) -> None:
        """Store the application acknowledgement of a delivery, and nothing else.

        It may come before the relay has stored that the delivery went out.
        """
        ...

    def claim(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery that nobody else can claim until the unit ends.

        Raises `NotKnown`.
        """
        ...

    def parked(self, destination: PartnerId, *, limit: int) -> list[Delivery]:
        """Return a partner's parked deliveries, claimed, in sequence."""
        ...

    def record(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Append to what was tried."""
        ...

    def note(self, change: DeliveryChange) -> None:
        """Append to what people decided."""
        ...

    def attempts(self, delivery_id: DeliveryId) -> list[DeliveryAttempt]:
        """Return what was tried with a delivery, oldest first."""
        ...

    def changes(self, delivery_id: DeliveryId) -> list[DeliveryChange]:
        """Return what people decided about a delivery, oldest first."""
        ...

    def old(self, *, before: datetime, after: int, limit: int) -> list[OldDelivery]:
        """Return deliveries created before an instant and after a sequence."""
        ...

    def discard(self, delivery_ids: Sequence[DeliveryId]) -> None:
        """Delete deliveries with their history; their events stay."""
        ...

    def of_order(self, order_id: OrderId) -> list[Delivery]:
        """Return the deliveries of one order, in sequence."""
        ...

    def led_to(self, message: InboundMessage) -> list[Delivery]:
        """Return what answers a message, and what was told of its orders since.

        In sequence.
        """
        ...

    def counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many deliveries each partner has in each status."""
        ...

    def unsent_counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many each partner has pending, and parked; reads only these."""
        ...

    def oldest_pending(self) -> datetime | None:
        """Return when the oldest pending delivery was created, or ``None``."""
        ...
