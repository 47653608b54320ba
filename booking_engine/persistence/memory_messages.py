"""Inbound messages in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

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
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryMessages:
    """Inbound messages."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, message: InboundMessage) -> None:
        """Store a message with its acknowledgement."""
        messages = self._unit.own("messages")
        if message.id in messages:
            self._unit.refuse_existing()
            return
        orders = tuple(dict.fromkeys(message.order_ids))
        messages[message.id] = replace(message, order_ids=orders)
        if not message.edited:
            keys = self._unit.own("message_keys")
            key = (message.sender, message.control_id)
            keys[key] = (*keys.get(key, ()), message.id)
        for order_id in orders:
            self._unit.check(partial(Tables.check_order_known, order_id=order_id))

    def settle(
        self,
        message_id: MessageId,
        outcome: MessageOutcome,
        order_ids: Iterable[OrderId] = (),
    ) -> None:
        """Store what became of a message in the end, and of which orders."""
        before = self.get(message_id)
        orders = tuple(dict.fromkeys((*before.order_ids, *order_ids)))
        after = replace(before, outcome=outcome, order_ids=orders)
        self._unit.own("messages")[message_id] = after
        for order_id in orders:
            self._unit.check(partial(Tables.check_order_known, order_id=order_id))

    def file(
        self,
        message_id: MessageId,
        *,
        keys: Sequence[SearchKey],
        sent_at: datetime | None,
        order_control: str,
    ) -> None:
        """Store what a message is found by that had no keys."""
        self._unit.own("messages")[message_id] = replace(
            self.get(message_id),
            keys=tuple(keys),
            sent_at=sent_at,
            order_control=order_control,
        )

    def of_orders(self, order_ids: Iterable[OrderId]) -> dict[OrderId, MessageId]:
        """Return the first message of each of these orders."""
        wanted = frozenset(order_ids)
        found: dict[OrderId, MessageId] = {}
        messages = self._unit.tables.messages.values()
        for message in sorted(messages, key=lambda one: (one.received_at, one.id)):
            for order_id in wanted.intersection(message.order_ids):
                found.setdefault(order_id, message.id)
        return found

    def of_appointments(
        self, numbers: Iterable[AppointmentNumber]
    ) -> dict[AppointmentNumber, MessageId]:
        """Return the newest message that names each of these appointments."""
        wanted = frozenset(numbers)
        found: dict[AppointmentNumber, MessageId] = {}
        for message in sorted(self._unit.tables.messages.values(), key=lambda m: m.id):
            if message.partner is None or not message.kind.startswith("SIU"):
                continue
            for key in message.keys:
                named = message.partner, key.value
                if key.kind in APPOINTMENT_KEYS and named in wanted:
                    found[named] = message.id
        return found

    def by_key(self, key: MessageKey) -> InboundMessage | None:
        """Return the newest message with this sender and control id, or ``None``."""
        tables = self._unit.tables
        found = [tables.messages[i] for i in tables.message_keys.get(key, ())]
        return max(found, key=lambda m: (m.received_at, m.id), default=None)

    def get(self, message_id: MessageId) -> InboundMessage:
        """Return one message; raises `NotKnown`."""
        try:
            return self._unit.tables.messages[message_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Message", message_id)) from None

    def old(
        self,
        *,
        before: datetime,
        after: tuple[datetime, MessageId] | None,
        limit: int,
    ) -> list[OldMessage]:
        """Return messages received before an instant, oldest first."""
        tables = self._unit.tables
        answered = {d.answers for d in tables.deliveries.values()}
        found = [
            OldMessage(
                message.id,
                message.received_at,
                message.outcome,
                message.keys,
                message.id in answered
                or any(tables.is_open(i) for i in message.order_ids)
                or tables.is_waiting(message.id),
            )
            for message in tables.messages.values()
            if message.received_at < before
            and (after is None or (message.received_at, message.id) > after)
        ]
        return sorted(found, key=lambda m: (m.received_at, m.id))[:limit]

    def discard(self, messages: Sequence[OldMessage]) -> None:
        """Delete messages with all that belongs to them; orders stay."""
        stored, keys = self._unit.own("messages"), self._unit.own("message_keys")
        parked = self._unit.own("parked")
        for message in messages:
            gone: InboundMessage = stored.pop(message.id)
            parked.pop(message.id, None)
            key = (gone.sender, gone.control_id)
            keys[key] = tuple(i for i in keys.get(key, ()) if i != message.id)
