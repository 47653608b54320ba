"""Changeovers on the clock: what an exam must leave to those beside it on the scanner.

The search counts the least changeovers of an opening (`families`); here is what they
are between two exams, and to what lies before and behind an opening.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import Columns
from solver.problem import Ints
from solver.search import NO_START, Search


class Setups(NamedTuple):
    """Minutes between exams of different families, and what lies beside an opening.

    Parameters
    ----------
    family
        Shape ``(orders,)``, or ``(0,)`` where there are no families. Row, or -1.
    minutes
        Shape ``(families, families)``. From the end of one to the start of the next.
    scanner
        Shape ``(openings,)``. Scanner of each opening; as are the next four.
    before_family, before_end
        The last exam that has its start already, earlier on the scanner's day.
    after_family, after_start
        The first one that has it later on the day; `FAR` if there is none.
    kind, class_of, follow
        As in `Families`: what a shortest path through the families goes on with.
    """

    family: Ints
    minutes: NDArray[np.int64]
    scanner: Ints
    before_family: Ints
    before_end: Ints
    after_family: Ints
    after_start: Ints
    kind: Ints
    class_of: NDArray[np.int64]
    follow: NDArray[np.int64]


def no_setups() -> Setups:
    """Return that no exam leaves anything for the next to wait for."""
    nothing = np.zeros(0, np.int64)
    table = nothing.reshape(0, 0)
    beside = (nothing for _ in range(6))
    return Setups(*(nothing, table, *beside, table, nothing.reshape(0, 0, 0)))


@inlined
def between(s: Setups, f: int, j: int) -> int:
    """Return the minutes from an exam of family `f` to order `j`."""
    if f < 0 or s.family[j] < 0:
        return 0
    wanted: int = s.minutes[f, s.family[j]]
    return wanted


@kernel
def first_beside(c: Columns, x: Search, s: Setups, start: Ints, b: int, j: int) -> int:
    """Return the least start of order `j` after what lies before opening `b`."""
    first: int = c.begin[b]
    if s.family.shape[0] == 0 or s.family[j] < 0:
        return first
    first = max(first, s.before_end[b] + between(s, s.before_family[b], j))
    a = b - 1
    while a >= 0 and s.scanner[a] == s.scanner[b] and c.day[a] == c.day[b]:
        for i in range(x.member_start[a], x.member_start[a] + x.member_count[a]):
            m = x.member[i]
            if start[m] != NO_START:
                done = start[m] + c.pair_minutes[x.pair[m]]
                first = max(first, done + between(s, s.family[m], j))
        a -= 1
    return first


@kernel
def last_beside(c: Columns, x: Search, s: Setups, start: Ints, b: int, j: int) -> int:
    """Return the last end of order `j` before what lies behind opening `b`."""
    end: int = c.begin[b] + c.minutes[b]
    if s.family.shape[0] == 0 or s.family[j] < 0:
        return end
    if s.after_family[b] >= 0:
        wait: int = s.minutes[s.family[j], s.after_family[b]]
        end = min(end, s.after_start[b] - wait)
    a = b + 1
    while a < s.scanner.shape[0] and (
        s.scanner[a] == s.scanner[b] and c.day[a] == c.day[b]
    ):
        for i in range(x.member_start[a], x.member_start[a] + x.member_count[a]):
            m = x.member[i]
            if start[m] != NO_START:
                end = min(end, start[m] - between(s, s.family[j], m))
        a += 1
    return end
