"""Who may go where in a repair: the neighbourhood, free stretches, options and costs.

Everybody outside the neighbourhood stays, to the minute, so time is a set of *bins*:
the stretches between exams that stay. An order takes one bin of one opening, or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.layout import FAR, Columns
from solver.plan import UNPLACED
from solver.problem import Ints
from solver.repair_lists import cheapest, cut, listed
from solver.repair_rules import Terms, counted

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
    room_price
        As in `Damage`.
    """

    displaced: Ints
    movable: Ints
    stay: Places
    move_cost: int
    most_moves: int | None
    gains_count: bool = True
    room_price: NDArray[np.int64] | None = None

    @property
    def rows(self) -> Ints:
        """The orders that may go: the displaced, then the movable."""
        return np.concatenate([self.displaced, self.movable])


@dataclass(frozen=True, slots=True)
class Bins:
    """Stretches of openings between exams that stay, by opening, then time.

    Parameters
    ----------
    start
        Shape ``(openings + 1,)``. Block of each opening in the other columns.
    opening, begin, end
        Shape ``(bins,)``. Minutes from midnight of the opening's day.
    """

    start: Ints
    opening: Ints
    begin: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class Options:
    """Orders in bins, by order; each order's first is to stay or to have no place.

    Parameters
    ----------
    rows
        Shape ``(n,)``. The orders of the neighbourhood.
    start
        Shape ``(n + 1,)``. Block of each order in the other columns.
    bin, pair, cost
        Where, by which pair, and what it counts, moves included; `NO_BIN` for no place.
    """

    rows: Ints
    start: Ints
    bin: Ints
    pair: Ints
    cost: Ints

    @property
    def of(self) -> Ints:
        """Number of each option's order in `rows`."""
        return np.repeat(np.arange(self.rows.shape[0]), np.diff(self.start))


def terms_for(c: Columns, hood: Neighbourhood) -> Terms:
    """Return what places count, as the kernels take it."""
    orders = c.tier.shape[0]
    charge = np.full(orders, -1, np.int64)
    charge[hood.displaced] = 0
    charge[hood.movable] = hood.move_cost
    stay_cost = np.full(orders, FAR, np.int64)
    least = np.full(orders, -FAR, np.int64)
    rows = hood.movable
    b, p = hood.stay.opening[rows], hood.stay.pair[rows]
    late = np.maximum(c.day[b] - c.target_day[rows], 0)
    stay_cost[rows] = c.wait_cost[rows] * c.day[b] + c.late_cost[rows] * late
    stay_cost[rows] += np.where(c.day[b] >= c.breach_day[rows], c.breach_cost[rows], 0)
    stay_cost[rows] += c.pair_cost[p] + c.opening_cost[b]
    if not hood.gains_count:
        least[rows] = stay_cost[rows]
    stays = np.zeros(orders, np.bool_)
    stays[rows] = True
    return Terms(
        charge=charge,
        least=least,
        stay_opening=np.where(stays, hood.stay.opening, UNPLACED),
        stay_pair=np.where(stays, hood.stay.pair, UNPLACED),
        stay_start=np.where(stays, hood.stay.start_minute, 0),
        stay_cost=stay_cost,
        room_price=room_prices_of(c, hood.room_price),
    )


def room_prices_of(
    c: Columns, room_price: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return the prices of room by class and opening; of one class where none is."""
    if room_price is None:
        return np.zeros((1, c.day.shape[0]), np.int64)
    return np.ascontiguousarray(room_price)


def bins_of(c: Columns, hood: Neighbourhood) -> Bins:
    """Return the stretches between the exams that stay."""
    free = np.zeros(c.tier.shape[0], np.bool_)
    free[hood.rows] = True
    fixed = np.flatnonzero((hood.stay.opening != UNPLACED) & ~free)
    b, since = hood.stay.opening[fixed], hood.stay.start_minute[fixed]
    order = np.lexsort((since, b))
    b, since = b[order], since[order]
    until = since + c.pair_minutes[hood.stay.pair[fixed[order]]]
    openings = c.day.shape[0]
    exam = np.searchsorted(b, np.arange(openings + 1)).astype(np.int64)
    start = np.zeros(openings + 1, np.int64)
    columns = np.zeros((3, openings + fixed.shape[0]), np.int64)
    count = cut(c, exam, since, until, start, columns)
    opening, begin, end = (column[:count].copy() for column in columns)
    return Bins(start, opening, begin, end)


def least_costs(c: Columns, terms: Terms, rows: Ints, bins: Bins) -> Ints:
    """Return what each of `rows` counts at least, wherever everybody else goes."""
    least = np.zeros(rows.shape[0], np.int64)
    cheapest(c, terms, rows, bins.start, bins.begin, bins.end, least)
    return least


def options_of(
    c: Columns, hood: Neighbourhood, terms: Terms, bins: Bins, limit: Ints
) -> Options:
    """Return the options that count less than each order's limit, and its first.

    Parameters
    ----------
    limit
        Shape ``(n,)``, by the rows of the neighbourhood.
    """
    rows, places = hood.rows, (bins.start, bins.begin, bins.end)
    start = np.zeros(rows.shape[0] + 1, np.int64)
    nothing = np.zeros((3, 0), np.int64)
    listed(c, terms, rows, *places, limit, start, nothing)
    columns = np.zeros((3, int(start[-1])), np.int64)
    listed(c, terms, rows, *places, limit, start, columns)
    return Options(rows, start, *(column.copy() for column in columns))


def cost_of(c: Columns, hood: Neighbourhood, places: Places) -> int:
    """Return what the orders of the neighbourhood count, moves included."""
    total = np.zeros(1, np.int64)
    counted(
        c,
        terms_for(c, hood),
        hood.rows,
        places.opening,
        places.pair,
        places.start_minute,
        total,
    )
    return int(total[0])


def moved(hood: Neighbourhood, places: Places) -> NDArray[np.bool_]:
    """Return which of the movable orders are elsewhere than they were."""
    rows, stay = hood.movable, hood.stay
    gone: NDArray[np.bool_] = (places.opening[rows] != stay.opening[rows]) | (
        places.start_minute[rows] != stay.start_minute[rows]
    )
    return gone


def exams_left(c: Columns, hood: Neighbourhood) -> Ints:
    """Return the exams that contracts allow the orders of the neighbourhood."""
    fixed = hood.stay.opening != UNPLACED
    fixed[hood.movable] = False
    contract = c.contract[hood.stay.opening[fixed]]
    used = np.bincount(contract[contract >= 0], minlength=c.ceiling.shape[0])
    left: Ints = c.ceiling - used
    return left
