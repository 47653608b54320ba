"""A piece of work done again and again in a thread: in time, or at once when woken."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from api.errors import log_failure

log = logging.getLogger(__name__)


class Loop:
    """One thread that does one thing.

    Parameters
    ----------
    name
        Of the thread.
    work
        Done at each turn; what it raises is logged, and the loop goes on.
    seconds
        Pause between two turns, unless woken.
    least_seconds
        Pause between two turns even if woken: what wakes it often, as every message
        that comes in, is then seen to together.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        seconds: float,
        *,
        least_seconds: float = 0.0,
    ) -> None:
        self._work = work
        self._seconds = seconds
        self._least_seconds = least_seconds
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first turn comes at once."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Have the next turn at once, or right after the present one."""
        self._wanted.set()

    def stop(self, seconds: float) -> None:
        """End after the present turn; wait at most so long for it."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._wanted.wait(self._seconds)
            self._wanted.clear()
            if self._stopping.is_set():
                return
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - a process loop goes on
                log_failure(f"{self._thread.name} failed", error)
            self._stopping.wait(self._least_seconds)
