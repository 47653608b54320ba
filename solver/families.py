"""Which families of exams may meet in an opening, and what a set of them costs in time.

An exam waits for the minutes that the family before it asks for, and a third family in
between never shortens the way. So the exams of one family stand together in a good
sequence, and the minutes lost depend on the *set* of families alone: they are those of
the shortest path through it (Held and Karp's recursion). A table by set makes that one
look-up for search and bound.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.layout import FAR, Columns
from solver.problem import Ints, Problem
from solver.regions import scanner_of_opening

Table = NDArray[np.int64]

MOST_CLASSES = 8
"""Families told apart in one opening; of more, the last ones count as one."""
NO_CLASS = -1


class Families(NamedTuple):
    """The families of the openings as classes, and the changeovers of their sets.

    Parameters
    ----------
    family
        Shape ``(orders,)``. Family of each order, or -1.
    kind
        Shape ``(openings,)``. Openings of one kind have the same classes and the same
        neighbours.
    class_of
        Shape ``(kinds, families)``. Class of the family there, or `NO_CLASS`.
    path
        Shape ``(kinds, 2 ** MOST_CLASSES)``. Least minutes of changeover, by set of
        classes as a bit mask.
    follow
        Shape ``(kinds, MOST_CLASSES + 1, 2 ** MOST_CLASSES)``. The class that a
        shortest path goes to from each class, by the set still to come; the last row
        is for the begin.
    longest
        Shape ``(kinds,)``. The longest changeover between two of the classes.
    """

    family: Ints
    kind: Ints
    class_of: Table
    path: Table
    follow: NDArray[np.int64]
    longest: Ints


def families_of(problem: Problem, c: Columns) -> Families | None:
    """Return the families of the problem's openings, or None without changeovers."""
    changeovers = problem.rules.changeovers
    if not changeovers.family.size:
        return None
    families = math.isqrt(changeovers.minutes.shape[0])
    setup = changeovers.minutes.reshape(families, families)
    return families_at(c, changeovers.family, setup, scanner=scanner_of_opening(c))


def families_at(
    c: Columns,
    family: Ints,
    setup: Table,
    *,
    scanner: Ints,
    before: Ints | None = None,
    after: Ints | None = None,
) -> Families:
    """Return the families of each opening.

    Parameters
    ----------
    c
        The problem; a family that no order brings to a scanner is no class there.
    family, setup
        Family of each order or -1, and minutes from each family to each.
    scanner
        Scanner of each opening.
    before, after
        Family of what stands right before and right after each opening, or -1; None
        where nothing does.
    """
    nobody = np.full(scanner.shape[0], -1, np.int64)
    brought = np.zeros((c.scanner_start.shape[0] - 1, setup.shape[0]), np.int64)
    owner = np.repeat(np.arange(c.tier.shape[0]), np.diff(c.pair_start))
    known = family[owner] >= 0
    brought[c.pair_scanner[known], family[owner[known]]] = 1
    beside = [nobody if row is None else row for row in (before, after)]
    looks = np.concatenate([brought[scanner], np.stack(beside, axis=1)], axis=1)
    kinds, kind = np.unique(looks, axis=0, return_inverse=True)
    class_of = np.full((kinds.shape[0], setup.shape[0]), NO_CLASS, np.int64)
    path = np.zeros((kinds.shape[0], 2**MOST_CLASSES), np.int64)
    follow = np.zeros((kinds.shape[0], MOST_CLASSES + 1, path.shape[1]), np.int64)
    longest = np.zeros(kinds.shape[0], np.int64)
    for row, look in enumerate(kinds):
        here = np.flatnonzero(look[:-2])
        class_of[row, here] = np.minimum(np.arange(here.size), MOST_CLASSES - 1)
        way = _ways(setup, class_of[row])
        longest[row] = way.max(initial=0)
        enter = _beside(setup[look[-2], :], class_of[row], there=look[-2] >= 0)
        leave = _beside(setup[:, look[-1]], class_of[row], there=look[-1] >= 0)
        _shortest_paths(way, enter, leave, path[row], follow[row])
    kind = kind.reshape(-1).astype(np.int64)
    return Families(family, kind, class_of, path, follow, longest)


def _ways(setup: Table, class_of: Ints) -> Table:
    """Return the least minutes from class to class, by others where that is shorter."""
    classes = int(class_of.max(initial=NO_CLASS)) + 1
    way = np.zeros((classes, classes), np.int64)
    for a in range(classes):
        for b in range(classes):
            if a != b:
                way[a, b] = setup[np.ix_(class_of == a, class_of == b)].min()
    for k in range(classes):
        way = np.minimum(way, way[:, [k]] + way[[k], :])
    return way


def _beside(minutes: Ints, class_of: Ints, *, there: bool) -> Ints:
    """Return by class the least minutes to or from what stands beside the opening."""
    classes = int(class_of.max(initial=NO_CLASS)) + 1
    if not there:
        return np.zeros(classes, np.int64)
    return np.array([minutes[class_of == a].min() for a in range(classes)], np.int64)


def _shortest_paths(
    way: Table, enter: Ints, leave: Ints, path: Ints, follow: Table
) -> None:
    """Write the shortest path through each set of classes: its length, and its steps.

    ``left[a, mask]`` is the length of what is left at class a, with `mask` to come.
    """
    classes = way.shape[0]
    begin = MOST_CLASSES
    left = np.full((classes, 2**classes), FAR // 4, np.int64)
    left[:, 0] = leave
    for mask in range(1, 2**classes):
        to_come = [b for b in range(classes) if mask >> b & 1]
        rest = np.array([left[b, mask ^ 1 << b] for b in to_come])
        onward = way[:, to_come] + rest
        best = onward.argmin(axis=1)
        left[:, mask] = onward.min(axis=1)
        follow[:classes, mask] = np.array(to_come)[best]
        entered = enter[to_come] + rest
        path[mask] = entered.min()
        follow[begin, mask] = to_come[int(entered.argmin())]
