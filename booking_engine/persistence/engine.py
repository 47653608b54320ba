"""Connections: what each engine needs so that a commit lasts and a read is one view.

SQLite: WAL, so that readers never block the writer; ``synchronous=FULL``, because an
order is acknowledged once it is committed and must survive a power cut; and ``BEGIN
IMMEDIATE`` for writing, because a transaction that reads first and locks later loses
updates or fails. PostgreSQL: READ COMMITTED for writing, where version checks and
constraints decide; one REPEATABLE READ snapshot for reading.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

_READING: Final = "booking_reading"

BUSY_SECONDS: Final = 10.0
"""How long a SQLite writer waits for another."""


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


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
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(
            f"Database {backend} is not supported; use sqlite or postgresql+psycopg."
        )
    engine = create_engine(
        parsed,
        json_serializer=_to_json,
        # A statement's values are patient data: they never reach a log or traceback.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=backend == "postgresql",
    )
    if backend == "sqlite":
        _prepare_sqlite(engine, synchronous)
    return engine


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        # The driver begins nothing by itself; `_begin` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
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
    if engine.dialect.name == "postgresql":
        return connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    return connection.execution_options(**{_READING: True})
