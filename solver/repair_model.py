"""The best repair in a neighbourhood: linear programme, then CP-SAT on what is left.

The programme's bound leaves out the options that no better answer uses
(`repair_prices`). CP-SAT decides between the rest, with start times.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from solver.layout import Columns
from solver.plan import PRICE_SCALE, UNPLACED
from solver.problem import PATIENT_GAP_MINUTES, Ints
from solver.repair_options import (
    NO_BIN,
    Bins,
    Neighbourhood,
    Options,
    Places,
    bins_of,
    cost_of,
    exams_left,
    least_costs,
    options_of,
    terms_for,
)
from solver.repair_prices import kept_options, priced

MOST_OPTIONS = 8000
"""Options that CP-SAT still decides between better than chains of ejections do."""
PRICING_SHARE = 0.5
"""Most of the time that the linear programme takes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best places that were found.

    Parameters
    ----------
    places
        Of all orders.
    bound
        Least that the orders of the neighbourhood count, moves included.
    gap
        ``(cost - bound) / cost``.
    """

    places: Places
    bound: int
    gap: float


class Searched:
    """A neighbourhood whose bins and least costs are worked out once.

    Parameters
    ----------
    c, hood
        The problem and who may go where.
    minute_price, exam_price
        The plan's, by opening and contract.
    """

    def __init__(
        self,
        c: Columns,
        hood: Neighbourhood,
        minute_price: Ints,
        exam_price: Ints,
    ) -> None:
        self._c, self._hood = c, hood
        self._prices = minute_price, exam_price
        self._terms = terms_for(c, hood)
        self._bins = bins_of(c, hood)
        self._least = least_costs(c, self._terms, hood.rows, self._bins)
        self.least = int(self._least.sum())
        """What the neighbourhood counts at least if nobody is in another's way."""

    def at_least(self, places: Places) -> Answer:
        """Return these places with the bound that costs nothing to find."""
        return self.judged(places, self.least)

    def judged(self, places: Places, bound: int) -> Answer:
        """Return these places with a bound of the neighbourhood."""
        cost = cost_of(self._c, self._hood, places)
        return Answer(places, min(cost, bound), _gap(cost, bound))

    def best(
        self, first: Places, *, seconds: float, gap: float, workers: int, seed: int
    ) -> Answer:
        """Return the best places of the neighbourhood that are found in time.

        Parameters
        ----------
        first
            An answer to begin with; it moves no more than the neighbourhood allows.
        seconds, gap
            When to stop.
        workers, seed
            Of CP-SAT.
        """
        began = monotonic()

        def used() -> float:
            return monotonic() - began

        c, hood, bins = self._c, self._hood, self._bins
        answer = self.at_least(first)
        if answer.gap <= gap or used() >= seconds:
            return answer
        cost = cost_of(c, hood, first)
        # Who counts more than its least by all that is to be gained, gains nothing.
        slack = cost - self.least
        options = options_of(c, hood, self._terms, bins, self._least + slack)
        found = priced(
            c,
            hood,
            bins,
            options,
            minute_price=self._prices[0],
            exam_price=self._prices[1],
            over=lambda: used() > seconds * PRICING_SHARE,
        )
        # An answer that uses what is not listed costs no less than the one at hand.
        bound = max(answer.bound, min(cost, -(-found.bound // PRICE_SCALE)))
        answer = Answer(first, bound, _gap(cost, bound))
        if answer.gap <= gap:
            return answer
        kept = kept_options(options, found.reduced, cost * PRICE_SCALE - found.bound)
        if kept.sum() > MOST_OPTIONS:
            return answer
        model = _Model(c, hood, bins, options, kept, first)
        # Building the model takes of the time as well.
        left = seconds - used()
        return (
            answer if left <= 0 else model.solved(cost, bound, left, gap, workers, seed)
        )


@dataclass(frozen=True, slots=True)
class _Taken:
    """One option in the model: its variables, and what it is."""

    order: int
    bin: int
    pair: int
    minutes: int
    cost: int
    moves: bool
    present: Any
    start: Any
    interval: Any


class _Model:
    """CP-SAT's view of the options that are left."""

    def __init__(
        self,
        c: Columns,
        hood: Neighbourhood,
        bins: Bins,
        options: Options,
        kept: NDArray[np.bool_],
        first: Places,
    ) -> None:
        self._c, self._hood, self._bins, self._first = c, hood, bins, first
        self._model = cp_model.CpModel()
        self._taken: list[_Taken] = []
        self._kin: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        of = options.of
        by_order: defaultdict[int, list[Any]] = defaultdict(list)
        inside: defaultdict[int, list[_Taken]] = defaultdict(list)
        for n in np.flatnonzero(kept).tolist():
            order = int(of[n])
            one = self._option(
                int(options.rows[order]),
                int(options.bin[n]),
                int(options.pair[n]),
                int(options.cost[n]),
                first=n == options.start[order],
                may_move=order >= hood.displaced.shape[0],
            )
            self._taken.append(one)
            by_order[order].append(one.present)
            if one.bin != NO_BIN:
                inside[one.bin].append(one)
        for present in by_order.values():
            self._model.add_exactly_one(present)
        for i, group in inside.items():
            self._model.add_no_overlap([one.interval for one in group])
            self._model.add(
                sum(one.minutes * one.present for one in group)
                <= int(bins.end[i] - bins.begin[i])
            )
        self._keep_ceilings()
        self._keep_apart()
        if hood.most_moves is not None:
            moves = [one.present for one in self._taken if one.moves]
            self._model.add(sum(moves) <= hood.most_moves)
        self._model.minimize(sum(one.cost * one.present for one in self._taken))

    def _option(
        self, j: int, i: int, p: int, cost: int, *, first: bool, may_move: bool
    ) -> _Taken:
        """Return the variables of one option, hinted by the answer at hand."""
        c, bins = self._c, self._bins
        x = self._model.new_bool_var("")
        at = int(self._first.start_minute[j])
        if i == NO_BIN:
            self._model.add_hint(x, int(self._first.opening[j] == UNPLACED))
            return _Taken(j, i, p, 0, cost, False, x, None, None)
        minutes, opening = int(c.pair_minutes[p]), int(bins.opening[i])
        stay, stay_start = self._hood.stay, int(self._hood.stay.start_minute[j])
        stays = first and may_move
        if stays:
            low = high = stay_start
        else:
            low = max(int(bins.begin[i]), int(c.earliest_minute[j]))
            high = min(int(bins.end[i]), int(c.latest_minute[j])) - minutes
        start = self._model.new_int_var(low, high, "")
        interval = self._model.new_optional_fixed_size_interval_var(
            start, minutes, x, ""
        )
        if c.patient[j] >= 0:
            spread = self._model.new_optional_fixed_size_interval_var(
                start, minutes + PATIENT_GAP_MINUTES, x, ""
            )
            self._kin[int(c.patient[j]), int(c.day[opening])].append(spread)
        here = (
            self._first.opening[j] == opening
            and self._first.pair[j] == p
            and low <= at <= high
        )
        if here and may_move and not stays:
            # Where it stays is the first option's, not a move to the same place.
            here = at != stay_start or stay.opening[j] != opening
        self._model.add_hint(x, int(here))
        self._model.add_hint(start, at if here else low)
        moves = may_move and not stays
        return _Taken(j, i, p, minutes, cost, moves, x, start, interval)

    def _keep_ceilings(self) -> None:
        counted: defaultdict[int, list[Any]] = defaultdict(list)
        for one in self._taken:
            if one.bin != NO_BIN:
                contract = int(self._c.contract[self._bins.opening[one.bin]])
                if contract >= 0:
                    counted[contract].append(one.present)
        left = exams_left(self._c, self._hood)
        for contract, group in counted.items():
            self._model.add(sum(group) <= int(left[contract]))

    def _keep_apart(self) -> None:
        """No patient is in two places; what they have elsewhere stays."""
        c, hood, kin = self._c, self._hood, self._kin
        if not kin:
            return
        fixed = hood.stay.opening != UNPLACED
        fixed[hood.movable] = False
        for j in np.flatnonzero(fixed & (c.patient >= 0)).tolist():
            where = int(c.patient[j]), int(c.day[hood.stay.opening[j]])
            if where in kin:
                kin[where].append(
                    self._model.new_fixed_size_interval_var(
                        int(hood.stay.start_minute[j]),
                        int(c.pair_minutes[hood.stay.pair[j]]) + PATIENT_GAP_MINUTES,
                        "",
                    )
                )
        for group in kin.values():
            self._model.add_no_overlap(group)

    def solved(
        self,
        cost: int,
        bound: int,
        seconds: float,
        gap: float,
        workers: int,
        seed: int,
    ) -> Answer:
        """Return the best answer found; the first one if none is better."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = seed % 2**31
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.relative_gap_limit = gap
        status = solver.solve(self._model)
        if status == cp_model.INFEASIBLE:
            # Every option of a cheaper answer is in the model: there is none.
            return Answer(self._first, cost, 0.0)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(self._first, bound, _gap(cost, bound))
        proved = max(bound, round(solver.best_objective_bound))
        found = round(solver.objective_value)
        if found >= cost:
            proved = min(proved, cost)
            return Answer(self._first, proved, _gap(cost, proved))
        opening, pair, start = (
            column.copy()
            for column in (
                self._first.opening,
                self._first.pair,
                self._first.start_minute,
            )
        )
        for one in self._taken:
            if not solver.boolean_value(one.present):
                continue
            j = one.order
            if one.bin == NO_BIN:
                opening[j], pair[j], start[j] = UNPLACED, UNPLACED, 0
                continue
            opening[j] = self._bins.opening[one.bin]
            pair[j], start[j] = one.pair, solver.value(one.start)
        proved = min(proved, found)
        return Answer(Places(opening, pair, start), proved, _gap(found, proved))


def _gap(cost: int, bound: int) -> float:
    return 0.0 if cost <= bound else (cost - bound) / cost
