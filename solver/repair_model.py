"""The best repair in a neighbourhood: linear programme, then CP-SAT on what is left.

Everybody outside the neighbourhood stays, to the minute, so time is a set of *bins*:
the stretches between exams that stay. An order takes one bin of one opening, or none.
The linear programme over all options gives prices of the bins, and these a bound in
whole numbers; an option whose reduced cost lifts the bound to what the answer at hand
costs cannot be part of a better one and is left out. CP-SAT decides between the rest,
with start times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

from solver.layout import Columns
from solver.plan import PRICE_SCALE, UNPLACED
from solver.problem import PATIENT_GAP_MINUTES, Ints

NO_BIN = -1
"""The bin of the option to have no place."""


FEW_OPTIONS, FEW_SHARE = 4, 0.6
"""Options of each order in the first search, and its share of the time."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everybody is; each column has shape ``(orders,)``, as in `Plan`."""

    opening: Ints
    pair: Ints
    start_minute: Ints


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Who may go where.

    Parameters
    ----------
    displaced
        Rows of the orders without a place; they may go anywhere.
    movable
        Rows of placed orders that may move to any place of theirs.
    stay
        Where everybody stays who does not move; `UNPLACED` for the displaced.
    move_cost
        Price of each move, in cost units.
    most_moves
        Most moves of `movable` orders, or None.
    """

    displaced: Ints
    movable: Ints
    stay: Places
    move_cost: int
    most_moves: int | None


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


@dataclass(frozen=True, slots=True)
class _Bin:
    """A stretch of an opening between exams that stay."""

    opening: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Option:
    """One order in one bin, or nowhere; `start` is given where it stays."""

    order: int
    bin: int
    pair: int
    minutes: int
    cost: int
    moves: int
    start: int | None = None


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
    bins, options = _options(c, hood)
    cost = _cost_of(c, hood, first)
    scaled, reduced = _priced(c, hood, bins, options)
    bound = -(-scaled // PRICE_SCALE)
    answer = Answer(first, bound, _gap(cost, bound))
    # A few options an order first: a good answer soon rules out many of the rest.
    for most, share in ((FEW_OPTIONS, FEW_SHARE), (None, 1.0)):
        left = (seconds - (monotonic() - began)) * share
        if answer.gap <= gap or left <= 0:
            break
        kept = _kept(options, reduced, cost * PRICE_SCALE - scaled, most)
        model = _Model(c, hood, bins, kept, answer.places)
        found = model.solved(cost, bound, left, gap, workers, seed)
        if most is not None:
            # What is proved of a few options is not proved of all.
            found = Answer(found.places, bound, 0.0)
        cost = _cost_of(c, hood, found.places)
        answer = Answer(found.places, found.bound, _gap(cost, found.bound))
    return answer


def _options(c: Columns, hood: Neighbourhood) -> tuple[list[_Bin], list[list[_Option]]]:
    """Return the bins that matter and the options of each order, nowhere first."""
    rows = np.concatenate([hood.displaced, hood.movable])
    free = np.zeros(c.tier.shape[0], np.bool_)
    free[rows] = True
    fixed = np.flatnonzero((hood.stay.opening != UNPLACED) & ~free)
    exams: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    start = hood.stay.start_minute[fixed]
    end = start + c.pair_minutes[hood.stay.pair[fixed]]
    for b, since, until in zip(
        hood.stay.opening[fixed].tolist(), start.tolist(), end.tolist(), strict=True
    ):
        exams[b].append((since, until))
    bins: list[_Bin] = []
    of: dict[int, range] = {}

    def bins_of(b: int) -> range:
        if b not in of:
            begun = len(bins)
            bins.extend(_bins(c, b, exams.get(b, [])))
            of[b] = range(begun, len(bins))
        return of[b]

    options: list[list[_Option]] = []
    for j in hood.displaced.tolist():
        nowhere = _Option(j, NO_BIN, UNPLACED, 0, int(c.unplaced_cost[j]), 0)
        window = int(c.earliest_day[j]), int(c.latest_day[j])
        found = [
            _Option(j, i, p, int(c.pair_minutes[p]), cost, 0)
            for p, b, cost in openings_of(c, j, window)
            for i in bins_of(b)
            if _fits(c, j, int(c.pair_minutes[p]), bins[i])
        ]
        options.append([nowhere, *found])
    for j in hood.movable.tolist():
        b, p = int(hood.stay.opening[j]), int(hood.stay.pair[j])
        at = int(hood.stay.start_minute[j])
        own = next(i for i in bins_of(b) if bins[i].begin <= at < bins[i].end)
        cost = int(_day_cost(c, j, c.day[b : b + 1])[0])
        cost += int(c.pair_cost[p] + c.opening_cost[b])
        stays = _Option(j, own, p, int(c.pair_minutes[p]), cost, 0, at)
        window = int(c.earliest_day[j]), int(c.latest_day[j])
        found = [
            _Option(j, i, p, int(c.pair_minutes[p]), cost + hood.move_cost, 1)
            for p, b, cost in openings_of(c, j, window)
            for i in bins_of(b)
            if _fits(c, j, int(c.pair_minutes[p]), bins[i])
        ]
        options.append([stays, *found])
    return bins, options


def _bins(c: Columns, b: int, exams: list[tuple[int, int]]) -> Iterator[_Bin]:
    """Yield the stretches of an opening between the exams that stay."""
    begin, close = int(c.begin[b]), int(c.begin[b] + c.minutes[b])
    for since, until in sorted(exams):
        if since > begin:
            yield _Bin(b, begin, since)
        begin = until
    if close > begin:
        yield _Bin(b, begin, close)


def openings_of(
    c: Columns, j: int, window: tuple[int, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield pair, opening and cost of the options of an order that pay."""
    for p in range(int(c.pair_start[j]), int(c.pair_start[j + 1])):
        s = c.pair_scanner[p]
        rows = np.arange(c.scanner_start[s], c.scanner_start[s + 1])
        day = c.day[rows]
        rows = rows[
            (day >= window[0])
            & (day <= window[1])
            & (c.list_bit[rows] & c.list_mask[j] != 0)
        ]
        cost = _day_cost(c, j, c.day[rows]) + c.pair_cost[p] + c.opening_cost[rows]
        pays = cost < c.unplaced_cost[j]
        for b, each in zip(rows[pays].tolist(), cost[pays].tolist(), strict=True):
            yield p, b, each


