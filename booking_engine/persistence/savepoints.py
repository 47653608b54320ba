"""Savepoints: what was written within one can be undone by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Scope:
    """One open savepoint.

    Parameters
    ----------
    mark
        How many buffered writes are older than the scope.
    undo_mark
        Likewise of the undo list.
    nested
        The name of the real savepoint, once there is one.
    """

    mark: int
    undo_mark: int
    nested: str | None = None


class Undoing(Protocol):
    """What a savepoint needs of its transaction."""

    def enter_savepoint(self) -> None:
        """Begin a savepoint."""

    def leave_savepoint(self, *, keep: bool) -> None:
        """End the innermost one, undoing what was written in it unless `keep`."""


class Savepoint:
    """A context: leaving it by an exception undoes what was written in it.

    A class and not a generator, for every message passes through two.
    """

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Undoing) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        """Begin it."""
        self._transaction.enter_savepoint()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End it."""
        self._transaction.leave_savepoint(keep=kind is None)
