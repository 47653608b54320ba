"""Knapsacks of openings at worths: what they would take, and what forcing them costs.

The bound of `multipliers` gives each opening the orders that earn most there, a
knapsack problem of its own. How far the bound rises if an order must go to one opening,
its *lift*, follows exactly: that opening loses what its best load with the order earns
less, every other opening what its best load without it earns less. An option whose
lift exceeds the distance from the bound to the best plan is in no better plan (fixing
by Lagrangean penalties: Posta, Ferland & Michelon, Computational Optimization and
Applications 52, 2012).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.problem import Ints

Floats = NDArray[np.float64]

SWIFTNESS = 0.1
"""Weight of the newest sweep in how often an option is taken."""
NEVER = 1e18
"""Beyond every cost."""


class Field(NamedTuple):
    """Openings that are searched together, their orders, and the options between them.

    Costs and worths are in cost units, lengths and room in a common unit of time.

    Parameters
    ----------
    first, kept
        Shape ``(openings,)``. Where an opening's options begin, and how many are left.
    row, length, cost, ident
        Shape ``(options,)``. Order, length, cost and the caller's number of an option.
    often
        Shape ``(options,)``. Share of the latest sweeps in which it was taken.
    within, without
        Shape ``(options,)``. What the opening's best load earns less with it and
        without it; then `within` is the lift.
    room
        Shape ``(openings,)``. What is left of the opening.
    worth, average
        Shape ``(orders,)``. Multipliers, and their path average.
    nowhere
        Shape ``(orders,)``. Cost of having no place; no worth is above it.
    at, is_open
        Shape ``(orders,)``. `ident` of where the order has been put, or -1; and
        whether that is yet to be settled.
    options
        Shape ``(orders,)``. Options left.
    lost, least, second, where
        Shape ``(orders,)``. Sum of `without`; the two least lifts, having no place
        among them; option of the least, or -1 for no place.
    choice, earned, chosen, before
        Scratch of a knapsack; shapes ``(widest, room + 1)``, ``(room + 1,)``,
        ``(widest,)`` and ``(widest + 1, room + 1)``.
    visit
        Shape ``(openings,)``. The order in which openings are visited.
    """

    first: Ints
    kept: Ints
    row: Ints
    length: Ints
    cost: Floats
    ident: Ints
    often: Floats
    within: Floats
    without: Floats
    room: Ints
    worth: Floats
    average: Floats
    nowhere: Floats
    at: Ints
    is_open: NDArray[np.bool_]
    options: Ints
    lost: Floats
    least: Floats
    second: Floats
    where: Ints
    choice: NDArray[np.bool_]
    earned: Floats
    chosen: Ints
    before: Floats
    visit: Ints


def field(
    *,
    opening: Ints,
    row: Ints,
    length: Ints,
    cost: Floats,
    room: Ints,
    worth: Floats,
    nowhere: Floats,
    ident: Ints,
) -> Field:
    """Return a field in which nothing is settled.

    Parameters
    ----------
    opening, row, length, cost, ident
        Shape ``(options,)``; sorted by opening.
    room
        Shape ``(openings,)``.
    worth, nowhere
        Shape ``(orders,)``.
    """
    openings, orders, options = room.shape[0], worth.shape[0], row.shape[0]
    count = np.bincount(opening, minlength=openings)
    widest, units = int(count.max(initial=0)), int(room.max(initial=0)) + 1
    return Field(
        first=np.cumsum(count) - count,
        kept=count,
        row=row.copy(),
        length=length.copy(),
        cost=cost.copy(),
        ident=ident.copy(),
        often=np.zeros(options),
        within=np.zeros(options),
        without=np.zeros(options),
        room=room.copy(),
        worth=np.minimum(worth, nowhere),
        average=np.zeros(orders),
        nowhere=nowhere.copy(),
        at=np.full(orders, -1, np.int64),
        is_open=np.ones(orders, np.bool_),
        options=np.bincount(row, minlength=orders),
        lost=np.zeros(orders),
        least=np.zeros(orders),
        second=np.zeros(orders),
        where=np.zeros(orders, np.int64),
        choice=np.zeros((widest, units), np.bool_),
        earned=np.zeros(units),
        chosen=np.zeros(widest, np.int64),
        before=np.zeros((widest + 1, units)),
        visit=np.arange(openings),
    )


@kernel
def sweep(f: Field, step: float) -> int:
    """Visit every opening once and move the worths of its orders; return cells used.

    The subgradient step of `multipliers`, on the options that are left.
    """
    cells = 0
    for t in range(f.visit.shape[0]):
        b = f.visit[t]
        begin, end, room = f.first[b], f.first[b] + f.kept[b], f.room[b]
        n = 0
        for i in range(begin, end):
            if f.worth[f.row[i]] > f.cost[i]:
                f.chosen[n] = i
                n += 1
        cells += n * (room + 1)
        f.earned[: room + 1] = 0.0
        for k in range(n):
            i = f.chosen[k]
            gain, d = f.worth[f.row[i]] - f.cost[i], f.length[i]
            f.choice[k, :d] = False
            for used in range(room, d - 1, -1):
                more = f.earned[used - d] + gain
                better = more > f.earned[used]
                f.choice[k, used] = better
                if better:
                    f.earned[used] = more
        for i in range(begin, end):
            j = f.row[i]
            f.worth[j] = min(f.nowhere[j], f.worth[j] + step / f.options[j])
            f.often[i] *= 1.0 - SWIFTNESS
        used = room
        for k in range(n - 1, -1, -1):
            i = f.chosen[k]
            if f.choice[k, used]:
                used -= f.length[i]
                f.worth[f.row[i]] -= step
                f.often[i] += SWIFTNESS
    return cells


@inlined
def force(f: Field) -> float:  # noqa: C901
    """Fill `within` and `without`; return what all openings' best loads earn."""
    total = 0.0
    for b in range(f.room.shape[0]):
        begin, n, room = f.first[b], f.kept[b], f.room[b]
        f.before[0, : room + 1] = 0.0
        for k in range(n):
            i = begin + k
            gain, d = f.worth[f.row[i]] - f.cost[i], f.length[i]
            for used in range(room + 1):
                f.before[k + 1, used] = f.before[k, used]
            if gain > 0:
                for used in range(d, room + 1):
                    more = f.before[k, used - d] + gain
                    f.before[k + 1, used] = max(f.before[k, used], more)
        most = f.before[n, room]
        total += most
        # `earned` is what the options after this one earn in so much room.
        f.earned[: room + 1] = 0.0
        for k in range(n - 1, -1, -1):
            i = begin + k
            gain, d = f.worth[f.row[i]] - f.cost[i], f.length[i]
            forced = barred = -NEVER
            for used in range(room - d + 1):
                forced = max(forced, f.before[k, used] + f.earned[room - d - used])
            f.within[i] = most - forced - gain
            f.without[i] = 0.0
            if gain > 0:
                for used in range(room + 1):
                    barred = max(barred, f.before[k, used] + f.earned[room - used])
                f.without[i] = most - barred
                for used in range(room, d - 1, -1):
                    f.earned[used] = max(f.earned[used], f.earned[used - d] + gain)
    return total


@kernel
def lift(f: Field) -> float:
    """Turn `within` into lifts and fill each order's least; return the bound.

    The bound is that of the orders that are not settled yet.
    """
    bound = -force(f)
    for j in range(f.worth.shape[0]):
        if f.is_open[j]:
            bound += f.worth[j]
        f.lost[j], f.second[j], f.where[j] = 0.0, NEVER, -1
    for b in range(f.room.shape[0]):
        for i in range(f.first[b], f.first[b] + f.kept[b]):
            f.lost[f.row[i]] += f.without[i]
    for j in range(f.worth.shape[0]):
        f.least[j] = f.nowhere[j] - f.worth[j] + f.lost[j]
    for b in range(f.room.shape[0]):
        for i in range(f.first[b], f.first[b] + f.kept[b]):
            j = f.row[i]
            f.within[i] += f.lost[j] - f.without[i]
            if f.within[i] < f.least[j]:
                f.second[j] = f.least[j]
                f.least[j], f.where[j] = f.within[i], i
            elif f.within[i] < f.second[j]:
                f.second[j] = f.within[i]
    return bound
