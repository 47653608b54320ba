"""What the database itself refuses: overlapping appointments, on either engine.

PostgreSQL has exclusion constraints. SQLite gets triggers of the same names: they
look only at the first appointment that ends after the new one starts, which is
enough because those stored already do not overlap each other, so a check costs one
index lookup however long the history is. They compare text, so they also refuse a
timestamp that is not in the one stored format (26 characters, UTC, microseconds).
"""

from __future__ import annotations

from typing import Final

from booking_engine.domain.schedule import OCCUPYING

OCCUPYING_SQL: Final = "status IN ({})".format(
    ", ".join(f"'{status}'" for status in sorted(OCCUPYING))
)
"""The states in which time is taken; indices, guards and queries use this text.

One wording and no parameters: a planner proves that a partial index may be used by
comparing the words.
"""

CHANGED_SQL: Final = "status = 'booked' AND hold_codes <> ''"
"""Booked orders that their senders changed since; an index and a query use this."""

UNNAMED_SQL: Final = "orderer_unmapped"
"""Orders not over whose orderer is not mapped; an index and queries use this."""

TAKING_SQL: Final = "status = 'taking'"
"""Diary entries that take their time; indices, guards and queries use this text."""

SOUGHT_SQL: Final = "sought IS NOT NULL AND status = 'taking'"
"""Diary entries whose order is not known yet; an index and a query use this."""

UNKNOWN_SQL: Final = "unknown_names IS NOT NULL AND status <> 'ended'"
"""Diary entries with a name that no table knows; an index and queries use this."""

UNSENT_SQL: Final = "status IN ('parked', 'pending')"
"""Deliveries that a partner has not got yet; an index and queries use this text."""

NO_OVERLAP_ON_SCANNER: Final = "ex_appointment_scanner"
NO_OVERLAP_OF_PATIENT: Final = "ex_appointment_patient"
BESIDE_DIARY: Final = "ex_appointment_diary"
TIME_FORMAT: Final = "ck_appointment_time_format"

POSTGRESQL: Final = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    *(
        f"ALTER TABLE appointment ADD CONSTRAINT {name} EXCLUDE USING gist"
        f" ({column} WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&)"
        f" WHERE ({OCCUPYING_SQL})"
        for name, column in (
            (NO_OVERLAP_ON_SCANNER, "scanner"),
            (NO_OVERLAP_OF_PATIENT, "patient"),
        )
    ),
)


def _sqlite_trigger(name: str, column: str, event: str) -> str:
    suffix = event.split(maxsplit=1)[0].lower()
    return f"""
CREATE TRIGGER {name}_{suffix} BEFORE {event} ON appointment
WHEN NEW.{OCCUPYING_SQL}
BEGIN
  SELECT RAISE(ABORT, '{TIME_FORMAT}')
  WHERE length(NEW.starts_at) <> 26 OR length(NEW.ends_at) <> 26;
  SELECT RAISE(ABORT, '{name}')
  WHERE (
    SELECT starts_at FROM appointment
    WHERE {column} = NEW.{column} AND {OCCUPYING_SQL}
      AND ends_at > NEW.starts_at AND id <> NEW.id
    ORDER BY ends_at LIMIT 1
  ) < NEW.ends_at;
END""".strip()  # noqa: S608 - every part is a constant of this module


SQLITE: Final = tuple(
    _sqlite_trigger(name, column, event)
    for name, column in (
        (NO_OVERLAP_ON_SCANNER, "scanner"),
        (NO_OVERLAP_OF_PATIENT, "patient"),
    )
    for event in (
        "INSERT",
        "UPDATE OF scanner, patient, starts_at, ends_at, status",
    )
)


_OLD_OCCUPYING: Final = f"OLD.{OCCUPYING_SQL}"
_SAME_TIME: Final = (
    "NEW.scanner = OLD.scanner AND NEW.starts_at = OLD.starts_at"
    " AND NEW.ends_at = OLD.ends_at"
)
_TAKES_ANEW: Final = (
    f"NEW.{OCCUPYING_SQL} AND NOT ({_OLD_OCCUPYING} AND {_SAME_TIME}"
    " AND NOT (OLD.status = 'held' AND NEW.status = 'booked'))"
)
"""A booking on which an entry came to lie stays, whatever else changes of it; a hold
is not made a booking there."""
_TAKEN_BY_DIARY: Final = f"""
    SELECT 1 FROM diary_entry
    WHERE scanner = NEW.scanner AND {TAKING_SQL}
      AND ends_at > NEW.starts_at AND starts_at < NEW.ends_at""".strip()  # noqa: S608 - every part is a constant of this module

_LOCK_OF: Final = "hashtextextended('diary ' || {row}.scanner, 0)"

DIARY_POSTGRESQL: Final = (
    # Bookings share the lock of their scanner; an entry has it alone. So either the
    # booking is stored when the entry's writer looks for what it lies on, or the
    # booking's check, whose snapshot is taken after the wait, sees the entry.
    f"""
CREATE FUNCTION appointment_beside_diary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared({_LOCK_OF.format(row="NEW")});
  IF EXISTS ({_TAKEN_BY_DIARY}) THEN
    RAISE EXCEPTION USING ERRCODE = '23P01', CONSTRAINT = '{BESIDE_DIARY}',
      MESSAGE = 'the time is taken in the diary';
  END IF;
  RETURN NEW;
END $$""".strip(),
    f"""
CREATE FUNCTION diary_entry_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.scanner IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock({_LOCK_OF.format(row="NEW")});
  END IF;
  RETURN NEW;
END $$""".strip(),
    f"""
CREATE TRIGGER {BESIDE_DIARY}_insert BEFORE INSERT ON appointment
FOR EACH ROW WHEN (NEW.{OCCUPYING_SQL})
EXECUTE FUNCTION appointment_beside_diary()""".strip(),
    f"""
CREATE TRIGGER {BESIDE_DIARY}_update
BEFORE UPDATE OF scanner, starts_at, ends_at, status ON appointment
FOR EACH ROW WHEN ({_TAKES_ANEW})
EXECUTE FUNCTION appointment_beside_diary()""".strip(),
    f"""
CREATE TRIGGER diary_entry_alone BEFORE INSERT OR UPDATE ON diary_entry
FOR EACH ROW WHEN (NEW.{TAKING_SQL})
EXECUTE FUNCTION diary_entry_alone()""".strip(),
)

DIARY_SQLITE: Final = tuple(
    f"""
CREATE TRIGGER {BESIDE_DIARY}_{name} BEFORE {event} ON appointment
WHEN {when}
BEGIN
  SELECT RAISE(ABORT, '{BESIDE_DIARY}') WHERE EXISTS ({_TAKEN_BY_DIARY});
END""".strip()
    for name, event, when in (
        ("insert", "INSERT", f"NEW.{OCCUPYING_SQL}"),
        (
            "update",
            "UPDATE OF scanner, starts_at, ends_at, status",
            _TAKES_ANEW,
        ),
    )
)


def diary_statements(dialect: str) -> tuple[str, ...]:
    """Return the statements that guard appointments against a new table of entries.

    Parameters
    ----------
    dialect
        ``postgresql`` or ``sqlite``.
    """
    return {"postgresql": DIARY_POSTGRESQL, "sqlite": DIARY_SQLITE}[dialect]


def statements(dialect: str) -> tuple[str, ...]:
    """Return the statements that guard a new table of appointments.

    Parameters
    ----------
    dialect
        ``postgresql`` or ``sqlite``.
    """
    return {"postgresql": POSTGRESQL, "sqlite": SQLITE}[dialect]
