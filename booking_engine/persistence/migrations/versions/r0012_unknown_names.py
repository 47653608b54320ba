"""Diary entries keep the names that no table knew, and the exams that they are for.

Going back forgets them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_unknown_names"
down_revision = "0011_diary_changes"
branch_labels = None
depends_on = None

_UNKNOWN = sa.text("unknown_names IS NOT NULL AND status <> 'ended'")


def upgrade() -> None:
    """Add the columns, and the index that finds what waits."""
    op.add_column("diary_entry", sa.Column("exams", sa.JSON(), nullable=True))
    op.add_column("diary_entry", sa.Column("unknown_names", sa.JSON(), nullable=True))
    op.create_index(
        "ix_diary_entry_unknown",
        "diary_entry",
        ["partner", "ends_at"],
        sqlite_where=_UNKNOWN,
        postgresql_where=_UNKNOWN,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_diary_entry_unknown", "diary_entry")
    op.drop_column("diary_entry", "unknown_names")
    op.drop_column("diary_entry", "exams")
