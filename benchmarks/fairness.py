"""Measure plans in which no cohort may wait much longer than all do on average.

    python -m benchmarks.fairness --seconds 10 --seeds 1 2 --costs 5 20

Two cohorts that wait longer in plain plans: long exams, and patients who need a quarter
of an hour more for the same exam; both take more of what is scarce. Each day beyond 1.1
times the mean wait costs as given; a day of the lowest tier costs five. Every plan is
checked independently. A tree whose search does not know the guard runs the same file;
its table is the one to compare with.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Final

import numpy as np

import solver
from benchmarks import conditions, table
from solver import Limits, Problem
from solver.instances import Scale, generate
from solver.problem import Ints
from solver.rules import Rules, Weights

LONG_MINUTES: Final = 45
NEEDS_SHARE, MORE_MINUTES, NEEDS_LOAD = 0.1, 15, 0.88
"""Share of the orders that need more time, how much, and the load without it."""
PERMILLE: Final = 1100
UNPLACED_DAYS: Final = 60


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    scale = Scale(orders=wanted.orders, scanners=wanted.scanners, days=wanted.days)
    size = f"{scale}; {wanted.seconds:g} s, 2 threads"
    print(conditions("A plan with a guard", seed=wanted.seeds[0], size=size))
    tight = replace(scale, load=NEEDS_LOAD)
    rows = []
    for seed in wanted.seeds:
        plain = generate(scale, seed=seed)
        needs, needing = with_longer_stays(generate(tight, seed=seed), seed)
        for cost in wanted.costs:
            exams = guarded(plain, long_exams(plain), cost)
            rows.append(measured(exams, "long exams", wanted, seed))
            longer = guarded(needs, needing, cost)
            rows.append(measured(longer, "more time", wanted, seed))
    head = ("cohort", "orders", "a day's cost", "seed", "wall, s", "cost")
    print(table((*head, "days beyond", "bound", "gap"), rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=15)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--costs", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each solve")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    return parser.parse_args()


def measured(
    problem: Problem, name: str, wanted: argparse.Namespace, seed: int
) -> tuple[str, ...]:
    """Return one solve as a row of the table."""
    cost, cohort = problem.rules.weights.unfair_cost, problem.rules.cohort
    began = time.monotonic()
    limits = Limits(seconds=wanted.seconds, seed=seed, workers=2)
    plan = solver.solve(problem, limits=limits)
    spent = time.monotonic() - began
    verdict = solver.verify(problem, plan)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"Our own plan was refused: {verdict}")
    return (
        name,
        str(int((cohort == 0).sum())),
        str(cost),
        str(seed),
        f"{spent:.1f}",
        f"{plan.terms.total:,}",
        f"{plan.terms.unfairness // cost:,}",
        f"{verdict.bound:,}",
        f"{(plan.terms.total - verdict.bound) / verdict.bound:.2%}",
    )


def guarded(problem: Problem, cohort: Ints, cost: int) -> Problem:
    """Return the problem with a guard over these cohorts."""
    weights = Weights(
        unplaced_days=UNPLACED_DAYS, unfair_permille=PERMILLE, unfair_cost=cost
    )
    return replace(problem, rules=Rules(cohort=cohort, weights=weights))


def long_exams(problem: Problem) -> Ints:
    """Return 0 for each order of at least `LONG_MINUTES`, 1 for the others."""
    minutes = np.zeros(len(problem.orders.key), np.int64)
    np.maximum.at(minutes, _owner(problem), problem.pairs.minutes)
    return np.where(minutes >= LONG_MINUTES, 0, 1).astype(np.int64)


def with_longer_stays(problem: Problem, seed: int) -> tuple[Problem, Ints]:
    """Return the problem with `MORE_MINUTES` more for some orders; 0 for these, else 1.

    An interpreter, or help from the chair to the table, takes time.
    """
    orders = len(problem.orders.key)
    needs = np.random.default_rng(seed).random(orders) < NEEDS_SHARE
    more = np.where(needs[_owner(problem)], MORE_MINUTES, 0)
    pairs = replace(problem.pairs, minutes=problem.pairs.minutes + more)
    return replace(problem, pairs=pairs), np.where(needs, 0, 1).astype(np.int64)


def _owner(problem: Problem) -> Ints:
    return np.repeat(
        np.arange(len(problem.orders.key), dtype=np.int64),
        np.diff(problem.pairs.start),
    )


if __name__ == "__main__":
    main()
