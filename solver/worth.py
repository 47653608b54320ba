"""What one more session is worth at each scanner: an estimate, and a tested interval.

The estimate is the price of the minutes: what orders would pay for the last of them.
More minutes are worth less and less, and a plan is not the best one, so the estimate
is tested: the orders that may use the scanner are planned again with and without a
session more, from the same start with the same seed, and the differences are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import sqrt
from statistics import mean, stdev

import numpy as np

from solver.carry import Start
from solver.limits import Limits
from solver.losses import Damage, Loss, damaged
from solver.plan import PRICE_SCALE, UNPLACED, Plan
from solver.problem import Ints, Openings, Orders, Pairs, Problem
from solver.solve import solve

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom."""
FEWEST_SEEDS = 2
WORK = 1500
"""Thousands of moves in each of the plans that are compared."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one more session like an opening is worth at the prices.

    Parameters
    ----------
    scanner, like
        Rows of the scanner and of its dearest opening.
    minutes
        Length of the session.
    value
        Price times minutes, in cost units.
    """

    scanner: int
    like: int
    minutes: int
    value: float


@dataclass(frozen=True, slots=True)
class Solved:
    """What one more session saved when the orders were planned again.

    Parameters
    ----------
    savings
        In cost units, one for each seed.
    low, high
        95 % interval of their mean, by Student's t.
    """

    savings: tuple[int, ...]
    low: float
    high: float


def session_values(problem: Problem, plan: Plan) -> list[Estimate]:
    """Return for each scanner with an opening its best session, the dearest first."""
    openings = problem.openings
    worth = plan.certificate.minute_price * openings.minutes
    found = []
    for s in range(len(problem.scanner_key)):
        first, last = (int(v) for v in openings.scanner_start[s : s + 2])
        if first < last:
            b = first + int(np.argmax(worth[first:last]))
            found.append(
                Estimate(s, b, int(openings.minutes[b]), int(worth[b]) / PRICE_SCALE)
            )
    return sorted(found, key=lambda one: (-one.value, one.scanner))


def solved_value(
    problem: Problem,
    plan: Plan,
    like: int,
    *,
    seeds: Sequence[int] = (1, 2, 3, 4, 5),
    work: int = WORK,
) -> Solved:
    """Plan the scanner's orders with and without a copy of opening `like`.

    The copy is one more room at the same scanner: it may run at the same time. All
    orders that may not use the scanner stay where they are.

    Raises
    ------
    ValueError
        There is no such opening; or there are not two to ten seeds.
    """
    if not 0 <= like < len(problem.openings.key):
        raise ValueError(
            f"There is no opening {like}; the problem has {len(problem.openings.key)}."
        )
    if not FEWEST_SEEDS <= len(seeds) <= len(STUDENT) + 1:
        raise ValueError(
            f"{len(seeds)} seeds; give {FEWEST_SEEDS} to {len(STUDENT) + 1}."
        )
    scanner = int(
        np.searchsorted(problem.openings.scanner_start, like, side="right") - 1
    )
    part, start = _around(problem, plan, scanner)
    more, more_start = _with_copy(part, start, problem, scanner, like)
    savings = []
    for seed in seeds:
        limits = Limits(work=work, seed=seed)
        without = solve(part, limits=limits, start=start)
        with_it = solve(more, limits=limits, start=more_start)
        savings.append(without.terms.total - with_it.terms.total)
    half = STUDENT[len(seeds) - 2] * stdev(savings) / sqrt(len(seeds))
    return Solved(tuple(savings), mean(savings) - half, mean(savings) + half)


def _around(problem: Problem, plan: Plan, scanner: int) -> tuple[Problem, Start]:
    """Return the problem of the scanner's orders, in the time that others leave."""
    pairs = problem.pairs
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    rows = np.unique(owner[pairs.scanner == scanner])
    far = np.setdiff1d(np.flatnonzero(plan.opening != UNPLACED), rows)
    end = plan.start_minute[far] + pairs.minutes[plan.pair[far]]
    left = damaged(
        problem,
        plan,
        [
            Loss(b, since, until)
            for b, since, until in zip(
                plan.opening[far].tolist(),
                plan.start_minute[far].tolist(),
                end.tolist(),
                strict=True,
            )
        ],
    )
    contract = problem.openings.contract[plan.opening[far]]
    used = np.bincount(
        contract[contract >= 0], minlength=problem.contract_ceiling.shape[0]
    )
    return _of_orders(left, rows, problem.contract_ceiling - used)


def _of_orders(left: Damage, rows: Ints, ceiling: Ints) -> tuple[Problem, Start]:
    orders, pairs = left.problem.orders, left.problem.pairs
    count = np.diff(pairs.start)[rows]
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    p = np.repeat(pairs.start[rows] - start[:-1], count) + np.arange(start[-1])
    columns = {
        field.name: getattr(orders, field.name)[rows]
        for field in fields(Orders)
        if field.name != "key"
    }
    problem = replace(
        left.problem,
        orders=Orders(key=tuple(orders.key[j] for j in rows), **columns),
        pairs=Pairs(start, pairs.scanner[p], pairs.minutes[p], pairs.cost[p]),
        contract_ceiling=ceiling,
    )
    placed = left.opening[rows] != UNPLACED
    shift = start[:-1] - pairs.start[rows]
    pair = np.where(placed, left.pair[rows] + shift, UNPLACED)
    return problem, Start(left.minute_price, left.exam_price, left.opening[rows], pair)


def _with_copy(
    part: Problem, start: Start, problem: Problem, scanner: int, like: int
) -> tuple[Problem, Start]:
    """Add a twin of the scanner with one opening; the same orders may use it."""
    pairs, openings = part.pairs, part.openings
    at = np.flatnonzero(pairs.scanner == scanner)
    twin = len(part.scanner_key)
    owner = np.repeat(np.arange(len(part.orders.key)), np.diff(pairs.start))
    added = np.bincount(owner[at], minlength=len(part.orders.key))
    both = Pairs(
        start=pairs.start + np.concatenate([[0], np.cumsum(added)]),
        scanner=np.insert(pairs.scanner, at + 1, twin),
        minutes=np.insert(pairs.minutes, at + 1, pairs.minutes[at]),
        cost=np.insert(pairs.cost, at + 1, pairs.cost[at]),
    )
    columns = {
        field.name: np.append(
            getattr(openings, field.name), getattr(problem.openings, field.name)[like]
        )
        for field in fields(Openings)
        if field.name not in {"key", "scanner_start"}
    }
    more = replace(
        part,
        pairs=both,
        openings=Openings(
            key=(*openings.key, f"{problem.openings.key[like]}+copy"),
            scanner_start=np.append(openings.scanner_start, len(openings.key) + 1),
            **columns,
        ),
        scanner_key=(*part.scanner_key, f"{part.scanner_key[scanner]}+copy"),
    )
    # A pair moves up by the twins that were put in before it.
    shift = np.searchsorted(at, np.maximum(start.pair, 0), side="left")
    return more, Start(
        np.append(start.minute_price, 0),
        start.exam_price,
        start.opening,
        np.where(start.pair == UNPLACED, UNPLACED, start.pair + shift),
    )
