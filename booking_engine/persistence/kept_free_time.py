"""Free time kept in memory by each process, and brought up to date by what changed.

Reading the diaries of a network for one search means tens of thousands of bookings.
So their cut-out is kept by local day and scanner, and shared by the units of work of
an engine; a unit reads the lines that the database noted since (`noting`) and cuts the
days concerned anew. What a unit has itself stored but not committed, it sees alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Engine,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
    text,
    union_all,
)

from booking_engine.application.free_time import (
    LONGEST_SESSION,
    NOTHING,
    FreeTime,
    free_time,
)
from booking_engine.domain.clock import LONDON
from booking_engine.domain.identifiers import ScannerId
from booking_engine.persistence import diary, guards, rows
from booking_engine.persistence.session import Query, Session
from booking_engine.persistence.statements import (
    INSTANT_OF,
    POSTGRESQL,
    Statement,
    among,
)

_CHANGE: Final = rows.table_of(rows.DiaryChangeRow)
_SESSION: Final = rows.table_of(rows.ScanSessionRow)
_APPOINTMENT: Final = rows.table_of(rows.AppointmentRow)
_ENTRY: Final = rows.table_of(rows.DiaryEntryRow)

_SINCE: Final = bindparam("since", type_=_SESSION.c.starts_at.type)
_UNTIL: Final = bindparam("until", type_=_SESSION.c.starts_at.type)


class _Taken(NamedTuple):
    """Time that something takes on a scanner."""

    scanner: ScannerId
    starts_at: datetime
    ends_at: datetime


def _now(on: str) -> Select[Any]:
    unit: ColumnElement[int] = literal(0)
    if on == POSTGRESQL:
        oldest_running = func.pg_snapshot_xmin(func.pg_current_snapshot())
        unit = cast(cast(oldest_running, Text), BigInteger)
    # Apart: SQLite looks up one of both in the index, but for two it reads every line.
    ends = (func.min(_CHANGE.c.number), func.max(_CHANGE.c.number))
    oldest, newest = (select(func.coalesce(end, 0)).scalar_subquery() for end in ends)
    return select(unit.label("unit"), oldest.label("oldest"), newest.label("newest"))


_NOW: Final = Statement(_now)
_CHANGES: Final = Statement(
    lambda _: (
        select(
            *(_CHANGE.c.number, _CHANGE.c.unit),
            *(_CHANGE.c.scanner, _CHANGE.c.starts_at, _CHANGE.c.ends_at),
        )
        .where(
            _CHANGE.c.unit >= bindparam("unit"), _CHANGE.c.number > bindparam("number")
        )
        .order_by(_CHANGE.c.number)
    )
)


def _sessions(_: str) -> Select[Any]:
    one = _SESSION.c
    return select(_SESSION).where(one.ends_at > _SINCE, one.starts_at < _UNTIL)


def _taken(on: str, *, some: bool) -> CompoundSelect[Any]:
    parts = []
    for table, taking in (
        (_APPOINTMENT, guards.OCCUPYING_SQL),
        (_ENTRY, guards.TAKING_SQL),
    ):
        query = select(table.c.scanner, table.c.starts_at, table.c.ends_at).where(
            text(taking),
            table.c.scanner.is_not(None),
            table.c.ends_at > _SINCE,
            table.c.starts_at < _UNTIL,
        )
        parts.append(
            query.where(among(table.c.scanner, "scanners", on)) if some else query
        )
    return union_all(*parts)


_ALL: Final = (Statement(_sessions), Statement(lambda on: _taken(on, some=False)))
_SOME: Final = (
    Statement(
        lambda on: _sessions(on).where(among(_SESSION.c.scanner, "scanners", on))
    ),
    Statement(lambda on: _taken(on, some=True)),
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to where changes are in what is kept.

    Parameters
    ----------
    unit
        Every transaction of a lower number has ended; always 0 on SQLite.
    number
        Lines to here are in it; 0 on PostgreSQL, where numbers come late.
    newest
        The highest number there was.
    seen
        Numbers of lines from `unit` on that are in it.
    """

    unit: int
    number: int
    newest: int
    seen: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Kept:
    """Free time by local day (an ordinal, ascending), then scanner.

    Nothing of it is changed in place but `joined`: the days of each scanner, one after
    the other, once somebody asked for them.
    """

    mark: _Mark
    days: Mapping[int, Mapping[ScannerId, FreeTime]] = field(default_factory=dict)
    joined: dict[ScannerId, FreeTime] = field(default_factory=dict)

    def on(self, scanners: Sequence[ScannerId] | None) -> FreeTime:
        """Return the free time of these scanners on all days, or of all scanners."""
        if scanners is None:
            scanners = sorted({name for by in self.days.values() for name in by})
        return FreeTime.joined([self._of(scanner) for scanner in scanners])

    def _of(self, scanner: ScannerId) -> FreeTime:
        found = self.joined.get(scanner)
        if found is None:
            parts = [by[scanner] for by in self.days.values() if scanner in by]
            found = self.joined[scanner] = FreeTime.joined(parts)
        return found

    def with_days(
        self, found: Mapping[int, Mapping[ScannerId, FreeTime]], *, mark: _Mark
    ) -> _Kept:
        """Return what is kept with these days in place of what it had for them."""
        if not found:
            return replace(self, mark=mark)
        joined = self.joined.copy()  # at once: others may be adding to it
        for day, by in found.items():
            before = self.days.get(day, {})
            for scanner in before.keys() | by.keys():
                if before.get(scanner) is not by.get(scanner):
                    joined.pop(scanner, None)
        return _Kept(mark, dict(sorted({**self.days, **found}.items())), joined)


