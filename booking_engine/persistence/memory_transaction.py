"""One transaction on the in-memory store: copies, deferred checks and versions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from booking_engine.domain.errors import DomainError, StaleVersion
from booking_engine.domain.identifiers import Ids
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables

Check = Callable[[Tables], None]


class Store:
    """What all units of work of one factory share.

    Parameters
    ----------
    ids
        Names events ("E") and deliveries ("X").
    """

    def __init__(self, ids: Ids) -> None:
        self.ids = ids
        self.published = Tables()
        self.sequence = 0
        self.writer = threading.Lock()


class Versioned(Protocol):
    """Anything with a version."""

    @property
    def version(self) -> int:
        """Counts changes."""
        ...


@dataclass(slots=True)
class _Mark:
    tables: Tables
    checks: list[Check]
    bases: dict[str, int]


class Transaction:
    """What the repositories of one unit of work write through.

    Parameters
    ----------
    writable
        False for a unit of work that was opened for reading.
    """

    def __init__(self, store: Store, *, writable: bool) -> None:
        self._store = store
        self._writable = writable
        self._depth = 0
        self.begin()

    def begin(self) -> None:
        """Start from what was last committed, forgetting everything else."""
        self.tables = self._store.published.copy()
        self._failure: DomainError | None = None
        self._owned: set[str] = set()
        self._checks: list[Check] = []
        # First version that this unit read of each thing that it has saved.
        self._bases: dict[str, int] = {}

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        self._require_no_savepoint()
        self.begin()

    def _require_no_savepoint(self) -> None:
        if self._depth:
            raise RuntimeError("Leave the savepoint before ending the transaction.")

    def require_writable(self) -> None:
        """Raise `RuntimeError` if the unit was opened for reading only."""
        if not self._writable:
            raise RuntimeError("This unit of work was opened for reading only.")

    def own(self, name: str) -> dict[Any, Any]:
        """Return the table called `name` for writing, copied before the first write."""
        self.require_writable()
        if name not in self._owned:
            setattr(self.tables, name, dict(getattr(self.tables, name)))
            self._owned.add(name)
        table: dict[Any, Any] = getattr(self.tables, name)
        return table

    def check(self, check: Check) -> None:
        """Have `check` run against the tables when the unit is flushed."""
        self._checks.append(check)

    def refuse(self, error: DomainError) -> None:
        """Have the next flush raise `error`."""

        def raise_it(_: Tables) -> None:
            raise error

        self.check(raise_it)

    def refuse_existing(self) -> None:
        """Have the next flush refuse an identifier that is taken."""
        self.refuse(StaleVersion(refusals.EXISTS_ALREADY))

    def next_version(
        self, kind: str, identifier: str, given: int, before: Versioned | None
    ) -> int:
        """Return the version to store; a stale one is refused when flushing.

        Parameters
        ----------
        given
            The version of the value to save.
        before
            The value that the unit holds now, or ``None`` if there is none.
        """
        if before is not None:
            first = self._bases.setdefault(identifier, before.version)
            if first <= given <= before.version:
                return before.version + 1
        self.refuse(StaleVersion(refusals.stale(kind, identifier)))
        return given + 1

    def new_id(self, kind: str) -> str:
        """Return a new identifier whose first letter is `kind`."""
        return self._store.ids(kind)

    def next_sequence(self) -> int:
        """Return the next delivery's sequence; numbers are never given twice."""
        self._store.sequence += 1
        return self._store.sequence

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Return a context: leaving it by an exception undoes what it wrote."""
        self._raise_failure()
        mark = _Mark(self.tables.copy(), list(self._checks), dict(self._bases))
        # What was copied is now shared with the mark, so it must be copied again.
        self._owned.clear()
        self._depth += 1
        try:
            yield
            self._raise_failure()
        except BaseException:
            self.tables = mark.tables
            self._checks = mark.checks
            self._bases = mark.bases
            self._owned.clear()
            self._failure = None
            raise
        finally:
            self._depth -= 1

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def flush(self) -> None:
        """Check what was written; after a failure, raise the same again."""
        self._raise_failure()
        try:
            for check in self._checks:
                check(self.tables)
        except DomainError as error:
            self._failure = error
            raise
        self._checks = []

    def commit(self) -> None:
        """Flush and publish."""
        self._require_no_savepoint()
        self.flush()
        if self._writable:
            self._store.published = self.tables
        self.begin()
