"""The tables of orders and their logs, and of the register of patients."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, false
from sqlmodel import Field

from booking_engine.persistence import guards
from booking_engine.persistence.rows.base import COUNTER, Row, partial_index


class ImagingOrderRow(Row, table=True):
    """An order; `content` holds what is neither filtered nor sorted by."""

    __tablename__ = "imaging_order"
    __table_args__ = (
        # The placer's number first: it serves searches for the number alone too.
        Index(
            "ix_imaging_order_placer",
            "placer_number",
            "partner",
            "placer_authority",
        ),
        Index("ix_imaging_order_worklist", "status", "tier", "breach_on", "id"),
        partial_index(  # with the codes, so that SQLite prefers it to the worklist's
            "ix_imaging_order_changed",
            *("status", "tier", "breach_on", "id", "hold_codes"),
            where=guards.CHANGED_SQL,
        ),
        Index("ix_imaging_order_clock", "status", "clock_started_on", "id"),
        Index("ix_imaging_order_received", "received_at", "id"),
        Index("ix_imaging_order_patient", "patient_key"),
        partial_index(
            "ix_imaging_order_local", "local_key", where="local_key IS NOT NULL"
        ),
        partial_index(
            "ix_imaging_order_unnamed", "partner", "id", where=guards.UNNAMED_SQL
        ),
        partial_index(
            "ix_imaging_order_accession", "accession", where="accession <> ''"
        ),
    )

    id: str = Field(primary_key=True)
    partner: str
    placer_authority: str
    placer_number: str
    patient_key: str
    nhs_number: str | None
    accession: str
    status: str
    status_since: datetime
    tier: int
    breach_on: date
    clock_started_on: date
    clock_requested_on: date
    procedure: str | None
    procedure_as_sent: str
    hold_codes: str
    """Codes between commas, such as ``,unknown_site,``; empty without holds."""
    received_at: datetime
    sent_at: datetime
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)
    local_key: str | None
    """The hospital's own number where `patient_key` is the NHS number."""
    orderer_unmapped: bool = Field(sa_column_kwargs={"server_default": false()})
    """Whether who asked should be mapped, and the order is not over."""


class PatientRow(Row, table=True):
    """A patient of the register; `content` holds what nothing is found by."""

    __tablename__ = "patient"

    id: str = Field(primary_key=True)
    deceased: bool
    merged_into: str | None
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)


class PatientIdentifierRow(Row, table=True):
    """Whose a number is; nobody's once the one who gave it has taken it back."""

    __tablename__ = "patient_identifier"
    __table_args__ = (Index("ix_patient_identifier_patient", "patient_id"),)

    key: str = Field(primary_key=True)
    patient_id: str | None = Field(foreign_key="patient.id")
    since: datetime
    retired: bool


class OrderNameRow(Row, table=True):
    """A number by which a partner knows an order, besides its placer key."""

    __tablename__ = "order_name"

    number: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    partner: str = Field(primary_key=True)
    authority: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True, foreign_key="imaging_order.id")


class StatusChangeRow(Row, table=True):
    """One line of an order's history."""

    __tablename__ = "status_change"
    __table_args__ = (Index("ix_status_change_order", "order_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    order_id: str = Field(foreign_key="imaging_order.id")
    at: datetime
    actor: str
    action: str
    before: str | None
    after: str
    note: str


class ClockEventRow(Row, table=True):
    """One line of an order's clock log."""

    __tablename__ = "clock_event"
    __table_args__ = (Index("ix_clock_event_order", "order_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    order_id: str = Field(foreign_key="imaging_order.id")
    at: datetime
    reason: str
    clock_started_on: date
