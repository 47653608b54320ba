"""Rebookings of the bookings under closures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_rebookings"
down_revision = "0015_declined_orders"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("status IN ('proposed', 'applying')")
_IMPROVING = sa.text("improving")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "rebooking",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("closure_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("improving", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebooking")),
        sa.ForeignKeyConstraint(
            ["closure_id"],
            ["diary_entry.id"],
            name=op.f("fk_rebooking_closure_id"),
        ),
    )
    op.create_index(
        "uq_rebooking_undecided",
        "rebooking",
        ["closure_id"],
        unique=True,
        sqlite_where=_UNDECIDED,
        postgresql_where=_UNDECIDED,
    )
    op.create_index(
        "ix_rebooking_closure", "rebooking", ["closure_id", "made_at", "id"]
    )
    op.create_index(
        "ix_rebooking_improving",
        "rebooking",
        ["id"],
        sqlite_where=_IMPROVING,
        postgresql_where=_IMPROVING,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("rebooking")
