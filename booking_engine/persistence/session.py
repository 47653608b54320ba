"""One connection of a unit of work: begun at first use, spoken to without detours.

The driver is called directly: per statement, SQLAlchemy's own connection costs many
times what SQLite needs to answer. Its pool still keeps the connections, and settings
are made only when one is opened (see `engine`).

On SQLite a writer first takes its turn among the threads of this process (`tickets`)
and holds it until the transaction ends. On PostgreSQL, what is sent inside `together`
travels in one go.

What the database cannot do at the moment is raised as `StoreUnavailable`, without its
cause: a driver's message may quote what was to be stored. What it refuses to store is
raised as the driver has it, for `translate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, PoolProxiedConnection

from booking_engine.persistence import tickets
from booking_engine.persistence.statements import (
    POSTGRESQL,
    SQLITE,
    Statement,
    array_text,
)
from booking_engine.persistence.translate import cannot_answer

TURN_SECONDS: Final = 30.0
"""Longer than any turn lasts: whoever waits so long waits for a thread that hangs."""

# Once for each number, in the order of the list. What is locked is then looked up by
# its key: to plan that anew each time would take longer than to do it.
_LOCK: Final = (
    "SELECT pg_advisory_xact_lock(n),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)"
    " FROM unnest(%s::bigint[]) AS n"
)


@dataclass(frozen=True, slots=True)
class Database:
    """What the sessions on one database share.

    Parameters
    ----------
    turn
        On a SQLite file, what its writers in this process wait for.
    """

    engine: Engine
    turn: tickets.TicketLock | None

    @classmethod
    def of(cls, engine: Engine) -> Database:
        """Return the database behind an engine, as `make_engine` returns it."""
        return cls(engine, tickets.lock_of(engine))


@dataclass(frozen=True, slots=True)
class Query:
    """A query and what to lock before it.

    Parameters
    ----------
    values
        Of the statement's parameters.
    numbers
        See `locks`.
    """

    statement: Statement
    values: Mapping[str, Any]
    numbers: Sequence[int] = ()


class Cursor(Protocol):
    """What the cursors of both drivers have in common."""

    rowcount: int

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """Run a statement."""
        ...

    def executemany(self, sql: str, values: Sequence[Sequence[Any]], /) -> Any:
        """Run a statement for each tuple of values."""
        ...

    def fetchall(self) -> list[Sequence[Any]]:
        """Return what the statement found."""
        ...


class Session:
    """A connection, from the first statement of a transaction on.

    Parameters
    ----------
    database
        Where to connect.
    writable
        False opens one snapshot that takes no write lock.
    """

    def __init__(self, database: Database, *, writable: bool) -> None:
        self.dialect: Final = database.engine.dialect.name
        self.writable: Final = writable
        self._database = database
        self._pooled: PoolProxiedConnection | None = None
        self._driver: Any = None
        self._begun = False
        self._told = False
        self._changed = False
        self._turn: tickets.TicketLock | None = None
        self._pipeline: psycopg.Pipeline | None = None

    # Beginning and ending ------------------------------------------------------------

    def begin(self) -> None:
        """Begin the transaction, if there is none yet.

        Raises
        ------
        StoreUnavailable
            There is no connection, or another writer took too long.
        """
        if self._begun:
            return
        try:
            if self.dialect == POSTGRESQL:
                self._begin_postgresql()
            else:
                self._begin_sqlite()
        except Exception as fault:
            self._yield_turn()
            error = cannot_answer(fault)
            if error is None:
                raise
            raise error from None
        self._begun, self._told, self._changed = True, False, False

    def _connect(self) -> Any:
        if self._pooled is None:
            self._pooled = self._database.engine.raw_connection()
            self._driver = self._pooled.driver_connection
        return self._driver

    def _begin_postgresql(self) -> None:
        driver = self._connect()
        if not self.writable:
            # Attributes only: the driver's own BEGIN, before the first statement,
            # names them.
            driver.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            driver.read_only = True

    def _begin_sqlite(self) -> None:
        if not self.writable:
            self._connect().execute("BEGIN")
            return
        turn = self._database.turn
        if turn is not None:
            if not turn.acquire(TURN_SECONDS):
                raise TimeoutError
            self._turn = turn
        self._connect().execute("BEGIN IMMEDIATE")

    def _yield_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()

    def commit(self) -> None:
        """Make the transaction durable, if one has begun."""
        if not self._begun:
            return
        try:
            self._driver.commit()
        except Exception as fault:
            error = cannot_answer(fault)
            if error is None:
                raise
            raise error from None
        self._ended()

    def rollback(self) -> None:
        """Undo the transaction, if one has begun."""
        if not self._begun:
            return
        try:
            if self.dialect == SQLITE or self._changed or self._has_failed():
                self._driver.rollback()
            else:
                # Nothing to undo, and after a rollback the driver would forget what
                # the server has prepared.
                self._driver.commit()
        except Exception as fault:
            # A lost connection has undone it already.
            self._lose(fault)
            if cannot_answer(fault) is None:
                raise
        finally:
            self._ended()

    def _has_failed(self) -> bool:
        """Whether PostgreSQL has refused a statement and waits for it to be undone.

        Then the driver must forget what it prepared: of several statements on their
        way those behind the refused one were not, though it noted their names.
        """
        status: TransactionStatus = self._driver.info.transaction_status
        return status is TransactionStatus.INERROR

    def _ended(self) -> None:
        self._begun = False
        self._yield_turn()

    def _lose(self, fault: Exception) -> None:
        pooled, self._pooled, self._driver = self._pooled, None, None
        if pooled is not None:
            pooled.invalidate(fault)

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        try:
            self.rollback()
        finally:
            pooled, driver = self._pooled, self._driver
            self._pooled = self._driver = None
            if pooled is not None:
                if self.dialect == POSTGRESQL and not self.writable:
                    driver.isolation_level = driver.read_only = None
                pooled.close()

    # Statements ----------------------------------------------------------------------

    def rows(self, statement: Statement, /, **values: Any) -> list[Any]:
        """Return the rows of a query, with their columns as attributes."""
        compiled = statement.on(self.dialect)
        return compiled.read(self.tuples(statement, **values))

    def tuples(self, statement: Statement, /, **values: Any) -> list[Sequence[Any]]:
        """Return the rows of a query as the driver has them, nothing decoded."""
        compiled = statement.on(self.dialect)
        return self.execute([(compiled.sql, compiled.bind(values))])[0]

    def raw_rows_of(self, queries: Sequence[Query]) -> list[list[Sequence[Any]]]:
        """Return the rows of each query as the driver has them, all in one go."""
        compiled = [(query.statement.on(self.dialect), query) for query in queries]
        return self.execute([(one.sql, one.bind(q.values)) for one, q in compiled])

    def locked_rows_of(self, queries: Sequence[Query]) -> list[list[Any]]:
        """Return the rows of each query; all start when all their locks are ours.

        On PostgreSQL each number is locked against everyone who locks it, to the end
        of the transaction (see `locks`). Locks and queries travel in one go.
        """
        # In one order everywhere, so that two batches cannot wait for each other.
        numbers = sorted({number for query in queries for number in query.numbers})
        compiled = [query.statement.on(self.dialect) for query in queries]
        found = self.execute(
            [
                (one.sql, one.bind(query.values))
                for one, query in zip(compiled, queries, strict=True)
            ],
            first=((_LOCK, [array_text(numbers)]),) if numbers else (),
        )
        return [one.read(rows) for one, rows in zip(compiled, found, strict=True)]

    def execute(
        self,
        queries: Sequence[tuple[str, Sequence[Any]]],
        first: Sequence[tuple[str, Sequence[Any]]] = (),
    ) -> list[list[Sequence[Any]]]:
        """Return the rows that each query finds; every query passes through here.

        Parameters
        ----------
        queries
            Text and values of each.
        first
            Statements to run before them, on the same way to the server.
        """
        self.begin()
        try:
            found = self._found(queries, first)
        except Exception as fault:
            error = cannot_answer(fault)
            if error is None:
                raise
            raise error from None
        self._told = True
        return found

    def _found(
        self,
        queries: Sequence[tuple[str, Sequence[Any]]],
        first: Sequence[tuple[str, Sequence[Any]]],
    ) -> list[list[Sequence[Any]]]:
        if self.dialect != POSTGRESQL or (
            self._told and not first and len(queries) == 1
        ):
            return [self._run(*query).fetchall() for query in queries]
        with self.together():  # so that BEGIN takes no way of its own
            for each in first:
                self._run(*each)
            cursors = [self._run(*query) for query in queries]
        return [cursor.fetchall() for cursor in cursors]

    def change(self, statement: Statement, rows: Sequence[Mapping[str, Any]], /) -> int:
        """Run a statement once for each row; return how many rows it met.

        Raises
        ------
        Exception
            Of the driver: the database refuses it.
        """
        compiled = statement.on(self.dialect)
        cursor = self.send(compiled.sql, compiled.bind_all(rows))
        if self._pipeline is not None:
            self._pipeline.sync()  # or the count is not known yet
        return cursor.rowcount

    def insert(
        self, statement: Statement, rows: Sequence[Mapping[str, Any]], /
    ) -> None:
        """Run a statement once for each row; what it met does not matter."""
        compiled = statement.on(self.dialect)
        self.send(compiled.sql, compiled.bind_all(rows))

    def send(self, sql: str, values: Sequence[Sequence[Any]]) -> Cursor:
        """Run a statement for each tuple; every change passes through here."""
        self.begin()
        self._changed = True
        cursor = self._cursor()
        if len(values) == 1:
            cursor.execute(sql, values[0])
        else:
            cursor.executemany(sql, values)
        return cursor

    def _run(self, sql: str, values: Sequence[Any]) -> Cursor:
        cursor = self._cursor()
        cursor.execute(sql, values)
        return cursor

    def _cursor(self) -> Cursor:
        return cast(Cursor, self._driver.cursor())

    @contextmanager
    def together(self) -> Iterator[None]:
        """Return a context in which changes travel to PostgreSQL in one go.

        A refusal may then be raised only at the end of it.
        """
        if self.dialect != POSTGRESQL or self._pipeline is not None:
            yield
            return
        self.begin()
        held: Exception | None = None
        try:
            with self._driver.pipeline() as self._pipeline:
                try:
                    yield
                except Exception as fault:  # noqa: BLE001 - raised below
                    # Or the driver would log what else failed, values and all.
                    held = fault
        except psycopg.Error:
            if held is None:
                raise
        finally:
            self._pipeline = None
        if held is not None:
            raise held

    # Savepoints ----------------------------------------------------------------------

    def set_savepoint(self, name: str) -> None:
        """Set a savepoint."""
        self.send(f"SAVEPOINT {name}", [()])

    def release_savepoint(self, name: str) -> None:
        """Keep what was done since the savepoint."""
        self.send(f"RELEASE SAVEPOINT {name}", [()])

    def undo_savepoint(self, name: str) -> None:
        """Undo what was done since the savepoint, and forget it."""
        if self.dialect == POSTGRESQL and self._has_failed():
            # It forgets by itself after the whole transaction only.
            self._driver._prepared.clear()  # noqa: SLF001 - nothing public does it
        self.send(f"ROLLBACK TO SAVEPOINT {name}", [()])
        self.release_savepoint(name)
