"""The register of patients, and orders found by any of their patient's numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_patients"
down_revision = "0005_diary_entry"
branch_labels = None
depends_on = None

_BESIDE = {
    "sqlite": """
        UPDATE imaging_order SET local_key = 'local:'
            || json_extract(content, '$.patient[1]') || ':'
            || json_extract(content, '$.patient[0]')
        WHERE nhs_number IS NOT NULL AND json_extract(content, '$.patient[0]') <> ''
    """,
    "postgresql": """
        UPDATE imaging_order SET local_key = 'local:'
            || (content -> 'patient' ->> 1) || ':' || (content -> 'patient' ->> 0)
        WHERE nhs_number IS NOT NULL AND content -> 'patient' ->> 0 <> ''
    """,
}


def upgrade() -> None:
    """Create the register; let orders be found by either number of their patient."""
    op.create_table(
        "patient",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deceased", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
    )
    op.create_table(
        "patient_identifier",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name="fk_patient_identifier_patient_id"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_patient_identifier"),
    )
    op.create_index(
        "ix_patient_identifier_patient", "patient_identifier", ["patient_id"]
    )
    op.add_column("imaging_order", sa.Column("local_key", sa.String(), nullable=True))
    op.execute(_BESIDE[op.get_bind().dialect.name])
    where = sa.text("local_key IS NOT NULL")
    op.create_index(
        "ix_imaging_order_local",
        "imaging_order",
        ["local_key"],
        sqlite_where=where,
        postgresql_where=where,
    )
    # The key of a patient with an NHS number says it, so one index serves both.
    op.create_index("ix_imaging_order_patient", "imaging_order", ["patient_key"])
    op.drop_index("ix_imaging_order_nhs_number", "imaging_order")
    op.add_column(
        "outbox_event", sa.Column("contact_stopped", sa.Boolean(), nullable=True)
    )


def downgrade() -> None:
    """Forget the register; what it knew cannot be brought back."""
    op.drop_column("outbox_event", "contact_stopped")
    op.create_index("ix_imaging_order_nhs_number", "imaging_order", ["nhs_number"])
    op.drop_index("ix_imaging_order_patient", "imaging_order")
    op.drop_index("ix_imaging_order_local", "imaging_order")
    op.drop_column("imaging_order", "local_key")
    op.drop_table("patient_identifier")
    op.drop_table("patient")
