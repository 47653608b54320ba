"""A patient's own appointments, as time in which they cannot be examined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from booking_engine.application.free_time import minute_from, minute_of
from booking_engine.application.snapshot import Snapshot
from booking_engine.domain.diary_entries import Taken
from solver.occupied import Occupied

_NO_ROWS: Final = np.zeros(0, dtype=np.int64)


def busy_times(snapshot: Snapshot, busy: Sequence[Taken]) -> Occupied:
    """Return the patient's own appointments as time taken in every opening."""
    problem, free = snapshot.problem, snapshot.free
    opening, begins, minutes = [_NO_ROWS], [_NO_ROWS], [_NO_ROWS]
    for taken in busy:
        since, until = minute_of(taken.starts_at), minute_from(taken.ends_at)
        start = np.maximum(free.start, since)
        length = np.minimum(free.start + free.minutes, until) - start
        rows = np.flatnonzero(length > 0)
        opening.append(rows)
        begins.append((free.begin + start - free.start)[rows])
        minutes.append(length[rows])
    found = Occupied.by_bookings(
        problem,
        opening=np.concatenate(opening),
        begin_minute=np.concatenate(begins),
        minutes=np.concatenate(minutes),
    )
    # They are elsewhere: no exam of a contract is used.
    return replace(found, exams_left=problem.contract_ceiling)
