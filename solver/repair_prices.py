"""What a repair costs at least: a linear programme over its options, in whole numbers.

Its duals price the bins, the exams of contracts and the moves; whatever they are, they
give a bound. An option whose reduced cost lifts the bound to what the answer at hand
costs cannot be part of a cheaper one.

The programme begins with each order's cheapest options at the plan's prices and takes
up others as its own prices ask for them, so that of a hundred thousand a few thousand
are ever in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from solver.layout import Columns
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.repair_options import NO_BIN, Bins, Neighbourhood, Options, exams_left

FIRST, MORE = 6, 6
"""Options of each order in the first programme, and most that each further one adds."""
CRAWL, STALLED = 0.0005, 3
"""Pricing ends after so many programmes that lift the bound by less than this share."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A bound, and what led to it, in 1 / `PRICE_SCALE` cost units.

    Parameters
    ----------
    bound
        Least cost of any answer made of the options.
    reduced
        Shape ``(options,)``. What each costs at the prices.
    """

    bound: int
    reduced: Ints


def priced(
    c: Columns,
    hood: Neighbourhood,
    bins: Bins,
    options: Options,
    *,
    minute_price: Ints,
    exam_price: Ints,
    over: Callable[[], bool] = lambda: False,
) -> Priced:
    """Return the best bound that was found before it was `over`.

    Parameters
    ----------
    minute_price, exam_price
        Of each opening and contract, to begin with.
    """
    programme = _Programme(c, hood, bins, options, minute_price, exam_price)
    best = programme.priced()
    stalled = 0
    while stalled < STALLED and not over() and programme.solved():
        now = programme.priced()
        # The first bounds leap; the last crawl towards the best there is.
        stalled = stalled + 1 if now.bound - best.bound < abs(best.bound) * CRAWL else 0
        if now.bound > best.bound:
            best = now
        if not programme.extended(now.reduced):
            break
    return best


class _Programme:
    """The linear programme: which options are in it, and the prices that it found."""

    def __init__(
        self,
        c: Columns,
        hood: Neighbourhood,
        bins: Bins,
        options: Options,
        minute_price: Ints,
        exam_price: Ints,
    ) -> None:
        self._options, self._of = options, options.of
        somewhere = options.bin != NO_BIN
        self._bin = np.where(somewhere, options.bin, 0)
        self._minutes = np.where(somewhere, c.pair_minutes[options.pair], 0)
        at = bins.opening[self._bin]
        self._contract = np.where(somewhere, c.contract[at], -1)
        stays = np.zeros(options.bin.shape[0], np.bool_)
        stays[options.start[:-1]] = True
        self._moves = (self._of >= hood.displaced.shape[0]) & ~stays
        self._length = bins.end - bins.begin
        self._left = exams_left(c, hood)
        self._most = hood.most_moves
        self._room = minute_price[bins.opening]
        self._exam = exam_price.copy()
        self._move = 0
        self._in = stays
        self._order_price = np.zeros(options.rows.shape[0])
        self._take(self.priced().reduced, FIRST)

    def priced(self) -> Priced:
        """Return the bound that the present prices give."""
        options = self._options
        reduced = options.cost * PRICE_SCALE + self._room[self._bin] * self._minutes
        bought = self._contract >= 0
        reduced[bought] += self._exam[self._contract[bought]]
        reduced[self._moves] += self._move
        bound = int(np.minimum.reduceat(reduced, options.start[:-1]).sum())
        bound -= int((self._room * self._length).sum())
        bound -= int((self._exam * self._left).sum())
        if self._most is not None:
            bound -= self._move * self._most
        return Priced(bound, reduced)

    def extended(self, reduced: Ints) -> bool:
        """Take up options that the prices ask for; tell whether there were any."""
        asked = ~self._in & (reduced < np.rint(self._order_price[self._of]) - 1)
        if not asked.any():
            return False
        self._take(np.where(asked, reduced, np.iinfo(np.int64).max), MORE, asked)
        return True

    def _take(
        self, key: Ints, most: int, among: NDArray[np.bool_] | None = None
    ) -> None:
        """Take up the `most` options of each order with the least key."""
        order = np.lexsort((key, self._of))
        rank = np.empty_like(order)
        rank[order] = np.arange(order.shape[0]) - self._options.start[self._of[order]]
        wanted = rank < most
        self._in = self._in | (wanted if among is None else wanted & among)

    def solved(self) -> bool:
        """Solve the programme of the options that are in it; keep the prices."""
        solver = pywraplp.Solver.CreateSolver("GLOP")
        infinity = solver.infinity()
        taken = np.flatnonzero(self._in)
        once = [solver.Constraint(1, 1) for _ in range(self._options.rows.shape[0])]
        used = np.unique(self._bin[taken][self._minutes[taken] > 0]).tolist()
        rooms = {n: solver.Constraint(-infinity, int(self._length[n])) for n in used}
        exams = [solver.Constraint(-infinity, n) for n in self._left.tolist()]
        most = infinity if self._most is None else self._most
        moves = solver.Constraint(-infinity, most)
        objective = solver.Objective()
        for of, cost, bin_, minutes, contract, moved in zip(
            self._of[taken].tolist(),
            self._options.cost[taken].tolist(),
            self._bin[taken].tolist(),
            self._minutes[taken].tolist(),
            self._contract[taken].tolist(),
            self._moves[taken].tolist(),
            strict=True,
        ):
            x = solver.NumVar(0, infinity, "")
            once[of].SetCoefficient(x, 1)
            objective.SetCoefficient(x, cost)
            if minutes:
                rooms[bin_].SetCoefficient(x, minutes)
            if contract >= 0:
                exams[contract].SetCoefficient(x, 1)
            if moved:
                moves.SetCoefficient(x, 1)
        objective.SetMinimization()
        if solver.Solve() != pywraplp.Solver.OPTIMAL:
            return False
        self._room[:] = 0
        self._room[used] = [_price(rooms[n]) for n in used]
        self._exam[:] = [_price(one) for one in exams]
        self._move = _price(moves)
        self._order_price = np.array([one.dual_value() for one in once]) * PRICE_SCALE
        return True


def _price(constraint: pywraplp.Constraint) -> int:
    dual: float = constraint.dual_value()
    return max(0, round(-dual * PRICE_SCALE))


def kept_options(options: Options, reduced: Ints, slack: int) -> NDArray[np.bool_]:
    """Return the options that a cheaper answer may use; the first of each in any case.

    Parameters
    ----------
    slack
        By how much the bound may rise before it is what the answer at hand costs.
    """
    start = options.start[:-1]
    least = np.minimum.reduceat(reduced, start)
    kept: NDArray[np.bool_] = reduced - least[options.of] < slack
    kept[start] = True
    return kept
