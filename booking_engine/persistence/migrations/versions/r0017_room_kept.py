"""Planning runs say how much room they keep for orders to come, and what that leaves.

Runs from before kept none. Going back forgets it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_room_kept"
down_revision = "0016_rebookings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for column in ("room_kept", "to_come_cost"):
        op.add_column(
            "plan_run",
            sa.Column(
                column, sa.BigInteger(), nullable=False, server_default=sa.text("0")
            ),
        )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("plan_run", "to_come_cost")
    op.drop_column("plan_run", "room_kept")
