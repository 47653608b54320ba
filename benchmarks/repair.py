"""Measure repairs after a scanner-day is lost, beside a clerk and a full re-solve.

    python -m benchmarks.repair --orders 5000 --scanners 15 --days 30
    python -m benchmarks.repair --orders 50000 --scanners 150 --days 42 --seconds 30

The clerk puts the displaced, most urgent first, into the earliest slot with room. The
re-solve starts from the plan that was and may move everybody. The cost is that of the
whole plan after the loss above the cost before it; moved are patients who were not
affected. Every answer is put to the independent checker.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import solver
from benchmarks import conditions, table
from solver import Limits, Plan, Problem, Start
from solver.instances import Scale, generate
from solver.losses import Damage, damaged, scanner_losses
from solver.plan import UNPLACED
from solver.repair import (
    Repair,
    frontier,
    improve_repair,
    repair_at_once,
    repaired_plan,
)

HEADINGS = ("lost", "displaced", "method", "s", "cost more", "moved", "unplaced", "gap")


def main() -> None:
    """Print a table: one group of rows for each scanner-day that is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=15)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--load", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a solve")
    parser.add_argument("--losses", type=int, default=4, help="scanner-days, in turn")
    wanted = parser.parse_args()
    scale = Scale(
        orders=wanted.orders,
        scanners=wanted.scanners,
        days=wanted.days,
        load=wanted.load,
    )
    solver.warm_up()
    problem = generate(scale, seed=wanted.seed)
    plan = solver.solve(
        problem, limits=Limits(seconds=wanted.seconds, seed=wanted.seed, workers=2)
    )
    print(conditions("A scanner-day is lost", seed=wanted.seed, size=str(scale)))
    print(f"The plan before: cost {plan.terms.total:,}, gap {plan.gap:.2%}.\n")
    chance = np.random.default_rng(wanted.seed)
    days = busiest(problem, plan)
    # The first repair of a process compiles; it is not measured.
    repair_at_once(damaged(problem, plan, scanner_losses(problem, *days[0])))
    rows: list[tuple[str, ...]] = []
    for number in chance.choice(len(days), wanted.losses, replace=False):
        rows.extend(measured(problem, plan, days[number], wanted))
    print(table(HEADINGS, rows))


def busiest(problem: Problem, plan: Plan) -> list[tuple[int, int]]:
    """Return the scanner-days with at least five exams in the first two weeks."""
    starts = problem.openings.scanner_start
    scanner = np.repeat(np.arange(len(problem.scanner_key)), np.diff(starts))
    b = plan.opening[plan.opening != UNPLACED]
    where = np.stack([scanner[b], problem.openings.day[b]])
    found, count = np.unique(where, axis=1, return_counts=True)
    wanted = (count >= 5) & (found[1] < 14)
    return [(int(s), int(day)) for s, day in found[:, wanted].T]


def measured(
    problem: Problem,
    plan: Plan,
    lost: tuple[int, int],
    wanted: argparse.Namespace,
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one loss."""
    began = time.monotonic()
    damage = damaged(problem, plan, scanner_losses(problem, *lost))
    first = repair_at_once(damage)
    at_once = time.monotonic() - began
    name = f"{problem.scanner_key[lost[0]]}, day {lost[1]}"

    def told(
        what: str, seconds: float, now: Plan, gap: float | None
    ) -> tuple[str, ...]:
        verdict = solver.verify(damage.problem, now)
        if not verdict.accepted:
            raise SystemExit(f"The checker refused {what}: {verdict}")
        placed = damage.opening != UNPLACED
        moved = placed & (
            (now.opening != damage.opening) | (now.start_minute != damage.start_minute)
        )
        return (
            name,
            str(damage.displaced.size),
            what,
            f"{seconds:.3f}",
            f"{now.terms.total - plan.terms.total:,}",
            str(int(moved.sum())),
            str(int((now.opening[damage.displaced] == UNPLACED).sum())),
            "" if gap is None else f"{gap:.2%}",
        )

    def repaired(what: str, seconds: float, repair: Repair) -> tuple[str, ...]:
        return told(what, seconds, repaired_plan(damage, repair.places), repair.gap)

    yield repaired("at once, nobody else moves", at_once, first)
    began = time.monotonic()
    alone = improve_repair(damage, first, most_moves=0, seed=wanted.seed)
    yield repaired("best without moves", time.monotonic() - began, alone)
    began = time.monotonic()
    better = improve_repair(damage, alone, seed=wanted.seed)
    yield repaired("in the background, 40 a move", time.monotonic() - began, better)
    for step in frontier(damage, first, steps=(1, 2, 4, 8), seed=wanted.seed):
        what = f"frontier, {step.moved.size} moved"
        yield repaired(what, step.seconds, step)
    began = time.monotonic()
    by_clerk = clerk(damage)
    yield told("clerk", time.monotonic() - began, by_clerk, None)
    again = solver.solve(
        damage.problem,
        limits=Limits(seconds=wanted.seconds, seed=wanted.seed, workers=2),
        start=Start(
            damage.minute_price, damage.exam_price, damage.opening, damage.pair
        ),
    )
    yield told("full re-solve", again.seconds, again, None)


def clerk(damage: Damage) -> Plan:
    """Place the displaced, most urgent first, each at the earliest free time."""
    urgent = damage.displaced[
        np.argsort(damage.problem.orders.tier[damage.displaced], kind="stable")
    ]
    orders = damage.problem.orders
    day_only = replace(
        damage.problem,
        orders=replace(
            orders,
            wait_cost=np.full_like(orders.wait_cost, 1),
            late_cost=np.zeros_like(orders.late_cost),
            breach_cost=np.zeros_like(orders.breach_cost),
            unplaced_cost=np.full_like(orders.unplaced_cost, 10**6),
        ),
        pairs=replace(
            damage.problem.pairs, cost=np.zeros_like(damage.problem.pairs.cost)
        ),
    )
    now = replace(
        damage,
        problem=day_only,
        minute_price=np.zeros_like(damage.minute_price),
        exam_price=np.zeros_like(damage.exam_price),
    )
    for j in urgent:
        places = repair_at_once(replace(now, displaced=np.array([j]))).places
        now = replace(
            now,
            opening=places.opening,
            pair=places.pair,
            start_minute=places.start_minute,
        )
    places = repair_at_once(replace(now, displaced=damage.displaced[:0])).places
    return repaired_plan(damage, places)


if __name__ == "__main__":
    main()
