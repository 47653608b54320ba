"""The tables of what is told: events, deliveries, attempts and what people did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from booking_engine.persistence import guards
from booking_engine.persistence.rows.base import COUNTER, Row, partial_index


class OutboxEventRow(Row, table=True):
    """An event that was told, or was worth telling."""

    __tablename__ = "outbox_event"

    id: str = Field(primary_key=True)
    kind: str
    order_id: str = Field(foreign_key="imaging_order.id")
    occurred_at: datetime
    audience: list[str] = Field(sa_type=JSON)
    appointment_id: str | None
    scanner: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    decision_id: str | None
    reason: str
    contact_stopped: bool | None


class DeliveryRow(Row, table=True):
    """An event or answer on its way to a partner; the database counts the sequence."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "destination", name="uq_delivery_destination"),
        Index("ix_delivery_id", "id", unique=True),
        Index("ix_delivery_order", "order_id", "sequence"),
        # What is due, in sequence, and how many there are in each status.
        Index("ix_delivery_due", "destination", "status", "sequence"),
        partial_index(
            "ix_delivery_unsent",
            *("status", "sequence"),
            where=guards.UNSENT_SQL,
        ),
        partial_index("ix_delivery_answers", "answers", where="answers IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    id: str
    event_id: str | None = Field(foreign_key="outbox_event.id")
    order_id: str | None
    destination: str
    status: str
    created_at: datetime
    payload: bytes | None
    attempts: int
    next_attempt_at: datetime | None
    last_error: str
    ack: bytes | None
    delivered_at: datetime | None
    answers: str | None = Field(foreign_key="inbound_message.id")
    application_ack: str


class DeliveryAttemptRow(Row, table=True):
    """One attempt to send; written by the relay alone, and deleted with its delivery.

    Without a foreign key, as `MessageKeyRow`.
    """

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_delivery", "delivery_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    delivery_id: str
    started_at: datetime
    duration_us: int = Field(sa_type=BigInteger)
    outcome: str
    phase: str
    code: str
    text: str


class DeliveryChangeRow(Row, table=True):
    """What a person did with a parked delivery."""

    __tablename__ = "delivery_change"
    __table_args__ = (Index("ix_delivery_change_delivery", "delivery_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    delivery_id: str
    at: datetime
    actor: str
    action: str
    reason: str
    payload: bytes | None
