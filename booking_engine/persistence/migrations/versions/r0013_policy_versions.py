"""Versions of the policy are kept, so that a decision's can be read for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_policy_versions"
down_revision = "0012_unknown_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "policy_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("first_in_force_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_force_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("policy_version")
