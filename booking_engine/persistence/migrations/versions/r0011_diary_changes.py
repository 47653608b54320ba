"""Each change of the diary is noted, so that what is free can be kept in memory.

Written out in full: a migration does not follow later changes of the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_diary_changes"
down_revision = "0010_sought_orders"
branch_labels = None
depends_on = None

_COLUMNS = ("scanner", "starts_at", "ends_at", "status")
_WATCHED = {
    "appointment": _COLUMNS,
    "diary_entry": _COLUMNS,
    "scan_session": (*_COLUMNS, "list_type", "release_at", "contract"),
}
_INSERT = (
    "INSERT INTO diary_change (unit, scanner, starts_at, ends_at)"
    " SELECT {unit}, {row}.scanner, {row}.starts_at, {row}.ends_at"
    " WHERE {row}.scanner IS NOT NULL"
)
_MOVED = (
    "NEW.scanner {differs} OLD.scanner OR NEW.starts_at {differs} OLD.starts_at"
    " OR NEW.ends_at {differs} OLD.ends_at"
)
_UNIT = "pg_current_xact_id()::text::bigint"
_FUNCTION = f"""
CREATE FUNCTION note_diary_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {_INSERT.format(unit=_UNIT, row="OLD")};
  END IF;
  IF TG_OP = 'INSERT' THEN
    {_INSERT.format(unit=_UNIT, row="NEW")};
  ELSIF TG_OP = 'UPDATE' THEN
    {_INSERT.format(unit=_UNIT, row="NEW")}
      AND ({_MOVED.format(differs="IS DISTINCT FROM")});
  END IF;
  RETURN NULL;
END $$""".strip()


def _changed(table: str, differs: str) -> str:
    return " OR ".join(f"NEW.{c} {differs} OLD.{c}" for c in _WATCHED[table])


def _doing(*statements: str) -> str:
    return "BEGIN\n" + "".join(f"  {each};\n" for each in statements) + "END"


def _sqlite(table: str) -> tuple[str, ...]:
    old, new = (_INSERT.format(unit=0, row=row) for row in ("OLD", "NEW"))
    return (
        f"CREATE TRIGGER note_{table}_added AFTER INSERT ON {table}\n" + _doing(new),
        (
            f"CREATE TRIGGER note_{table}_changed"
            f" AFTER UPDATE OF {', '.join(_WATCHED[table])} ON {table}\n"
            f"WHEN {_changed(table, 'IS NOT')}\n"
            f"BEGIN\n  {old};\n  {new} AND ({_MOVED.format(differs='IS NOT')});\nEND"
        ),
        (
            f"CREATE TRIGGER note_{table}_deleted AFTER DELETE ON {table}\n"
            f"BEGIN\n  {old};\nEND"
        ),
    )


def _postgresql(table: str) -> tuple[str, ...]:
    return (
        (
            f"CREATE TRIGGER note_{table}_made AFTER INSERT OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION note_diary_change()"
        ),
        (
            f"CREATE TRIGGER note_{table}_changed"
            f" AFTER UPDATE OF {', '.join(_WATCHED[table])} ON {table}"
            f" FOR EACH ROW WHEN ({_changed(table, 'IS DISTINCT FROM')})"
            " EXECUTE FUNCTION note_diary_change()"
        ),
    )


def upgrade() -> None:
    """Create the table, and what writes to it."""
    counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "diary_change",
        sa.Column("number", counter, nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("scanner", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_diary_change")),
    )
    op.create_index("ix_diary_change_unit", "diary_change", ["unit"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        statements = [s for table in _WATCHED for s in _postgresql(table)]
    else:
        statements = [s for table in _WATCHED for s in _sqlite(table)]
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    """Drop what writes to the table, and the table."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _WATCHED:
        on = f" ON {table}" if postgresql else ""
        for name in (
            ("made", "changed") if postgresql else (*("added", "changed", "deleted"),)
        ):
            op.execute(f"DROP TRIGGER note_{table}_{name}{on}")
    op.drop_table("diary_change")
    if postgresql:
        op.execute("DROP FUNCTION note_diary_change")
