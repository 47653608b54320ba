"""The independent checker: whether a plan is one, what it costs, what it proves.

Nothing here comes from the optimiser but the data types and the names of the rules.
Costs, rules and the bound are stated afresh, in whole numbers, with numpy alone; where
64 bits might not be enough, numpy's Python integers take over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.plan import PRICE_SCALE, UNPLACED, CostTerms, Plan
from solver.problem import NO_GROUP, PATIENT_GAP_MINUTES, Ints, Problem
from solver.terms import Constraint, Term

SAFE = 2**62
BLOCK = 1_000_000
"""Options that are looked at together; bounds the memory of `lower_bound`."""

Numbers = NDArray[Any]
"""int64, or Python integers where those would not do."""


class InvalidPrices(ValueError):
    """The prices prove nothing: a wrong shape, a wrong type or a negative price."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Parameters
    ----------
    constraint
        The rule.
    keys
        Keys of the orders, openings or contracts concerned.
    values
        What was found, by name.
    """

    constraint: Constraint
    keys: tuple[str, ...]
    values: tuple[tuple[str, int | str], ...]


@dataclass(frozen=True, slots=True)
class FalseClaim:
    """A number that the plan states and that recomputation does not confirm."""

    name: str
    claimed: int
    found: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker found.

    Parameters
    ----------
    violations
        Broken rules.
    false_claims
        Claimed terms or bound that differ from what was recomputed.
    terms
        The recomputed cost, or None where the plan has no meaning.
    bound
        The recomputed bound in cost units, or None if the prices prove nothing.
    """

    violations: tuple[Violation, ...]
    false_claims: tuple[FalseClaim, ...]
    terms: CostTerms | None
    bound: int | None

    @property
    def accepted(self) -> bool:
        """Whether the plan keeps every rule and says nothing false."""
        return not self.violations and not self.false_claims


def verify(problem: Problem, plan: Plan) -> Verdict:
    """Recompute everything that `plan` claims; `problem` is taken to be valid."""
    broken = violations(problem, plan)
    terms: CostTerms | None = None
    claims: list[FalseClaim] = []
    if not any(v.constraint in _MEANINGLESS for v in broken):
        terms = cost_terms(problem, plan)
        for term in Term:
            claimed, found = getattr(plan.terms, term), getattr(terms, term)
            if claimed != found:
                claims.append(FalseClaim(term, claimed, found))
    certificate = plan.certificate
    bound: int | None
    try:
        bound = lower_bound(problem, certificate.minute_price, certificate.exam_price)
    except InvalidPrices:
        bound = None
    if bound != certificate.bound:
        claims.append(FalseClaim("bound", certificate.bound, bound))
    return Verdict(tuple(broken), tuple(claims), terms, bound)


def violations(problem: Problem, plan: Plan) -> list[Violation]:
    """Return every broken rule; an empty list means that the plan may be applied."""
    for constraint in _MEANINGLESS:
        found = list(CHECKS[constraint](problem, plan))
        if found:
            return found
    return [
        violation
        for constraint, check in CHECKS.items()
        if constraint not in _MEANINGLESS
        for violation in check(problem, plan)
    ]


def cost_terms(problem: Problem, plan: Plan) -> CostTerms:
    """Return the cost of `plan` by term, in cost units."""
    orders, openings = problem.orders, problem.openings
    j = np.flatnonzero(plan.opening != UNPLACED)
    b, p = plan.opening[j], plan.pair[j]
    day = openings.day[b].astype(object)
    late = np.maximum(day - orders.target_day[j], 0)
    breached = openings.day[b] >= orders.breach_day[j]
    return CostTerms(
        waiting=_sum(orders.wait_cost[j] * day),
        lateness=_sum(orders.late_cost[j] * late),
        breach=_sum(orders.breach_cost[j][breached].astype(object)),
        pair=_sum(problem.pairs.cost[p].astype(object)),
        opening=_sum(openings.cost[b].astype(object)),
        unplaced=_sum(orders.unplaced_cost[plan.opening == UNPLACED].astype(object)),
    )


