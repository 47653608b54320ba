"""Local search over the whole plan: neighbourhoods cooled down round by round.

In each round the scanners are cut into neighbourhoods, each of which is searched by
itself, several at a time; the next round cuts elsewhere. The temperature falls over
all rounds, with the time or the work that is used up.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from solver.anneal import HEAT_UNIT, anneal, trail
from solver.block import REGRET, Block, cut_out, write_back
from solver.chance import exponential_table, seeded
from solver.clock import Clock
from solver.construct import place_left
from solver.layout import Columns
from solver.limits import Limits
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.regions import Map, draw_map, neighbourhoods, scanner_of_opening
from solver.search import Search, restore
from solver.shortlist import Shortlist

HOTTEST, COLDEST = 1.6, 0.05
"""First and last temperature, as shares of the spread of the shortlists."""

SPREAD_RANK = 14
"""The spread is the median reduced cost from the best option to that of this rank."""

FOCUS_SHARE, FOCUS_ON = 4, 50
"""One move in so many starts from one of the worst orders, which are one in so many.

A long exam that the first plan left out needs many tries before a chain lets it in.
"""

ROUNDS = 16
"""Times that the scanners are cut into neighbourhoods."""
STEPS = 12
"""Temperatures in a round."""
BLOCK_ORDERS = 3000
"""Orders in a neighbourhood, more or less."""
FIRST_MOVES = 20
"""Moves an order in the first round under a wall-clock limit, to learn the speed."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What all neighbourhoods of one round have in common."""

    block_of: NDArray[np.int32]
    number: NDArray[np.int32]
    openings: list[Ints]
    rows: list[Ints]


