"""The moves of the polish: shifts and swaps that may overfill openings at a charge.

A swap is tried where a shift would overfill too much. All costs are in
1 / `PRICE_SCALE` cost units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.chance import EXPONENTIAL_SIZE, EXPONENTIAL_UNIT, below
from solver.compiled import inlined, kernel
from solver.problem import Ints

NOWHERE = -1


class Bench(NamedTuple):
    """The orders that take part, their options, and where they are.

    Parameters
    ----------
    first
        Shape ``(orders + 1,)``. Options of each order, in compressed rows.
    opening, cost, minutes
        Shape ``(options,)``. Of each option, the least reduced cost first.
    unplaced
        Shape ``(orders,)``. Cost of having no place.
    lookup
        Shape ``(orders, openings)``. The option of an order in an opening, or -1,
        less the order's first option.
    charge
        Shape ``(openings,)``. Of one minute too many.
    at
        Shape ``(orders,)``. The option of each order, or `NOWHERE`.
    free
        Shape ``(openings,)``. Minutes left; negative where overfilled.
    slot, member, held
        Orders by opening, to draw one: position, shape ``(orders,)``; rows, shape
        ``(openings, room)``; how many, shape ``(openings,)``.
    """

    first: NDArray[np.int32]
    opening: NDArray[np.int32]
    cost: Ints
    minutes: NDArray[np.int32]
    unplaced: Ints
    lookup: NDArray[np.int16]
    charge: Ints
    at: NDArray[np.int32]
    free: NDArray[np.int32]
    slot: NDArray[np.int32]
    member: NDArray[np.int32]
    held: NDArray[np.int32]


@inlined
def _leave(k: Bench, j: int) -> None:
    """Take order `j` out of its opening; `at` is left to `_enter`."""
    o = k.at[j]
    if o < 0:
        return
    b = k.opening[o]
    n = k.held[b] - 1
    last = k.member[b, n]
    k.member[b, k.slot[j]] = last
    k.slot[last] = k.slot[j]
    k.held[b] = n
    k.free[b] += k.minutes[o]


@inlined
def _enter(k: Bench, j: int, o: int) -> None:
    """Place order `j` by option `o`, or nowhere."""
    k.at[j] = o
    if o < 0:
        return
    b = k.opening[o]
    n = k.held[b]
    k.member[b, n] = j
    k.slot[j] = n
    k.held[b] = n + 1
    k.free[b] -= k.minutes[o]


@inlined
def _excess(k: Bench, b: int, free: int) -> int:
    """Return the charge of opening `b` if it had so many minutes left."""
    charge: int = k.charge[b] * -free if free < 0 else 0
    return charge


@kernel
def cool(  # noqa: C901, PLR0912, PLR0915
    k: Bench,
    best: NDArray[np.int32],
    random: NDArray[np.uint64],
    exponential: NDArray[np.int32],
    moves: int,
    heat: int,
    cost: int,
    least: int,
    over: int,
) -> tuple[int, int, int]:
    """Try moves at one temperature; return cost, least cost met, and minutes over.

    Parameters
    ----------
    k
        Changed.
    best
        Shape ``(orders,)``. The options of the cheapest plan without excess; changed.
    random, exponential
        Chance.
    moves
        Moves to try.
    heat
        Temperature in 1 / `PRICE_SCALE` cost units.
    cost, least, over
        Cost now and of `best`, without charges; minutes over in all openings.
    """
    n = k.at.shape[0]
    room = k.member.shape[1]
    for _ in range(moves):
        j = below(random, n)
        width = k.first[j + 1] - k.first[j]
        if width == 0:
            continue
        pick = min(below(random, width), below(random, width))
        o = k.first[j] + min(pick, below(random, width))
        here = k.at[j]
        if o == here:
            continue
        draw = exponential[below(random, EXPONENTIAL_SIZE)]
        allowed = heat * draw // EXPONENTIAL_UNIT
        b = k.opening[o]
        d = k.minutes[o]
        if here >= 0:
            a = k.opening[here]
            gone = k.minutes[here]
            was_cost = k.cost[here]
        else:
            a, gone = NOWHERE, 0
            was_cost = k.unplaced[j]
        delta = k.cost[o] - was_cost
        # Shift, if opening b takes it without much excess; else swap.
        change = delta + _excess(k, b, k.free[b] - d) - _excess(k, b, k.free[b])
        if a >= 0:
            change += _excess(k, a, k.free[a] + gone) - _excess(k, a, k.free[a])
        partner = -1
        if change > allowed:
            if k.held[b] == 0:
                continue
            partner = k.member[b, below(random, k.held[b])]
            there = k.at[partner]
            to = NOWHERE
            if a >= 0:
                offset = k.lookup[partner, a]
                if offset < 0:
                    continue
                to = k.first[partner] + offset
                change = k.cost[to] - k.cost[there]
                d2 = k.minutes[to]
            else:
                change = k.unplaced[partner] - k.cost[there]
                d2 = 0
            freed = k.minutes[there]
            change += delta
            free_b = k.free[b] - d + freed
            change += _excess(k, b, free_b) - _excess(k, b, k.free[b])
            if a >= 0:
                free_a = k.free[a] + gone - d2
                change += _excess(k, a, free_a) - _excess(k, a, k.free[a])
            if change > allowed:
                continue
        elif k.held[b] == room:
            continue
        over -= max(0, -k.free[b])
        if a >= 0:
            over -= max(0, -k.free[a])
        _leave(k, j)
        if partner >= 0:
            there = k.at[partner]
            _leave(k, partner)
            cost -= k.cost[there]
            if a >= 0:
                to = k.first[partner] + k.lookup[partner, a]
                _enter(k, partner, to)
                cost += k.cost[to]
            else:
                _enter(k, partner, NOWHERE)
                cost += k.unplaced[partner]
        _enter(k, j, o)
        cost += delta
        over += max(0, -k.free[b])
        if a >= 0:
            over += max(0, -k.free[a])
        if over == 0 and cost < least:
            least = cost
            for i in range(n):
                best[i] = k.at[i]
    return cost, least, over
