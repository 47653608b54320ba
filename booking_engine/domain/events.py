"""What has happened, as it is told to others; written in the same commit.

`audience` names the partners that are told. The payload carries what the message
must say of the moment it happened (times, scanner, reason); the patient's details
are read when the message is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.identifiers import (
    AppointmentId,
    DecisionId,
    OrderId,
    PartnerId,
    ScannerId,
)


class EventKind(StrEnum):
    """Kinds of event."""

    APPOINTMENT_BOOKED = "appointment_booked"
    APPOINTMENT_MOVED = "appointment_moved"
    APPOINTMENT_CHANGED = "appointment_changed"
    """The same time and place; what is known of the patient has changed."""
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    ENTERED_IN_ERROR = "entered_in_error"
    """It should never have been recorded."""
    DID_NOT_ATTEND = "did_not_attend"
    ARRIVED = "arrived"
    PERFORMED = "performed"
    ORDER_HELD = "order_held"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_REJECTED = "order_rejected"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about an order.

    Parameters
    ----------
    kind
        What happened.
    audience
        The partners to tell; empty where nobody outside needs to know.
    appointment_id, scanner, starts_at, ends_at, decision_id
        Of the appointment concerned, as they stood then; ``None`` on order events.
    reason
        Coded reason of a cancellation, move or refusal; never patient data.
    contact_stopped
        Nothing of this may reach the patient or the family: the patient has died, as
        far as is known. Systems are still told.
    """

    kind: EventKind
    order_id: OrderId
    occurred_at: datetime
    audience: tuple[PartnerId, ...]
    appointment_id: AppointmentId | None = None
    scanner: ScannerId | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    decision_id: DecisionId | None = None
    reason: str = ""
    contact_stopped: bool = False
