"""Polish: dives from the worths, over all openings first, then over a few at a time.

Where openings are nearly full of exams of different lengths, hardly any move keeps
every opening within its minutes, and a search that goes move by move is stuck long
before its plan is as good as the bound. But worths that prove a good bound nearly tell
the plan: what an option lifts the bound by leaves two to four options an order. So the
polish dives: some dives settle all orders; after that each takes a few openings that
are related, frees their orders, and dives for a cheaper load of them, or another of the
same cost.

An order takes part if it is its patient's only one, and in openings that have no
contract and that lie within its hours. So no hour and no ceiling is broken, and minutes
are what every dive respects.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from solver.chance import below, seeded
from solver.clock import Clock
from solver.dive import DONE, NEXT, Manner, dive
from solver.layout import Columns
from solver.lifts import Field, field
from solver.limits import Limits
from solver.packing import worths
from solver.plan import UNPLACED
from solver.polish_bench import Bench, bench_of, held_in, options_of
from solver.prices import Prices
from solver.problem import Ints
from solver.related import gather
from solver.search import Search, restore
from solver.shortlist import Shortlist

MOST_ORDERS, MOST_CELLS = 2500, 4_000_000
"""Orders, and orders x openings, above which there is no polish."""
SHARE = 0.85
"""Part of the search's time or work that goes to the polish, where there is one."""
CELLS = 100_000
"""Cells of knapsack tables that count as a unit of `Limits.work`: 0.1 ms, as a thousand
moves of `improve`."""
BUDGET = 20_000_000
"""Cells between two looks at the clock: about 20 ms."""
TOGETHER = 4
"""Dives of a round, whatever the number of threads, so that it decides nothing."""
FEWEST, MOST = 3, 12
"""Openings of a dive that does not take all."""
WHOLE_PART = 3
"""One cell in so many goes to dives over all openings: none of the others leads from a
plan that is good everywhere and best nowhere."""
STEPS = (0.01, 0.03, 0.1, 0.3)
SPREADS = (4.0, 12.0)
"""Of which a dive draws one each, in that unit."""
PARTS = (0.02, 0.05)
NOISES = (0.3, 1.0, 4.0)
IDLE_WEIGHT = 1e-3
"""Weight of an opening in which no order regrets anything, in that unit."""


@dataclass(frozen=True, slots=True)
class _Dive:
    """One dive: the openings and orders in it, what they cost now, and how to dive."""

    openings: Ints
    rows: Ints
    field: Field
    manner: Manner
    now: int
    most: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What a dive came to: the options of its orders, or None, and the cells used."""

    at: Ints | None
    gain: int
    cells: int


def polishes(c: Columns) -> bool:
    """Tell whether the problem is one of small assignments: one opening a scanner."""
    orders, openings = c.tier.shape[0], c.day.shape[0]
    small = orders <= MOST_ORDERS and orders * openings <= MOST_CELLS
    return small and int(np.diff(c.scanner_start).max(initial=0)) <= 1


def polish(
    c: Columns,
    listed: Shortlist,
    x: Search,
    *,
    prices: Prices,
    worth: Ints,
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
    worth
        Shape ``(orders,)``; in 1 / `PRICE_SCALE` cost units. What proves the bound;
        empty for the worths that follow from the prices.
    limits
        Work, seed, threads and the gap that is good enough. The work is that of the
        polish alone.
    clock
        Expires when the polish has to end.
    """
    options = options_of(c, listed, x)
    if options.row.size == 0 or clock.expired():
        return
    if worth.size == 0:
        worth = worths(c, prices.minute, prices.exam)
    bench = bench_of(c, options, x, worth)
    at = _Run(c, bench, x, prices.bound, limits, clock).run()
    rows = np.unique(options.row)
    at, kept = at[rows], bench.options
    opening, pair, cost = x.opening.copy(), x.pair.copy(), x.cost.copy()
    opening[rows] = np.where(at >= 0, kept.opening[at], UNPLACED)
    pair[rows] = np.where(at >= 0, kept.pair[at], UNPLACED)
    cost[rows] = np.where(at >= 0, kept.cost[at], c.unplaced_cost[rows])
    restore(c, x, opening, pair, cost)


