"""A lock for each SQLite file that the threads of this process take in turn.

SQLite lets one writer in and has the others sleep and try again, each time a little
longer: whoever has waited longest is the least likely to get in, and may give up
while others pass. Behind this lock at most one thread of the process asks SQLite at
all, and they are served in the order in which they came. Other processes still
compete through SQLite itself.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from sqlalchemy import Engine


class TicketLock:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._queue: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait for one's turn; return whether it came.

        Parameters
        ----------
        timeout
            In seconds.
        """
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._queue.append(ticket)
        if ticket.acquire(timeout=timeout):
            return True
        with self._guard:
            if ticket not in self._queue:
                return True  # called just as we gave up
            self._queue.remove(ticket)
        return False

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False


_locks: dict[str, TicketLock] = {}
_locks_guard = threading.Lock()


def lock_of(engine: Engine) -> TicketLock | None:
    """Return the one lock of this process for a database; ``None`` if it needs none."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    file = str(Path(name).resolve())
    with _locks_guard:
        return _locks.setdefault(file, TicketLock())
