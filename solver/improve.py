"""Local search: annealed shifts and ejection chains over the shortlists.

A move sends one order to another of its good options. If there is no room, orders are
ejected there, and each of them goes to its cheapest option with room or, while the
chain is short, ejects others in turn. A swap is the chain in which the first ejected
order takes the place that the first left.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.chance import (
    EXPONENTIAL_SIZE,
    EXPONENTIAL_UNIT,
    below,
    exponential_table,
    seeded,
)
from solver.clock import Clock
from solver.compiled import inlined, kernel
from solver.layout import FAR, Columns
from solver.limits import Limits
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.search import (
    Search,
    has_hours,
    has_room,
    put,
    restore,
    rivals,
    take,
)
from solver.shortlist import Shortlist

LONGEST_CHAIN = 6
"""Most orders that one move may displace."""

HEAT_UNIT = 1000
"""Temperatures are whole numbers of thousandths of a cost unit."""

HOTTEST, COLDEST = 0.8, 0.003
"""First and last temperature, as shares of the mean spread of the shortlists."""

FOCUS_SHARE, FOCUS_ON = 6, 100
"""One move in so many starts from one of the worst orders, which are one in so many.

A long exam that the first plan left out needs many tries before a chain lets it in.
"""

ROUNDS = 200
"""Temperatures on the way down, under a work limit."""
ROUND_MOVES = 40_000
"""Moves at one temperature, under a wall-clock limit."""


class Trail(NamedTuple):
    """Where the orders of the move under way came from, to be able to go back."""

    order: Ints
    opening: Ints
    pair: Ints
    cost: Ints
    homeless: Ints
    stamp: Ints


def trail(orders: int) -> Trail:
    """Return room for one move among `orders` orders."""
    size = LONGEST_CHAIN + 1
    order, opening, pair, cost, homeless = np.zeros((5, size), np.int64)
    stamp = np.full(orders, -1, np.int64)
    return Trail(order, opening, pair, cost, homeless, stamp)


@inlined
def _lift(c: Columns, x: Search, t: Trail, n: int, j: int, move: int) -> None:
    """Note where order `j` is, as entry `n` of the trail, and take it out."""
    t.order[n] = j
    t.opening[n] = x.opening[j]
    t.pair[n] = x.pair[j]
    t.cost[n] = x.cost[j]
    t.stamp[j] = move
    take(c, x, j)


@inlined
def _go_back(c: Columns, x: Search, t: Trail, n: int) -> None:
    """Undo the move whose trail has `n` entries."""
    for i in range(n):
        take(c, x, t.order[i])
    for i in range(n):
        if t.opening[i] >= 0:
            put(c, x, t.order[i], t.opening[i], t.pair[i], t.cost[i])


@inlined
def _cheapest_with_room(c: Columns, x: Search, s: Shortlist, j: int) -> int:
    """Return the listed option of order `j` that has room and costs least, or -1."""
    best, best_cost = -1, c.unplaced_cost[j]
    for r in range(s.listed[j]):
        if s.cost[j, r] < best_cost:
            b, d = s.opening[j, r], c.pair_minutes[s.pair[j, r]]
            if has_room(c, x, b, d) and has_hours(c, x, j, b, d):
                best, best_cost = r, s.cost[j, r]
    return best


@inlined
def _eject(
    c: Columns,
    x: Search,
    t: Trail,
    random: NDArray[np.uint64],
    n: int,
    j: int,
    b: int,
    minutes: int,
    move: int,
) -> int:
    """Lift random members of opening `b` until there is room for order `j`.

    Return the new length of the trail; no room even so if the chain ran out.
    """
    while n <= LONGEST_CHAIN:
        room = has_room(c, x, b, minutes)
        if room and has_hours(c, x, j, b, minutes):
            break
        count = x.member_count[b]
        if count == 0:
            break
        need = minutes - x.free[b]
        first = below(random, count)
        chosen = -1
        for i in range(count):
            m = x.member[x.member_start[b] + (first + i) % count]
            if t.stamp[m] == move or (room and not rivals(c, j, m, b)):
                continue
            if chosen < 0 or c.pair_minutes[x.pair[m]] >= need:
                chosen = m
            if c.pair_minutes[x.pair[chosen]] >= need:
                break
        if chosen < 0:
            break
        _lift(c, x, t, n, chosen, move)
        n += 1
    return n


@kernel
def anneal(  # noqa: C901, PLR0912, PLR0915
    c: Columns,
    s: Shortlist,
    floor: Ints,
    x: Search,
    t: Trail,
    rows: Ints,
    random: NDArray[np.uint64],
    exponential: Ints,
    moves: int,
    heat: int,
    first_move: int,
) -> int:
    """Try `moves` moves at one temperature; return the change of the plan's cost.

    Parameters
    ----------
    c, s, x
        The problem, the options to use, and the plan to change.
    floor
        Shape ``(orders,)``. Least cost of any listed option of the order.
    t
        Scratch room.
    rows
        The orders to move; they share no opening and no contract with other orders
        that are moved at the same time.
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
    for move in range(first_move, first_move + moves):
        j = rows[below(random, rows.shape[0])]
        count = s.listed[j]
        if count == 0:
            continue
        r = min(below(random, count), below(random, count))
        b = s.opening[j, r]
        if b == x.opening[j]:
            continue
        draw = exponential[below(random, EXPONENTIAL_SIZE)]
        allowed = heat * draw // (HEAT_UNIT * EXPONENTIAL_UNIT)
        delta = s.cost[j, r] - x.cost[j]
        p = s.pair[j, r]
        d = c.pair_minutes[p]
        if has_room(c, x, b, d) and has_hours(c, x, j, b, d):
            if delta <= allowed:
                cost = s.cost[j, r]
                take(c, x, j)
                put(c, x, j, b, p, cost)
                total += delta
            continue
        # `hope` is the least that the move can cost: every homeless order at its floor.
        _lift(c, x, t, 0, j, move)
        n, waiting = 1, 0
        i, option = j, r
        delta = -t.cost[0]
        hope = 0
        good = True
        while good:
            if option < 0:
                delta += c.unplaced_cost[i]
            else:
                b = s.opening[i, option]
                p = s.pair[i, option]
                d = c.pair_minutes[p]
                before = n
                n = _eject(c, x, t, random, n, i, b, d, move)
                if not (has_room(c, x, b, d) and has_hours(c, x, i, b, d)):
                    good = False
                    break
                for e in range(before, n):
                    t.homeless[waiting] = t.order[e]
                    waiting += 1
                    delta -= t.cost[e]
                    hope += floor[t.order[e]]
                put(c, x, i, b, p, s.cost[i, option])
                delta += s.cost[i, option]
            if delta + hope > allowed:
                good = False
            if not good or waiting == 0:
                break
            waiting -= 1
            i = t.homeless[waiting]
            hope -= floor[i]
            option = _cheapest_with_room(c, x, s, i)
            price = c.unplaced_cost[i] if option < 0 else s.cost[i, option]
            if delta + hope + price > allowed:
                if n > LONGEST_CHAIN or s.listed[i] == 0:
                    good = False
                else:
                    option = below(random, s.listed[i])
                    option = min(option, below(random, s.listed[i]))
        if good and delta <= allowed:
            total += delta
        else:
            _go_back(c, x, t, n)
    return total


