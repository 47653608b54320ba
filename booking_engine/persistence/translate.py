"""What the database refuses, as the domain's errors; no value leaves with them."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from booking_engine.domain.errors import (
    DomainError,
    InvalidValue,
    NotKnown,
    PatientBusy,
    SlotTaken,
    StaleVersion,
)
from booking_engine.persistence import guards, refusals

_BY_CONSTRAINT: Final[dict[str, tuple[type[DomainError], str]]] = {
    guards.NO_OVERLAP_ON_SCANNER: (SlotTaken, refusals.SLOT_TAKEN),
    guards.NO_OVERLAP_OF_PATIENT: (PatientBusy, refusals.PATIENT_BUSY),
    "uq_appointment_live_order": (StaleVersion, refusals.ORDER_HAS_APPOINTMENT),
    # SQLite names the columns of a broken index, not the index.
    "UNIQUE constraint failed: appointment.order_id": (
        StaleVersion,
        refusals.ORDER_HAS_APPOINTMENT,
    ),
}

_BY_STATE: Final[dict[str, tuple[type[DomainError], str]]] = {
    # PostgreSQL's SQLSTATE (appendix A of its manual).
    "23503": (NotKnown, refusals.DANGLING),  # foreign key
    "23505": (StaleVersion, refusals.EXISTS_ALREADY),  # unique
    "40001": (StaleVersion, refusals.CONTENDED),  # serialisation
    "40P01": (StaleVersion, refusals.CONTENDED),  # deadlock
    # The first word of SQLite's message.
    "FOREIGN": (NotKnown, refusals.DANGLING),
    "UNIQUE": (StaleVersion, refusals.EXISTS_ALREADY),
}
_INTEGRITY_OR_DATA: Final = ("22", "23")  # classes of SQLSTATE


def domain_error(error: Exception) -> DomainError | None:
    """Return the fact that a failed write states, or ``None`` for a fault.

    A deadlock counts as a fact: somebody else was faster, and repeating helps.
    """
    if isinstance(error, DomainError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return InvalidValue(refusals.invalid("a text is not Unicode"))
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    return _of_sqlite(cause) if isinstance(cause, sqlite3.Error) else _of_psycopg(cause)


def _of_psycopg(cause: BaseException | None) -> DomainError | None:
    state = getattr(cause, "sqlstate", None) or ""
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None) or ""
    known = _BY_CONSTRAINT.get(constraint) or _BY_STATE.get(state)
    if known is not None:
        kind, message = known
        return kind(message)
    # A value that the driver itself refuses, such as a NUL in a text, has no state.
    if state[:2] in _INTEGRITY_OR_DATA or type(cause).__name__ == "DataError":
        return InvalidValue(refusals.invalid(constraint or state or "a text"))
    return None


def _of_sqlite(cause: sqlite3.Error) -> DomainError | None:
    if not isinstance(cause, sqlite3.IntegrityError):
        return None
    # It names a column or constraint, never a value.
    text = str(cause)
    known = _BY_CONSTRAINT.get(text) or _BY_STATE.get(text.split(maxsplit=1)[0])
    if known is not None:
        kind, message = known
        return kind(message)
    return InvalidValue(refusals.invalid(text))
