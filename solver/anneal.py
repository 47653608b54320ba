"""The moves of the local search: shifts and ejection chains inside one block.

A move sends one order to another of its good options. If there is no room, orders are
ejected there, and each of them goes to its cheapest option with room or, while the
chain is short, ejects others in turn. A swap is the chain in which the first ejected
order takes the place that the first left.

Most moves can be given up before anything is touched. The cost of a plan is the sum
of the orders' regrets and of price x idle minutes, plus a constant; so a move cannot
cost less than the regrets it adds, less those it removes, less the idle time that it
can fill, less what the openings that it touches pay for tails too short for any exam.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.block import (
    COST,
    MINUTES,
    OPENING,
    REGRET,
    Block,
    hours_fit,
    minutes_fit,
    reach,
    rise,
    same_hours,
    sit,
    tail,
    tail_change,
)
from solver.chance import EXPONENTIAL_SIZE, EXPONENTIAL_UNIT, below
from solver.compiled import inlined, kernel
from solver.plan import PRICE_SCALE
from solver.problem import Ints

LONGEST_CHAIN = 6
"""Most orders that one move may displace."""

LOOKS = 8
"""Most members of an opening among which the one with most regret is ejected."""

HEAT_UNIT = 1000
"""Temperatures are whole numbers of thousandths of a cost unit."""


class Trail(NamedTuple):
    """Where the orders of the move under way came from, to be able to go back."""

    order: Ints
    at: Ints
    homeless: Ints
    stamp: Ints


def trail(orders: int) -> Trail:
    """Return room for one move among `orders` orders."""
    order, at, homeless = np.zeros((3, LONGEST_CHAIN + 1), np.int64)
    return Trail(order, at, homeless, np.full(orders, -1, np.int64))


@inlined
def _lift(k: Block, t: Trail, n: int, j: int, move: int) -> None:
    """Note where order `j` is, as entry `n` of the trail, and take it out."""
    t.order[n] = j
    t.at[n] = k.at[j]
    t.stamp[j] = move
    k.was[j] = k.at[j]
    rise(k, j)


@inlined
def _go_back(k: Block, t: Trail, n: int) -> None:
    """Undo the move whose trail has `n` entries."""
    for i in range(n):
        rise(k, t.order[i])
    for i in range(n):
        if t.at[i] >= 0:
            sit(k, t.order[i], t.at[i])
        k.was[t.order[i]] = -1


@inlined
def _settle(k: Block, t: Trail, n: int) -> None:
    """Make the move whose trail has `n` entries final."""
    for i in range(n):
        k.was[t.order[i]] = -1


@inlined
def _cheapest_with_room(  # noqa: C901
    k: Block, t: Trail, n: int, j: int
) -> int:
    """Return the option of order `j` that has room and costs least, or -1.

    Besides its listed options, the order looks at the openings that the orders on
    the trail have left.
    """
    best, best_cost = -1, k.unplaced[j, 0]
    asked = k.waste.shape[0] > 0
    for o in range(k.first[j], k.last[j]):
        cost = k.option[o, COST]
        if asked:
            cost += tail_change(k, j, k.option[o, OPENING], k.option[o, MINUTES])
        if cost < best_cost:
            b, d = k.option[o, OPENING], k.option[o, MINUTES]
            if minutes_fit(k, j, b, d) and hours_fit(k, j, b, d):
                best, best_cost = o, cost
    hole = -1
    for i in range(n):
        if t.at[i] < 0 or t.order[i] == j:
            continue
        b = k.option[t.at[i], OPENING]
        if b == hole:
            continue
        o = reach(k, j, b)
        if o < 0:
            continue
        d = k.option[o, MINUTES]
        cost = k.option[o, COST] + tail_change(k, j, b, d)
        if cost < best_cost and minutes_fit(k, j, b, d) and hours_fit(k, j, b, d):
            best, best_cost, hole = o, cost, b
    if hole >= 0:
        best = reach(k, j, hole)
    return best


@inlined
def _eject(
    k: Block, t: Trail, random: NDArray[np.uint64], n: int, j: int, o: int, move: int
) -> int:
    """Lift random members of the opening of option `o` until order `j` has room.

    Return the new length of the trail; no room even so if the chain ran out.
    """
    b, minutes = k.option[o, OPENING], k.option[o, MINUTES]
    while n <= LONGEST_CHAIN:
        room = minutes_fit(k, j, b, minutes)
        if room and hours_fit(k, j, b, minutes):
            break
        count = k.member_count[b]
        if count == 0:
            break
        first = below(random, count)
        chosen, most = -1, -1
        looks = 1 + below(random, LOOKS)
        for i in range(count):
            m = k.member[k.member_start[b] + (first + i) % count]
            if t.stamp[m] == move or (room and not same_hours(k, j, m, b)):
                continue
            if k.option[k.at[m], REGRET] > most:
                chosen, most = m, k.option[k.at[m], REGRET]
            looks -= 1
            if looks == 0:
                break
        if chosen < 0:
            break
        _lift(k, t, n, chosen, move)
        n += 1
    return n


@inlined
def _cost_at(k: Block, j: int, o: int) -> int:
    """Return what order `j` costs at option `o`, or unplaced if that is -1."""
    cost: int = k.unplaced[j, 0] if o < 0 else k.option[o, COST]
    return cost


@inlined
def _regret_at(k: Block, j: int, o: int) -> int:
    """Return the regret of order `j` at option `o`, or unplaced if that is -1."""
    regret: int = k.unplaced[j, 1] if o < 0 else k.option[o, REGRET]
    return regret


@inlined
def _idle(k: Block, b: int) -> int:
    """Return what the idle minutes of opening `b` are worth, in cost units.

    A changeover may become such minutes when the last exam of a family goes.
    """
    minutes: int = k.free[b]
    if k.family.shape[0]:
        minutes += k.path[k.kind[b], k.classes[b]]
    worth: int = (k.price[b] * minutes) // PRICE_SCALE
    return worth


@inlined
def _tail_at(k: Block, o: int) -> int:
    """Return what the opening of option `o` pays for its tail, 0 if that is -1."""
    return 0 if o < 0 else tail(k, k.option[o, OPENING])


@inlined
def _any_option(k: Block, random: NDArray[np.uint64], j: int) -> int:
    """Return a random option of order `j`, the better the more often."""
    begin = k.first[j]
    count = k.last[j] - begin
    chosen: int = begin + min(below(random, count), below(random, count))
    return chosen


@inlined
def _chain(  # noqa: C901, PLR0912, PLR0915
    k: Block,
    t: Trail,
    random: NDArray[np.uint64],
    j: int,
    o: int,
    move: int,
    allowed: int,
) -> int:
    """Send order `j` to option `o`, whatever must leave; return the change in cost.

    If that would be more than `allowed`, nothing is changed and the change is 0.
    """
    # What the move can hope to gain beyond the regrets: idle time where it passes, and
    # what is paid for tails there.
    hope = _idle(k, k.option[o, OPENING]) + _tail_at(k, o)
    if k.at[j] >= 0:
        hope += _idle(k, k.option[k.at[j], OPENING]) + _tail_at(k, k.at[j])
    paid = k.paid[0]
    delta = -_cost_at(k, j, k.at[j])
    least = -_regret_at(k, j, k.at[j]) - hope
    _lift(k, t, 0, j, move)
    n, waiting = 1, 0
    i = j
    good = True
    while True:
        if o >= 0:
            before = n
            n = _eject(k, t, random, n, i, o, move)
            b, d = k.option[o, OPENING], k.option[o, MINUTES]
            if not (minutes_fit(k, i, b, d) and hours_fit(k, i, b, d)):
                good = False
                break
            for e in range(before, n):
                m = t.order[e]
                t.homeless[waiting] = m
                waiting += 1
                delta -= k.option[t.at[e], COST]
                least -= k.option[t.at[e], REGRET]
            sit(k, i, o)
        delta += _cost_at(k, i, o)
        least += _regret_at(k, i, o)
        if waiting == 0:
            delta += k.paid[0] - paid
            good = delta <= allowed
            break
        if least > allowed:
            good = False
            break
        waiting -= 1
        i = t.homeless[waiting]
        o = _cheapest_with_room(k, t, n, i)
        least -= _tail_at(k, o)
        dear = least + _regret_at(k, i, o) > allowed
        if waiting == 0:
            change = k.paid[0] - paid
            if o >= 0:
                b, d = k.option[o, OPENING], k.option[o, MINUTES]
                change += tail_change(k, i, b, d)
            dear = delta + change + _cost_at(k, i, o) > allowed
        if dear:
            if n > LONGEST_CHAIN or k.last[i] == k.first[i]:
                good = False
                break
            o = _any_option(k, random, i)
            least -= _tail_at(k, o)
            if least + k.option[o, REGRET] - _idle(k, k.option[o, OPENING]) > allowed:
                good = False
                break
            least -= _idle(k, k.option[o, OPENING])
    if good:
        _settle(k, t, n)
        return delta
    _go_back(k, t, n)
    return 0


@kernel
def anneal(
    k: Block,
    t: Trail,
    rows: Ints,
    random: NDArray[np.uint64],
    exponential: NDArray[np.int32],
    moves: int,
    heat: int,
    first_move: int,
) -> int:
    """Try `moves` moves at one temperature; return the change of the plan's cost.

    Parameters
    ----------
    k
        The block, which is changed.
    t
        Scratch room.
    rows
        The orders that moves begin with.
    random, exponential
        Chance.
    moves
        Moves to try.
    heat
        Temperature in 1 / `HEAT_UNIT` cost units.
    first_move
        Number of moves tried before, to tell the stamps apart.
    """
    total = 0
    asked = k.waste.shape[0] > 0
    for move in range(first_move, first_move + moves):
        j = rows[below(random, rows.shape[0])]
        if k.last[j] == k.first[j]:
            continue
        o = _any_option(k, random, j)
        here = k.at[j]
        if o == here:
            continue
        draw = exponential[below(random, EXPONENTIAL_SIZE)]
        allowed = heat * draw // (HEAT_UNIT * EXPONENTIAL_UNIT)
        b, d = k.option[o, OPENING], k.option[o, MINUTES]
        pays = tail(k, b) + _tail_at(k, here) if asked else 0
        least = k.option[o, REGRET] - _regret_at(k, j, here) - _idle(k, b) - pays
        if least > allowed or (here >= 0 and k.option[here, OPENING] == b):
            continue
        if minutes_fit(k, j, b, d) and hours_fit(k, j, b, d):
            delta = k.option[o, COST] - _cost_at(k, j, here)
            if delta - pays > allowed:
                continue
            paid = k.paid[0]
            rise(k, j)
            sit(k, j, o)
            if asked:
                delta += k.paid[0] - paid
                if delta > allowed:
                    rise(k, j)
                    if here >= 0:
                        sit(k, j, here)
                    continue
            total += delta
            continue
        total += _chain(k, t, random, j, o, move, allowed)
    return total
