"""The tables of scanner time: sessions, appointments, entries and their changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Connection,
    Index,
    Table,
    event,
    text,
)
from sqlmodel import Field

from booking_engine.persistence import guards
from booking_engine.persistence.rows.base import COUNTER, Row, partial_index, table_of


class ScanSessionRow(Row, table=True):
    """A session of scanner time."""

    __tablename__ = "scan_session"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index("ix_scan_session_scanner_ends_at", "scanner", "ends_at"),
        Index("ix_scan_session_ends_at", "ends_at"),
        partial_index(
            "ix_scan_session_contract", "contract", where="contract IS NOT NULL"
        ),
    )

    id: str = Field(primary_key=True)
    scanner: str
    starts_at: datetime
    ends_at: datetime
    list_type: int
    release_at: datetime | None
    contract: str | None
    status: str
    version: int


class AppointmentRow(Row, table=True):
    """An appointment or hold; see `guards` for what may not overlap."""

    __tablename__ = "appointment"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index(
            "uq_appointment_live_order",
            "order_id",
            unique=True,
            sqlite_where=text(guards.OCCUPYING_SQL),
            postgresql_where=text(guards.OCCUPYING_SQL),
        ),
        # By end, so that asking for what is ahead skips the past.
        partial_index(
            "ix_appointment_live_scanner",
            "scanner",
            "ends_at",
            where=guards.OCCUPYING_SQL,
        ),
        partial_index(
            "ix_appointment_live_patient",
            "patient",
            "ends_at",
            where=guards.OCCUPYING_SQL,
        ),
        partial_index("ix_appointment_expiry", "expires_at", where="status = 'held'"),
        Index("ix_appointment_start", "starts_at", "id"),
        Index("ix_appointment_order", "order_id"),
        # With the state, so that what each session holds is counted in the index.
        Index("ix_appointment_session", "session_id", "status"),
    )

    id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")
    session_id: str = Field(foreign_key="scan_session.id")
    scanner: str
    patient: str
    starts_at: datetime
    ends_at: datetime
    status: str
    decision_id: str | None
    told: bool
    expires_at: datetime | None
    cancel_reason: str
    version: int


class DiaryEntryRow(Row, table=True):
    """A stretch of time in somebody else's diary; see `guards` for what it forbids."""

    __tablename__ = "diary_entry"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index(
            "uq_diary_entry_number",
            *("partner", "number", "scanner"),
            unique=True,
        ),
        # By end, so that asking for what is ahead skips the past.
        partial_index(
            "ix_diary_entry_scanner", "scanner", "ends_at", where=guards.TAKING_SQL
        ),
        partial_index(
            "ix_diary_entry_patient", "patient", "ends_at", where=guards.TAKING_SQL
        ),
        partial_index("ix_diary_entry_order", "order_id", where="order_id IS NOT NULL"),
        partial_index(
            "ix_diary_entry_appointment",
            "appointment_id",
            where="appointment_id IS NOT NULL",
        ),
        partial_index("ix_diary_entry_sought", "id", where=guards.SOUGHT_SQL),
        partial_index(
            "ix_diary_entry_unknown", "partner", "ends_at", where=guards.UNKNOWN_SQL
        ),
    )

    id: str = Field(primary_key=True)
    partner: str | None
    number: str
    kind: str
    scanner: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    sent_at: datetime
    order_id: str | None = Field(foreign_key="imaging_order.id")
    appointment_id: str | None = Field(foreign_key="appointment.id")
    patient: str | None
    reason: str
    version: int
    sought: list[str] | None = Field(sa_type=JSON)
    exams: list[str] | None = Field(sa_type=JSON)
    unknown_names: list[list[str]] | None = Field(sa_type=JSON)
    """Of each: table, the sender's words, what it may be called."""
    declined: list[str] | None = Field(sa_type=JSON)


class DiaryChangeRow(Row, table=True):
    """Some time on a scanner of which something changed; see `noting`."""

    __tablename__ = "diary_change"
    __table_args__ = (Index("ix_diary_change_unit", "unit"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    unit: int = Field(sa_type=BigInteger)
    scanner: str
    starts_at: datetime
    ends_at: datetime


@event.listens_for(table_of(AppointmentRow), "after_create")
def _guard(_: Table, connection: Connection, **__: Any) -> None:
    for statement in guards.statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


@event.listens_for(table_of(DiaryEntryRow), "after_create")
def _guard_diary(_: Table, connection: Connection, **__: Any) -> None:
    for statement in guards.diary_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
