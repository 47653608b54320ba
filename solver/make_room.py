"""Room for the displaced by moving neighbours: the cheapest ejections, one by one.

For each displaced order, those that cost most first, every opening is looked at in
which a run of neighbours that may move would leave a stretch long enough. The stretch
is taken whose neighbours lose least by moving to free time, moves included, if that
beats where the order is; the neighbours then go to the cheapest free time there is.
This is no search, but it finds soon what the exact search can start from.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from dataclasses import dataclass
from math import inf
from time import monotonic

import numpy as np

from solver.layout import FAR, Columns
from solver.plan import UNPLACED
from solver.repair_options import Neighbourhood, Places, moved, openings_of


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of one order, and the exams that would have to leave it."""

    cost: int
    opening: int
    pair: int
    start: int
    ejected: tuple[int, ...] = ()


def make_room(
    c: Columns, hood: Neighbourhood, first: Places, *, until: float = inf
) -> Places:
    """Return places that cost no more than `first`, moves included.

    Parameters
    ----------
    c, hood
        The problem and who may go where.
    first
        An answer that moves no more than `hood` allows; who has moved stays there.
    until
        When to stop, by the monotonic clock; what was found by then is returned.
    """
    diary = _Diary(c, hood, first)
    rows = hood.displaced.tolist()
    for j in sorted(rows, key=lambda j: (-diary.cost[j], j)):
        if monotonic() >= until:
            break
        diary.improve(j)
    return diary.places()


