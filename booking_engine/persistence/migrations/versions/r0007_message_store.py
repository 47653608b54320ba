"""The message store: what messages are searched by, their timings, and replays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007_message_store"
down_revision = "0006_patients"
branch_labels = None
depends_on = None

_OUTCOME = "ix_inbound_message_outcome"
_BY_OUTCOME = ["outcome", "received_at", "id"]


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, server_default=sa.text("''"))


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=True)


_COLUMNS: tuple[Callable[[], sa.Column[Any]], ...] = (
    lambda: _text("warnings"),
    lambda: sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    lambda: _text("order_control"),
    lambda: _text("search_keys"),
    lambda: sa.Column(
        "latency_us", sa.BigInteger(), nullable=False, server_default=sa.text("0")
    ),
    lambda: _text("fault"),
    lambda: _maybe("replay_of"),
    lambda: _maybe("replayed_by"),
    lambda: _text("replay_reason"),
    lambda: sa.Column(
        "edited", sa.Boolean(), nullable=False, server_default=sa.false()
    ),
)


def _index(name: str, columns: list[str], where: str | None = None) -> None:
    clause = None if where is None else sa.text(where)
    op.create_index(
        name,
        "inbound_message",
        columns,
        sqlite_where=clause,
        postgresql_where=clause,
    )


def upgrade() -> None:
    """Add columns, the table of search keys and the indexes of the searches."""
    for column in _COLUMNS:
        op.add_column("inbound_message", column())
    op.create_table(
        "message_key",
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("kind", "value", "message_id")
        ),
        sa.PrimaryKeyConstraint("kind", "value", "message_id", name="pk_message_key"),
        sqlite_with_rowid=False,
    )
    op.drop_index(_OUTCOME, "inbound_message")
    _index(_OUTCOME, _BY_OUTCOME, "outcome <> 'processed'")
    _index("ix_inbound_message_partner", ["partner", "received_at", "id"])
    _index("ix_inbound_message_kind", ["kind", "received_at", "id"])
    _index(
        "ix_inbound_message_error",
        ["error_code", "received_at", "id"],
        "error_code <> ''",
    )
    _index("ix_inbound_message_replay", ["replay_of", "id"], "replay_of IS NOT NULL")


def downgrade() -> None:
    """Drop what `upgrade` added; who replayed what is lost."""
    for name in ("replay", "error", "kind", "partner"):
        op.drop_index(f"ix_inbound_message_{name}", "inbound_message")
    op.drop_index(_OUTCOME, "inbound_message")
    _index(_OUTCOME, _BY_OUTCOME)
    op.drop_table("message_key")
    for column in reversed(_COLUMNS):
        op.drop_column("inbound_message", column().name)
