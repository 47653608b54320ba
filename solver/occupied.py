"""Time already taken inside openings, and the first good start in what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.compiled import kernel
from solver.layout import Columns
from solver.plan import Plan
from solver.problem import Ints, Problem

NO_START = -1


@dataclass(frozen=True, slots=True)
class Occupied:
    """Taken intervals in compressed rows, sorted by opening, then begin.

    Parameters
    ----------
    start
        Shape ``(openings + 1,)``. Intervals of opening ``b`` are ``start[b]`` to
        ``start[b + 1]``.
    begin_minute, end_minute
        Minutes from midnight of the opening's day.
    exams_left
        Shape ``(contracts,)``. Exams that each contract still allows.
    """

    start: Ints
    begin_minute: Ints
    end_minute: Ints
    exams_left: Ints

    @staticmethod
    def nothing(problem: Problem) -> Occupied:
        """Return that all of the openings is free."""
        none = np.zeros(0, np.int64)
        start = np.zeros(len(problem.openings.key) + 1, np.int64)
        return Occupied(start, none, none.copy(), problem.contract_ceiling)

    @staticmethod
    def by_bookings(
        problem: Problem, *, opening: Ints, begin_minute: Ints, minutes: Ints
    ) -> Occupied:
        """Return the time that bookings take; one entry per booking in each column."""
        rows = np.lexsort((begin_minute, opening))
        openings = len(problem.openings.key)
        contract = problem.openings.contract[opening]
        ceiling = problem.contract_ceiling
        used = np.bincount(contract[contract >= 0], minlength=ceiling.shape[0])
        return Occupied(
            np.searchsorted(opening[rows], np.arange(openings + 1)).astype(np.int64),
            np.ascontiguousarray(begin_minute[rows]),
            (begin_minute + minutes)[rows],
            ceiling - used[: ceiling.shape[0]],
        )

    @staticmethod
    def by_plan(problem: Problem, plan: Plan) -> Occupied:
        """Return the time that a plan takes."""
        j = np.flatnonzero(plan.opening >= 0)
        return Occupied.by_bookings(
            problem,
            opening=plan.opening[j],
            begin_minute=plan.start_minute[j],
            minutes=problem.pairs.minutes[plan.pair[j]],
        )


@kernel
def tidy_start(
    c: Columns, taken: Ints, begins: Ints, ends: Ints, j: int, p: int, b: int
) -> int:
    """Return the first start of order `j` in opening `b` that leaves no needless gap.

    That is the first at which the exam touches the begin or the end of a free stretch;
    if the order's hours allow none, the first possible start; -1 if there is none.
    """
    d = c.pair_minutes[p]
    low, high = c.earliest_minute[j], c.latest_minute[j]
    close = c.begin[b] + c.minutes[b]
    fallback = NO_START
    free = c.begin[b]
    for i in range(taken[b], taken[b + 1] + 1):
        until = close if i == taken[b + 1] else begins[i]
        first: int = max(free, low)
        if first + d <= min(until, high):
            if first == free:
                return first
            flush: int = until - d
            if until <= high and flush >= low:
                return flush
            if fallback == NO_START:
                fallback = first
        if i < taken[b + 1]:
            free = max(free, ends[i])
    return fallback
