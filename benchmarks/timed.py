"""How long a step took: by the clock, and of the processors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took: wall clock and processor seconds, of all threads."""

    wall: float
    cpu: float


def timed(run: Callable[[], T]) -> tuple[T, Timed]:
    """Return what `run` returns, and what it took."""
    wall, cpu = time.monotonic(), time.process_time()
    found = run()
    return found, Timed(time.monotonic() - wall, time.process_time() - cpu)
