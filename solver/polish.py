"""Polish: annealing that may overfill openings for a while, against a charge.

Where openings are nearly full of exams of different lengths, hardly any move keeps
every opening within its minutes, and a search that insists on it is stuck long before
its plan is as good as the bound. Here a minute too many costs a little more than the
price of a minute, so that exams pass through a full opening one at a time. As the
temperature falls, the charge rises and drives the excess out; the plan kept is the
cheapest one met without any excess, so the polish never makes a plan worse.

An order takes part if it is its patient's only one, and in openings that have no
contract and that lie within its hours. So no hour and no ceiling is broken, and minutes
are what the plan kept respects.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from solver.chance import exponential_table, seeded
from solver.clock import Clock
from solver.layout import Columns
from solver.limits import Limits
from solver.overfill import NOWHERE, Bench, cool
from solver.plan import PRICE_SCALE, UNPLACED
from solver.prices import Prices
from solver.problem import NO_GROUP, Ints
from solver.search import Search, restore
from solver.shortlist import Shortlist

MOST_ORDERS, MOST_CELLS = 2500, 4_000_000
"""Orders, and orders x openings, above which there is no polish: the moves of larger
plans miss the cache, and `improve` cuts those into neighbourhoods."""
WIDTH = 24
"""Most listed options of an order."""
SHARE = 0.85
"""Part of the search's time or work that goes to the polish, where there is one."""
CYCLE_MOVES = 200_000
"""Moves an order of one cooling; then it is warmed up again."""
LEARNING = 20
"""Pieces after which the number of coolings is settled."""
PIECE_MOVES = 50_000
"""Moves at one temperature, and between two looks at the clock."""
HOTTEST, COLDEST = 1.0, 0.05
"""First and last temperature, in units of the median regret of the second option."""
ABOVE_PRICE = 50
"""One in so many parts of the price of a minute is added for a minute too many."""
LAST_CHARGES = (3.0, 15.0)
"""What is added at the end of a cooling, in units of the first temperature, by run.

The low one is better where few orders compete, the high one where many openings must
all be rid of their excess.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    """Listed options of the orders that take part, the cheapest at the prices first."""

    row: Ints
    opening: Ints
    pair: Ints
    cost: Ints
    reduced: Ints


def polishes(c: Columns) -> bool:
    """Tell whether the problem is one of small assignments: one opening a scanner.

    Where scanners have openings on many days, `improve` reaches better plans in the
    same time (six imaging problems, docs/solver.md).
    """
    orders, openings = c.tier.shape[0], c.day.shape[0]
    small = orders <= MOST_ORDERS and orders * openings <= MOST_CELLS
    return small and int(np.diff(c.scanner_start).max(initial=0)) <= 1


def polish(
    c: Columns,
    listed: Shortlist,
    x: Search,
    *,
    prices: Prices,
    limits: Limits,
    clock: Clock,
) -> None:
    """Lower the cost of the plan `x`; never raise it.

    Parameters
    ----------
    c, listed, x
        The problem, the options to use, and the plan to change.
    prices
        What the options were listed by.
    limits
        Work, seed and threads. The work is that of the polish alone.
    clock
        Expires when the polish has to end.
    """
    options = _options(c, listed, x, prices)
    if options.row.size == 0 or clock.expired():
        return
    runs = len(LAST_CHARGES)
    if limits.work is None:
        runs = min(runs, limits.workers)
    moves = None if limits.work is None else limits.work * 1000 // runs

    heat = _heat(options)

    def run(number: int) -> tuple[int, Bench]:
        k = _bench(c, options, x, prices)
        seed = limits.seed * 1_000_003 + number
        return _cooled(
            k, prices.minute, heat, LAST_CHARGES[number], seed, moves, clock
        ), k

    with ThreadPoolExecutor(max_workers=min(runs, limits.workers)) as pool:
        found = list(pool.map(run, range(runs)))
    change, k = min(found, key=lambda pair: pair[0])
    if change >= 0:
        return
    opening, pair, cost = x.opening.copy(), x.pair.copy(), x.cost.copy()
    taken = np.unique(options.row)
    at = k.at[taken]
    opening[taken] = np.where(at >= 0, options.opening[at], UNPLACED)
    pair[taken] = np.where(at >= 0, options.pair[at], UNPLACED)
    cost[taken] = np.where(at >= 0, options.cost[at], c.unplaced_cost[taken])
    restore(c, x, opening, pair, cost)


def _options(c: Columns, listed: Shortlist, x: Search, prices: Prices) -> _Options:
    """Return the options to use, where each order is now among them."""
    width = min(WIDTH, listed.opening.shape[1])
    j, r = np.nonzero(np.arange(width)[None, :] < listed.listed[:, None])
    here = np.flatnonzero(x.opening >= 0)
    b, p = x.opening[here], x.pair[here]
    reduced = x.cost[here] * PRICE_SCALE + prices.minute[b] * c.pair_minutes[p]
    row = np.concatenate([here, j])
    opening = np.concatenate([b, listed.opening[j, r]])
    pair = np.concatenate([p, listed.pair[j, r]])
    cost = np.concatenate([x.cost[here], listed.cost[j, r]])
    reduced = np.concatenate([reduced, listed.reduced[j, r]])
    # Of two options of an order in one opening, the one that it has, else the cheaper.
    _, first = np.unique(row * c.day.shape[0] + opening, return_index=True)
    end = c.begin[opening] + c.minutes[opening]
    within = (c.earliest_minute[row] <= c.begin[opening]) & (
        c.latest_minute[row] >= end
    )
    good = within & (c.contract[opening] == NO_GROUP)
    good &= c.patient[row] == NO_GROUP
    stuck = np.zeros(c.tier.shape[0], bool)
    stuck[here] = ~good[: here.size]
    keep = first[good[first] & ~stuck[row[first]]]
    keep = keep[np.lexsort((reduced[keep], row[keep]))]
    return _Options(row[keep], opening[keep], pair[keep], cost[keep], reduced[keep])


def _heat(options: _Options) -> int:
    """Return the first temperature, in 1 / `PRICE_SCALE` cost units."""
    second = np.flatnonzero(options.row[1:] == options.row[:-1])
    first = np.ones(options.row.size, bool)
    first[1:] = options.row[1:] != options.row[:-1]
    second = second[first[second]]
    if second.size == 0:
        return 1
    regret = options.reduced[second + 1] - options.reduced[second]
    return max(1, int(HOTTEST * np.median(regret)))


def _bench(c: Columns, options: _Options, x: Search, prices: Prices) -> Bench:
    """Return the state of the plan `x` for the moves of `overfill`."""
    orders, openings = c.tier.shape[0], c.day.shape[0]
    count = np.bincount(options.row, minlength=orders)
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    rank = np.arange(options.row.size) - first[options.row]
    lookup = np.full((orders, openings), NOWHERE, np.int16)
    lookup[options.row, options.opening] = rank
    at = np.full(orders, NOWHERE, np.int32)
    placed = np.flatnonzero((x.opening >= 0) & (count > 0))
    at[placed] = first[placed] + lookup[placed, x.opening[placed]]
    inside = np.bincount(x.opening[placed], minlength=openings)
    room = 2 * int(inside.max(initial=0)) + 8
    member = np.zeros((openings, room), np.int32)
    slot = np.zeros(orders, np.int32)
    for b in range(openings):
        rows = placed[x.opening[placed] == b]
        member[b, : rows.size] = rows
        slot[rows] = np.arange(rows.size)
    return Bench(
        first=first,
        opening=options.opening.astype(np.int32),
        cost=options.cost * PRICE_SCALE,
        minutes=c.pair_minutes[options.pair].astype(np.int32),
        unplaced=c.unplaced_cost * PRICE_SCALE,
        lookup=lookup,
        charge=prices.minute.copy(),
        at=at,
        free=x.free.astype(np.int32),
        slot=slot,
        member=member,
        held=inside.astype(np.int32),
    )


def _cooled(
    k: Bench,
    price: Ints,
    heat: int,
    last_charge: float,
    seed: int,
    moves: int | None,
    clock: Clock,
) -> int:
    """Anneal until the moves or the time are used up; leave the best plan in `k.at`.

    Return the change of the cost, in 1 / `PRICE_SCALE` cost units, never above 0.
    """
    best = k.at.copy()
    random, table = seeded(seed), exponential_table().astype(np.int32)
    cost, least, over = 0, 0, 0
    cycle = CYCLE_MOVES * max(1, int((np.diff(k.first) > 0).sum()))
    done, cycles, began = 0, 1.0, perf_counter()
    while not clock.expired() and (moves is None or done < moves):
        if moves is not None:
            expected = float(moves)
        elif done == 0 or clock.seconds is None:
            expected = float(cycle)
        else:
            left = max(0.0, clock.seconds - clock.elapsed())
            expected = done + left * done / (perf_counter() - began)
        if done <= LEARNING * PIECE_MOVES:
            # Later changes of the forecast must not throw the cooling about.
            cycles = max(1.0, expected // cycle)
        part = (done / expected * cycles) % 1.0
        k.charge[:] = price + price // ABOVE_PRICE + int(part * last_charge * heat)
        size = PIECE_MOVES if moves is None else min(PIECE_MOVES, moves - done)
        now = int(heat * COLDEST**part)
        cost, least, over = cool(k, best, random, table, size, now, cost, least, over)
        done += size
    k.at[:] = best
    return least
