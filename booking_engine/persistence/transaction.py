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
then every use raises the same error again, so half a batch is never committed. Where
the database itself failed, reading or writing, no savepoint helps: the whole unit can
only be rolled back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from booking_engine.domain.errors import StoreUnavailable
from booking_engine.persistence.savepoints import Savepoint, Scope
from booking_engine.persistence.session import Database, Query, Session
from booking_engine.persistence.statements import Statement
from booking_engine.persistence.translate import domain_error
from booking_engine.persistence.write_kinds import Kind, Write
from booking_engine.persistence.writes import write_all

Value = TypeVar("Value")
Key = tuple[str, Any]
"""What a remembered value is, and its name."""
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Ahead:
    """A query whose rows a unit of work is going to need, and what takes them."""

    query: Query
    take: Callable[[list[Any]], None]


class Transaction:
    """What the repositories of one unit of work read and write through.

    Parameters
    ----------
    writable
        False opens one snapshot that takes no write lock.
    """

    def __init__(self, database: Database, *, writable: bool) -> None:
        self.session: Final = Session(database, writable=writable)
        self.dialect: Final = self.session.dialect
        self.writable: Final = writable
        self._buffer: list[Write] = []
        self._kinds: set[Kind] = set()
        self._sent: set[Kind] = set()
        self._known: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self._undo: list[tuple[Key, Any]] = []
        self._scopes: list[Scope] = []
        self._savepoints = 0
        self._failure: Exception | None = None
        self._failed_depth = 0

    # What is read.

    def rows(self, statement: Statement, /, **values: Any) -> list[Any]:
        """Return the rows of a query; buffered writes are not in them.

        Raises
        ------
        StoreUnavailable
            The database failed; the unit can only be rolled back.
        """
        return self.read(lambda session: session.rows(statement, **values))

    def read(self, reading: Callable[[Session], Value]) -> Value:
        """Return what `reading` finds; it raises as `rows`."""
        self.raise_failure()
        try:
            return reading(self.session)
        except StoreUnavailable as error:
            self._fail(error, 0)
            raise

    def _fail(self, error: Exception, depth: int) -> None:
        self._failure = error
        # What the database could not do, undoing a savepoint does not mend.
        self._failed_depth = 0 if isinstance(error, StoreUnavailable) else depth

    def locked_rows(
        self, statement: Statement, numbers: Sequence[int], /, **values: Any
    ) -> list[Any]:
        """Return the rows of a query that starts once `numbers` are locked."""
        query = Query(statement, values, numbers)
        return self.read(lambda session: session.locked_rows_of([query]))[0]

    def read_ahead(self, wanted: Iterable[Ahead | None]) -> None:
        """Read what several repositories will be asked for, all in one go.

        Parameters
        ----------
        wanted
            Each query, with who takes its rows; ``None`` where nothing is missing.
        """
        missing = [one for one in wanted if one is not None]
        if not missing:
            return
        queries = [one.query for one in missing]
        found = self.read(lambda session: session.locked_rows_of(queries))
        for one, rows in zip(missing, found, strict=True):
            one.take(rows)

    def tuples(self, statement: Statement, /, **values: Any) -> list[Sequence[Any]]:
        """Return the rows of a query as the driver has them; it raises as `rows`."""
        return self.read(lambda session: session.tuples(statement, **values))

    def tuples_of(self, queries: Sequence[Query]) -> list[list[Sequence[Any]]]:
        """Return the rows of each query as the driver has them, all in one go."""
        return self.read(lambda session: session.raw_rows_of(queries))

    # What is remembered.

    def recall(self, kind: str, name: Any) -> Any:
        """Return what is remembered under that name, or ``None``."""
        return self._known[kind].get(name)

    def knows(self, kind: str, name: Any) -> bool:
        """Return whether anything is remembered under that name, even ``None``."""
        return name in self._known[kind]

    def remember(self, kind: str, name: Any, value: Value) -> Value:
        """Remember `value` until the transaction ends, or its savepoint is undone."""
        known = self._known[kind]
        if self._scopes:
            self._undo.append(((kind, name), known.get(name, _ABSENT)))
        known[name] = value
        return value

    def identify(
        self, kind: str, found: Iterable[Any], build: Callable[[Any], Value]
    ) -> list[Value]:
        """Return the values of rows, each the remembered one unless the row is newer.

        Parameters
        ----------
        found
            Rows, each with an ``id`` and a ``version``.
        build
            Makes a value of a row.
        """
        known, values = self._known[kind], []
        for row in found:
            value = known.get(row.id)
            if value is None or value.version < row.version:
                value = self.remember(kind, row.id, build(row))
            values.append(value)
        return values

    def identify_all(
        self,
        kind: str,
        found: Sequence[Sequence[Any]],
        build: Callable[[Sequence[Sequence[Any]]], Sequence[Value]],
    ) -> list[Value]:
        """Return the values of many rows, as `identify` does of some.

        Parameters
        ----------
        found
            Rows as the driver has them; the identifier comes first, the version last.
        build
            Makes the values of rows.
        """
        known = self._known[kind]
        unread = [
            row
            for row in found
            if (value := known.get(row[0])) is None or value.version < row[-1]
        ]
        for row, value in zip(unread, build(unread), strict=True):
            self.remember(kind, row[0], value)
        return [known[row[0]] for row in found]

    def next_version(self, kind: str, name: str, given: int) -> tuple[int, int]:
        """Return the version that a save replaces, and the one that it stores.

        Parameters
        ----------
        given
            The version of the value to save.
        """
        known = self._known[kind].get(name)
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
        if not self.writable:
            raise RuntimeError("This unit of work was opened for reading only.")
        self.raise_failure()
        self._buffer.append(write)
        self._kinds.add(write.kind)

    def settle(self, *kinds: Kind) -> None:
        """Flush if anything of these kinds is buffered."""
        if not self._kinds.isdisjoint(kinds):
            self.flush()

    def buffered(self, kind: Kind) -> Iterator[dict[str, Any]]:
        """Yield the buffered rows of one kind, oldest first."""
        if kind in self._kinds:
            yield from (write.row for write in self._buffer if write.kind is kind)

    def has_sent(self, *kinds: Kind) -> bool:
        """Return whether anything of these kinds was sent, also if it was undone."""
        return not self._sent.isdisjoint(kinds)

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
                self._savepoints += 1
                name = f"s{self._savepoints}"
                self._attempt(depth, self.session.set_savepoint, name)
                scope.nested = name
        if self._buffer:
            self._send(len(self._buffer), len(self._scopes))

    def _send(self, count: int, depth: int) -> None:
        """Send the oldest `count` writes, which belong to the scope at `depth`."""
        if count:
            self._sent.update(write.kind for write in self._buffer[:count])
            self._attempt(depth, write_all, self.session, self._buffer[:count])
        del self._buffer[:count]
        self._kinds = {write.kind for write in self._buffer}
        for scope in self._scopes:
            scope.mark = max(0, scope.mark - count)

    def _attempt(
        self, depth: int, action: Callable[..., object], *given: object
    ) -> None:
        """Do it; if the database refuses, the scope at `depth` has failed."""
        try:
            action(*given)
        except Exception as fault:
            error = domain_error(fault)
            self._fail(error or fault, depth)
            if error is None:
                raise
            # Without its cause: PostgreSQL's detail quotes the patient.
            raise error from None

    def savepoint(self) -> Savepoint:
        """Return a context: leaving it by an exception undoes what it wrote."""
        return Savepoint(self)

    def enter_savepoint(self) -> None:
        """Begin a savepoint; see `Savepoint`."""
        self.raise_failure()
        self._scopes.append(Scope(len(self._buffer), len(self._undo)))

    def leave_savepoint(self, *, keep: bool) -> None:
        """End the innermost savepoint; raises what a flush in it failed with."""
        scope, depth = self._scopes[-1], len(self._scopes)
        try:
            if keep:
                self.raise_failure()
                if scope.nested is not None:
                    self._attempt(0, self.session.release_savepoint, scope.nested)
        except BaseException:
            keep = False
            raise
        finally:
            try:
                if not keep:
                    self._undo_scope(scope, depth)
            finally:
                self._scopes.pop()
                if not self._scopes:
                    self._undo.clear()

    def _undo_scope(self, scope: Scope, depth: int) -> None:
        del self._buffer[scope.mark :]
        self._kinds = {write.kind for write in self._buffer}
        for (kind, name), before in reversed(self._undo[scope.undo_mark :]):
            if before is _ABSENT:
                self._known[kind].pop(name, None)
            else:
                self._known[kind][name] = before
        del self._undo[scope.undo_mark :]
        # What failed further out stays failed: its writes are not undone yet.
        if self._failure is not None:
            if self._failed_depth < depth:
                return
            self._failure = None
        if scope.nested is not None:
            self._attempt(0, self.session.undo_savepoint, scope.nested)

    def commit(self) -> None:
        """Flush and make it durable."""
        if self._scopes:
            raise RuntimeError("Leave the savepoint before ending the transaction.")
        self.raise_failure()
        self._attempt(0, self._store)
        self._forget()

    def _store(self) -> None:
        if self._buffer:
            with self.session.together():
                write_all(self.session, self._buffer)
                self.session.commit()
        else:
            self.session.commit()

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        if self._scopes:
            raise RuntimeError("Leave the savepoint before ending the transaction.")
        self.session.rollback()
        self._forget()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        self.session.close()

    def _forget(self) -> None:
        self._buffer.clear()
        self._kinds.clear()
        self._sent.clear()
        self._known.clear()
        self._undo.clear()
        self._failure = None
