"""One database transaction: what it has read, what it will write, and savepoints.

**Buffer.** Writes wait in a list until a flush. A query that the buffer could change
flushes first (`Transaction.settle`); looking a thing up by its name does not, because
what was read or written is remembered for the length of the transaction.

**Versions.** ``save`` takes a value whose ``version`` is the one that this unit of
work read, or any that it has stored since; the stored version becomes one more than
the last, and the unit remembers the value with it. So a value may be read once and
saved several times, whether or not it was read again in between. A value of any other
version is stale, and flushing says so.

**Savepoints** cost nothing until something is flushed inside one. Then what was
buffered before it is written first, a real SAVEPOINT follows, and the rest comes
after. Without a flush, undoing only shortens the buffer.

**After a failed flush** the scope in which it happened can only be left by an
exception, and the whole unit, if there was no savepoint, only be rolled back: until
then every use raises the same error again, so half a batch is never committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, NestedTransaction
from sqlalchemy.sql import Executable

from booking_engine.persistence.engine import open_reading, open_writing
from booking_engine.persistence.queries import AnyRow
from booking_engine.persistence.tickets import TicketLock, take_turn
from booking_engine.persistence.translate import domain_error
from booking_engine.persistence.writes import Kind, Write, write_all

Value = TypeVar("Value")
Key = tuple[str, Any]
"""What a remembered value is, and its name."""
_ABSENT: Final = object()


@dataclass(slots=True)
class _Scope:
    """One open savepoint.

    Parameters
    ----------
    mark
        How many buffered writes are older than the scope.
    undo_mark
        Likewise of the undo list.
    nested
        The real savepoint, once there is one.
    """

    mark: int
    undo_mark: int
    nested: NestedTransaction | None = None


class Transaction:
    """What the repositories of one unit of work read and write through.

    Parameters
    ----------
    writable
        False opens one snapshot that takes no write lock.
    """

    def __init__(self, engine: Engine, *, writable: bool) -> None:
        self._engine = engine
        self._writable = writable
        self._opened: Connection | None = None
        self._turn: TicketLock | None = None
        self._buffer: list[Write] = []
        self._known: dict[Key, Any] = {}
        self._undo: list[tuple[Key, Any]] = []
        self._scopes: list[_Scope] = []
        self._failure: Exception | None = None
        self._failed_depth = 0

    @property
    def connection(self) -> Connection:
        """The connection, opened at first use."""
        self.raise_failure()
        if self._opened is None:
            if self._writable:
                self._turn = take_turn(self._engine)
                self._opened = open_writing(self._engine)
            else:
                self._opened = open_reading(self._engine)
        return self._opened

    def rows(self, statement: Executable) -> list[AnyRow]:
        """Return the rows of a query; buffered writes are not in them."""
        return list(self.connection.execute(statement).all())

    # What is remembered.

    def recall(self, kind: str, name: Any) -> Any:
        """Return what is remembered under that name, or ``None``."""
        return self._known.get((kind, name))

    def knows(self, kind: str, name: Any) -> bool:
        """Return whether anything is remembered under that name, even ``None``."""
        return (kind, name) in self._known

    def remember(self, kind: str, name: Any, value: Value) -> Value:
        """Remember `value` until the transaction ends, or its savepoint is undone."""
        key = (kind, name)
        if self._scopes:
            self._undo.append((key, self._known.get(key, _ABSENT)))
        self._known[key] = value
        return value

    def identify(
        self, kind: str, row: AnyRow, build: Callable[[AnyRow], Value]
    ) -> Value:
        """Return a row's value, the one that is remembered unless the row is newer.

        Parameters
        ----------
        row
            Has an ``id`` and a ``version``.
        build
            Makes a value of a row.
        """
        known = self._known.get((kind, row.id))
        if known is not None and known.version >= row.version:
            remembered: Value = known
            return remembered
        return self.remember(kind, row.id, build(row))

    def next_version(self, kind: str, name: str, given: int) -> tuple[int, int]:
        """Return the version that a save replaces, and the one that it stores.

        Parameters
        ----------
        given
            The version of the value to save.
        """
        known = self._known.get((kind, name))
        if known is None:
            self.remember(f"{kind} first", name, given)
            return given, given + 1
        first = self.recall(f"{kind} first", name)
        if first is None:
            first = self.remember(f"{kind} first", name, known.version)
        if first <= given <= known.version:
            return known.version, known.version + 1
        # Neither read nor written here: let the flush find it stale.
        return given, given + 1

    # What is written.

    def write(self, write: Write) -> None:
        """Buffer a write."""
        if not self._writable:
            raise RuntimeError("This unit of work was opened for reading only.")
        self.raise_failure()
        self._buffer.append(write)

    def settle(self, *kinds: Kind) -> None:
        """Flush if anything of these kinds is buffered."""
        if any(write.kind in kinds for write in self._buffer):
            self.flush()

    def buffered(self, kind: Kind) -> Iterator[dict[str, Any]]:
        """Yield the buffered rows of one kind, oldest first."""
        return (write.row for write in self._buffer if write.kind is kind)

    def raise_failure(self) -> None:
        """Raise again what a flush failed with, if one did."""
        if self._failure is not None:
            raise self._failure

    def flush(self) -> None:
        """Send buffered writes.

        Raises
        ------
        DomainError
            The database refuses one of them.
        """
        self.raise_failure()
        for depth, scope in enumerate(self._scopes):
            if scope.nested is None and len(self._buffer) > scope.mark:
                self._send(scope.mark, depth)
                scope.nested = self.connection.begin_nested()
        if self._buffer:
            self._send(len(self._buffer), len(self._scopes))

    def _send(self, count: int, depth: int) -> None:
        """Send the oldest `count` writes, which belong to the scope at `depth`."""
        try:
            if count:
                write_all(self.connection, self._buffer[:count])
        except Exception as fault:
            error = domain_error(fault)
            self._failure, self._failed_depth = error or fault, depth
            if error is None:
                raise
            # Without its cause: PostgreSQL's detail quotes the patient.
            raise error from None
        del self._buffer[:count]
        for scope in self._scopes:
            scope.mark = max(0, scope.mark - count)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Return a context: leaving it by an exception undoes what it wrote."""
        self.raise_failure()
        scope = _Scope(len(self._buffer), len(self._undo))
        self._scopes.append(scope)
        depth = len(self._scopes)
        try:
            yield
            self.raise_failure()
            if scope.nested is not None:
                scope.nested.commit()
        except BaseException:
            self._undo_scope(scope, depth)
            raise
        finally:
            self._scopes.pop()
            if not self._scopes:
                self._undo.clear()

    def _undo_scope(self, scope: _Scope, depth: int) -> None:
        del self._buffer[scope.mark :]
        for key, before in reversed(self._undo[scope.undo_mark :]):
            if before is _ABSENT:
                self._known.pop(key, None)
            else:
                self._known[key] = before
        del self._undo[scope.undo_mark :]
        if scope.nested is not None:
            scope.nested.rollback()
        # What failed further out stays failed: its writes are not undone yet.
        if self._failure is not None and self._failed_depth >= depth:
            self._failure = None

    def commit(self) -> None:
        """Flush and make it durable."""
        if self._scopes:
            raise RuntimeError("Leave the savepoint before ending the transaction.")
        self.flush()
        if self._opened is not None:
            self._opened.commit()
        self._forget()

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        if self._scopes:
            raise RuntimeError("Leave the savepoint before ending the transaction.")
        if self._opened is not None:
            self._opened.rollback()
        self._forget()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        try:
            if self._opened is not None:
                self._opened.close()
        finally:
            self._opened = None
            if self._turn is not None:
                self._turn.release()
                self._turn = None

    def _forget(self) -> None:
        self._buffer.clear()
        self._known.clear()
        self._undo.clear()
        self._failure = None
