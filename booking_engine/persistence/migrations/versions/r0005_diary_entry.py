"""Entries of other systems' diaries, which bookings keep clear of.

Written out in full: a migration does not follow later changes of the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_diary_entry"
down_revision = "0004_partners"
branch_labels = None
depends_on = None

_TAKING = "status = 'taking'"
_OCCUPYING = "status IN ('arrived', 'booked', 'held', 'performed')"
_TAKES_ANEW = (
    f"NEW.{_OCCUPYING} AND NOT (OLD.{_OCCUPYING} AND NEW.scanner = OLD.scanner"
    " AND NEW.starts_at = OLD.starts_at AND NEW.ends_at = OLD.ends_at"
    " AND NOT (OLD.status = 'held' AND NEW.status = 'booked'))"
)
_TAKEN = f"""
    SELECT 1 FROM diary_entry
    WHERE scanner = NEW.scanner AND {_TAKING}
      AND ends_at > NEW.starts_at AND starts_at < NEW.ends_at""".strip()  # noqa: S608 - every part is a constant of this module
_LOCK = "hashtextextended('diary ' || NEW.scanner, 0)"

_POSTGRESQL = (
    f"""
CREATE FUNCTION appointment_beside_diary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared({_LOCK});
  IF EXISTS ({_TAKEN}) THEN
    RAISE EXCEPTION USING ERRCODE = '23P01', CONSTRAINT = 'ex_appointment_diary',
      MESSAGE = 'the time is taken in the diary';
  END IF;
  RETURN NEW;
END $$""",
    f"""
CREATE FUNCTION diary_entry_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.scanner IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock({_LOCK});
  END IF;
  RETURN NEW;
END $$""",
    f"""
CREATE TRIGGER ex_appointment_diary_insert BEFORE INSERT ON appointment
FOR EACH ROW WHEN (NEW.{_OCCUPYING})
EXECUTE FUNCTION appointment_beside_diary()""",
    f"""
CREATE TRIGGER ex_appointment_diary_update
BEFORE UPDATE OF scanner, starts_at, ends_at, status ON appointment
FOR EACH ROW WHEN ({_TAKES_ANEW})
EXECUTE FUNCTION appointment_beside_diary()""",
    f"""
CREATE TRIGGER diary_entry_alone BEFORE INSERT OR UPDATE ON diary_entry
FOR EACH ROW WHEN (NEW.{_TAKING})
EXECUTE FUNCTION diary_entry_alone()""",
)
_SQLITE = tuple(
    f"""
CREATE TRIGGER ex_appointment_diary_{name} BEFORE {event} ON appointment
WHEN {when}
BEGIN
  SELECT RAISE(ABORT, 'ex_appointment_diary') WHERE EXISTS ({_TAKEN});
END"""
    for name, event, when in (
        ("insert", "INSERT", f"NEW.{_OCCUPYING}"),
        ("update", "UPDATE OF scanner, starts_at, ends_at, status", _TAKES_ANEW),
    )
)


def upgrade() -> None:
    """Create the table, and what guards appointments against it."""
    op.create_table(
        "diary_entry",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scanner", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("appointment_id", sa.String(), nullable=True),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ends_at > starts_at", name=op.f("ck_diary_entry_has_length")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["imaging_order.id"], name=op.f("fk_diary_entry_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointment.id"],
            name=op.f("fk_diary_entry_appointment_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diary_entry")),
    )
    op.create_index(
        "uq_diary_entry_number",
        "diary_entry",
        ["partner", "number", "scanner"],
        unique=True,
    )
    for name, columns, where in (
        ("scanner", ["scanner", "ends_at"], _TAKING),
        ("patient", ["patient", "ends_at"], _TAKING),
        ("order", ["order_id"], "order_id IS NOT NULL"),
        ("appointment", ["appointment_id"], "appointment_id IS NOT NULL"),
    ):
        op.create_index(
            f"ix_diary_entry_{name}",
            "diary_entry",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if postgresql else _SQLITE:
        op.execute(statement.strip())


def downgrade() -> None:
    """Drop the table, and what guarded appointments against it."""
    on = ""
    if op.get_bind().dialect.name == "postgresql":
        on = " ON appointment"
    for name in ("insert", "update"):
        op.execute(f"DROP TRIGGER ex_appointment_diary_{name}{on}")
    op.drop_table("diary_entry")
    if on:
        op.execute("DROP FUNCTION appointment_beside_diary, diary_entry_alone")