def lower_bound(problem: Problem, minute_price: Ints, exam_price: Ints) -> int:
    """Return ``ceil(L)``, a lower bound on the cost of every plan, in cost units.

    Parameters
    ----------
    problem
        The problem.
    minute_price
        Shape ``(openings,)``; per minute, in 1 / `PRICE_SCALE` cost units.
    exam_price
        Shape ``(contracts,)``; per exam, in 1 / `PRICE_SCALE` cost units.
    """
    _require_prices("minute_price", minute_price, len(problem.openings.key))
    _require_prices("exam_price", exam_price, problem.contract_ceiling.shape[0])
    pairs = problem.pairs
    exact = _too_large(problem, minute_price, exam_price)
    kind: Any = object if exact else np.int64
    best = problem.orders.unplaced_cost.astype(kind) * PRICE_SCALE
    per_pair = np.diff(problem.openings.scanner_start)[pairs.scanner]
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    ends = np.cumsum(per_pair)
    begin = 0
    while begin < pairs.scanner.shape[0]:
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
        _cheapen(problem, minute_price, exam_price, best, owner, begin, end)
        begin = end
    total = _sum(best.astype(object))
    total -= _sum(minute_price.astype(object) * problem.openings.minutes)
    total -= _sum(exam_price.astype(object) * problem.contract_ceiling)
    return -(-total // PRICE_SCALE)


def _cheapen(
    problem: Problem,
    minute_price: Ints,
    exam_price: Ints,
    best: Numbers,
    owner: Ints,
    begin: int,
    end: int,
) -> None:
    """Lower `best` to the cheapest option of the pairs `begin` to `end`."""
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    p = np.arange(begin, end)
    first = openings.scanner_start[pairs.scanner[p]]
    count = openings.scanner_start[pairs.scanner[p] + 1] - first
    p = np.repeat(p, count)
    # Openings first, first + 1, ... of each pair, without a loop.
    offset = np.arange(p.shape[0]) - np.repeat(np.cumsum(count) - count, count)
    b = np.repeat(first, count) + offset
    j = owner[p]
    day = openings.day[b]
    start = np.maximum(openings.begin_minute[b], orders.earliest_minute[j])
    stop = np.minimum(
        openings.begin_minute[b] + openings.minutes[b], orders.latest_minute[j]
    )
    option = (
        (orders.list_mask[j] & openings.list_bit[b] != 0)
        & (day >= orders.earliest_day[j])
        & (day <= orders.latest_day[j])
        & (stop - start >= pairs.minutes[p])
    )
    p, b, j, day = p[option], b[option], j[option], day[option]
    if p.shape[0] == 0:
        return
    kind = best.dtype
    late = np.where(day > orders.target_day[j], day - orders.target_day[j], 0)
    cost = orders.wait_cost[j].astype(kind) * day
    cost = cost + orders.late_cost[j].astype(kind) * late
    cost = cost + np.where(day >= orders.breach_day[j], orders.breach_cost[j], 0)
    cost = (cost + pairs.cost[p] + openings.cost[b]) * PRICE_SCALE
    cost = cost + minute_price[b].astype(kind) * pairs.minutes[p]
    contract = openings.contract[b]
    if exam_price.shape[0]:
        cost = cost + np.where(contract == NO_GROUP, 0, exam_price[contract])
    rows = np.flatnonzero(np.concatenate([[True], j[1:] != j[:-1]]))
    least = np.minimum.reduceat(cost, rows)
    best[j[rows]] = np.minimum(best[j[rows]], least)


def _require_prices(name: str, price: Ints, rows: int) -> None:
    if price.shape != (rows,) or price.dtype != np.int64:
        raise InvalidPrices(
            f"{name} has shape {price.shape} and type {price.dtype};"
            f" give int64 of shape ({rows},)."
        )
    if (price < 0).any():
        row = int(np.flatnonzero(price < 0)[0])
        raise InvalidPrices(f"{name}[{row}] is {price[row]}; give 0 or more.")


def _too_large(problem: Problem, minute_price: Ints, exam_price: Ints) -> bool:
    """Tell whether one option's cost at these prices might not fit in 64 bits."""
    orders, openings = problem.orders, problem.openings
    last = _largest(openings.day)
    late = last + _largest(-np.minimum(orders.target_day, 0))
    cost = (
        _largest(orders.wait_cost) * last
        + _largest(orders.late_cost) * late
        + _largest(orders.breach_cost)
        + _largest(problem.pairs.cost)
        + _largest(openings.cost)
        + _largest(orders.unplaced_cost)
    ) * PRICE_SCALE
    cost += _largest(minute_price) * _largest(problem.pairs.minutes)
    cost += _largest(exam_price)
    return cost >= SAFE


def _largest(column: Ints) -> int:
    return int(column.max(initial=0))


def _sum(numbers: Numbers) -> int:
    return int(numbers.sum()) if numbers.size else 0


def _named(**values: int | str) -> tuple[tuple[str, int | str], ...]:
    return tuple((k, v if isinstance(v, str) else int(v)) for k, v in values.items())


def _check_shape(problem: Problem, plan: Plan) -> Iterator[Violation]:
    rows = len(problem.orders.key)
    for name in ("opening", "pair", "start_minute"):
        column = getattr(plan, name)
        if not isinstance(column, np.ndarray) or column.dtype != np.int64:
            yield Violation(Constraint.PLAN_SHAPE, (name,), _named(expected="int64"))
        elif column.shape != (rows,):
            yield Violation(
                Constraint.PLAN_SHAPE,
                (name,),
                _named(expected=rows, found=str(column.shape)),
            )


def _check_rows(problem: Problem, plan: Plan) -> Iterator[Violation]:
    openings, pairs = len(problem.openings.key), problem.pairs.scanner.shape[0]
    b, p = plan.opening, plan.pair
    unknown = (b < UNPLACED) | (b >= openings) | (p < UNPLACED) | (p >= pairs)
    for j in np.flatnonzero(unknown | ((b == UNPLACED) != (p == UNPLACED))):
        yield Violation(
            Constraint.KNOWN_ROWS,
            (problem.orders.key[j],),
            _named(opening=b[j], pair=p[j]),
        )


def _each_placed(
    constraint: Constraint,
    problem: Problem,
    plan: Plan,
    broken: Callable[[Ints, Ints, Ints], NDArray[np.bool_]],
) -> Iterator[Violation]:
    """Yield a violation for each placed order whose opening and pair break a rule."""
    j = np.flatnonzero(plan.opening != UNPLACED)
    b, p = plan.opening[j], plan.pair[j]
    for i in np.flatnonzero(broken(j, b, p)):
        yield Violation(
            constraint,
            (problem.orders.key[j[i]], problem.openings.key[b[i]]),
            _named(
                day=problem.openings.day[b[i]],
                start_minute=plan.start_minute[j[i]],
                minutes=problem.pairs.minutes[p[i]],
            ),
        )


def _check_scanner(problem: Problem, plan: Plan) -> Iterator[Violation]:
    pairs = problem.pairs
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    starts = problem.openings.scanner_start
    scanner = np.repeat(np.arange(len(problem.scanner_key)), np.diff(starts))
    return _each_placed(
        Constraint.ELIGIBLE_SCANNER,
        problem,
        plan,
        lambda j, b, p: (owner[p] != j) | (scanner[b] != pairs.scanner[p]),
    )


def _check_list_type(problem: Problem, plan: Plan) -> Iterator[Violation]:
    mask, bit = problem.orders.list_mask, problem.openings.list_bit
    return _each_placed(
        Constraint.LIST_TYPE, problem, plan, lambda j, b, _: mask[j] & bit[b] == 0
    )


def _check_day(problem: Problem, plan: Plan) -> Iterator[Violation]:
    first, last = problem.orders.earliest_day, problem.orders.latest_day
    day = problem.openings.day
    return _each_placed(
        Constraint.DAY_WINDOW,
        problem,
        plan,
        lambda j, b, _: (day[b] < first[j]) | (day[b] > last[j]),
    )


def _check_time(problem: Problem, plan: Plan) -> Iterator[Violation]:
    orders, minutes, start = problem.orders, problem.pairs.minutes, plan.start_minute
    return _each_placed(
        Constraint.TIME_WINDOW,
        problem,
        plan,
        lambda j, _, p: (
            (start[j] < orders.earliest_minute[j])
            | (start[j] > orders.latest_minute[j] - minutes[p])
        ),
    )


def _check_inside(problem: Problem, plan: Plan) -> Iterator[Violation]:
    openings, minutes, start = (
        problem.openings,
        problem.pairs.minutes,
        plan.start_minute,
    )
    end = openings.begin_minute + openings.minutes
    return _each_placed(
        Constraint.INSIDE_OPENING,
        problem,
        plan,
        lambda j, b, p: (
            (start[j] < openings.begin_minute[b]) | (start[j] > end[b] - minutes[p])
        ),
    )


def _check_capacity(problem: Problem, plan: Plan) -> Iterator[Violation]:
    j = np.flatnonzero(plan.opening != UNPLACED)
    used = np.zeros(len(problem.openings.key), np.int64)
    np.add.at(used, plan.opening[j], problem.pairs.minutes[plan.pair[j]])
    for b in np.flatnonzero(used > problem.openings.minutes):
        yield Violation(
            Constraint.CAPACITY,
            (problem.openings.key[b],),
            _named(used=used[b], minutes=problem.openings.minutes[b]),
        )


def _overlaps(
    constraint: Constraint,
    problem: Problem,
    plan: Plan,
    rows: Ints,
    group: Ints,
    gap: int,
) -> Iterator[Violation]:
    """Yield the neighbours in time, within a group and day, that come too close.

    Each exam is compared with the one before it that ends last, so that none is
    missed where several overlap.
    """
    day = problem.openings.day[plan.opening[rows]]
    start = plan.start_minute[rows]
    sort = np.lexsort((start, day, group))
    latest: tuple[int, int] | None = None
    here: tuple[int, int] | None = None
    for i in sort:
        j = int(rows[i])
        where = int(group[i]), int(day[i])
        begin = int(start[i])
        end = begin + int(problem.pairs.minutes[plan.pair[j]])
        if where != here:
            here, latest = where, None
        if latest is not None and begin < latest[0] + gap:
            yield Violation(
                constraint,
                (problem.orders.key[latest[1]], problem.orders.key[j]),
                _named(day=where[1], ends=latest[0], starts=begin),
            )
        if latest is None or end > latest[0]:
            latest = end, j


def _check_overlap(problem: Problem, plan: Plan) -> Iterator[Violation]:
    rows = np.flatnonzero(plan.opening != UNPLACED)
    starts = problem.openings.scanner_start
    scanner = np.repeat(np.arange(len(problem.scanner_key)), np.diff(starts))
    group = scanner[plan.opening[rows]]
    return _overlaps(
        Constraint.NO_OVERLAP_ON_SCANNER, problem, plan, rows, group, gap=0
    )


def _check_patient(problem: Problem, plan: Plan) -> Iterator[Violation]:
    patient = problem.orders.patient
    rows = np.flatnonzero((plan.opening != UNPLACED) & (patient >= 0))
    return _overlaps(
        Constraint.PATIENT_OVERLAP,
        problem,
        plan,
        rows,
        patient[rows],
        gap=PATIENT_GAP_MINUTES,
    )


def _check_ceiling(problem: Problem, plan: Plan) -> Iterator[Violation]:
    contract = problem.openings.contract[plan.opening[plan.opening != UNPLACED]]
    ceiling = problem.contract_ceiling
    used = np.bincount(contract[contract >= 0], minlength=ceiling.shape[0])
    for k in np.flatnonzero(used > ceiling):
        yield Violation(
            Constraint.CONTRACT_CEILING,
            (f"contract {k}",),
            _named(used=used[k], ceiling=ceiling[k]),
        )


Check = Callable[[Problem, Plan], Iterator[Violation]]

CHECKS: dict[Constraint, Check] = {
    Constraint.PLAN_SHAPE: _check_shape,
    Constraint.KNOWN_ROWS: _check_rows,
    Constraint.ELIGIBLE_SCANNER: _check_scanner,
    Constraint.LIST_TYPE: _check_list_type,
    Constraint.DAY_WINDOW: _check_day,
    Constraint.TIME_WINDOW: _check_time,
    Constraint.INSIDE_OPENING: _check_inside,
    Constraint.CAPACITY: _check_capacity,
    Constraint.NO_OVERLAP_ON_SCANNER: _check_overlap,
    Constraint.PATIENT_OVERLAP: _check_patient,
    Constraint.CONTRACT_CEILING: _check_ceiling,
}
"""The rules and how each is checked; a test holds it to the enumeration."""

_MEANINGLESS = (Constraint.PLAN_SHAPE, Constraint.KNOWN_ROWS)
"""Broken, these leave the other rules without a meaning."""
