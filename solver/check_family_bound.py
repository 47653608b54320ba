"""The checker's knapsack with changeovers: what exams of several families can earn.

Nothing here comes from the optimiser but the data types. Between the exams of an
opening lie at least the minutes of the shortest way through their families, for a third
family in between never shortens a way. So, for each set of families, the exams' minutes
come to no more than the opening's less that way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.problem import Ints

MOST_APART = 8
"""Families told apart; from the eighth on, those of a scanner count as one family with
the least of their changeovers, which only weakens the bound."""

Numbers = NDArray[Any]


def most_with_changeovers(
    earns: Numbers,
    minutes: Ints,
    room: Ints,
    *,
    unit: int,
    family: Ints,
    setup: NDArray[np.int64],
) -> Numbers:
    """Return the most that whole exams can earn in each opening of a scanner.

    Parameters
    ----------
    earns
        Shape ``(pairs, openings)``; 0 or less where there is nothing to earn.
    minutes, family
        Shape ``(pairs,)``. Length of each exam; its family or -1.
    room
        Shape ``(openings,)``. Minutes of each opening.
    unit
        A divisor of all lengths.
    setup
        Shape ``(families, families)``. Minutes from one family to the next exam's.
    """
    groups = _groups(family)
    way = _ways(groups, setup)
    size = int(room.max()) // unit
    columns = np.arange(room.shape[0])
    earned = [
        _knapsack(earns[rows], minutes[rows] // unit, minutes[rows] // unit, size)
        for rows in (np.flatnonzero(np.isin(family, group)) for group in groups)
    ]
    # Where a changeover would be, an exam without a family may stand.
    alone = np.flatnonzero(family < 0)
    least = np.maximum(minutes[alone] - way.max(initial=0), 0) // unit
    tables: dict[int, Numbers] = {
        0: _knapsack(earns[alone], least, minutes[alone] // unit, size)
    }
    most = tables[0][room // unit, columns]
    for chosen in range(1, 2 ** len(groups)):
        last = chosen.bit_length() - 1
        rest, own = tables[chosen ^ 1 << last], earned[last]
        table = rest.copy()
        for used in range(1, size + 1):
            table[used:] = np.maximum(table[used:], rest[: size + 1 - used] + own[used])
        tables[chosen] = table
        left = room - _shortest(way, chosen)
        found = table[np.maximum(left, 0) // unit, columns]
        most = np.where(left >= 0, np.maximum(most, found), most)
    return most


def _groups(family: Ints) -> list[list[int]]:
    """Return the families in groups that the bound tells apart."""
    known = sorted({int(f) for f in family if f >= 0})
    groups = [[f] for f in known[: MOST_APART - 1]]
    return [*groups, known[MOST_APART - 1 :]] if len(known) >= MOST_APART else groups


def _ways(groups: list[list[int]], setup: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the least minutes from group to group, through others if that is less."""
    way = np.zeros((len(groups), len(groups)), np.int64)
    for a, these in enumerate(groups):
        for b, those in enumerate(groups):
            if a != b:
                way[a, b] = min(int(setup[f, g]) for f in these for g in those)
    for k in range(len(groups)):
        way = np.minimum(way, way[:, k, None] + way[None, k, :])
    return way


def _shortest(way: NDArray[np.int64], chosen: int) -> int:
    """Return the length of the shortest way through the groups of a bit mask."""

    @cache
    def onward(here: int, to_come: int) -> int:
        following = [b for b in range(way.shape[0]) if to_come >> b & 1]
        if not following:
            return 0
        return min(int(way[here, b]) + onward(b, to_come ^ 1 << b) for b in following)

    firsts = [a for a in range(way.shape[0]) if chosen >> a & 1]
    return min(onward(a, chosen ^ 1 << a) for a in firsts)


def _knapsack(earns: Numbers, takes: Ints, length: Ints, size: int) -> Numbers:
    """Return the most by units used at most, shape ``(size + 1, openings)``.

    Parameters
    ----------
    takes
        Units that each exam takes here.
    length
        Its true units, which say how many of its kind can be there at all.
    """
    earned = np.zeros((size + 1, earns.shape[1]), dtype=earns.dtype)
    for units in np.unique(length):
        rows = np.flatnonzero(length == units)
        best = -np.sort(-earns[rows], axis=0)
        took = int(takes[rows[0]])
        for gain in best[: size // int(units)]:
            if not (gain > 0).any():
                break
            kept = np.maximum(gain, 0)[None, :]
            earned[took:] = np.maximum(earned[took:], earned[: size + 1 - took] + kept)
    return earned