class _Run:
    """A polish under way."""

    def __init__(
        self,
        c: Columns,
        bench: Bench,
        x: Search,
        bound: int,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.bench, self.limits, self.clock = bench, limits, clock
        self.unplaced = c.unplaced_cost
        self.cost = int(x.cost.sum())
        self.enough = bound + limits.target_gap * bound
        self.taking_part = np.zeros(c.tier.shape[0], np.bool_)
        self.taking_part[bench.options.row] = True
        self.at = held_in(bench.options, x)
        self.random, self.dives = seeded(limits.seed), 0
        self.cells = 0
        self.most_cells = None if limits.work is None else limits.work * CELLS

    def run(self) -> Ints:
        """Return the option of each order in the best plan found, or -1."""
        whole = np.flatnonzero(np.diff(self.bench.first) > 0)
        on_whole = 0
        with ThreadPoolExecutor(max_workers=self.limits.workers) as pool:
            while not self._ended():
                if on_whole * WHOLE_PART <= self.cells:
                    on_whole += self._round([whole] * TOGETHER, pool.map)
                else:
                    self._round(self._picked(whole), pool.map)
        return self.at

    def _ended(self) -> bool:
        spent = self.most_cells is not None and self.cells >= self.most_cells
        return spent or self.cost <= self.enough or self.clock.expired()

    def _round(self, sets: list[Ints], side_by_side: Callable[..., object]) -> int:
        """Dive over each set of openings; return the cells used.

        Of two dives that share an opening, what gains more is taken over.
        """
        dives = [self._drawn(openings) for openings in sets]
        each = None
        if self.most_cells is not None:
            each = max(1, (self.most_cells - self.cells) // len(dives))

        def one(task: _Dive) -> _Found:
            return _dived(task, each, self.clock)

        found: list[_Found] = list(side_by_side(one, dives))  # type: ignore[call-overload]
        touched: set[int] = set()
        for n in sorted(range(len(dives)), key=lambda n: -found[n].gain):
            at, openings = found[n].at, dives[n].openings.tolist()
            if at is not None and touched.isdisjoint(openings):
                touched.update(openings)
                self.at[dives[n].rows] = at
                self.cost -= found[n].gain
        used = max(1, sum(result.cells for result in found))
        self.cells += used
        return used

    def _picked(self, whole: Ints) -> list[Ints]:
        """Return the openings of each dive of a round, apart where there are enough."""
        k, at = self.bench, self.at
        opening = np.where(at >= 0, k.options.opening[at], UNPLACED)
        weight = np.full(k.room.shape[0], -1.0)
        weight[whole] = IDLE_WEIGHT * k.heat
        placed, out = np.flatnonzero(at >= 0), self._out()
        regret = np.maximum(k.lift[at[placed]], 0.0)
        weight += np.bincount(opening[placed], regret, minlength=weight.shape[0])
        if out.size:
            # Whoever is left out comes first, and needs more openings around him.
            weight = np.where(weight >= 0.0, k.near[out].sum(axis=0), weight)
        sets: list[Ints] = []
        apart = weight.copy()
        for _ in range(TOGETHER):
            size = FEWEST + below(self.random, MOST - FEWEST + 1)
            size = min(whole.size, 2 * size if out.size else size)
            if int((apart >= 0.0).sum()) < size:
                apart = weight.copy()
            picked, score = np.zeros(size, np.int64), np.zeros(weight.shape[0])
            gather(k.near, opening, apart, self.random, score, picked)
            apart[picked] = -1.0
            sets.append(np.sort(picked))
        return sets

    def _out(self) -> Ints:
        return np.flatnonzero(self.taking_part & (self.at < 0))

    def _drawn(self, openings: Ints) -> _Dive:
        """Return a dive over some openings, in a manner drawn by chance."""
        k, at = self.bench, self.at
        inside = np.zeros(k.room.shape[0], np.bool_)
        inside[openings] = True
        here = self.taking_part & (at < 0)
        placed = at >= 0
        here[placed] = inside[k.options.opening[at[placed]]]
        rows = np.flatnonzero(here)
        number = np.cumsum(here) - 1
        ident = np.concatenate(
            [np.arange(k.first[b], k.first[b + 1]) for b in openings.tolist()]
        )
        ident = ident[here[k.options.row[ident]]]
        now = int(k.options.cost[at[rows[at[rows] >= 0]]].sum())
        now += int(self.unplaced[rows[at[rows] < 0]].sum())
        self.dives += 1
        return _Dive(
            openings=openings,
            rows=rows,
            field=field(
                opening=np.searchsorted(openings, k.options.opening[ident]),
                row=number[k.options.row[ident]],
                length=k.options.length[ident],
                cost=k.options.cost[ident].astype(np.float64),
                room=k.room[openings],
                worth=k.worth[rows],
                nowhere=k.nowhere[rows],
                ident=ident,
            ),
            manner=Manner(
                step=k.heat * self._one_of(STEPS),
                spread=k.heat * self._one_of(SPREADS),
                part=self._one_of(PARTS),
                noise=self._one_of(NOISES),
            ),
            now=now,
            # Half of the dives may end in another plan of the same cost.
            most=now - below(self.random, 2),
            seed=self.limits.seed * 1_000_003 + self.dives,
        )

    def _one_of(self, values: tuple[float, ...]) -> float:
        return values[below(self.random, len(values))]


def _dived(task: _Dive, most_cells: int | None, clock: Clock) -> _Found:
    """Dive until it is done, or the time or the cells are used up."""
    random = seeded(task.seed)
    state, settled, used = NEXT, 0.0, 0
    while state == NEXT and not clock.expired():
        budget = BUDGET if most_cells is None else min(BUDGET, most_cells - used)
        if budget <= 0:
            break
        state, settled, cells = dive(
            task.field, random, task.manner, float(task.most), settled, budget
        )
        used += cells
    if state != DONE:
        return _Found(None, 0, used)
    return _Found(task.field.at, task.now - round(settled), used)
