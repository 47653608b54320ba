"""Diary entries keep the orders that a person has said they are not for.

Going back forgets them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_declined_orders"
down_revision = "0014_unmapped_orderers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("diary_entry", sa.Column("declined", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("diary_entry", "declined")
