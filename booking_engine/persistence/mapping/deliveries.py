"""Events, deliveries, and what was done with these, to rows and back."""

from __future__ import annotations

from typing import Any

from booking_engine.domain.delivery_history import (
    AttemptOutcome,
    DeliveryAction,
    DeliveryAttempt,
    DeliveryChange,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.messages import Delivery, DeliveryStatus
from booking_engine.persistence.mapping.values import Values


def event_row(event_id: str, event: Event) -> Values:
    """Return the row of an event."""
    return {
        "id": event_id,
        "kind": event.kind.value,
        "order_id": event.order_id,
        "occurred_at": event.occurred_at,
        "audience": list(event.audience),
        "appointment_id": event.appointment_id,
        "scanner": event.scanner,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "decision_id": event.decision_id,
        "reason": event.reason,
        "contact_stopped": event.contact_stopped,
    }


def event_of(row: Any) -> Event:
    """Return the event of a row."""
    return Event(
        kind=EventKind(row.kind),
        order_id=row.order_id,
        occurred_at=row.occurred_at,
        audience=tuple(PartnerId(partner) for partner in row.audience),
        appointment_id=row.appointment_id,
        scanner=row.scanner,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        decision_id=row.decision_id,
        reason=row.reason,
        contact_stopped=bool(row.contact_stopped),
    )


def delivery_row(delivery: Delivery) -> Values:
    """Return the row of a new delivery; the database gives it its sequence."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "destination": delivery.destination,
        "created_at": delivery.created_at,
        "answers": delivery.answers,
        "application_ack": delivery.application_ack,
        **delivery_state(delivery),
    }


def delivery_state(delivery: Delivery) -> Values:
    """Return the columns of a delivery that change."""
    return {
        "status": delivery.status.value,
        "payload": delivery.payload,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "last_error": delivery.last_error,
        "ack": delivery.ack,
        "delivered_at": delivery.delivered_at,
    }


def delivery_of(row: Any, *, bare: bool = False) -> Delivery:
    """Return the delivery of a row, or of a bare one without its bytes."""
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        order_id=row.order_id,
        destination=row.destination,
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        sequence=row.sequence,
        payload=None if bare else row.payload,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        ack=None if bare else row.ack,
        delivered_at=row.delivered_at,
        answers=row.answers,
        application_ack=row.application_ack,
    )


def attempt_row(attempt: DeliveryAttempt) -> Values:
    """Return the row of an attempt to send."""
    return {
        "delivery_id": attempt.delivery_id,
        "started_at": attempt.started_at,
        "duration_us": attempt.duration_us,
        "outcome": attempt.outcome.value,
        "phase": attempt.phase,
        "code": attempt.code,
        "text": attempt.text,
    }


def attempt_of(row: Any) -> DeliveryAttempt:
    """Return the attempt of a row."""
    return DeliveryAttempt(
        delivery_id=row.delivery_id,
        started_at=row.started_at,
        duration_us=row.duration_us,
        outcome=AttemptOutcome(row.outcome),
        phase=row.phase,
        code=row.code,
        text=row.text,
    )


def delivery_change_row(change: DeliveryChange) -> Values:
    """Return the row of what a person did with a delivery."""
    return {
        "delivery_id": change.delivery_id,
        "at": change.at,
        "actor": change.actor,
        "action": change.action.value,
        "reason": change.reason,
        "payload": change.payload,
    }


def delivery_change_of(row: Any) -> DeliveryChange:
    """Return what a person did with a delivery, of a row."""
    return DeliveryChange(
        delivery_id=row.delivery_id,
        at=row.at,
        actor=row.actor,
        action=DeliveryAction(row.action),
        reason=row.reason,
        payload=row.payload,
    )
