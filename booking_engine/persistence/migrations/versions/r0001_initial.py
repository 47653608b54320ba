"""The first schema: orders, schedule, records, messages and outbox.

Written out in full: a migration does not follow later changes of the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_initial"
down_revision = None
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OCCUPYING = "status IN ('arrived', 'booked', 'held', 'performed')"
_REFERENCE = (
    "organisation",
    "site",
    "scanner",
    "contract",
    "procedure",
    "place",
    "session_template",
)
_TABLES = (
    "delivery",
    "outbox_event",
    "message_order",
    "inbound_message",
    "decision",
    "plan_run",
    "appointment",
    "scan_session",
    "clock_event",
    "status_change",
    "imaging_order",
    "catalogue_version",
    *_REFERENCE,
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [_text(name) for name in names]


def _wholes(*names: str) -> list[sa.Column[int]]:
    return [_whole(name) for name in names]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(
    name: str,
    table: str,
    columns: list[str],
    *,
    where: str | None = None,
    unique: bool = False,
) -> None:
    clause = None if where is None else sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=clause,
        postgresql_where=clause,
    )


def _whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def upgrade() -> None:
    """Create every table, and what guards appointments against each other."""
    _create_reference()
    _create_orders()
    _create_schedule()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()
    _create_records()
    _create_messages()
    _create_outbox()


def downgrade() -> None:
    """Drop every table."""
    for name in _TABLES:
        op.drop_table(name)


def _create_reference() -> None:
    for name in _REFERENCE:
        op.create_table(
            name,
            _text("key"),
            _whole("position"),
            sa.Column("data", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("key", name=f"pk_{name}"),
        )
    op.create_table(
        "catalogue_version",
        *_wholes("id", "version"),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_version"),
    )


def _create_orders() -> None:
    op.create_table(
        "imaging_order",
        *_texts("id", "partner", "placer_authority", "placer_number", "patient_key"),
        _text("nhs_number", nullable=True),
        *_texts("accession", "status"),
        _instant("status_since"),
        _whole("tier"),
        sa.Column("breach_on", sa.Date(), nullable=False),
        sa.Column("clock_started_on", sa.Date(), nullable=False),
        sa.Column("clock_requested_on", sa.Date(), nullable=False),
        _text("procedure", nullable=True),
        *_texts("procedure_as_sent", "hold_codes"),
        _instant("received_at"),
        _instant("sent_at"),
        _whole("version"),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imaging_order"),
    )
    _index(
        "ix_imaging_order_accession",
        "imaging_order",
        ["accession"],
        where="accession <> ''",
    )
    _index(
        "ix_imaging_order_changed",
        "imaging_order",
        ["status", "tier", "breach_on", "id", "hold_codes"],
        where="status = 'booked' AND hold_codes <> ''",
    )
    _index(
        "ix_imaging_order_clock", "imaging_order", ["status", "clock_started_on", "id"]
    )
    _index("ix_imaging_order_nhs_number", "imaging_order", ["nhs_number"])
    _index(
        "ix_imaging_order_placer",
        "imaging_order",
        ["placer_number", "partner", "placer_authority"],
    )
    _index("ix_imaging_order_received", "imaging_order", ["received_at", "id"])
    _index(
        "ix_imaging_order_worklist",
        "imaging_order",
        ["status", "tier", "breach_on", "id"],
    )
    op.create_table(
        "status_change",
        sa.Column("id", _COUNTER, nullable=False),
        _text("order_id"),
        _instant("at"),
        *_texts("actor", "action"),
        _text("before", nullable=True),
        *_texts("after", "note"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_status_change_order_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_status_change"),
    )
    _index("ix_status_change_order", "status_change", ["order_id", "id"])
    op.create_table(
        "clock_event",
        sa.Column("id", _COUNTER, nullable=False),
        _text("order_id"),
        _instant("at"),
        _text("reason"),
        sa.Column("clock_started_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_clock_event_order_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_clock_event"),
    )
    _index("ix_clock_event_order", "clock_event", ["order_id", "id"])


def _create_schedule() -> None:
    op.create_table(
        "scan_session",
        *_texts("id", "scanner"),
        _instant("starts_at"),
        _instant("ends_at"),
        _whole("list_type"),
        _instant("release_at", nullable=True),
        _text("contract", nullable=True),
        _text("status"),
        _whole("version"),
        sa.CheckConstraint(
            "ends_at > starts_at", name=op.f("ck_scan_session_has_length")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scan_session"),
    )
    _index(
        "ix_scan_session_contract",
        "scan_session",
        ["contract"],
        where="contract IS NOT NULL",
    )
    _index("ix_scan_session_ends_at", "scan_session", ["ends_at"])
    _index("ix_scan_session_scanner_ends_at", "scan_session", ["scanner", "ends_at"])
    op.create_table(
        "appointment",
        *_texts("id", "order_id", "session_id", "scanner", "patient"),
        _instant("starts_at"),
        _instant("ends_at"),
        _text("status"),
        _text("decision_id", nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        _instant("expires_at", nullable=True),
        _text("cancel_reason"),
        _whole("version"),
        sa.CheckConstraint(
            "ends_at > starts_at", name=op.f("ck_appointment_has_length")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_appointment_order_id"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scan_session.id"], name="fk_appointment_session_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_appointment"),
    )
    _index(
        "ix_appointment_expiry", "appointment", ["expires_at"], where="status = 'held'"
    )
    _index(
        "ix_appointment_live_patient",
        "appointment",
        ["patient", "ends_at"],
        where=_OCCUPYING,
    )
    _index(
        "ix_appointment_live_scanner",
        "appointment",
        ["scanner", "ends_at"],
        where=_OCCUPYING,
    )
    _index("ix_appointment_order", "appointment", ["order_id"])
    _index("ix_appointment_session", "appointment", ["session_id", "status"])
    _index("ix_appointment_start", "appointment", ["starts_at", "id"])
    _index(
        "uq_appointment_live_order",
        "appointment",
        ["order_id"],
        where=_OCCUPYING,
        unique=True,
    )


def _create_records() -> None:
    op.create_table(
        "plan_run",
        *_texts("id", "status"),
        _instant("requested_at"),
        *_texts("requested_by", "policy_version"),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        *_wholes("orders", "openings", "placed", "booked", "lost"),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("bound", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        _instant("finished_at", nullable=True),
        sa.Column("problem", sa.LargeBinary(), nullable=True),
        sa.Column("plan", sa.LargeBinary(), nullable=True),
        _text("error"),
        sa.PrimaryKeyConstraint("id", name="pk_plan_run"),
    )
    _index("ix_plan_run_requested", "plan_run", ["requested_at", "id"])
    op.create_table(
        "decision",
        *_texts("id", "order_id", "appointment_id"),
        _text("plan_run_id", nullable=True),
        _text("kind"),
        _instant("made_at"),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_decision_order_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    _index("ix_decision_order", "decision", ["order_id"])
    _index("ix_decision_run", "decision", ["plan_run_id"])


def _create_messages() -> None:
    op.create_table(
        "inbound_message",
        _text("id"),
        _instant("received_at"),
        _text("peer"),
        _text("partner", nullable=True),
        *_texts("sender", "control_id", "kind", "digest"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("ack", sa.LargeBinary(), nullable=False),
        *_texts("outcome", "error_code", "error_text"),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_message"),
    )
    _index(
        "ix_inbound_message_key",
        "inbound_message",
        ["control_id", "sender", "received_at", "id"],
    )
    _index(
        "ix_inbound_message_outcome",
        "inbound_message",
        ["outcome", "received_at", "id"],
    )
    _index("ix_inbound_message_received", "inbound_message", ["received_at", "id"])
    op.create_table(
        "message_order",
        _text("message_id"),
        _whole("position"),
        _text("order_id"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name="fk_message_order_message_id"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_message_order_order_id"
        ),
        sa.PrimaryKeyConstraint("message_id", "position", name="pk_message_order"),
    )
    _index("ix_message_order_order", "message_order", ["order_id", "message_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox_event",
        *_texts("id", "kind", "order_id"),
        _instant("occurred_at"),
        sa.Column("audience", sa.JSON(), nullable=False),
        _text("appointment_id", nullable=True),
        _text("scanner", nullable=True),
        _instant("starts_at", nullable=True),
        _instant("ends_at", nullable=True),
        _text("decision_id", nullable=True),
        _text("reason"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name="fk_outbox_event_order_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_event"),
    )
    op.create_table(
        "delivery",
        sa.Column("sequence", _COUNTER, nullable=False),
        *_texts("id", "event_id", "order_id", "destination", "status"),
        _instant("created_at"),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        _whole("attempts"),
        _instant("next_attempt_at", nullable=True),
        _text("last_error"),
        sa.Column("ack", sa.LargeBinary(), nullable=True),
        _instant("delivered_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["outbox_event.id"], name="fk_delivery_event_id"
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_delivery"),
        sa.UniqueConstraint("event_id", "destination", name="uq_delivery_destination"),
        sqlite_autoincrement=True,
    )
    _index("ix_delivery_due", "delivery", ["destination", "status", "sequence"])
    _index("ix_delivery_id", "delivery", ["id"], unique=True)
    _index("ix_delivery_order", "delivery", ["order_id", "sequence"])


def _guard_postgresql() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for column in ("scanner", "patient"):
        op.execute(
            f"ALTER TABLE appointment ADD CONSTRAINT ex_appointment_{column} EXCLUDE"
            f" USING gist ({column} WITH =,"
            " tstzrange(starts_at, ends_at, '[)') WITH &&)"
            f" WHERE ({_OCCUPYING})"
        )


def _guard_sqlite() -> None:
    moves = "UPDATE OF scanner, patient, starts_at, ends_at, status"
    for column in ("scanner", "patient"):
        for suffix, happening in (("insert", "INSERT"), ("update", moves)):
            name = f"ex_appointment_{column}"
            op.execute(
                f"""
CREATE TRIGGER {name}_{suffix} BEFORE {happening} ON appointment
WHEN NEW.{_OCCUPYING}
BEGIN
  SELECT RAISE(ABORT, 'ck_appointment_time_format')
  WHERE length(NEW.starts_at) <> 26 OR length(NEW.ends_at) <> 26;
  SELECT RAISE(ABORT, '{name}')
  WHERE (
    SELECT starts_at FROM appointment
    WHERE {column} = NEW.{column} AND {_OCCUPYING}
      AND ends_at > NEW.starts_at AND id <> NEW.id
    ORDER BY ends_at LIMIT 1
  ) < NEW.ends_at;
END""".strip()  # noqa: S608 - every part is a constant
            )
