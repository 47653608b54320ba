"""What was tried with deliveries and what people decided, and faster ways to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_delivery_history"
down_revision = "0008_alerts"
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXES = {
    "ix_delivery_unsent": (
        ["status", "sequence"],
        "status IN ('parked', 'pending')",
    ),
    "ix_delivery_answers": (["answers"], "answers IS NOT NULL"),
}


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def upgrade() -> None:
    """Make both tables and the indexes."""
    op.create_table(
        "delivery_attempt",
        sa.Column("id", _COUNTER, nullable=False),
        _text("delivery_id"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("outcome", "phase", "code", "text")),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempt"),
    )
    op.create_table(
        "delivery_change",
        sa.Column("id", _COUNTER, nullable=False),
        _text("delivery_id"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(_text(name) for name in ("actor", "action", "reason")),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_change"),
    )
    for table in ("delivery_attempt", "delivery_change"):
        op.create_index(f"ix_{table}_delivery", table, ["delivery_id", "id"])
    for name, (columns, where) in _INDEXES.items():
        op.create_index(
            name,
            "delivery",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    """Drop them; the history is lost."""
    for name in _INDEXES:
        op.drop_index(name, "delivery")
    op.drop_table("delivery_change")
    op.drop_table("delivery_attempt")
