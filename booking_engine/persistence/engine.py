"""Connections: what each engine needs so that a commit lasts and a read is one view.

SQLite: WAL, so that readers never block the writer; ``synchronous=FULL``, because an
order is acknowledged once it is committed and must survive a power cut; and ``BEGIN
IMMEDIATE`` for writing, because a transaction that reads first and locks later loses
updates or fails. PostgreSQL: READ COMMITTED for writing, where version checks and
constraints decide; one REPEATABLE READ snapshot for reading.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final, Literal

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from booking_engine.persistence.statements import POSTGRESQL, SQLITE, to_json

_READING: Final = "booking_reading"

_RESTING_SINCE: Final = "booking_resting_since"
TRUSTED_SECONDS: Final = 1.0
"""A connection to PostgreSQL that rested for longer is tried before it is used."""

BUSY_SECONDS: Final = 10.0
"""How long a SQLite writer waits for another."""

LOG_PAGES: Final = 4000
"""Of SQLite's log (WAL), 4 KiB each, before they are folded into the file: a page that
every batch changes is then written there once and not four times."""


def make_engine(
    url: str, *, synchronous: Literal["FULL", "NORMAL"] = "FULL", pool_size: int = 10
) -> Engine:
    """Return the engine for a database.

    Parameters
    ----------
    url
        ``sqlite:///path`` or ``postgresql+psycopg://…``.
    synchronous
        Of SQLite only. ``NORMAL`` may lose the last commits at a power cut: good
        enough for a simulation, never where an acknowledgement was sent.
    pool_size
        Connections kept open; as many again are opened at need.

    Raises
    ------
    ValueError
        Another kind of database.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend not in (SQLITE, POSTGRESQL):
        raise ValueError(
            f"Database {backend} is not supported; use sqlite or postgresql+psycopg."
        )
    engine = create_engine(
        parsed,
        json_serializer=to_json,
        # A statement's values are patient data: they never reach a log or traceback.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_size,
    )
    if backend == SQLITE:
        _prepare_sqlite(engine, synchronous)
    else:
        _prepare_postgresql(engine)
    return engine


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        # The driver then reads instants as UTC, and nothing has to convert them.
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def _rest(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTING_SINCE] = monotonic()

    @event.listens_for(engine, "checkout")
    def _wake(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        # Asking each time would cost a way to the server for every transaction.
        since = record.info.pop(_RESTING_SINCE, None)
        if since is None or monotonic() - since < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error:
            raise InvalidatePoolError from None


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        # The driver begins nothing by itself; `_begin` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def open_writing(engine: Engine) -> Connection:
    """Return a connection whose transaction, begun at first use, may write."""
    return engine.connect()


def open_reading(engine: Engine) -> Connection:
    """Return a connection whose transaction only reads, and sees one snapshot."""
    connection = engine.connect()
    if engine.dialect.name == POSTGRESQL:
        return connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    return connection.execution_options(**{_READING: True})
