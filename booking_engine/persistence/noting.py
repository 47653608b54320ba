"""How the database notes each change of the diary, for those who keep what is free.

Whoever changes a session, an appointment or an entry, by whatever way, leaves a line
for the time concerned, in the same transaction. On PostgreSQL the line has the number
of its transaction: lines of transactions that began before others ended may be seen
late, and that number tells from where on to look again.
"""

from __future__ import annotations

from typing import Final

_COLUMNS: Final = ("scanner", "starts_at", "ends_at", "status")
WATCHED: Final = {
    "appointment": _COLUMNS,
    "diary_entry": _COLUMNS,
    "scan_session": (*_COLUMNS, "list_type", "release_at", "contract"),
}
"""The columns of each table that decide what is free."""

_INSERT: Final = (
    "INSERT INTO diary_change (unit, scanner, starts_at, ends_at)"
    " SELECT {unit}, {row}.scanner, {row}.starts_at, {row}.ends_at"
    " WHERE {row}.scanner IS NOT NULL"
)
_MOVED: Final = (
    "NEW.scanner {differs} OLD.scanner OR NEW.starts_at {differs} OLD.starts_at"
    " OR NEW.ends_at {differs} OLD.ends_at"
)


def _changed(table: str, differs: str) -> str:
    return " OR ".join(f"NEW.{c} {differs} OLD.{c}" for c in WATCHED[table])


def _doing(*statements: str) -> str:
    return "BEGIN\n" + "".join(f"  {each};\n" for each in statements) + "END"


def _sqlite(table: str) -> tuple[str, ...]:
    old, new = (_INSERT.format(unit=0, row=row) for row in ("OLD", "NEW"))
    moved = _MOVED.format(differs="IS NOT")
    return (
        f"CREATE TRIGGER note_{table}_added AFTER INSERT ON {table}\n" + _doing(new),
        (
            f"CREATE TRIGGER note_{table}_changed"
            f" AFTER UPDATE OF {', '.join(WATCHED[table])} ON {table}\n"
            f"WHEN {_changed(table, 'IS NOT')}\n"
            f"BEGIN\n  {old};\n  {new} AND ({moved});\nEND"
        ),
        (
            f"CREATE TRIGGER note_{table}_deleted AFTER DELETE ON {table}\n"
            f"BEGIN\n  {old};\nEND"
        ),
    )


_UNIT: Final = "pg_current_xact_id()::text::bigint"
_FUNCTION: Final = f"""
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


def _postgresql(table: str) -> tuple[str, ...]:
    return (
        (
            f"CREATE TRIGGER note_{table}_made AFTER INSERT OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION note_diary_change()"
        ),
        (
            f"CREATE TRIGGER note_{table}_changed"
            f" AFTER UPDATE OF {', '.join(WATCHED[table])} ON {table}"
            f" FOR EACH ROW WHEN ({_changed(table, 'IS DISTINCT FROM')})"
            " EXECUTE FUNCTION note_diary_change()"
        ),
    )


def statements(dialect: str) -> tuple[str, ...]:
    """Return the statements that have changes noted, once all tables are there.

    Parameters
    ----------
    dialect
        ``postgresql`` or ``sqlite``.
    """
    if dialect == "postgresql":
        return (_FUNCTION, *(s for table in WATCHED for s in _postgresql(table)))
    return tuple(s for table in WATCHED for s in _sqlite(table))
