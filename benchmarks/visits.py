"""Measure what visits cost a plan: the same orders by themselves, and some in pairs.

    python -m benchmarks.visits --orders 5000 --share 0.05 --seconds 10 --seed 1

Orders are paired at random among those of one urgency that can go to one place; both
exams are then one patient's, on one day at one place. The bound knows no visits, so
what they cost shows as gap. Every plan is checked independently.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

import solver
from benchmarks import conditions, table
from solver import Limits, Problem
from solver.instances import Scale, generate
from solver.problem import NO_GROUP
from solver.rules import Rules, Visits

PLACES = 5
"""Scanners stand at so many places, in turn."""
_TRIES = 200


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    scale = Scale(orders=wanted.orders, scanners=wanted.scanners, days=wanted.days)
    plain = generate(scale, seed=wanted.seed)
    paired = with_visits(plain, wanted.share, wanted.seed)
    visits = paired.rules.visits.same_day.shape[0]
    size = f"{wanted.orders} orders, {wanted.scanners} scanners, {visits} visits of two"
    print(conditions("A plan with visits", seed=wanted.seed, size=size))
    rows = [
        row(name, problem, wanted.seconds)
        for name, problem in (("each by itself", plain), ("with visits", paired))
    ]
    print(table(("orders", "s", "cost", "gap", "unplaced", "checker"), rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=15)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--share", type=float, default=0.05, help="of orders in visits")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each solve")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def row(name: str, problem: Problem, seconds: float) -> tuple[str, ...]:
    """Return one solve as a row of the table."""
    plan = solver.solve(problem, limits=Limits(seconds=seconds, workers=2))
    accepted = solver.verify(problem, plan).accepted
    return (
        name,
        f"{plan.seconds:.1f}",
        f"{plan.terms.total:,}",
        f"{100 * plan.gap:.2f} %",
        str(int((plan.opening < 0).sum())),
        "accepted" if accepted else "REFUSED",
    )


def with_visits(problem: Problem, share: float, seed: int) -> Problem:
    """Return the problem with a share of its orders in visits of two."""
    rng = np.random.default_rng(seed)
    orders, pairs = problem.orders, problem.pairs
    rows = len(orders.key)
    place = np.arange(len(problem.scanner_key), dtype=np.int64) % PLACES
    reach = np.zeros((rows, PLACES), dtype=np.bool_)
    reach[np.repeat(np.arange(rows), np.diff(pairs.start)), place[pairs.scanner]] = True
    single = [int(j) for j in rng.permutation(rows) if orders.patient[j] == NO_GROUP]
    used: set[int] = set()
    members: list[int] = []
    for one in single:
        if len(members) >= share * rows:
            break
        if one in used:
            continue
        first = int(rng.integers(0, max(1, len(single) - _TRIES)))
        for other in single[first : first + _TRIES]:
            alike = orders.tier[one] == orders.tier[other]
            if (
                alike
                and other not in used
                and other != one
                and (reach[one] & reach[other]).any()
            ):
                used |= {one, other}
                members += [one, other]
                break
    visits = len(members) // 2
    patient = orders.patient.copy()
    patient[members] = patient.max() + 1 + np.repeat(np.arange(visits), 2)
    ones = np.ones(visits, dtype=np.int64)
    rules = Rules(
        visits=Visits(
            start=2 * np.arange(visits + 1, dtype=np.int64),
            order=np.array(members, dtype=np.int64),
            same_day=ones,
            same_place=ones.copy(),
        ),
        scanner_place=place,
    )
    return replace(problem, orders=replace(orders, patient=patient), rules=rules)


if __name__ == "__main__":
    main()
