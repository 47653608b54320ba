"""Inbound messages to rows and back."""

from __future__ import annotations

from typing import Any

from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.messages import (
    InboundMessage,
    KeyKind,
    MessageOutcome,
    SearchKey,
)
from booking_engine.persistence.mapping.values import Values


def message_row(message: InboundMessage) -> Values:
    """Return the row of an inbound message; its orders have a table of their own."""
    return {
        "id": message.id,
        "received_at": message.received_at,
        "peer": message.peer,
        "partner": message.partner,
        "sender": message.sender,
        "control_id": message.control_id,
        "kind": message.kind,
        "digest": message.digest,
        "raw": message.raw,
        "ack": message.ack,
        "outcome": message.outcome.value,
        "error_code": message.error_code,
        "error_text": message.error_text,
        "warnings": "\n".join(message.warnings),
        "sent_at": message.sent_at,
        "order_control": message.order_control,
        "search_keys": "\n".join([" ".join(key) for key in message.keys]),
        "latency_us": message.latency_us,
        "fault": message.fault,
        "replay_of": message.replay_of,
        "replayed_by": message.replayed_by,
        "replay_reason": message.replay_reason,
        "edited": message.edited,
    }


def keys_of(text: str) -> tuple[SearchKey, ...]:
    """Return the search keys that a column holds, one a line."""
    if not text:
        return ()
    pairs = (line.partition(" ") for line in text.split("\n"))
    return tuple([SearchKey(KeyKind(kind), value) for kind, _, value in pairs])


def message_of(row: Any, orders: tuple[OrderId, ...], raw: bytes) -> InboundMessage:
    """Return the inbound message of a row.

    Parameters
    ----------
    orders
        The orders that it created or changed.
    raw
        Its bytes, which lists leave out.
    """
    return InboundMessage(
        id=row.id,
        received_at=row.received_at,
        peer=row.peer,
        partner=row.partner,
        sender=row.sender,
        control_id=row.control_id,
        kind=row.kind,
        digest=row.digest,
        raw=raw,
        ack=row.ack,
        outcome=MessageOutcome(row.outcome),
        error_code=row.error_code,
        error_text=row.error_text,
        order_ids=orders,
        warnings=tuple(row.warnings.split("\n")) if row.warnings else (),
        sent_at=row.sent_at,
        order_control=row.order_control,
        keys=keys_of(row.search_keys),
        latency_us=row.latency_us,
        fault=row.fault,
        replay_of=row.replay_of,
        replayed_by=row.replayed_by,
        replay_reason=row.replay_reason,
        edited=row.edited,
    )