def improve(
    c: Columns,
    listed: Shortlist,
    x: Search,
    *,
    prices: Prices,
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
    prices
        What the options were listed by.
    limits
        Work, seed, threads and the gap that is good enough.
    clock
        Expires when the search has to end.
    bound
        Lower bound on the cost, in cost units.
    report
        Called with the plan's cost now and then.
    """
    run = _Run(c, listed, x, prices, limits, clock)
    if run.orders == 0:
        return
    best = run.cost, x.opening.copy(), x.pair.copy()
    for number in range(ROUNDS):
        if clock.expired() or best[0] - bound <= limits.target_gap * bound:
            break
        run.one_round(number)
        if run.cost < best[0]:
            best = run.cost, run.taken.copy(), run.taken_pair.copy()
        if report is not None:
            report(best[0])
    restore(c, x, best[1], best[2], costs_at(c, best[1], best[2]))


def costs_at(c: Columns, opening: Ints, pair: Ints) -> Ints:
    """Return what each order costs where it is."""
    cost = c.unplaced_cost.copy()
    j = np.flatnonzero(opening >= 0)
    b, p = opening[j], pair[j]
    day = c.day[b]
    late = np.maximum(day - c.target_day[j], 0)
    breach = np.where(day >= c.breach_day[j], c.breach_cost[j], 0)
    cost[j] = c.wait_cost[j] * day + c.late_cost[j] * late + breach
    cost[j] += c.pair_cost[p] + c.opening_cost[b]
    return cost


class _Run:
    """A search under way."""

    def __init__(
        self,
        c: Columns,
        listed: Shortlist,
        x: Search,
        prices: Prices,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.c, self.listed, self.prices = c, listed, prices
        self.limits, self.clock = limits, clock
        self.taken, self.taken_pair = x.opening.copy(), x.pair.copy()
        self.state = x
        self.cost = int(x.cost.sum())
        self.orders = int((listed.listed > 0).sum())
        self.spread = _spread(listed)
        self.table = exponential_table().astype(np.int32)
        self.map: Map = draw_map(c)
        self.scanner = scanner_of_opening(c)
        self.speed = 0.0
        """Moves a second of one thread."""

    def heat(self, used: float) -> int:
        """Return the temperature when that share of the limit is used up."""
        return int(
            HEAT_UNIT * self.spread * HOTTEST * (COLDEST / HOTTEST) ** min(1.0, used)
        )

    def one_round(self, number: int) -> None:
        """Search all neighbourhoods of one cut."""
        seed = self.limits.seed * 1_000_003 + number
        cut = self._cut(seed)
        left = self.c.ceiling.copy()
        contract = self.c.contract[self.taken[self.taken >= 0]]
        left -= np.bincount(contract[contract >= 0], minlength=left.shape[0])
        orders = max(1, sum(rows.shape[0] for rows in cut.rows))
        began, used = monotonic(), self.clock.fraction()
        until = 1.0
        if self.limits.work is not None:
            moves = self.limits.work * 1000 // ROUNDS
            used, until = number / ROUNDS, (number + 1) / ROUNDS
        elif number == 0:
            moves = orders * FIRST_MOVES
            until = used
        else:
            rounds = ROUNDS - number
            until = used + (1.0 - used) / rounds
            seconds = ((self.clock.seconds or 0.0) - self.clock.elapsed()) / rounds
            moves = int(seconds * self.speed)
        if self.clock.seconds is not None and self.limits.work is not None:
            used = max(used, self.clock.fraction())

        def search(here: int) -> int:
            rows = cut.rows[here]
            return self._search(
                cut, here, left, moves * rows.shape[0] // orders, used, until, seed
            )

        sizes = np.array([rows.shape[0] for rows in cut.rows])
        visit = np.argsort(-sizes, kind="stable").tolist()
        with ThreadPoolExecutor(max_workers=self.limits.workers) as pool:
            self.cost += sum(pool.map(search, visit))
        self._place_left()
        self.speed = moves / max(1e-6, monotonic() - began)

    def _place_left(self) -> None:
        """Place what is unplaced wherever there is room, listed or not."""
        left = np.flatnonzero(self.taken < 0)
        left = left[np.argsort(-self.c.unplaced_cost[left], kind="stable")]
        if left.size == 0:
            return
        c, x = self.c, self.state
        restore(
            c, x, self.taken, self.taken_pair, costs_at(c, self.taken, self.taken_pair)
        )
        place_left(c, self.prices.minute, self.prices.exam, x, left.astype(np.int64))
        self.taken, self.taken_pair = x.opening.copy(), x.pair.copy()
        self.cost = int(x.cost.sum())

    def _cut(self, seed: int) -> _Round:
        """Return a new cut of the scanners into neighbourhoods."""
        of_scanner = neighbourhoods(self.map, orders=BLOCK_ORDERS, seed=seed)
        block_of = of_scanner[self.scanner]
        count = int(of_scanner.max()) + 1
        openings = _grouped(block_of, count)
        number = np.zeros(block_of.shape[0], np.int32)
        for rows in openings:
            number[rows] = np.arange(rows.shape[0])
        home = np.where(self.listed.listed > 0, self.listed.opening[:, 0], -1)
        where = np.where(self.taken >= 0, self.taken, home)
        orders = np.where(where >= 0, block_of[where], count)
        return _Round(block_of, number, openings, _grouped(orders, count))

    def _search(
        self,
        cut: _Round,
        here: int,
        left: Ints,
        moves: int,
        used: float,
        until: float,
        seed: int,
    ) -> int:
        """Search one neighbourhood; return the change in cost."""
        if cut.rows[here].shape[0] == 0 or moves == 0:
            return 0
        k = cut_out(
            self.c,
            self.listed,
            (self.prices.minute, self.prices.exam),
            rows=cut.rows[here],
            openings=cut.openings[here],
            taken=self.taken,
            scanner=self.scanner,
            block_of=cut.block_of,
            number=cut.number,
            here=here,
            left=left,
        )
        t = trail(k.order.shape[0])
        random = seeded(seed * 1_000_003 + here)
        rows = np.arange(k.order.shape[0], dtype=np.int64)
        change, tried = 0, 0
        for step in range(STEPS):
            if self.clock.expired():
                break
            heat = self.heat(used + (until - used) * step / STEPS)
            size = moves * (step + 1) // STEPS - moves * step // STEPS
            focus = size // FOCUS_SHARE
            for start, tries in ((rows, size - focus), (_worst(k), focus)):
                change += anneal(k, t, start, random, self.table, tries, heat, tried)
                tried += tries
        write_back(k, self.taken, self.taken_pair)
        return int(change)


def _grouped(group: NDArray[np.int32], count: int) -> list[Ints]:
    """Return the rows of each group from 0 to ``count - 1``."""
    sort = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[sort], np.arange(count + 1))
    return [sort[edges[i] : edges[i + 1]] for i in range(count)]


def _worst(k: Block) -> Ints:
    """Return the orders of the block with the greatest regret."""
    regret = np.where(k.at >= 0, k.option[k.at, REGRET], k.unplaced[:, 1])
    count = max(1, regret.shape[0] // FOCUS_ON)
    return np.argsort(-regret, kind="stable")[:count].astype(np.int64)


def _spread(listed: Shortlist) -> float:
    """Return the median reduced cost from the best to a middling listed option.

    The median, because a few orders with nowhere near to go have spreads of their own.
    """
    rows = np.flatnonzero(listed.listed > 1)
    if rows.size == 0:
        return 1.0
    last = np.minimum(listed.listed[rows], SPREAD_RANK) - 1
    spread = listed.reduced[rows, last] - listed.reduced[rows, 0]
    return max(1.0, int(np.median(spread)) / PRICE_SCALE)
