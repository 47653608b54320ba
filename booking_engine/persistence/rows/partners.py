"""The tables of partners: profiles, mappings and alerts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from booking_engine.persistence.rows.base import Row


class PartnerProfileRow(Row, table=True):
    """One version of a profile that came over the API; the newest is in force."""

    __tablename__ = "partner_profile"

    partner: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    text: str
    made_by: str
    made_at: datetime
    why: str


class CodeMappingRow(Row, table=True):
    """One of a partner's codes and what it means, for a time."""

    __tablename__ = "code_mapping"
    __table_args__ = (Index("ix_code_mapping_partner", "partner", "id"),)

    id: str = Field(primary_key=True)
    partner: str
    code_table: str
    code: str
    target: str
    valid_from: datetime
    valid_to: datetime | None
    made_by: str
    made_at: datetime
    why: str
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str
    version: int


class PartnerVersionRow(Row, table=True):
    """One row that counts changes of profiles and mappings, so that others notice."""

    __tablename__ = "partner_version"

    id: int = Field(primary_key=True)
    version: int


class AlertRow(Row, table=True):
    """An alert; at most one of a partner's condition is open, whoever watches."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_open",
            *("partner", "condition"),
            unique=True,
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("ix_alert_raised", "raised_at", "id"),
    )

    id: str = Field(primary_key=True)
    partner: str
    condition: str
    raised_at: datetime
    value: float
    threshold: float
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str
    cleared_at: datetime | None
    told_raised: bool
    told_cleared: bool
    version: int
