"""Room for the displaced by moving neighbours: chains of ejections, tried by chance.

What leaving would cost everybody who may go is worked out first, some exams ahead; from
there each displaced order, those that cost most first, looks for free time or for
neighbours that leave theirs. Then orders that have moved or were displaced are taken
out by chance, up to three at once, and placed anew. This proves nothing, but finds soon
what the exact search can start from.
"""

from __future__ import annotations

from math import inf
from time import monotonic

import numpy as np

from solver.chance import seeded
from solver.kin import Kin, kin_of
from solver.layout import FAR, Columns
from solver.plan import UNPLACED
from solver.problem import Ints
from solver.repair_chains import chain, chains, weigh
from solver.repair_kernels import seat
from solver.repair_looks import FOUND, Work
from solver.repair_options import Neighbourhood, Places, moved, terms_for
from solver.repair_rules import Terms, counted
from solver.search import NO_START, Search, empty

TRIES = 200
"""Chains between two looks at the clock, and at what leaving costs."""
QUIET = 12
"""Looks without anything better after which making room ends."""


def make_room(
    c: Columns,
    hood: Neighbourhood,
    first: Places,
    *,
    until: float = inf,
    enough: int = -FAR,
    seed: int = 1,
) -> Places:
    """Return places that count no more than `first`, moves included.

    Parameters
    ----------
    c, hood
        The problem and who may go where.
    first
        An answer that moves no more than `hood` allows.
    until
        When to stop, by the monotonic clock; what was found by then is returned.
    enough
        A cost of the neighbourhood that nothing better is looked for below.
    seed
        Of chance.
    """
    search = _Making(c, hood, first)
    search.by_stakes()
    state = seeded(seed)
    quiet = 0
    while quiet < QUIET and monotonic() < until and search.cost > enough:
        quiet = 0 if search.by_chance(state) < 0 else quiet + 1
    return search.places()


class _Making:
    """The state of making room."""

    def __init__(self, c: Columns, hood: Neighbourhood, first: Places) -> None:
        self._c, self._hood = c, hood
        self._terms: Terms = terms_for(c, hood)
        self._x: Search = empty(c)
        self._kin: Kin = kin_of(c)
        orders, openings = c.tier.shape[0], c.day.shape[0]
        self._start = np.full(orders, NO_START, np.int64)
        seat(c, self._x, self._start, first.opening, first.pair, first.start_minute)
        self._most = FAR if hood.most_moves is None else hood.most_moves
        self._rows: Ints = hood.rows
        self._scratch = np.zeros(2 * self._rows.shape[0], np.int64)
        self._work = Work(
            loss=np.full(orders, FAR, np.int64),
            hops=np.zeros(orders, np.int64),
            touched=np.zeros(orders, np.int64),
            near=np.zeros(openings, np.int64),
            log=np.zeros((4, orders), np.int64),
            stack=np.zeros(orders, np.int64),
            row=np.zeros(orders, np.int64),
            found=np.zeros(FOUND, np.int64),
            out=np.zeros(orders, np.int64),
            kept=np.zeros(orders, np.int64),
            away=np.array([int(moved(hood, first).sum())], np.int64),
        )
        self.cost = 0
        for j in self._rows.tolist():
            b = int(first.opening[j])
            total = np.zeros(1, np.int64)
            counted(
                c,
                self._terms,
                np.array([j], np.int64),
                first.opening,
                first.pair,
                first.start_minute,
                total,
            )
            self._x.cost[j] = int(total[0])
            self.cost += int(total[0])
            if b != UNPLACED:
                self._work.near[b] = 1

    def by_stakes(self) -> None:
        """Let each displaced order look for a place, those that cost most first."""
        self._weigh()
        rows = self._hood.displaced
        for j in rows[np.argsort(-self._x.cost[rows], kind="stable")].tolist():
            self._work.stack[0] = j
            self.cost += chain(*self._state(), 1, self._most, -1, 0)

    def by_chance(self, state: np.ndarray) -> int:
        """Try some chains from those who are not where they were; return the change."""
        self._weigh()
        rows = self._rows
        stays = self._terms.stay_opening[rows]
        unsettled = rows[
            (stays != self._x.opening[rows])
            | (self._terms.stay_start[rows] != self._start[rows])
        ]
        if not unsettled.size:
            return 0
        change = int(chains(*self._state(), unsettled, state, self._most, 0, TRIES))
        self.cost += change
        return change

    def places(self) -> Places:
        """Return where everybody is."""
        x = self._x
        return Places(
            x.opening.copy(),
            x.pair.copy(),
            np.where(x.opening >= 0, self._start, 0),
        )

    def _weigh(self) -> None:
        weigh(*self._state(), self._rows, self._most, self._scratch)

    def _state(self) -> tuple[Columns, Search, Kin, Terms, Ints, Work]:
        return self._c, self._x, self._kin, self._terms, self._start, self._work
