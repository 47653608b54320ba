"""Diary entries keep the numbers of an order that is not known yet.

Going back forgets them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_sought_orders"
down_revision = "0009_delivery_history"
branch_labels = None
depends_on = None

_SOUGHT = sa.text("sought IS NOT NULL AND status = 'taking'")


def upgrade() -> None:
    """Add the column, and the index that finds them."""
    op.add_column("diary_entry", sa.Column("sought", sa.JSON(), nullable=True))
    op.create_index(
        "ix_diary_entry_sought",
        "diary_entry",
        ["id"],
        sqlite_where=_SOUGHT,
        postgresql_where=_SOUGHT,
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_diary_entry_sought", "diary_entry")
    op.drop_column("diary_entry", "sought")
