"""An opening's best exams where families leave changeovers, and the step they cause.

One sweep visits every opening: it solves the knapsack of `family_packing` over the
options that the opening lists, at the worths as they are, and moves the worths (see
`subgradient`). The set of families that earns most there is counted, as a vote for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import kernel
from solver.families import NO_CLASS, Families
from solver.layout import Columns
from solver.problem import Ints
from solver.shortlist import Shortlist
from solver.subgradient import ByOpening, Floats, by_opening, listed_options


class _Classes(NamedTuple):
    """The class of each listed option; of each opening its minutes, kind and paths."""

    own: Ints
    minutes: Ints
    kind: Ints
    path: NDArray[np.int64]


class _Desk(NamedTuple):
    """Working memory for the knapsack of one opening."""

    taken: Ints
    begin: Ints
    choice: NDArray[np.bool_]
    earned: Floats
    table: Floats
    part: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sweeps:
    """What sweeps run over.

    Parameters
    ----------
    options, classes
        The listed options by opening, and within it by class of family.
    ceiling
        Shape ``(orders,)``. Most that each order can be worth, in cost units.
    votes
        Shape ``(openings, sets)``. How often each set of families earned most.
    """

    options: ByOpening
    classes: _Classes
    desk: _Desk
    unit: int
    ceiling: Floats
    votes: NDArray[np.int64]

    def held_to(self, kind: Ints, path: NDArray[np.int64]) -> Sweeps:
        """Return sweeps with other changeovers by opening; they share the votes."""
        classes = self.classes._replace(kind=kind, path=path)
        return replace(self, classes=classes)

    def sweep(self, visit: Ints, worth: Floats, step: float) -> None:
        """Visit openings in that order; move the worths, in cost units, by `step`."""
        _sweep(
            visit,
            self.options,
            self.classes,
            self.desk,
            self.unit,
            self.ceiling,
            worth,
            step,
            self.votes,
        )


def sweeps_over(
    c: Columns, at: Families, listed: Shortlist, exam_price: Ints
) -> Sweeps:
    """Return the listed options, ready for sweeps; there must be at least one.

    Parameters
    ----------
    c, at
        The problem and the families of its openings.
    listed
        The options.
    exam_price
        Shape ``(contracts,)``; scaled.
    """
    unit = int(np.gcd.reduce(c.pair_minutes))
    j, r = listed_options(listed)
    b, own = listed.opening[j, r], _class_of(at, j, listed.opening[j, r])
    sort = np.lexsort((j, own, b))
    options = by_opening(c, listed, j[sort], r[sort], exam_price, unit)
    desk = _desk(options, at, int(c.minutes.max()) // unit)
    return Sweeps(
        options,
        _Classes(own[sort], c.minutes, at.kind, at.path),
        desk,
        unit,
        c.unplaced_cost.astype(np.float64),
        np.zeros((c.day.shape[0], desk.table.shape[0]), np.int64),
    )


def _class_of(at: Families, j: Ints, b: Ints) -> Ints:
    """Return the class of each option; the number of classes without a family."""
    family = at.family[j]
    none = int(at.class_of.max(initial=NO_CLASS)) + 1
    found = np.where(family >= 0, at.class_of[at.kind[b], family], none)
    return found.astype(np.int64)


def _desk(options: ByOpening, at: Families, units: int) -> _Desk:
    """Return working memory for any opening."""
    widest = int(np.diff(options.first).max(initial=0))
    classes = int(at.class_of.max(initial=NO_CLASS)) + 1
    return _Desk(
        taken=np.zeros(widest, np.int64),
        begin=np.zeros(classes + 2, np.int64),
        choice=np.zeros((widest, units + 1), np.bool_),
        earned=np.zeros((classes + 1, units + 1)),
        table=np.zeros((2**classes, units + 1)),
        part=np.zeros((2**classes, units + 1), np.int64),
    )


@kernel
def _sweep(
    visit: Ints,
    a: ByOpening,
    at: _Classes,
    w: _Desk,
    unit: int,
    ceiling: Floats,
    worth: Floats,
    step: float,
    votes: NDArray[np.int64],
) -> None:
    """Visit every opening once, and move the worths of the orders that it lists."""
    for t in range(visit.shape[0]):
        b = visit[t]
        mask, used = _best_exams(a, at, w, b, unit, worth)
        votes[b, mask] += 1
        for i in range(a.first[b], a.first[b + 1]):
            j = a.row[i]
            worth[j] = min(ceiling[j], worth[j] + step * a.share[i])
        free = w.begin.shape[0] - 2
        while True:
            row = free
            units = used
            if mask:
                row = 0
                while not mask >> row & 1:
                    row += 1
                units = w.part[mask, used]
                used -= units
            for n in range(w.begin[row + 1] - 1, w.begin[row] - 1, -1):
                i = w.taken[n]
                if units >= a.size[i] and w.choice[n, units]:
                    units -= a.size[i]
                    worth[a.row[i]] = max(0.0, worth[a.row[i]] - step)
            if mask == 0:
                break
            mask ^= 1 << row


@kernel
def _best_exams(  # noqa: C901, PLR0912
    a: ByOpening, at: _Classes, w: _Desk, b: int, unit: int, worth: Floats
) -> tuple[int, int]:
    """Return the set of classes that earns most in opening `b`, and its units."""
    minutes = at.minutes[b]
    size = minutes // unit
    free = w.begin.shape[0] - 2
    n, i, present = 0, a.first[b], 0
    for row in range(free + 1):
        w.begin[row] = n
        w.earned[row, : size + 1] = 0.0
        while i < a.first[b + 1] and at.own[i] == row:
            gain, d = worth[a.row[i]] - a.cost[i], a.size[i]
            if gain > 0.0 and d <= size:
                w.taken[n] = i
                for used in range(size, d - 1, -1):
                    more = w.earned[row, used - d] + gain
                    w.choice[n, used] = more > w.earned[row, used]
                    w.earned[row, used] = max(w.earned[row, used], more)
                w.choice[n, :d] = False
                n += 1
                if row < free:
                    present |= 1 << row
            i += 1
    w.begin[free + 1] = n
    kind = at.kind[b]
    best, best_mask, best_used = -1.0, 0, 0
    for mask in range(2**free):
        if mask & present != mask or at.path[kind, mask] > minutes:
            continue
        room = (minutes - at.path[kind, mask]) // unit
        if mask == 0:
            for used in range(size + 1):
                w.table[0, used] = w.earned[free, used]
        else:
            row = 0
            while not mask >> row & 1:
                row += 1
            rest = mask ^ (1 << row)
            for used in range(room + 1):
                found, part = -1.0, 0
                for own in range(used + 1):
                    more = w.table[rest, used - own] + w.earned[row, own]
                    if more > found:
                        found, part = more, own
                w.table[mask, used] = found
                w.part[mask, used] = part
        if w.table[mask, room] > best:
            best, best_mask, best_used = w.table[mask, room], mask, room
    return best_mask, best_used
