"""Who may go where in a repair: the neighbourhood, free stretches, options and costs.

Everybody outside the neighbourhood stays, to the minute, so time is a set of *bins*:
the stretches between exams that stay. An order takes one bin of one opening, or none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.layout import Columns
from solver.plan import UNPLACED
from solver.problem import Ints

NO_BIN = -1
"""The bin of the option to have no place."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everybody is; each column has shape ``(orders,)``, as in `Plan`."""

    opening: Ints
    pair: Ints
    start_minute: Ints


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Who may go where.

    Parameters
    ----------
    displaced
        Rows of the orders without a place; they may go anywhere.
    movable
        Rows of placed orders that may move to any place of theirs.
    stay
        Where everybody stays who does not move; `UNPLACED` for the displaced.
    move_cost
        Price of each move, in cost units.
    most_moves
        Most moves of `movable` orders, or None.
    gains_count
        Whether a neighbour that is better off elsewhere pays for other things. If not,
        nobody is moved but to make room.
    """

    displaced: Ints
    movable: Ints
    stay: Places
    move_cost: int
    most_moves: int | None
    gains_count: bool = True


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of an opening between exams that stay."""

    opening: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Option:
    """One order in one bin, or nowhere; `start` is given where it stays."""

    order: int
    bin: int
    pair: int
    minutes: int
    cost: int
    moves: int
    start: int | None = None


def options_of(c: Columns, hood: Neighbourhood) -> tuple[list[Bin], list[list[Option]]]:
    """Return the bins that matter and the options of each order, nowhere first."""
    rows = np.concatenate([hood.displaced, hood.movable])
    free = np.zeros(c.tier.shape[0], np.bool_)
    free[rows] = True
    fixed = np.flatnonzero((hood.stay.opening != UNPLACED) & ~free)
    exams: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    start = hood.stay.start_minute[fixed]
    end = start + c.pair_minutes[hood.stay.pair[fixed]]
    for b, since, until in zip(
        hood.stay.opening[fixed].tolist(), start.tolist(), end.tolist(), strict=True
    ):
        exams[b].append((since, until))
    bins: list[Bin] = []
    of: dict[int, range] = {}

    def bins_of(b: int) -> range:
        if b not in of:
            begun = len(bins)
            bins.extend(_bins(c, b, exams.get(b, [])))
            of[b] = range(begun, len(bins))
        return of[b]

    def elsewhere(j: int, move: int, least: int) -> Iterator[Option]:
        window = int(c.earliest_day[j]), int(c.latest_day[j])
        for p, b, there in openings_of(c, j, window):
            minutes, cost = int(c.pair_minutes[p]), max(there, least)
            for i in bins_of(b):
                if _fits(c, j, minutes, bins[i]):
                    yield Option(j, i, p, minutes, cost + move * hood.move_cost, move)

    options: list[list[Option]] = []
    for j in hood.displaced.tolist():
        nowhere = Option(j, NO_BIN, UNPLACED, 0, int(c.unplaced_cost[j]), 0)
        options.append([nowhere, *elsewhere(j, 0, 0)])
    for j in hood.movable.tolist():
        b, p = int(hood.stay.opening[j]), int(hood.stay.pair[j])
        at = int(hood.stay.start_minute[j])
        own = next(i for i in bins_of(b) if bins[i].begin <= at < bins[i].end)
        minutes, cost = int(c.pair_minutes[p]), _place_cost(c, j, b, p)
        stays = Option(j, own, p, minutes, cost, 0, at)
        least = 0 if hood.gains_count else cost
        options.append([stays, *elsewhere(j, 1, least)])
    return bins, options


def _bins(c: Columns, b: int, exams: list[tuple[int, int]]) -> Iterator[Bin]:
    """Yield the stretches of an opening between the exams that stay."""
    begin, close = int(c.begin[b]), int(c.begin[b] + c.minutes[b])
    for since, until in sorted(exams):
        if since > begin:
            yield Bin(b, begin, since)
        begin = until
    if close > begin:
        yield Bin(b, begin, close)


def openings_of(
    c: Columns, j: int, window: tuple[int, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield pair, opening and cost of the options of an order that pay."""
    for p in range(int(c.pair_start[j]), int(c.pair_start[j + 1])):
        s = c.pair_scanner[p]
        rows = np.arange(c.scanner_start[s], c.scanner_start[s + 1])
        day = c.day[rows]
        rows = rows[
            (day >= window[0])
            & (day <= window[1])
            & (c.list_bit[rows] & c.list_mask[j] != 0)
        ]
        cost = _day_cost(c, j, c.day[rows]) + c.pair_cost[p] + c.opening_cost[rows]
        pays = cost < c.unplaced_cost[j]
        for b, each in zip(rows[pays].tolist(), cost[pays].tolist(), strict=True):
            yield p, b, each


def _day_cost(c: Columns, j: int, day: Ints) -> Ints:
    """Return what the days cost the order."""
    late = np.where(day > c.target_day[j], day - c.target_day[j], 0)
    cost: Ints = c.wait_cost[j] * day + c.late_cost[j] * late
    return cost + np.where(day >= c.breach_day[j], c.breach_cost[j], 0)


def _place_cost(c: Columns, j: int, b: int, p: int) -> int:
    """Return what the order costs in an opening by a pair."""
    on_day = int(_day_cost(c, j, c.day[b : b + 1])[0])
    return on_day + int(c.pair_cost[p] + c.opening_cost[b])


def _fits(c: Columns, j: int, minutes: int, there: Bin) -> bool:
    low = max(there.begin, int(c.earliest_minute[j]))
    high = min(there.end, int(c.latest_minute[j]))
    return high - low >= minutes


def cost_of(c: Columns, hood: Neighbourhood, places: Places) -> int:
    """Return what the orders of the neighbourhood cost, moves included."""
    total = 0
    for j in np.concatenate([hood.displaced, hood.movable]).tolist():
        b, p = int(places.opening[j]), int(places.pair[j])
        total += int(c.unplaced_cost[j]) if b == UNPLACED else _place_cost(c, j, b, p)
    if not hood.gains_count:
        total += gains(c, hood.stay, places)
    return total + hood.move_cost * int(moved(hood, places).sum())


def gains(c: Columns, stay: Places, places: Places) -> int:
    """Return by how much those who had a place and moved are better off, in all."""
    differs = (places.opening != stay.opening) & (stay.opening != UNPLACED)
    total = 0
    for j in np.flatnonzero(differs).tolist():
        was = _place_cost(c, j, int(stay.opening[j]), int(stay.pair[j]))
        now = _place_cost(c, j, int(places.opening[j]), int(places.pair[j]))
        total += max(0, was - now)
    return total


def moved(hood: Neighbourhood, places: Places) -> NDArray[np.bool_]:
    """Return which of the movable orders are elsewhere than they were."""
    rows, stay = hood.movable, hood.stay
    gone: NDArray[np.bool_] = (places.opening[rows] != stay.opening[rows]) | (
        places.start_minute[rows] != stay.start_minute[rows]
    )
    return gone


def exams_left(c: Columns, hood: Neighbourhood) -> list[int]:
    """Return the exams that contracts allow the orders of the neighbourhood."""
    fixed = hood.stay.opening != UNPLACED
    fixed[hood.movable] = False
    contract = c.contract[hood.stay.opening[fixed]]
    used = np.bincount(contract[contract >= 0], minlength=c.ceiling.shape[0])
    left: list[int] = (c.ceiling - used).tolist()
    return left
