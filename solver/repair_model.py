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
from ortools.sat.python import cp_model

from solver.layout import Columns
from solver.plan import PRICE_SCALE, UNPLACED
from solver.problem import PATIENT_GAP_MINUTES
from solver.repair_options import (
    NO_BIN,
    Bin,
    Neighbourhood,
    Option,
    Places,
    cost_of,
    exams_left,
    options_of,
)
from solver.repair_prices import kept_options, priced

FEW_OPTIONS, FEW_SHARE = 4, 0.6
"""Options of each order in the first search, and its share of the time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best places that were found.

    Parameters
    ----------
    places
        Of all orders.
    bound
        Least cost of the orders of the neighbourhood, moves included.
    gap
        ``(cost - bound) / cost``.
    """

    places: Places
    bound: int
    gap: float


def best_places(
    c: Columns,
    hood: Neighbourhood,
    first: Places,
    *,
    seconds: float,
    gap: float,
    workers: int,
    seed: int,
) -> Answer:
    """Return the best places of the neighbourhood that are found in time.

    Parameters
    ----------
    c, hood
        The problem and who may go where.
    first
        An answer to begin with; it moves no more than `hood` allows.
    seconds, gap
        When to stop.
    workers, seed
        Of CP-SAT.
    """
    began = monotonic()
    bins, options = options_of(c, hood)
    cost = cost_of(c, hood, first)
    scaled, reduced = priced(c, hood, bins, options)
    bound = -(-scaled // PRICE_SCALE)
    answer = Answer(first, bound, _gap(cost, bound))
    # A few options an order first: a good answer soon rules out many of the rest.
    for most, share in ((FEW_OPTIONS, FEW_SHARE), (None, 1.0)):
        if answer.gap <= gap or monotonic() - began >= seconds:
            break
        kept = kept_options(options, reduced, cost * PRICE_SCALE - scaled, most)
        model = _Model(c, hood, bins, kept, answer.places)
        # Building the model takes of the time as well.
        left = (seconds - (monotonic() - began)) * share
        if left <= 0:
            break
        found = model.solved(cost, bound, left, gap, workers, seed)
        if most is not None:
            # What is proved of a few options is not proved of all.
            found = Answer(found.places, bound, 0.0)
        cost = cost_of(c, hood, found.places)
        answer = Answer(found.places, found.bound, _gap(cost, found.bound))
    return answer


class _Model:
    """CP-SAT's view of the options that are left."""

    def __init__(
        self,
        c: Columns,
        hood: Neighbourhood,
        bins: list[Bin],
        options: list[list[Option]],
        first: Places,
    ) -> None:
        self._c, self._hood, self._bins, self._first = c, hood, bins, first
        self._model = cp_model.CpModel()
        self._taken: list[tuple[Option, Any, Any]] = []
        inside: defaultdict[int, list[tuple[Option, Any, Any]]] = defaultdict(list)
        kin: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for mine in options:
            present = [self._option(option, inside, kin) for option in mine]
            self._model.add_exactly_one(present)
        for i, group in inside.items():
            self._model.add_no_overlap([interval for _, _, interval in group])
            self._model.add(
                sum(option.minutes * x for option, x, _ in group)
                <= bins[i].end - bins[i].begin
            )
        self._keep_ceilings()
        self._keep_apart(kin)
        if hood.most_moves is not None:
            moves = [x for option, x, _ in self._taken if option.moves]
            self._model.add(sum(moves) <= hood.most_moves)
        self._model.minimize(sum(option.cost * x for option, x, _ in self._taken))

    def _option(
        self,
        option: Option,
        inside: defaultdict[int, list[tuple[Option, Any, Any]]],
        kin: defaultdict[tuple[int, int], list[Any]],
    ) -> Any:
        c, j = self._c, option.order
        x = self._model.new_bool_var("")
        if option.bin == NO_BIN:
            self._taken.append((option, x, None))
            self._model.add_hint(x, int(self._first.opening[j] == UNPLACED))
            return x
        there = self._bins[option.bin]
        low, high = option.start, option.start
        if low is None or high is None:
            low = max(there.begin, int(c.earliest_minute[j]))
            high = min(there.end, int(c.latest_minute[j])) - option.minutes
        start = self._model.new_int_var(low, high, "")
        interval = self._model.new_optional_fixed_size_interval_var(
            start, option.minutes, x, ""
        )
        inside[option.bin].append((option, x, interval))
        self._taken.append((option, x, start))
        if c.patient[j] >= 0:
            spread = self._model.new_optional_fixed_size_interval_var(
                start, option.minutes + PATIENT_GAP_MINUTES, x, ""
            )
            kin[int(c.patient[j]), int(c.day[there.opening])].append(spread)
        at = int(self._first.start_minute[j])
        here = (
            self._first.opening[j] == there.opening
            and self._first.pair[j] == option.pair
            and low <= at <= high
            and bool(option.moves or option.start is None or at == option.start)
        )
        if here and option.moves:
            # Where it stays is the first option's, not a move to the same place.
            here = at != self._hood.stay.start_minute[j] or (
                self._hood.stay.opening[j] != there.opening
            )
        self._model.add_hint(x, int(here))
        self._model.add_hint(start, at if here else low)
        return x

    def _keep_ceilings(self) -> None:
        counted: defaultdict[int, list[Any]] = defaultdict(list)
        for option, x, _ in self._taken:
            if option.bin != NO_BIN:
                contract = int(self._c.contract[self._bins[option.bin].opening])
                if contract >= 0:
                    counted[contract].append(x)
        left = exams_left(self._c, self._hood)
        for contract, group in counted.items():
            self._model.add(sum(group) <= left[contract])

    def _keep_apart(self, kin: defaultdict[tuple[int, int], list[Any]]) -> None:
        """No patient is in two places; what they have elsewhere stays."""
        c, hood = self._c, self._hood
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
        for option, x, at in self._taken:
            if not solver.boolean_value(x):
                continue
            j = option.order
            if option.bin == NO_BIN:
                opening[j], pair[j], start[j] = UNPLACED, UNPLACED, 0
                continue
            opening[j] = self._bins[option.bin].opening
            pair[j], start[j] = option.pair, solver.value(at)
        proved = min(proved, found)
        return Answer(Places(opening, pair, start), proved, _gap(found, proved))


def _gap(cost: int, bound: int) -> float:
    return 0.0 if cost <= bound else (cost - bound) / cost
