"""Measure plans that pay for idle stretches too short for any exam.

    python -m benchmarks.gaps --costs 5 50 --seconds 10 --seeds 1 2 --windows 0.3

Each problem is solved twice: as if such stretches cost nothing, and as it is. Both
plans are costed with them, and checked independently.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import solver
from benchmarks import conditions, table
from solver import Limits, Plan, Problem
from solver.costs import whole_terms
from solver.instances import Scale, generate
from solver.layout import columns
from solver.rules import Rules, Weights

HEADINGS = (
    "cost of a minute",
    "seed",
    "search",
    "wall, s",
    "CPU, s",
    "cost",
    "gap minutes",
    "the rest",
    "bound",
    "unplaced",
)


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    scale = Scale(
        orders=wanted.orders,
        scanners=wanted.scanners,
        days=wanted.days,
        window_share=wanted.windows,
    )
    size = f"{scale}; short below {wanted.minutes} min; {wanted.seconds:g} s, 2 threads"
    print(conditions("A plan with gaps priced", seed=wanted.seeds[0], size=size))
    rows = [
        row
        for cost in wanted.costs
        for seed in wanted.seeds
        for row in measured(generate(scale, seed=seed), wanted, cost, seed)
    ]
    print(table(HEADINGS, rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=15)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument(
        "--windows", type=float, default=0.0, help="share held to half a day"
    )
    parser.add_argument("--minutes", type=int, default=20, help="shorter is unusable")
    parser.add_argument("--costs", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each solve")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    return parser.parse_args()


def priced(problem: Problem, wanted: argparse.Namespace, cost: int) -> Problem:
    """Return the problem in which short idle stretches cost so much a minute."""
    weights = Weights(gap_minutes=wanted.minutes, gap_cost=cost)
    return replace(problem, rules=Rules(weights=weights))


def measured(
    plain: Problem, wanted: argparse.Namespace, cost: int, seed: int
) -> list[tuple[str, ...]]:
    """Return the solves of one problem as rows of the table."""
    problem = priced(plain, wanted, cost)
    limits = Limits(seconds=wanted.seconds, seed=seed, workers=2)
    rows = []
    for name, asked in (("blind", plain), ("seeing", problem)):
        began, used = time.monotonic(), time.process_time()
        plan = costed(problem, solver.solve(asked, limits=limits))
        wall, cpu = time.monotonic() - began, time.process_time() - used
        verdict = solver.verify(problem, plan)
        if not verdict.accepted or verdict.bound is None:
            raise SystemExit(f"Our own plan was refused: {verdict}")
        rows.append(
            (
                str(cost),
                str(seed),
                name,
                f"{wall:.1f}",
                f"{cpu:.1f}",
                f"{plan.terms.total:,}",
                f"{plan.terms.gaps // cost:,}",
                f"{plan.terms.total - plan.terms.gaps:,}",
                f"{verdict.bound:,}",
                str(int((plan.opening < 0).sum())),
            )
        )
    return rows


def costed(problem: Problem, plan: Plan) -> Plan:
    """Return the plan with its cost in `problem`."""
    c = columns(problem)
    terms = whole_terms(problem, c, plan.opening, plan.pair, plan.start_minute)
    return replace(plan, terms=terms)


if __name__ == "__main__":
    main()
