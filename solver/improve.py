"""Local search over the whole plan: neighbourhoods cooled down round by round.

In each round the scanners are cut into neighbourhoods, each of which is searched by
itself, several at a time; the next round cuts elsewhere. The first round is cold, so
that a good plan is at hand soon; then the temperature falls from the top over all
rounds, with the time or the work that is used up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, perf_counter

import numpy as np
from numpy.typing import NDArray

from solver.anneal import HEAT_UNIT, anneal, trail
from solver.block import REGRET, Block
from solver.chance import exponential_table, seeded
from solver.clock import Clock
from solver.construct import place_left
from solver.cut import cut_out, write_back
from solver.layout import Columns
from solver.limits import Limits
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.regions import Map, draw_map, neighbourhoods, scanner_of_opening
from solver.search import Search, restore
from solver.shortlist import Shortlist
from solver.waste import tails

HOTTEST, COLDEST = 12.8, 0.05
"""First and last temperature, as shares of the spread of the shortlists."""
WARM_PART = 0.6
"""Part of the cooling that is left out when the plan to improve is a good one."""

SPREAD_RANK = 14
"""The spread is the median reduced cost from the best option to that of this rank."""

FOCUS_SHARE, FOCUS_ON = 4, 50
"""One move in so many starts from one of the worst orders, which are one in so many.

A long exam that the first plan left out needs many tries before a chain lets it in.
"""

ROUNDS = 32
"""Times that the scanners are cut into neighbourhoods."""
STEPS = 12
"""Temperatures in a round."""
BLOCK_ORDERS = 3000
"""Orders in a neighbourhood, more or less."""
FIRST_MOVES = 30
"""Most moves an order in the first, cold round, which also teaches the speed."""
PIECE_MOVES = 200_000
"""Moves between two looks at the clock."""
ASIDE_SHARE, FEWEST_ROUNDS = 0.1, 6
"""Most of the time that cutting and writing back may take, and the least rounds."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What all neighbourhoods of one round have in common."""

    block_of: NDArray[np.int32]
    number: NDArray[np.int32]
    openings: list[Ints]
    rows: list[Ints]


@dataclass(frozen=True, slots=True)
class Effort:
    """What searching one or more neighbourhoods came to.

    Parameters
    ----------
    change
        Change of the plan's cost.
    moves
        Moves tried.
    searching, busy
        Seconds spent on moves, and with cutting out and writing back.
    """

    change: int = 0
    moves: int = 0
    searching: float = 0.0
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """The best plan so far: its cost, the opening and the pair of each order."""

    cost: int
    opening: Ints
    pair: Ints


