"""Profiles and mappings that come over the API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_partners"
down_revision = "0003_order_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the number that counts their changes."""
    op.create_table(
        "partner_profile",
        *_texts("partner"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_texts("text", "made_by"),
        _instant("made_at"),
        *_texts("why"),
        sa.PrimaryKeyConstraint("partner", "version", name="pk_partner_profile"),
    )
    op.create_table(
        "code_mapping",
        *_texts("id", "partner", "code_table", "code", "target"),
        _instant("valid_from"),
        _instant("valid_to", nullable=True),
        *_texts("made_by"),
        _instant("made_at"),
        *_texts("why"),
        sa.Column("ended_by", sa.String(), nullable=True),
        _instant("ended_at", nullable=True),
        *_texts("ended_why"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_code_mapping"),
    )
    op.create_index("ix_code_mapping_partner", "code_mapping", ["partner", "id"])
    op.create_table(
        "partner_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partner_version"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("partner_version", "code_mapping", "partner_profile"):
        op.drop_table(name)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
