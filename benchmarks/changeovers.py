"""Measure plans in which families of exams leave changeovers on every scanner.

    python -m benchmarks.changeovers --families 5 --seconds 10 --seeds 1 2 3

Families are drawn at random among all orders; changeovers are 5 to 20 minutes, shorter
where a third family between would shorten them. Every plan is checked independently.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

import solver
from benchmarks import conditions, table
from solver import Limits, Problem
from solver.instances import Scale, generate
from solver.rules import Changeovers, Rules

SHORTEST, LONGEST, STEP = 5, 20, 5
"""Minutes of a changeover, and what they are a multiple of."""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    scale = Scale(orders=wanted.orders, scanners=wanted.scanners, days=wanted.days)
    size = f"{scale}; {wanted.families} families; {wanted.seconds:g} s, 2 threads"
    print(conditions("A plan with changeovers", seed=wanted.seeds[0], size=size))
    rows = []
    for seed in wanted.seeds:
        plain = generate(scale, seed=seed)
        rows.append(
            measured(with_changeovers(plain, wanted.families, seed), wanted, seed)
        )
    print(table(("seed", "wall, s", "cost", "bound", "gap", "unplaced"), rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=15)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--families", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each solve")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    return parser.parse_args()


def measured(
    problem: Problem, wanted: argparse.Namespace, seed: int
) -> tuple[str, ...]:
    """Return one solve as a row of the table."""
    began = time.monotonic()
    limits = Limits(seconds=wanted.seconds, seed=seed, workers=2)
    plan = solver.solve(problem, limits=limits)
    spent = time.monotonic() - began
    verdict = solver.verify(problem, plan)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"Our own plan was refused: {verdict}")
    return (
        str(seed),
        f"{spent:.1f}",
        f"{plan.terms.total:,}",
        f"{verdict.bound:,}",
        f"{(plan.terms.total - verdict.bound) / verdict.bound:.2%}",
        str(int((plan.opening < 0).sum())),
    )


def with_changeovers(problem: Problem, families: int, seed: int) -> Problem:
    """Return the problem with a family for every order, and changeovers between."""
    rng = np.random.default_rng(seed)
    family = rng.integers(0, families, len(problem.orders.key))
    minutes = STEP * rng.integers(
        SHORTEST // STEP, LONGEST // STEP + 1, (families, families)
    )
    np.fill_diagonal(minutes, 0)
    for k in range(families):
        minutes = np.minimum(minutes, minutes[:, [k]] + minutes[[k], :])
    changeovers = Changeovers(family.astype(np.int64), minutes.ravel().astype(np.int64))
    return replace(problem, rules=Rules(changeovers=changeovers))


if __name__ == "__main__":
    main()
