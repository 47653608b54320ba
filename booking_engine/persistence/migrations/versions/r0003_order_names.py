"""Further names of orders, and messages that wait for their order.

The names of the orders that are stored already are found in their numbers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_order_names"
down_revision = "0002_answers"
branch_labels = None
depends_on = None

_WAITING = sa.text("status = 'waiting'")
_NAMES = {
    "sqlite": (
        (
            "SELECT json_extract(content, '$.filler_number'), 'filler', partner,"
            " '', id FROM imaging_order"
            " WHERE json_extract(content, '$.filler_number') <> ''"
        ),
        (
            "SELECT substr(placer_number, 1, instr(placer_number, '#') - 1),"
            " 'shared_placer', partner, placer_authority, id FROM imaging_order"
            " WHERE placer_number LIKE '_%#%#%'"
        ),
    ),
    "postgresql": (
        (
            "SELECT content->>'filler_number', 'filler', partner, '', id"
            " FROM imaging_order WHERE content->>'filler_number' <> ''"
        ),
        (
            "SELECT substring(placer_number from '^(.*)#[0-9]+#[^#]*$'),"
            " 'shared_placer', partner, placer_authority, id FROM imaging_order"
            " WHERE placer_number ~ '^.*#[0-9]+#[^#]*$'"
        ),
    ),
}


def upgrade() -> None:
    """Make the tables, and name what is stored."""
    op.create_table(
        "order_name",
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("number", "kind", "partner", "authority", "order_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_order_name_order_id"
        ),
        sa.PrimaryKeyConstraint(
            *("number", "kind", "partner", "authority", "order_id"),
            name="pk_order_name",
        ),
    )
    op.create_table(
        "parked_message",
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("id", "partner", "placer_authority", "placer_number")
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["inbound_message.id"], name="fk_parked_message_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_parked_message"),
    )
    for name, columns in (
        ("ix_parked_message_number", ["placer_number", "partner"]),
        ("ix_parked_message_expiry", ["expires_at"]),
    ):
        op.create_index(
            name,
            "parked_message",
            columns,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        )
    for names in _NAMES[op.get_bind().dialect.name]:
        op.execute(
            "INSERT INTO order_name (number, kind, partner, authority, order_id)"
            f" {names}"
        )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("parked_message")
    op.drop_table("order_name")
