"""The compiled lists of a repair: bins, least counts and options."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import Columns, day_cost, first_opening
from solver.problem import Ints
from solver.repair_rules import Terms, elsewhere

_NO_BIN = -1


@kernel
def cut(
    c: Columns,
    exam: Ints,
    since: Ints,
    until: Ints,
    start: Ints,
    columns: NDArray[np.int64],
) -> int:
    """Write opening, begin and end of the bins; return how many there are.

    Parameters
    ----------
    exam, since, until
        Block of each opening's exams that stay, and their times, ascending.
    start
        Block of each opening's bins; written.
    """
    count = 0
    for b in range(c.day.shape[0]):
        start[b] = count
        begin = c.begin[b]
        for i in range(exam[b], exam[b + 1]):
            if since[i] > begin:
                columns[0, count], columns[1, count] = b, begin
                columns[2, count] = since[i]
                count += 1
            begin = max(begin, until[i])
        close = c.begin[b] + c.minutes[b]
        if close > begin:
            columns[0, count], columns[1, count], columns[2, count] = b, begin, close
            count += 1
    start[c.day.shape[0]] = count
    return count


@inlined
def _fits(c: Columns, j: int, p: int, begin: int, end: int) -> bool:
    low = max(begin, c.earliest_minute[j])
    fit: bool = min(end, c.latest_minute[j]) - low >= c.pair_minutes[p]
    return fit


@kernel
def cheapest(
    c: Columns, t: Terms, rows: Ints, bin_start: Ints, begin: Ints, end: Ints, out: Ints
) -> None:
    """Write what each of `rows` counts at least: where it stays, or anywhere."""
    for i in range(rows.shape[0]):
        j = rows[i]
        best = c.unplaced_cost[j] if t.stay_opening[j] < 0 else t.stay_cost[j]
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                # Later days cost no less.
                if max(cost, t.least[j]) + t.charge[j] >= best:
                    break
                cost += c.opening_cost[b]
                if c.list_mask[j] & c.list_bit[b] == 0 or cost >= c.unplaced_cost[j]:
                    continue
                count = elsewhere(c, t, j, b, p, cost)
                if count >= best:
                    continue
                for n in range(bin_start[b], bin_start[b + 1]):
                    if _fits(c, j, p, begin[n], end[n]):
                        best = count
                        break
        out[i] = best


@kernel
def listed(  # noqa: C901
    c: Columns,
    t: Terms,
    rows: Ints,
    bin_start: Ints,
    begin: Ints,
    end: Ints,
    limit: Ints,
    start: Ints,
    columns: NDArray[np.int64],
) -> None:
    """Write the block of each order, and its options where `columns` have room.

    Parameters
    ----------
    limit
        What an option must count less than, by row.
    columns
        Bin, pair and what it counts; as many as `start` ends with, or none.
    """
    write = columns.shape[1] > 0
    count = 0
    for i in range(rows.shape[0]):
        j = rows[i]
        start[i] = count
        if write:
            _first(c, t, j, bin_start, begin, end, columns, count)
        count += 1
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if max(cost, t.least[j]) + t.charge[j] >= limit[i]:
                    break
                cost += c.opening_cost[b]
                if c.list_mask[j] & c.list_bit[b] == 0 or cost >= c.unplaced_cost[j]:
                    continue
                value = elsewhere(c, t, j, b, p, cost)
                if value >= limit[i]:
                    continue
                for n in range(bin_start[b], bin_start[b + 1]):
                    if _fits(c, j, p, begin[n], end[n]):
                        if write:
                            columns[0, count], columns[1, count] = n, p
                            columns[2, count] = value
                        count += 1
    start[rows.shape[0]] = count


@inlined
def _first(
    c: Columns,
    t: Terms,
    j: int,
    bin_start: Ints,
    begin: Ints,
    end: Ints,
    columns: NDArray[np.int64],
    count: int,
) -> None:
    """Write the first option of an order: to stay, or to have no place."""
    b = t.stay_opening[j]
    columns[0, count], columns[1, count] = _NO_BIN, _NO_BIN
    columns[2, count] = c.unplaced_cost[j]
    if b >= 0:
        columns[1, count], columns[2, count] = t.stay_pair[j], t.stay_cost[j]
        for n in range(bin_start[b], bin_start[b + 1]):
            if begin[n] <= t.stay_start[j] < end[n]:
                columns[0, count] = n