@dataclass(slots=True)
class _Part:
    """Orders that compete only with each other, and what moving them needs."""

    rows: Ints
    trail: Trail
    random: NDArray[np.uint64]
    move: int = field(default=0)


def improve(
    c: Columns,
    listed: Shortlist,
    x: Search,
    *,
    limits: Limits,
    clock: Clock,
    bound: int,
    report: Callable[[int], None] | None = None,
) -> None:
    """Lower the cost of the plan `x` until a limit is reached.

    Parameters
    ----------
    c, listed, x
        The problem, the options to use, and the plan to change.
    limits
        Work, seed, threads and the gap that is good enough.
    clock
        Expires when the search has to end.
    bound
        Lower bound on the cost, in cost units.
    report
        Called with the plan's cost after each round.
    """
    parts = _parts(c, listed, limits.seed)
    orders = sum(part.rows.shape[0] for part in parts)
    if orders == 0:
        return
    width = listed.cost.shape[1]
    used = np.arange(width)[None, :] < listed.listed[:, None]
    never = np.iinfo(np.int64).max
    floor = np.minimum(np.where(used, listed.cost, never).min(axis=1), c.unplaced_cost)
    spread = _spread(listed)
    table = exponential_table()
    budget = None if limits.work is None else limits.work * 1000
    size = ROUND_MOVES if budget is None else max(1, min(ROUND_MOVES, budget // ROUNDS))
    if budget is not None and clock.seconds is None:
        size = max(1, budget // ROUNDS)
    cost = int(x.cost.sum())
    best = cost, x.opening.copy(), x.pair.copy(), x.cost.copy()
    tried = 0
    with ThreadPoolExecutor(max_workers=limits.workers) as pool:
        while (
            best[0] - bound > limits.target_gap * bound
            and not clock.expired()
            and (budget is None or tried < budget)
        ):
            used_up = clock.fraction()
            if budget is not None:
                used_up = max(used_up, tried / budget)
            heat = int(HEAT_UNIT * spread * HOTTEST * (COLDEST / HOTTEST) ** used_up)

            def run(part: _Part, heat: int = heat) -> int:
                moves = -(-size * part.rows.shape[0] // orders)
                focus = moves // FOCUS_SHARE
                changed = 0
                for rows, tries in (
                    (part.rows, moves - focus),
                    (_worst(listed, x, part.rows), focus),
                ):
                    first, part.move = part.move, part.move + tries
                    changed += anneal(
                        c,
                        listed,
                        floor,
                        x,
                        part.trail,
                        rows,
                        part.random,
                        table,
                        tries,
                        heat,
                        first,
                    )
                return changed

            cost += sum(pool.map(run, parts))
            tried += size
            if cost < best[0]:
                best = cost, x.opening.copy(), x.pair.copy(), x.cost.copy()
            if report is not None:
                report(best[0])
    if cost > best[0]:
        restore(c, x, *best[1:])


def _worst(listed: Shortlist, x: Search, rows: Ints) -> Ints:
    """Return the orders that pay most above their best option."""
    count = max(1, rows.shape[0] // FOCUS_ON)
    above = x.cost[rows] - listed.cost[rows, 0]
    return rows[np.argsort(-above, kind="stable")[:count]]


def _spread(listed: Shortlist) -> float:
    """Return the mean reduced cost between the best and the last listed option."""
    some = listed.listed > 1
    if not some.any():
        return 1.0
    rows = np.flatnonzero(some)
    last = listed.reduced[rows, listed.listed[rows] - 1]
    spread = int((last - listed.reduced[rows, 0]).sum()) / rows.shape[0]
    return max(1.0, spread / PRICE_SCALE)


def _parts(c: Columns, listed: Shortlist, seed: int) -> list[_Part]:
    """Split the orders into groups that share no scanner and no contract."""
    scanners = c.scanner_start.shape[0] - 1
    head = np.arange(scanners)
    _join(head, c.pair_start, c.pair_scanner)
    opening_scanner = np.repeat(np.arange(scanners), np.diff(c.scanner_start))
    by_contract = np.argsort(c.contract, kind="stable")
    by_contract = by_contract[c.contract[by_contract] >= 0]
    edges = np.searchsorted(
        c.contract[by_contract], np.arange(c.ceiling.shape[0] + 1)
    ).astype(np.int64)
    _join(head, edges, opening_scanner[by_contract].astype(np.int64))
    rows = np.flatnonzero(listed.listed > 0)
    group = head[c.pair_scanner[c.pair_start[rows]]]
    return [
        _Part(
            rows=rows[group == g].astype(np.int64),
            trail=trail(c.tier.shape[0]),
            random=seeded(seed * 1_000_003 + int(g)),
        )
        for g in np.unique(group)
    ]


@kernel
def _join(head: Ints, start: Ints, scanner: Ints) -> None:
    """Give the scanners of each row one head, the least; repeat until none changes."""
    changed = True
    while changed:
        changed = False
        for row in range(start.shape[0] - 1):
            least = FAR
            for p in range(start[row], start[row + 1]):
                least = min(least, head[scanner[p]])
            for p in range(start[row], start[row + 1]):
                if head[scanner[p]] > least:
                    head[scanner[p]] = least
                    changed = True
