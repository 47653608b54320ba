"""Planning runs say what their plan lets each group of patients wait.

Runs from before, and those whose policy does not ask, have none. Going back forgets it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_waits_by_group"
down_revision = "0017_room_kept"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("plan_run", sa.Column("waits_by_group", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("plan_run", "waits_by_group")
