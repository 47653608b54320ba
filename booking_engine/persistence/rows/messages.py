"""The tables of inbound messages: what they say, changed, or wait for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, false, text
from sqlmodel import Field

from booking_engine.persistence.rows.base import EMPTY, Row, partial_index


class InboundMessageRow(Row, table=True):
    """An inbound message, with its bytes and those of its acknowledgement."""

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("ix_inbound_message_key", "control_id", "sender", "received_at", "id"),
        Index("ix_inbound_message_received", "received_at", "id"),
        Index("ix_inbound_message_partner", "partner", "received_at", "id"),
        Index("ix_inbound_message_kind", "kind", "received_at", "id"),
        # Nearly all are processed: they are found in the order of their receipt.
        partial_index(
            "ix_inbound_message_outcome",
            *("outcome", "received_at", "id"),
            where="outcome <> 'processed'",
        ),
        partial_index(
            "ix_inbound_message_error",
            *("error_code", "received_at", "id"),
            where="error_code <> ''",
        ),
        partial_index(
            "ix_inbound_message_replay",
            *("replay_of", "id"),
            where="replay_of IS NOT NULL",
        ),
    )

    id: str = Field(primary_key=True)
    received_at: datetime
    peer: str
    partner: str | None
    sender: str
    control_id: str
    kind: str
    digest: str
    raw: bytes
    ack: bytes
    outcome: str
    error_code: str
    error_text: str
    warnings: str = Field(sa_column_kwargs=EMPTY)
    """One a line."""
    sent_at: datetime | None
    order_control: str = Field(sa_column_kwargs=EMPTY)
    search_keys: str = Field(sa_column_kwargs=EMPTY)
    """One a line: kind, blank, value. What `message_key` has of this message."""
    latency_us: int = Field(
        sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    fault: str = Field(sa_column_kwargs=EMPTY)
    replay_of: str | None
    replayed_by: str | None
    replay_reason: str = Field(sa_column_kwargs=EMPTY)
    edited: bool = Field(sa_column_kwargs={"server_default": false()})


class MessageKeyRow(Row, table=True):
    """The index by which a message is searched; nothing is here that it does not say.

    No foreign key: it is written and deleted with its message and by nothing else, and
    to check each row would cost the intake more than the row.
    """

    __tablename__ = "message_key"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    message_id: str = Field(primary_key=True)


class MessageOrderRow(Row, table=True):
    """Which orders a message created or changed."""

    __tablename__ = "message_order"
    __table_args__ = (Index("ix_message_order_order", "order_id", "message_id"),)

    message_id: str = Field(primary_key=True, foreign_key="inbound_message.id")
    position: int = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")


class ParkedMessageRow(Row, table=True):
    """An acknowledged message that waits, or waited, for its order."""

    __tablename__ = "parked_message"
    __table_args__ = (
        partial_index(
            "ix_parked_message_number",
            *("placer_number", "partner"),
            where="status = 'waiting'",
        ),
        partial_index(
            "ix_parked_message_expiry", "expires_at", where="status = 'waiting'"
        ),
    )

    id: str = Field(primary_key=True, foreign_key="inbound_message.id")
    partner: str
    placer_authority: str
    placer_number: str
    sent_at: datetime
    expires_at: datetime
    status: str
