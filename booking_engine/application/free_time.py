"""Free time as columns: what is left of the open sessions, for searches and plans.

Cutting bookings out of sessions does not depend on who asks or when, so it is done
once (`free_time`) and kept until the diary changes. What depends on the moment, today's
hours that are too near and lists that have been released, is applied to the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from booking_engine.domain.clock import LONDON
from booking_engine.domain.diary_entries import TakenOnScanner
from booking_engine.domain.identifiers import ScannerId, SessionId
from booking_engine.domain.schedule import (
    Interval,
    ScanSession,
    SessionStatus,
    free_intervals,
)
from booking_engine.domain.vocabulary import ListType

Ints = NDArray[np.int64]
Objects = NDArray[Any]

DAY_MINUTES: Final = 24 * 60
NEVER: Final = 2**40
"""A minute that never comes."""
LONGEST_SESSION: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT: Final = "@"
_AT_MINUTE: Final = [f"{_AT}{m // 60:02}{m % 60:02}" for m in range(DAY_MINUTES)]


def minute_of(instant: datetime) -> int:
    """Return the whole minutes from 1970 to an instant, the rest cut off."""
    return int((instant - _EPOCH).total_seconds()) // 60


def instant_of(minute: int) -> datetime:
    """Return the instant of a minute that `minute_of` gave."""
    return _EPOCH + timedelta(minutes=minute)


def minute_from(instant: datetime) -> int:
    """Return the first whole minute at or after an instant."""
    return -(-int((instant - _EPOCH).total_seconds() * 1_000_000) // 60_000_000)


def stretch_key(session: SessionId, start: int) -> str:
    """Return the name of a stretch: its session and the UTC time at which it begins.

    Parameters
    ----------
    start
        In minutes from 1970.
    """
    return session + _AT_MINUTE[start % DAY_MINUTES]


def session_of(key: str) -> SessionId:
    """Return the session in the name of a stretch, as `stretch_key` gave it."""
    return SessionId(key.rpartition(_AT)[0])


@dataclass(frozen=True, slots=True)
class FreeTime:
    """Free stretches of open sessions, one in each row.

    A stretch lies within one local day; its day and minute of the day are London's,
    its start an instant. Columns have the shape ``(stretches,)``.

    Parameters
    ----------
    sessions
        Shape ``(sessions,)``. The sessions, as objects, also such as have no row.
    session
        The number of each row's session in `sessions`.
    start
        When it begins, in minutes from 1970 (`minute_of`).
    day, begin
        Its local day, as an ordinal, and the minute of that day.
    minutes
        How long it is; positive.
    session_start
        When its session begins, in minutes from 1970.
    list_bits, release
        Whom the session is for, until the minute (from 1970) at which anyone may use
        it; `NEVER` where it stays as it is.
    key
        Its name (`stretch_key`).
    """

    sessions: Objects
    session: Ints
    start: Ints
    day: Ints
    begin: Ints
    minutes: Ints
    session_start: Ints
    list_bits: Ints
    release: Ints
    key: Objects

    def __len__(self) -> int:
        """Return the number of stretches."""
        return int(self.start.shape[0])

    def take(self, rows: NDArray[Any]) -> FreeTime:
        """Return some of the rows: a mask or row numbers."""
        return FreeTime(
            self.sessions, *(getattr(self, name)[rows] for name in _COLUMNS)
        )

    def session_of(self, row: int) -> ScanSession:
        """Return the session of a row."""
        found: ScanSession = self.sessions[self.session[row]]
        return found

    def compact(self) -> FreeTime:
        """Return the same rows with no other sessions than theirs."""
        used = np.bincount(self.session, minlength=self.sessions.shape[0]) > 0
        number = np.cumsum(used) - 1
        return replace(self, sessions=self.sessions[used], session=number[self.session])

    @staticmethod
    def joined(parts: Sequence[FreeTime]) -> FreeTime:
        """Return the rows of all parts, one part after the other."""
        if not parts:
            return NOTHING
        counts = [part.sessions.shape[0] for part in parts]
        first = np.cumsum([0, *counts[:-1]])
        session = [one.session + at for one, at in zip(parts, first, strict=True)]
        return FreeTime(
            np.concatenate([part.sessions for part in parts]),
            np.concatenate(session),
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in _COLUMNS[1:]
            ),
        )

    def of_sessions(self, values: Sequence[int]) -> Ints:
        """Return for each row the value of its session.

        Parameters
        ----------
        values
            One for each of `sessions`.
        """
        found: Ints = np.array(values, dtype=np.int64)[self.session]
        return found

    def rows_of(self, scanners: Mapping[ScannerId, int]) -> tuple[FreeTime, Ints]:
        """Return the stretches on these scanners, by their number, then start.

        Returns
        -------
        tuple
            The stretches, and the number of each one's scanner.
        """
        numbers = self.of_sessions(
            [scanners.get(one.scanner, -1) for one in self.sessions.tolist()]
        )
        rows = np.flatnonzero(numbers >= 0)
        # The minutes of one scanner after those of another; mostly in order already.
        place = numbers[rows] * NEVER + self.start[rows]
        if (np.diff(place) < 0).any():
            rows = rows[np.argsort(place, kind="stable")]
        return self.take(rows).compact(), numbers[rows]

    def between(self, since: datetime, until: datetime) -> FreeTime:
        """Return what ends after one instant, in sessions that begin before another."""
        ahead = self.start + self.minutes > minute_of(since)
        rows = ahead & (self.session_start < minute_from(until))
        return self if rows.all() else self.take(rows)

    def from_minute(self, first: int, *, sessions_before: int) -> FreeTime:
        """Return what is left when nothing may begin before a minute.

        Parameters
        ----------
        first
            The first minute allowed.
        sessions_before
            Only sessions that begin before this minute are cut.
        """
        cut = (self.session_start < sessions_before) & (self.start < first)
        if not cut.any():
            return self
        late = np.where(cut, first - self.start, 0)
        moved = replace(
            self,
            start=self.start + late,
            begin=self.begin + late,
            minutes=self.minutes - late,
            key=_renamed(self, self.start + late, cut & (self.minutes > late)),
        )
        return moved.take(moved.minutes > 0)

    def within(self, windows: Sequence[Interval]) -> FreeTime:
        """Return the parts that lie in any of these windows."""
        parts: list[FreeTime] = []
        last = -NEVER
        for since, until in sorted(windows):
            low, high = max(minute_from(since), last), minute_of(until)
            last = max(last, high)
            start: Ints = np.maximum(self.start, low)
            end = np.minimum(self.start + self.minutes, high)
            inside = replace(
                self,
                start=start,
                begin=self.begin + (start - self.start),
                minutes=end - start,
                key=_renamed(self, start, (start > self.start) & (start < end)),
            )
            parts.append(inside.take(inside.minutes > 0))
        return FreeTime.joined(parts)

    def list_bits_at(self, minute: int) -> Ints:
        """Return whom each stretch is for at a minute: general once released."""
        released = self.release <= minute
        return np.where(released, int(ListType.GENERAL), self.list_bits)


_COLUMNS: Final = FreeTime.__slots__[1:]
_NUMBERS: Final = _COLUMNS[:-1]


def _objects(values: Sequence[Any]) -> Objects:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _renamed(free: FreeTime, start: Ints, which: NDArray[np.bool_]) -> Objects:
    """Return the names of stretches, some of which now begin at another minute."""
    names = free.key.copy()
    for row in np.flatnonzero(which).tolist():
        names[row] = stretch_key(free.session_of(row).id, int(start[row]))
    return names


def _columns(
    sessions: Sequence[ScanSession], rows: Sequence[tuple[int, ...]]
) -> FreeTime:
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(_NUMBERS))
    names = [stretch_key(sessions[row[0]].id, row[1]) for row in rows]
    numbers = (np.ascontiguousarray(column) for column in table.T)
    return FreeTime(_objects(sessions), *(*numbers, _objects(names)))


NOTHING: Final = _columns([], [])
"""No free time at all."""


def free_time(
    sessions: Iterable[ScanSession], occupied: Iterable[TakenOnScanner]
) -> FreeTime:
    """Cut what is occupied out of the open sessions.

    Parameters
    ----------
    occupied
        Appointments, holds and entries, whichever sessions they lie in.
    """
    taken: dict[ScannerId, list[Interval]] = {}
    for one in occupied:
        if one.scanner is not None:
            taken.setdefault(one.scanner, []).append((one.starts_at, one.ends_at))
    for intervals in taken.values():
        intervals.sort()
    rows: list[tuple[int, ...]] = []
    cut: list[ScanSession] = []
    by_scanner: dict[ScannerId, list[ScanSession]] = {}
    for session in sessions:
        if session.status is SessionStatus.OPEN:
            by_scanner.setdefault(session.scanner, []).append(session)
    for scanner, listed in by_scanner.items():
        listed.sort(key=lambda session: session.starts_at)
        busy = taken.get(scanner, [])
        first = 0
        for session in listed:
            # What ends before this session begins is of no matter to later ones.
            while first < len(busy) and busy[first][1] <= session.starts_at:
                first += 1
            here = _overlapping(busy, first, session)
            rows.extend(_stretches(len(cut), session, here))
            cut.append(session)
    return _columns(cut, rows)


def _overlapping(
    busy: Sequence[Interval], first: int, session: ScanSession
) -> list[Interval]:
    found: list[Interval] = []
    for at in range(first, len(busy)):
        if busy[at][0] >= session.ends_at:
            break
        if busy[at][1] > session.starts_at:
            found.append(busy[at])
    return found


def _stretches(
    number: int, session: ScanSession, busy: Sequence[Interval]
) -> Iterable[tuple[int, ...]]:
    release = NEVER if session.release_at is None else minute_from(session.release_at)
    session_start = minute_of(session.starts_at)
    for starts_at, ends_at in free_intervals(session, busy):
        minutes = int((ends_at - starts_at).total_seconds()) // 60
        local = starts_at.astimezone(LONDON)
        begin = local.hour * 60 + local.minute
        minutes = min(minutes, DAY_MINUTES - begin)
        if minutes > 0:
            yield (
                *(number, minute_of(starts_at), local.toordinal(), begin, minutes),
                *(session_start, int(session.list_type), release),
            )
