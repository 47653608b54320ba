"""Orders say whether the code of whoever asked for the exam is still to be mapped.

Those stored before do not: they keep the name that came with them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_unmapped_orderers"
down_revision = "0013_policy_versions"
branch_labels = None
depends_on = None

_UNMAPPED = sa.text("orderer_unmapped")


def upgrade() -> None:
    """Add the column, and the index that finds them."""
    op.add_column(
        "imaging_order",
        sa.Column(
            "orderer_unmapped", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
    )
    op.create_index(
        "ix_imaging_order_unnamed",
        "imaging_order",
        ["partner", "id"],
        sqlite_where=_UNMAPPED,
        postgresql_where=_UNMAPPED,
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_imaging_order_unnamed", "imaging_order")
    op.drop_column("imaging_order", "orderer_unmapped")
