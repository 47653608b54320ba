"""Deliveries that answer a message: no event led to them, and perhaps no order.

Going back deletes them, for the first schema has no room for them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_answers"
down_revision = "0001_initial"
branch_labels = None
depends_on = None

_NAMED = ("event_id", "order_id")


def upgrade() -> None:
    """Let a delivery do without an event; add what it answers, and how it ended."""
    with op.batch_alter_table(
        "delivery", table_kwargs={"sqlite_autoincrement": True}
    ) as table:
        for name in _NAMED:
            table.alter_column(name, existing_type=sa.String(), nullable=True)
        table.add_column(sa.Column("answers", sa.String(), nullable=True))
        table.add_column(
            sa.Column("application_ack", sa.String(), nullable=False, server_default="")
        )
        table.create_foreign_key(
            "fk_delivery_answers", "inbound_message", ["answers"], ["id"]
        )
    with op.batch_alter_table(
        "delivery", table_kwargs={"sqlite_autoincrement": True}
    ) as table:
        table.alter_column("application_ack", server_default=None)


def downgrade() -> None:
    """Take both away again."""
    op.execute("DELETE FROM delivery WHERE event_id IS NULL OR order_id IS NULL")
    with op.batch_alter_table(
        "delivery", table_kwargs={"sqlite_autoincrement": True}
    ) as table:
        table.drop_constraint("fk_delivery_answers", type_="foreignkey")
        table.drop_column("application_ack")
        table.drop_column("answers")
        for name in _NAMED:
            table.alter_column(name, existing_type=sa.String(), nullable=False)
