"""Who might make room for the displaced: the neighbourhood that a repair searches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.kin import kin_of
from solver.layout import Columns
from solver.losses import Damage
from solver.plan import UNPLACED
from solver.problem import Ints
from solver.repair_kernels import losses, seat
from solver.repair_options import Neighbourhood, Places
from solver.search import NO_START, empty


def neighbourhood(
    damage: Damage,
    c: Columns,
    *,
    may_move: NDArray[np.bool_] | None,
    most_moves: int | None,
    move_cost: int,
    gains_count: bool,
    days: int,
    most_movable: int,
) -> Neighbourhood:
    """Return who may go where; the parameters are those of `improve_repair`."""
    movable = neighbours(damage, c, may_move, days, most_movable)
    return Neighbourhood(
        displaced=damage.displaced,
        movable=movable[:0] if most_moves == 0 else movable,
        stay=Places(damage.opening, damage.pair, damage.start_minute),
        move_cost=move_cost,
        most_moves=most_moves,
        gains_count=gains_count,
        room_price=damage.room_price,
    )


def neighbours(
    damage: Damage,
    c: Columns,
    may_move: NDArray[np.bool_] | None,
    days: int,
    most: int,
) -> Ints:
    """Return the rows of those who might make room for the displaced.

    They are placed within `days` of a displaced exam on a scanner that a displaced
    order may use. If there are more than `most`, those are taken whose minutes would be
    freed most cheaply by a move to a place that is free now.
    """
    if damage.displaced.size == 0:
        return damage.displaced
    scanners = np.zeros(c.scanner_start.shape[0] - 1, np.bool_)
    for j in damage.displaced:
        scanners[c.pair_scanner[c.pair_start[j] : c.pair_start[j + 1]]] = True
    near = np.zeros(int(c.day.max(initial=0)) + 1 + days, np.bool_)
    for day in np.unique(damage.day[damage.displaced]):
        near[max(0, day - days) : day + days + 1] = True
    wanted = np.repeat(scanners, np.diff(c.scanner_start)) & near[c.day]
    stay = np.flatnonzero(damage.opening != UNPLACED)
    rows = stay[wanted[damage.opening[stay]]]
    if may_move is not None:
        rows = rows[may_move[rows]]
    if rows.shape[0] > most:
        x = empty(c)
        start = np.full(c.tier.shape[0], NO_START, np.int64)
        seat(c, x, start, damage.opening, damage.pair, damage.start_minute)
        loss = np.zeros(rows.shape[0], np.int64)
        losses(c, x, kin_of(c), start, rows, loss)
        minutes = c.pair_minutes[damage.pair[rows]]
        rows = np.sort(rows[np.argsort(loss // minutes, kind="stable")[:most]])
    return rows
