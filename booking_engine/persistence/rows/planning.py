"""The tables of runs, decisions, rebookings and the policy behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Index, text
from sqlmodel import Field

from booking_engine.persistence.rows.base import Row, partial_index

_NONE: Final[dict[str, Any]] = {"server_default": text("0")}


class PlanRunRow(Row, table=True):
    """A planning run with its gzipped files."""

    __tablename__ = "plan_run"
    __table_args__ = (Index("ix_plan_run_requested", "requested_at", "id"),)

    id: str = Field(primary_key=True)
    status: str
    requested_at: datetime
    requested_by: str
    policy_version: str
    seed: int = Field(sa_type=BigInteger)
    orders: int
    openings: int
    placed: int
    booked: int
    lost: int
    cost: int | None = Field(sa_type=BigInteger)
    bound: int | None = Field(sa_type=BigInteger)
    seconds: float
    finished_at: datetime | None
    problem: bytes | None
    plan: bytes | None
    error: str
    room_kept: int = Field(sa_type=BigInteger, sa_column_kwargs=_NONE)
    to_come_cost: int = Field(sa_type=BigInteger, sa_column_kwargs=_NONE)
    waits_by_group: dict[str, Any] | None = Field(sa_type=JSON)


class DecisionRow(Row, table=True):
    """A decision record; all but its keys is in `content`."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_run", "plan_run_id"),
        Index("ix_decision_order", "order_id"),
    )

    id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")
    appointment_id: str
    plan_run_id: str | None
    kind: str
    made_at: datetime
    content: dict[str, Any] = Field(sa_type=JSON)


class PolicyVersionRow(Row, table=True):
    """A version of the policy; its name is the key, its values are in `content`."""

    __tablename__ = "policy_version"

    id: str = Field(primary_key=True)
    digest: str
    content: dict[str, Any] = Field(sa_type=JSON)
    first_in_force_at: datetime
    in_force_since: datetime


_UNDECIDED = text("status IN ('proposed', 'applying')")


class RebookingRow(Row, table=True):
    """A rebooking; a closure has at most one that is not decided."""

    __tablename__ = "rebooking"
    __table_args__ = (
        Index(
            "uq_rebooking_undecided",
            "closure_id",
            unique=True,
            sqlite_where=_UNDECIDED,
            postgresql_where=_UNDECIDED,
        ),
        Index("ix_rebooking_closure", "closure_id", "made_at", "id"),
        partial_index("ix_rebooking_improving", "id", where="improving"),
    )

    id: str = Field(primary_key=True)
    closure_id: str = Field(foreign_key="diary_entry.id")
    status: str
    made_at: datetime
    improving: bool
    content: dict[str, Any] = Field(sa_type=JSON)
    version: int
