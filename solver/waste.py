"""What idle stretches cost that are too short for any exam, where the plan pays for it.

Exams that stand back to back leave an opening one stretch, its tail. So while only
minutes are counted, an opening that is used pays for its tail; a plan with hours of the
day can pay more, never less. Once there are starts, each stretch is looked at. All of
it costs nothing where the table of `Columns.waste` is empty.
"""

from __future__ import annotations

from solver.compiled import inlined, kernel
from solver.layout import Columns
from solver.problem import Ints
from solver.search import Search


@inlined
def short(table: Ints, minutes: int) -> int:
    """Return what an idle stretch of so many minutes costs by a table of `waste`."""
    if minutes <= 0:
        return 0
    cost: int = table[min(minutes, table.shape[0] - 1)]
    return cost


@inlined
def dearest(c: Columns) -> int:
    """Return the most that one idle stretch can cost."""
    n = c.waste.shape[0]
    cost: int = c.waste[n - 2] if n > 1 else 0
    return cost


@inlined
def tail(c: Columns, x: Search, b: int) -> int:
    """Return what opening `b` pays for its tail if its exams go back to back."""
    if c.waste.shape[0] == 0 or (x.member_count[b] == 0 and c.beside[b] == 0):
        return 0
    return short(c.waste, x.free[b])


@inlined
def tail_change(c: Columns, x: Search, b: int, minutes: int) -> int:
    """Return how the tail's cost changes if `minutes` more of opening `b` are used."""
    if c.waste.shape[0] == 0:
        return 0
    change: int = short(c.waste, x.free[b] - minutes) - tail(c, x, b)
    return change


@kernel
def tails(c: Columns, x: Search) -> int:
    """Return what all openings pay for their tails."""
    total = 0
    if c.waste.shape[0]:
        for b in range(c.day.shape[0]):
            total += tail(c, x, b)
    return total


@kernel
def splitting(c: Columns, x: Search, start: Ints, b: int, at: int, minutes: int) -> int:
    """Return how what opening `b` pays changes with one more exam, at `at`.

    Parameters
    ----------
    start
        Shape ``(orders,)``. Starts, which all members of the opening have.
    at, minutes
        Where the exam would begin, in free time, and how long it is.
    """
    if c.waste.shape[0] == 0:
        return 0
    low, high = c.begin[b], c.begin[b] + c.minutes[b]
    first = x.member_start[b]
    for i in range(first, first + x.member_count[b]):
        m = x.member[i]
        if start[m] < at:
            low = max(low, start[m] + c.pair_minutes[x.pair[m]])
        else:
            high = min(high, start[m])
    change: int = short(c.waste, at - low) + short(c.waste, high - at - minutes)
    if x.member_count[b] or c.beside[b]:
        change -= short(c.waste, high - low)
    return change
