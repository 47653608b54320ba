"""The time that placed parties leave: openings cut around them, for the other orders.

The fast search counts minutes, not the clock. So what is placed already is cut out of
the openings, and what is left is a problem of its own in which nothing is fixed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.layout import Columns
from solver.problem import Ints
from solver.search import Search
from solver.ties import Ties
from solver.timetable import Timetable


class FreeTime(NamedTuple):
    """What is left.

    Parameters
    ----------
    columns
        The problem with the stretches of free time as its openings; orders that are
        not in it have no option there and cost nothing.
    origin
        Shape ``(stretches,)``. The opening that each was cut from.
    """

    columns: Columns
    origin: Ints


def free_time(c: Columns, r: Ties, x: Search, t: Timetable, apart: Ints) -> FreeTime:
    """Cut the openings around what is placed.

    Parameters
    ----------
    c, r, x, t
        The problem and its state.
    apart
        Rows of the orders that are not to be in the new problem.
    """
    placed = np.flatnonzero(x.opening >= 0)
    placed = placed[np.lexsort((t.start[placed], x.opening[placed]))]
    begins = t.start[placed]
    ends = begins + c.pair_minutes[x.pair[placed]]
    where = x.opening[placed]
    # Free stretches run from an opening's begin, or an exam's end, to what comes next.
    openings = np.arange(c.day.shape[0], dtype=np.int64)
    origin = np.concatenate([openings, where])
    low = np.concatenate([c.begin, ends])
    sort = np.lexsort((low, origin))
    origin, low = origin[sort], low[sort]
    high_of = np.concatenate([where, openings])
    high = np.concatenate([begins, c.begin + c.minutes])
    high = high[np.lexsort((high, high_of))]
    kept = high > low
    origin, low, high = origin[kept], low[kept], high[kept]
    whole = (low == c.begin[origin]) & (high == low + c.minutes[origin])
    contract = c.contract[where]
    left = c.ceiling - np.bincount(
        contract[contract >= 0], minlength=c.ceiling.shape[0]
    )
    scanners = c.scanner_start.shape[0] - 1
    latest, unplaced = c.latest_day.copy(), c.unplaced_cost.copy()
    latest[apart], unplaced[apart] = -1, 0
    columns = c._replace(
        latest_day=latest,
        unplaced_cost=unplaced,
        scanner_start=np.searchsorted(
            r.scanner[origin], np.arange(scanners + 1)
        ).astype(np.int64),
        day=c.day[origin],
        begin=low,
        minutes=high - low,
        list_bit=c.list_bit[origin],
        opening_cost=c.opening_cost[origin],
        contract=c.contract[origin],
        ceiling=left.astype(np.int64),
        beside=(~whole if c.beside.size else c.beside).astype(np.int64),
    )
    return FreeTime(columns, origin)
