"""What a place counts in a repair: its cost, the move, and room that is kept.

Nobody pays for where they stay. Elsewhere an order counts its cost by the problem's
terms, its move, and what its minutes are worth to more urgent orders to come.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import Columns, day_cost
from solver.plan import PRICE_SCALE
from solver.problem import Ints


class Terms(NamedTuple):
    """What places count; all but the last by order, shape ``(orders,)``.

    Parameters
    ----------
    charge
        Price of a move; 0 for the displaced, -1 for those who may not go.
    least
        What an order counts at least elsewhere, before the move; so a place where it is
        better off pays for nothing.
    stay_opening, stay_pair, stay_start, stay_cost
        Where an order stays that may move, and what it costs there; else `UNPLACED`.
    room_price
        Shape ``(classes, openings)``. As in `Damage`.
    """

    charge: Ints
    least: Ints
    stay_opening: Ints
    stay_pair: Ints
    stay_start: Ints
    stay_cost: Ints
    room_price: NDArray[np.int64]


@inlined
def elsewhere(c: Columns, t: Terms, j: int, b: int, p: int, cost: int) -> int:
    """Return what order `j` counts by pair `p` in opening `b`, where it costs `cost`.

    Its own opening at another time is elsewhere too, but takes no room.
    """
    count = max(cost, t.least[j]) + t.charge[j]
    if b != t.stay_opening[j]:
        tier = min(c.tier[j], t.room_price.shape[0] - 1)
        count += t.room_price[tier, b] * c.pair_minutes[p] // PRICE_SCALE
    whole: int = count
    return whole


@inlined
def counts(c: Columns, t: Terms, j: int, b: int, p: int, at: int) -> int:
    """Return what order `j` counts by pair `p` in opening `b` from minute `at`."""
    if b == t.stay_opening[j] and at == t.stay_start[j] and p == t.stay_pair[j]:
        stays: int = t.stay_cost[j]
        return stays
    cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
    return elsewhere(c, t, j, b, p, cost)


@kernel
def counted(
    c: Columns,
    t: Terms,
    rows: Ints,
    opening: Ints,
    pair: Ints,
    start: Ints,
    total: Ints,
) -> None:
    """Add to `total` what each of `rows` counts where it is."""
    for j in rows:
        if opening[j] < 0:
            total[0] += c.unplaced_cost[j]
        else:
            total[0] += counts(c, t, j, opening[j], pair[j], start[j])