class KeptFreeTime:
    """What all units of work of one engine keep together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def between(
        self,
        session: Session,
        since: datetime,
        until: datetime,
        *,
        on: Sequence[ScannerId] | None,
        own: bool,
    ) -> FreeTime:
        """Return the free time of the sessions that overlap an interval.

        Parameters
        ----------
        on
            Only on these scanners, in this order; ``None``: on all.
        own
            Whether the session's transaction has changed the diary: then what it
            finds is for itself alone.
        """
        first = _day(since - LONGEST_SESSION)
        last = _day(until)
        # First the transaction: on SQLite a writer waits for its turn here, and the
        # one who has the turn may be waiting for the lock.
        session.begin()
        if own:
            kept, _ = _current(session, self._kept, first, last)
        else:
            with self._lock:
                kept, shared = _current(session, self._kept, first, last)
                if shared:
                    self._kept = _without_past(kept, first)
        return kept.on(on).between(since, until)


_caches: WeakKeyDictionary[Engine, KeptFreeTime] = WeakKeyDictionary()
_caches_lock = threading.Lock()


def kept_for(engine: Engine) -> KeptFreeTime:
    """Return what all units of work of `engine` share."""
    with _caches_lock:
        return _caches.setdefault(engine, KeptFreeTime())


def _current(
    session: Session, kept: _Kept | None, first: int, last: int
) -> tuple[_Kept, bool]:
    """Return what is kept as the session sees it, and whether others may have it.

    A snapshot that is older than what is kept must not put back what it replaced.
    """
    on_postgresql = session.dialect == POSTGRESQL
    queries = [Query(_NOW, {})]
    if kept is not None:
        since = {"unit": kept.mark.unit, "number": kept.mark.number}
        queries.append(Query(_CHANGES, since))
    (now, *found_lines) = session.raw_rows_of(queries)
    unit, oldest, newest = now[0]
    # Lines that were not seen may have been deleted.
    if kept is None or oldest > kept.mark.newest + 1:
        kept = _Kept(_Mark(unit, 0 if on_postgresql else newest, newest))
        lines = session.rows(_CHANGES, unit=unit, number=kept.mark.number)
        fresh: list[Any] = []
        newer = True
    else:
        mark = kept.mark
        lines = _CHANGES.on(session.dialect).read(found_lines[0])
        fresh = [line for line in lines if line.number not in mark.seen]
        there = {line.number for line in lines}
        # Of those seen, lines that were deleted since cannot be there.
        newer = (
            unit >= mark.unit
            and newest >= mark.number
            and all(n in there or n < oldest for n in mark.seen)
        )
    kept = _brought_up_to(session, kept, fresh)
    missing = [day for day in range(first, last + 1) if day not in kept.days]
    if missing:
        found = _read(session, missing[0], missing[-1], None)
        kept = kept.with_days(found, mark=kept.mark)
    ended = max(unit, kept.mark.unit)
    mark = _Mark(
        ended,
        0 if on_postgresql else max(newest, kept.mark.number),
        max(newest, kept.mark.newest),
        # The others will not be asked for again.
        frozenset(line.number for line in lines if line.unit >= ended)
        if on_postgresql
        else frozenset(),
    )
    return replace(kept, mark=mark), newer


def _brought_up_to(session: Session, kept: _Kept, lines: Sequence[Any]) -> _Kept:
    """Return what is kept with the days and scanners of these lines cut anew."""
    touched: dict[int, set[ScannerId]] = {}
    for line in lines:
        first, last = _day(line.starts_at - LONGEST_SESSION), _day(line.ends_at)
        for day in range(first, last + 1):
            if day in kept.days:
                touched.setdefault(day, set()).add(line.scanner)
    if not touched:
        return kept
    scanners = sorted(set[ScannerId]().union(*touched.values()))
    found = _read(session, min(touched), max(touched), scanners)
    changed: dict[int, Mapping[ScannerId, FreeTime]] = {}
    for day, concerned in touched.items():
        cut = found.get(day, {})
        new = {scanner: cut.get(scanner, NOTHING) for scanner in concerned}
        changed[day] = {**kept.days[day], **new}
    return kept.with_days(changed, mark=kept.mark)


def _read(
    session: Session, first: int, last: int, scanners: Sequence[ScannerId] | None
) -> dict[int, dict[ScannerId, FreeTime]]:
    """Read and cut the diaries of these days, of these scanners or of all."""
    statements = _ALL if scanners is None else _SOME
    values: dict[str, Any] = {
        "since": _midnight(first) - LONGEST_SESSION,
        "until": _midnight(last + 1) + LONGEST_SESSION,
    }
    if scanners is not None:
        values["scanners"] = scanners
    instant = INSTANT_OF[session.dialect]
    listed, taken = session.raw_rows_of([Query(each, values) for each in statements])
    free = free_time(
        diary.sessions_of(listed, instant),
        (_Taken(s, instant(a), instant(b)) for s, a, b in taken),
    )
    return _by_day(free, first, last)


def _by_day(
    free: FreeTime, first: int, last: int
) -> dict[int, dict[ScannerId, FreeTime]]:
    """Return the stretches of each day by scanner; a day without any is there too."""
    found: dict[int, dict[ScannerId, FreeTime]] = {
        day: {} for day in range(first, last + 1)
    }
    groups: dict[tuple[int, ScannerId], list[int]] = {}
    scanners = [one.scanner for one in free.sessions]
    rows = zip(free.day.tolist(), free.session.tolist(), strict=True)
    for row, (day, number) in enumerate(rows):
        if first <= day <= last:
            groups.setdefault((day, scanners[number]), []).append(row)
    for (day, scanner), numbers in groups.items():
        found[day][scanner] = free.take(np.array(numbers)).compact()
    return found


def _without_past(kept: _Kept, first: int) -> _Kept:
    """Return what is kept without days that nobody will ask for again."""
    past = [day for day in kept.days if day < first - 1]
    if not past:
        return kept
    days = {d: by for d, by in kept.days.items() if d not in past}
    return replace(kept, days=days, joined={})


def _day(instant: datetime) -> int:
    """Return the local day of an instant, as an ordinal."""
    return instant.astimezone(LONDON).toordinal()


def _midnight(day: int) -> datetime:
    """Return the instant at which a local day begins."""
    local = datetime.combine(date.fromordinal(day), time(), tzinfo=LONDON)
    return local.astimezone(UTC)