def _day_cost(c: Columns, j: int, day: Ints) -> Ints:
    """Return what the days cost the order."""
    late = np.where(day > c.target_day[j], day - c.target_day[j], 0)
    cost: Ints = c.wait_cost[j] * day + c.late_cost[j] * late
    return cost + np.where(day >= c.breach_day[j], c.breach_cost[j], 0)


def _fits(c: Columns, j: int, minutes: int, there: _Bin) -> bool:
    low = max(there.begin, int(c.earliest_minute[j]))
    high = min(there.end, int(c.latest_minute[j]))
    return high - low >= minutes


def _cost_of(c: Columns, hood: Neighbourhood, places: Places) -> int:
    """Return what the orders of the neighbourhood cost, moves included."""
    total = 0
    for j in np.concatenate([hood.displaced, hood.movable]).tolist():
        b, p = int(places.opening[j]), int(places.pair[j])
        if b == UNPLACED:
            total += int(c.unplaced_cost[j])
        else:
            total += int(_day_cost(c, j, c.day[b : b + 1])[0])
            total += int(c.pair_cost[p] + c.opening_cost[b])
    return total + hood.move_cost * int(moved(hood, places).sum())


def moved(hood: Neighbourhood, places: Places) -> NDArray[np.bool_]:
    """Return which of the movable orders are elsewhere than they were."""
    rows, stay = hood.movable, hood.stay
    gone: NDArray[np.bool_] = (places.opening[rows] != stay.opening[rows]) | (
        places.start_minute[rows] != stay.start_minute[rows]
    )
    return gone