class _Diary:
    """Who is where in each opening, and what free time there is."""

    def __init__(self, c: Columns, hood: Neighbourhood, first: Places) -> None:
        self._c, self._hood = c, hood
        self._opening = first.opening.copy()
        self._pair = first.pair.copy()
        self._start = first.start_minute.copy()
        self._exams: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._days: defaultdict[int, list[int]] = defaultdict(list)
        self._left: list[int] = c.ceiling.tolist()
        gone = moved(hood, first)
        self._movable = set(hood.movable[~gone].tolist())
        self._loss: dict[int, int] = {}
        most = FAR if hood.most_moves is None else hood.most_moves
        self._moves = most - int(gone.sum())
        self.cost: dict[int, int] = {
            j: int(c.unplaced_cost[j]) for j in hood.displaced.tolist()
        }
        for j in np.flatnonzero(first.opening != UNPLACED).tolist():
            self._enter(j)
        for j in [*hood.displaced.tolist(), *hood.movable.tolist()]:
            if self._opening[j] != UNPLACED:
                self.cost[j] = self._cost_now(j)

    def places(self) -> Places:
        """Return where everybody is."""
        return Places(self._opening, self._pair, self._start)

    def improve(self, j: int) -> None:
        """Move neighbours for order `j` if that costs less than where it is."""
        before = self._where(j)
        now = self.cost[j]
        self._leave(j)
        found = self._cheapest_stretch(j, now)
        if found is None:
            self._back(j, before)
            return
        kept = [(m, self._where(m), self.cost[m]) for m in found.ejected]
        for m in found.ejected:
            self._leave(m)
        self._take(j, found)
        spent, done = self.cost[j] - now, []
        for m, _, was in kept:
            place = self._free(m)
            if place is None:
                spent = FAR
                break
            self._take(m, place)
            done.append(m)
            spent += self._lost(m, place.cost, was) + self._hood.move_cost
        if spent >= 0:
            for m in [*done, j]:
                self._leave(m)
            for m, where, was in kept:
                self._back(m, where)
                self.cost[m] = was
            self._back(j, before)
            self.cost[j] = now
            return
        self._movable -= set(found.ejected)
        self._moves -= len(found.ejected)

    def _cheapest_stretch(self, j: int, limit: int) -> _Place | None:
        """Return the cheapest place of order `j` below `limit` that others leave."""
        c, best = self._c, None
        window = int(c.earliest_day[j]), int(c.latest_day[j])
        for p, b, cost in openings_of(c, j, window):
            if cost >= limit or self._kin_that_day(j, b):
                continue
            exams = self._exams[b]
            for i, exam in enumerate(exams):
                if exam[2] not in self._movable:
                    continue
                found = self._run(j, p, b, cost, i, limit)
                if found is not None:
                    best, limit = found, found.cost
        return best

    def _run(
        self, j: int, p: int, b: int, cost: int, first: int, limit: int
    ) -> _Place | None:
        """Return the shortest run from `first` that leaves room, if below `limit`."""
        c, exams = self._c, self._exams[b]
        since = exams[first - 1][1] if first else int(c.begin[b])
        since = max(since, int(c.earliest_minute[j]))
        out: list[int] = []
        for i in range(first, len(exams)):
            m = exams[i][2]
            if m not in self._movable or len(out) == self._moves:
                return None
            cost += self._loss_of(m) + self._hood.move_cost
            if cost >= limit:
                return None
            out.append(m)
            close = int(c.begin[b] + c.minutes[b])
            until = exams[i + 1][0] if i + 1 < len(exams) else close
            if min(until, int(c.latest_minute[j])) - since >= c.pair_minutes[p]:
                return _Place(cost, b, p, since, tuple(out))
        return None

    def _loss_of(self, m: int) -> int:
        """Return what a neighbour would lose by moving to free time, about."""
        if m not in self._loss:
            place = self._free(m)
            self._loss[m] = FAR if place is None else self._lost(m, place.cost)
        return self._loss[m]

    def _lost(self, m: int, cost: int, was: int | None = None) -> int:
        """Return what a place costs a neighbour more than where it was, as counted."""
        more = cost - (self.cost[m] if was is None else was)
        return more if self._hood.gains_count else max(0, more)

    def _free(self, j: int) -> _Place | None:
        """Return the cheapest free place of an order, other than its own opening."""
        c, best = self._c, None
        limit = int(c.unplaced_cost[j])
        window = int(c.earliest_day[j]), int(c.latest_day[j])
        for p, b, cost in openings_of(c, j, window):
            if cost >= limit or b == self._opening[j] or self._kin_that_day(j, b):
                continue
            contract = int(c.contract[b])
            if contract >= 0 and self._left[contract] <= 0:
                continue
            start = self._gap(j, p, b)
            if start is not None:
                best, limit = _Place(cost, b, p, start), cost
        return best

    def _gap(self, j: int, p: int, b: int) -> int | None:
        """Return the first start of order `j` between the exams of an opening."""
        c = self._c
        at = max(int(c.begin[b]), int(c.earliest_minute[j]))
        close = min(int(c.begin[b] + c.minutes[b]), int(c.latest_minute[j]))
        minutes = int(c.pair_minutes[p])
        for since, until, _ in self._exams[b]:
            if at + minutes <= since:
                break
            at = max(at, until)
        return at if at + minutes <= close else None

    def _kin_that_day(self, j: int, b: int) -> bool:
        """Tell whether the patient has another exam on the opening's day."""
        patient = int(self._c.patient[j])
        if patient < 0:
            return False
        other = list(self._days[patient])
        if self._opening[j] != UNPLACED:
            other.remove(int(self._c.day[self._opening[j]]))
        return int(self._c.day[b]) in other

    def _where(self, j: int) -> tuple[int, int, int]:
        return int(self._opening[j]), int(self._pair[j]), int(self._start[j])

    def _cost_now(self, j: int) -> int:
        c, (b, p, _) = self._c, self._where(j)
        day = int(c.day[b])
        cost = int(c.wait_cost[j]) * day + int(c.pair_cost[p] + c.opening_cost[b])
        cost += int(c.late_cost[j]) * max(0, day - int(c.target_day[j]))
        return cost + (int(c.breach_cost[j]) if day >= c.breach_day[j] else 0)

    def _take(self, j: int, place: _Place) -> None:
        self._back(j, (place.opening, place.pair, place.start))
        self.cost[j] = self._cost_now(j)

    def _back(self, j: int, where: tuple[int, int, int]) -> None:
        self._opening[j], self._pair[j], self._start[j] = where
        if where[0] != UNPLACED:
            self._enter(j)

    def _enter(self, j: int) -> None:
        c, (b, p, start) = self._c, self._where(j)
        insort(self._exams[b], (start, start + int(c.pair_minutes[p]), j))
        if c.contract[b] >= 0:
            self._left[int(c.contract[b])] -= 1
        if c.patient[j] >= 0:
            self._days[int(c.patient[j])].append(int(c.day[b]))

    def _leave(self, j: int) -> None:
        c, (b, p, start) = self._c, self._where(j)
        if b == UNPLACED:
            return
        self._exams[b].remove((start, start + int(c.pair_minutes[p]), j))
        if c.contract[b] >= 0:
            self._left[int(c.contract[b])] += 1
        if c.patient[j] >= 0:
            self._days[int(c.patient[j])].remove(int(c.day[b]))
        self._opening[j], self._pair[j], self._start[j] = UNPLACED, UNPLACED, 0
