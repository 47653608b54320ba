"""What is stored of messages coming in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking_engine.domain.identifiers import (
    MessageId,
    OrderId,
    PartnerId,
)
from booking_engine.domain.messages import (
    InboundMessage,
    MessageOutcome,
    SearchKey,
)
from booking_engine.domain.parking import ParkedMessage

MessageKey = tuple[str, str]
"""Sender (``MSH-3|MSH-4``) and control id (MSH-10)."""

AppointmentNumber = tuple[PartnerId, str]
"""Whose diary, and what an appointment is called there (SCH-2, else SCH-1)."""


@dataclass(frozen=True, slots=True)
class OldMessage:
    """An inbound message as far as its deletion is concerned.

    Parameters
    ----------
    needed
        Whether something that is not over depends on it.
    """

    id: MessageId
    received_at: datetime
    outcome: MessageOutcome
    keys: tuple[SearchKey, ...]
    needed: bool


class Messages(Protocol):
    """Inbound messages."""

    def add(self, message: InboundMessage) -> None:
        """Store a message with its acknowledgement."""
        ...

    def of_orders(self, order_ids: Iterable[OrderId]) -> dict[OrderId, MessageId]:
        """Return the first message of each of these orders, in one query."""
        ...

    def of_appointments(
        self, numbers: Iterable[AppointmentNumber]
    ) -> dict[AppointmentNumber, MessageId]:
        """Return the newest message that names each of these appointments."""
        ...

    def by_key(self, key: MessageKey) -> InboundMessage | None:
        """Return the newest message with this sender and control id, or ``None``.

        Open for writing, a unit keeps the key to itself, as with `Orders.by_placer`.
        """
        ...

    def get(self, message_id: MessageId) -> InboundMessage:
        """Return one message; raises `NotKnown`."""
        ...

    def settle(
        self,
        message_id: MessageId,
        outcome: MessageOutcome,
        order_ids: Iterable[OrderId] = (),
    ) -> None:
        """Store what became of a message in the end, and of which further orders."""
        ...

    def file(
        self,
        message_id: MessageId,
        *,
        keys: Sequence[SearchKey],
        sent_at: datetime | None,
        order_control: str,
    ) -> None:
        """Store what a message is found by that had no keys; raises `NotKnown`."""
        ...

    def old(
        self,
        *,
        before: datetime,
        after: tuple[datetime, MessageId] | None,
        limit: int,
    ) -> list[OldMessage]:
        """Return messages received before an instant, oldest first.

        Parameters
        ----------
        after
            Receipt and name of the last one that was returned.
        """
        ...

    def discard(self, messages: Sequence[OldMessage]) -> None:
        """Delete messages with all that belongs to them; orders stay."""
        ...


class Parking(Protocol):
    """Messages that wait for their order."""

    def add(self, parked: ParkedMessage) -> None:
        """Let a message wait; it is stored in the same transaction."""
        ...

    def save(self, parked: ParkedMessage) -> None:
        """Store what became of it."""
        ...

    def waiting(self, numbers: Iterable[str]) -> list[ParkedMessage]:
        """Return what waits for these placer numbers, of any partner, as sent."""
        ...

    def expired(self, now: datetime) -> list[ParkedMessage]:
        """Return what has waited too long."""
        ...