def improve(
    c: Columns,
    listed: Shortlist,
    x: Search,
    *,
    prices: Prices,
    limits: Limits,
    clock: Clock,
    bound: int,
    warm: bool = False,
    report: Callable[[Found, float], None] | None = None,
) -> None:
    """Lower the cost of the plan `x` until a limit is reached; never raise it.

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
    warm
        Whether `x` is nearly good already, so that great heat would only spoil it.
    report
        Called after each round with the best plan and the share of the limit used.
    """
    run = _Run(c, listed, x, prices, limits, clock, warm=warm)
    if run.orders == 0:
        return
    best = Found(run.cost, x.opening.copy(), x.pair.copy())
    while run.number < run.rounds:
        if clock.expired() or best.cost - bound <= limits.target_gap * bound:
            break
        run.one_round()
        if run.cost < best.cost:
            best = Found(run.cost, run.taken.copy(), run.taken_pair.copy())
        if report is not None:
            report(best, run.used())
    restore(c, x, best.opening, best.pair, costs_at(c, best.opening, best.pair))


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
        *,
        warm: bool,
    ) -> None:
        self.c, self.listed, self.prices = c, listed, prices
        self.limits, self.clock = limits, clock
        self.taken, self.taken_pair = x.opening.copy(), x.pair.copy()
        self.state = x
        self.cost = int(x.cost.sum()) + int(tails(c, x))
        self.orders = int((listed.listed > 0).sum())
        self.spread = _spread(listed)
        self.table = exponential_table().astype(np.int32)
        self.map: Map = draw_map(c)
        self.scanner = scanner_of_opening(c)
        self.number, self.rounds = 0, ROUNDS
        self.first = WARM_PART if warm else 0.0
        self.speed, self.aside = 0.0, 0.0
        """Moves a second of all threads, and seconds a round that go on else."""

    def used(self) -> float:
        """Return the share of the limit that is used up, the nearest limit's."""
        used = self.number / self.rounds
        if self.limits.work is None:
            used = self.clock.fraction()
        elif self.clock.seconds is not None:
            used = max(used, self.clock.fraction())
        return used

    def heat(self, used: float) -> int:
        """Return the temperature when that share of the limit is used up."""
        part = self.first + (1.0 - self.first) * min(1.0, used)
        return int(HEAT_UNIT * self.spread * HOTTEST * (COLDEST / HOTTEST) ** part)

    def one_round(self) -> None:
        """Search all neighbourhoods of one cut."""
        began = monotonic()
        seed = self.limits.seed * 1_000_003 + self.number
        cut = self._cut(seed)
        left = self.c.ceiling.copy()
        contract = self.c.contract[self.taken[self.taken >= 0]]
        left -= np.bincount(contract[contract >= 0], minlength=left.shape[0])
        orders = max(1, sum(rows.shape[0] for rows in cut.rows))
        moves = self._moves(orders)
        used = self.used()
        until = used + (1.0 - used) / (self.rounds - self.number)
        if self.number == 0:
            used = until = 1.0

        def search(here: int) -> Effort:
            rows = cut.rows[here]
            return self._search(
                cut, here, left, moves * rows.shape[0] // orders, used, until, seed
            )

        sizes = np.array([rows.shape[0] for rows in cut.rows])
        visit = np.argsort(-sizes, kind="stable").tolist()
        ready = monotonic()
        with ThreadPoolExecutor(max_workers=self.limits.workers) as pool:
            efforts = list(pool.map(search, visit))
        searched = monotonic()
        self.cost += sum(effort.change for effort in efforts)
        self._place_left()
        self.number += 1
        self._learn(efforts, monotonic() - began, searched - ready)

    def _moves(self, orders: int) -> int:
        """Return how many moves the round may try."""
        first = orders * FIRST_MOVES
        if self.limits.work is not None:
            first = min(first, self.limits.work * 1000 // ROUNDS)
            rest = (self.limits.work * 1000 - first) // (ROUNDS - 1)
            return rest if self.number else first
        if self.number == 0:
            return first
        seconds = (self.clock.seconds or 0.0) - self.clock.elapsed()
        each = seconds / (self.rounds - self.number)
        return int(max(each - self.aside, 0.0) * self.speed)

    def _learn(self, efforts: list[Effort], seconds: float, together: float) -> None:
        """Note how fast the round was, and how many rounds there is time for.

        Parameters
        ----------
        efforts
            Of the neighbourhoods.
        seconds, together
            Of the whole round, and of the threads' part of it.
        """
        searching = max(1e-6, sum(effort.searching for effort in efforts))
        busy = max(1e-6, sum(effort.busy for effort in efforts))
        side_by_side = max(1.0, busy / max(1e-6, together))
        self.speed = side_by_side * sum(e.moves for e in efforts) / searching
        self.aside = max(0.0, seconds - searching / side_by_side)
        if self.number == 1 and self.limits.work is None and self.clock.seconds:
            left = self.clock.seconds - self.clock.elapsed()
            rounds = int(left * ASIDE_SHARE / max(1e-6, self.aside))
            self.rounds = 1 + min(ROUNDS - 1, max(FEWEST_ROUNDS, rounds))

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
        self.cost = int(x.cost.sum()) + int(tails(c, x))

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
    ) -> Effort:
        """Search one neighbourhood."""
        if cut.rows[here].shape[0] == 0 or moves == 0:
            return Effort()
        began = perf_counter()
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
        ready = perf_counter()
        for step in range(STEPS):
            heat = self.heat(used + (until - used) * step / STEPS)
            size = moves * (step + 1) // STEPS - moves * step // STEPS
            focus = size // FOCUS_SHARE
            for start, tries in ((rows, size - focus), (_worst(k), focus)):
                for piece in _pieces(tries):
                    if self.clock.expired():
                        break
                    change += anneal(
                        k, t, start, random, self.table, piece, heat, tried
                    )
                    tried += piece
        done = perf_counter()
        write_back(k, self.taken, self.taken_pair)
        return Effort(int(change), tried, done - ready, perf_counter() - began)


def _grouped(group: NDArray[np.int32], count: int) -> list[Ints]:
    """Return the rows of each group from 0 to ``count - 1``."""
    sort = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[sort], np.arange(count + 1))
    return [sort[edges[i] : edges[i + 1]] for i in range(count)]


def _pieces(moves: int) -> Iterator[int]:
    """Cut a number of moves into pieces short enough to be stopped between them."""
    for first in range(0, moves, PIECE_MOVES):
        yield min(PIECE_MOVES, moves - first)


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
