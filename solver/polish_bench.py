"""What all dives of a polish have in common: the options left to them, side by side.

An order's options are those that lift the bound least, and the one that it has. Each
dive then takes its part of these columns, which are sorted by opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.layout import Columns
from solver.lifts import Floats, field, lift
from solver.plan import PRICE_SCALE
from solver.problem import NO_GROUP, Ints
from solver.search import Search
from solver.shortlist import Shortlist

WIDTH = 10
"""Options of an order that are kept, those of the least lift."""
HEAT_RANK = 3
"""The unit of steps and spreads is the median lift of the options of this rank."""


class Options(NamedTuple):
    """Options of the orders that take part, sorted by opening."""

    opening: Ints
    row: Ints
    pair: Ints
    cost: Ints
    length: Ints


@dataclass(frozen=True, slots=True)
class Bench:
    """What all dives have in common.

    Parameters
    ----------
    options, lift
        Options, and how far each lifts the bound, shape ``(options,)``.
    near
        Shape ``(orders, openings)``. How easily an order goes to an opening, 0 to 1.
    first
        Shape ``(openings + 1,)``. Where the options of an opening begin.
    room
        Shape ``(openings,)``. Units of time that those taking part share.
    worth, nowhere
        Shape ``(orders,)``; in cost units.
    heat
        Unit of steps and spreads, in cost units.
    """

    options: Options
    lift: Floats
    near: NDArray[np.float32]
    first: Ints
    room: Ints
    worth: Floats
    nowhere: Floats
    heat: float


def options_of(c: Columns, listed: Shortlist, x: Search) -> Options:
    """Return the options to use, where each order is now among them."""
    width = np.arange(listed.opening.shape[1])
    j, r = np.nonzero(width[None, :] < listed.listed[:, None])
    here = np.flatnonzero(x.opening >= 0)
    row = np.concatenate([here, j])
    opening = np.concatenate([x.opening[here], listed.opening[j, r]])
    pair = np.concatenate([x.pair[here], listed.pair[j, r]])
    cost = np.concatenate([x.cost[here], listed.cost[j, r]])
    # Of two options of an order in one opening, the one that it has, else the cheaper.
    _, first = np.unique(opening * c.tier.shape[0] + row, return_index=True)
    end = c.begin[opening] + c.minutes[opening]
    within = (c.earliest_minute[row] <= c.begin[opening]) & (
        c.latest_minute[row] >= end
    )
    good = within & (c.contract[opening] == NO_GROUP)
    good &= c.patient[row] == NO_GROUP
    stuck = np.zeros(c.tier.shape[0], bool)
    stuck[here] = ~good[: here.size]
    keep = first[good[first] & ~stuck[row[first]]]
    row, opening, pair, cost = row[keep], opening[keep], pair[keep], cost[keep]
    return Options(opening, row, pair, cost, c.pair_minutes[pair])


def held_in(options: Options, x: Search) -> Ints:
    """Return the option that each order has in the plan, or -1."""
    at = np.full(x.opening.shape[0], -1, np.int64)
    held = np.flatnonzero(options.opening == x.opening[options.row])
    at[options.row[held]] = held
    return at


def bench_of(c: Columns, options: Options, x: Search, worth: Ints) -> Bench:
    """Return the bench, with the options of the least lift."""
    orders, openings = c.tier.shape[0], c.day.shape[0]
    unit = max(1, int(np.gcd.reduce(options.length)))
    options = options._replace(length=options.length // unit)
    held = held_in(options, x)
    here = held[held >= 0]
    room = x.free + np.bincount(
        options.opening[here], options.length[here] * unit, minlength=openings
    ).astype(np.int64)
    worth_each = worth / PRICE_SCALE
    nowhere = c.unplaced_cost.astype(np.float64)
    whole = field(
        opening=options.opening,
        row=options.row,
        length=options.length,
        cost=options.cost.astype(np.float64),
        room=room // unit,
        worth=worth_each,
        nowhere=nowhere,
        ident=np.arange(options.row.size),
    )
    lift(whole)
    lifts = whole.within
    sort = np.lexsort((lifts, options.row))
    count = np.bincount(options.row, minlength=orders)
    rank = np.zeros(options.row.size, np.int64)
    rank[sort] = np.arange(sort.size) - np.repeat(np.cumsum(count) - count, count)
    keep = rank < WIDTH
    keep[here] = True
    middling = lifts[rank == np.minimum(count - 1, HEAT_RANK)[options.row]]
    heat = max(1.0 / PRICE_SCALE, float(np.median(middling)))
    kept = Options(*(column[keep] for column in options))
    near = np.zeros((orders, openings), np.float32)
    near[kept.row, kept.opening] = np.exp(-np.maximum(lifts[keep], 0.0) / heat)
    return Bench(
        options=kept,
        lift=lifts[keep],
        near=near,
        first=np.searchsorted(kept.opening, np.arange(openings + 1)),
        room=room // unit,
        worth=worth_each,
        nowhere=nowhere,
        heat=heat,
    )
