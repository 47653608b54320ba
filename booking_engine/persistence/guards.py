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

NO_OVERLAP_ON_SCANNER: Final = "ex_appointment_scanner"
NO_OVERLAP_OF_PATIENT: Final = "ex_appointment_patient"
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


def statements(dialect: str) -> tuple[str, ...]:
    """Return the statements that guard a new table of appointments.

    Parameters
    ----------
    dialect
        ``postgresql`` or ``sqlite``.
    """
    return {"postgresql": POSTGRESQL, "sqlite": SQLITE}[dialect]
