"""What the database refuses, as the domain's errors; no value leaves with them."""

from __future__ import annotations

import sqlite3
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from booking_engine.domain.errors import (
    DomainError,
    InvalidValue,
    NotKnown,
    PatientBusy,
    SlotTaken,
    StaleVersion,
    StoreUnavailable,
)
from booking_engine.persistence import guards, refusals

_BY_CONSTRAINT: Final[dict[str, tuple[type[DomainError], str]]] = {
    guards.NO_OVERLAP_ON_SCANNER: (SlotTaken, refusals.SLOT_TAKEN),
    guards.NO_OVERLAP_OF_PATIENT: (PatientBusy, refusals.PATIENT_BUSY),
    guards.BESIDE_DIARY: (SlotTaken, refusals.TAKEN_BY_DIARY),
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

_UNAVAILABLE_STATES: Final = (
    "08",  # connection
    "25006",  # read-only: a standby
    "40",  # deadlock, serialisation: of a read, since a write is translated first
    "53",  # disk full, out of memory, too many connections
    "55P03",  # a lock was not given in time
    "57",  # shut down, or cancelled by the operator
    "58",  # the server's disk or files
)
"""SQLSTATEs, or their beginnings, of what the statement is not to blame for."""

_UNAVAILABLE_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""SQLite's primary result codes of the same."""


def cannot_answer(error: Exception) -> DomainError | None:
    """Return that the store cannot be used now, or ``None`` if this is not why."""
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, PoolTimeout | TimeoutError):
        return StoreUnavailable(refusals.unavailable("no connection came free in time"))
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # An extended result code says more in its upper bits.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _UNAVAILABLE_CODES:
            return StoreUnavailable(refusals.unavailable(cause.sqlite_errorname))
    elif isinstance(cause, psycopg.Error):
        state = cause.sqlstate or ""
        # A lost connection, or none to be had, has no state.
        lost = not state and isinstance(cause, psycopg.OperationalError)
        if lost or state.startswith(_UNAVAILABLE_STATES):
            return StoreUnavailable(refusals.unavailable(state or "no connection"))
    return None


def domain_error(error: Exception) -> DomainError | None:
    """Return the fact that a failed write states, or ``None`` for a fault.

    A deadlock counts as a fact: somebody else was faster, and repeating helps.
    """
    if isinstance(error, DomainError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return InvalidValue(refusals.invalid("a text is not Unicode"))
    cause = error.orig if isinstance(error, DBAPIError) else error
    found = None
    if isinstance(cause, sqlite3.Error):
        found = _of_sqlite(cause)
    elif isinstance(cause, psycopg.Error):
        found = _of_psycopg(cause)
    return found or cannot_answer(error)


def _of_psycopg(cause: psycopg.Error) -> DomainError | None:
    state = cause.sqlstate or ""
    constraint = cause.diag.constraint_name or ""
    known = _BY_CONSTRAINT.get(constraint) or _BY_STATE.get(state)
    if known is not None:
        kind, message = known
        return kind(message)
    # A value that the driver itself refuses, such as a NUL in a text, has no state.
    if state[:2] in _INTEGRITY_OR_DATA or isinstance(cause, psycopg.DataError):
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