def _exams_left(c: Columns, hood: Neighbourhood) -> list[int]:
    """Return the exams that contracts allow the orders of the neighbourhood."""
    fixed = hood.stay.opening != UNPLACED
    fixed[hood.movable] = False
    contract = c.contract[hood.stay.opening[fixed]]
    used = np.bincount(contract[contract >= 0], minlength=c.ceiling.shape[0])
    left: list[int] = (c.ceiling - used).tolist()
    return left


def _priced(  # noqa: C901
    c: Columns,
    hood: Neighbourhood,
    bins: list[_Bin],
    options: list[list[_Option]],
) -> tuple[int, list[list[int]]]:
    """Return a bound and each option's reduced cost, in 1 / `PRICE_SCALE` units."""
    left = _exams_left(c, hood)
    solver = pywraplp.Solver.CreateSolver("GLOP")
    infinity = solver.infinity()
    rooms = [solver.Constraint(-infinity, one.end - one.begin) for one in bins]
    exams = [solver.Constraint(-infinity, n) for n in left]
    most = infinity if hood.most_moves is None else hood.most_moves
    moves = solver.Constraint(-infinity, most)
    objective = solver.Objective()
    for mine in options:
        once = solver.Constraint(1, 1)
        for option in mine:
            x = solver.NumVar(0, infinity, "")
            once.SetCoefficient(x, 1)
            objective.SetCoefficient(x, option.cost)
            if option.moves:
                moves.SetCoefficient(x, 1)
            if option.bin != NO_BIN:
                rooms[option.bin].SetCoefficient(x, option.minutes)
                contract = int(c.contract[bins[option.bin].opening])
                if contract >= 0:
                    exams[contract].SetCoefficient(x, 1)
    objective.SetMinimization()
    solved = solver.Solve() == pywraplp.Solver.OPTIMAL
    room_price, exam_price, move_price = (
        [
            max(0, round(-one.dual_value() * PRICE_SCALE)) if solved else 0
            for one in group
        ]
        for group in (rooms, exams, [moves])
    )
    bound = 0
    reduced: list[list[int]] = []
    for mine in options:
        paid = []
        for option in mine:
            r = option.cost * PRICE_SCALE + option.moves * move_price[0]
            if option.bin != NO_BIN:
                r += room_price[option.bin] * option.minutes
                contract = int(c.contract[bins[option.bin].opening])
                if contract >= 0:
                    r += exam_price[contract]
            paid.append(r)
        reduced.append(paid)
        bound += min(paid)
    bound -= sum(
        price * (one.end - one.begin)
        for price, one in zip(room_price, bins, strict=True)
    )
    bound -= sum(price * n for price, n in zip(exam_price, left, strict=True))
    if hood.most_moves is not None:
        bound -= move_price[0] * hood.most_moves
    return bound, reduced


def _kept(
    options: list[list[_Option]], reduced: list[list[int]], slack: int, most: int | None
) -> list[list[_Option]]:
    """Return the options that a cheaper answer may use; the first of each in any case.

    Parameters
    ----------
    slack
        By how much the bound may rise before it is what the answer at hand costs.
    most
        Most options of an order, the cheapest at the prices; None for all.
    """
    kept = []
    for mine, paid in zip(options, reduced, strict=True):
        least = min(paid)
        rows = [n for n in range(1, len(mine)) if paid[n] - least < slack]
        if most is not None:
            rows = [n for _, n in sorted((paid[n], n) for n in rows)[:most]]
        kept.append([mine[0], *(mine[n] for n in sorted(rows))])
    return kept


class _Model:
    """CP-SAT's view of the options that are left."""

    def __init__(
        self,
        c: Columns,
        hood: Neighbourhood,
        bins: list[_Bin],
        options: list[list[_Option]],
        first: Places,
    ) -> None:
        self._c, self._hood, self._bins, self._first = c, hood, bins, first
        self._model = cp_model.CpModel()
        self._taken: list[tuple[_Option, Any, Any]] = []
        inside: defaultdict[int, list[tuple[_Option, Any, Any]]] = defaultdict(list)
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
        option: _Option,
        inside: defaultdict[int, list[tuple[_Option, Any, Any]]],
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
        left = _exams_left(self._c, self._hood)
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
