"""Measure our plans against a clerk's, and against one large model of each peer.

    python -m benchmarks.solver_plan --orders 5000 --seeds 1 2 3 --seconds 10 --peers
    python -m benchmarks.solver_plan --england ../shared/data --seconds 600

All gaps are measured from one bound, which the independent checker recomputes from the
prices of our certificate. Prints a markdown table with what it takes to repeat it.
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

import solver
from benchmarks import conditions, table
from benchmarks.solver_peers import NAMES, peers
from benchmarks.timed import Timed, timed
from solver import Limits, Orders, Pairs, Plan, Problem
from solver.instances import Scale, england, generate, read_national_data
from solver.problem import Ints

HEADINGS = (
    "method",
    "seed",
    "wall, s",
    "CPU, s",
    "cost",
    "gap",
    "unplaced",
    "patient-days per 1,000",
)
DAY_COST = 5
"""What a day of waiting costs for an order of the lowest tier, in both instances."""
KNOWN_SHARE = 0.95
"""Orders of today that were on yesterday's list, for the warm start."""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    print(
        conditions(
            "A plan for everybody who waits",
            seed=wanted.seeds[0],
            size=_named(wanted),
        )
    )
    solvers = ", ".join(f"{name} {version(name)}" for name in ("highspy", "pyjobshop"))
    print(f"{solvers}; seeds {', '.join(map(str, wanted.seeds))}\n")
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for seed in wanted.seeds:
        problem = instance(wanted, seed)
        rows.extend(measured(problem, wanted, seed, notes))
        if seed == wanted.seeds[0] and wanted.warm:
            rows.append(warm(problem, wanted, seed))
    print(table(HEADINGS, rows))
    print("\n" + "\n".join(f"- {note}" for note in notes))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"- peak memory of the whole run, checker and peers included: {peak:.2f} GB")


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--scanners", type=int, default=0, help="0: in proportion")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--load", type=float, default=0.95)
    parser.add_argument("--windows", type=float, default=0.0)
    parser.add_argument("--patients", type=float, default=0.0)
    parser.add_argument("--contracts", type=float, default=0.0)
    parser.add_argument(
        "--england", type=Path, metavar="DIRECTORY", help="of the national files"
    )
    parser.add_argument("--seed", type=int, help="one seed, as other benchmarks take")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--work", type=int, help="thousands of moves instead of a time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--warm", action="store_true", help="start from yesterday too")
    parser.add_argument(
        "--peers", nargs="*", choices=NAMES, help="which of them; all if none is named"
    )
    parser.add_argument("--peer-seconds", type=float, default=60.0)
    wanted = parser.parse_args()
    if wanted.seed is not None:
        wanted.seeds = [wanted.seed]
    if wanted.peers is not None:
        wanted.peers = wanted.peers or NAMES
    return wanted


def instance(wanted: argparse.Namespace, seed: int) -> Problem:
    """Return the problem that the command line and the seed name."""
    if wanted.england is not None:
        data = read_national_data(wanted.england)
        return england(data, seed=seed, days=wanted.days, load=wanted.load)
    return generate(_scale(wanted), seed=seed)


def limits(wanted: argparse.Namespace, seed: int) -> Limits:
    """Return the limits that the command line gives."""
    return Limits(
        seconds=None if wanted.work is not None else wanted.seconds,
        work=wanted.work,
        seed=seed,
        workers=wanted.workers,
    )


def measured(
    problem: Problem, wanted: argparse.Namespace, seed: int, notes: list[str]
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one problem; note its shape, its bound and the check."""
    plan, spent = timed(lambda: solver.solve(problem, limits=limits(wanted, seed)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    verdict, checking = timed(lambda: solver.verify(problem, plan))
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"Our own plan was refused: {verdict}")
    bound = verdict.bound
    openings = len(problem.openings.key)
    placed = int((plan.opening >= 0).sum())
    notes.append(
        f"seed {seed}: {len(problem.orders.key):,} orders,"
        f" {len(problem.scanner_key):,} scanners, {openings:,} openings of"
        f" {placed / openings:.1f} exams; bound {bound:,}; checked in"
        f" {checking.wall:.1f} s; memory up to the plan {memory:.2f} GB"
    )
    yield row("this solver", seed, plan, spent, bound)
    clerk, spent = timed(lambda: solver.earliest_by_urgency(problem))
    yield row("urgency-first greedy", seed, clerk, spent, bound)
    first, spent = timed(lambda: solver.first_come_first_served(problem))
    yield row("earliest slot, first come", seed, first, spent, bound)
    if wanted.peers and seed == wanted.seeds[0]:
        found = peers(
            problem,
            plan,
            names=wanted.peers,
            seconds=wanted.peer_seconds,
            workers=wanted.workers,
        )
        for answer in found:
            yield (
                answer.name,
                str(seed),
                f"{answer.spent.wall:.1f}",
                f"{answer.spent.cpu:.1f}",
                f"{answer.cost:,}",
                *_distance(answer.cost, answer.unplaced, bound, placed),
            )


def warm(problem: Problem, wanted: argparse.Namespace, seed: int) -> tuple[str, ...]:
    """Return the row of a solve that starts from yesterday's plan."""
    known = np.random.default_rng(seed).random(len(problem.orders.key)) < KNOWN_SHARE
    yesterday = only(problem, np.flatnonzero(known))
    plan = solver.solve(yesterday, limits=limits(wanted, seed))
    start = solver.carried(yesterday, plan, problem)
    brief = replace(limits(wanted, seed), seconds=wanted.seconds / 4, work=None)
    today, spent = timed(lambda: solver.solve(problem, limits=brief, start=start))
    verdict = solver.verify(problem, today)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"The plan that started from another was refused: {verdict}")
    name = f"this solver, from a plan of {KNOWN_SHARE:.0%} of the orders (own bound)"
    return row(name, seed, today, spent, verdict.bound)


def only(problem: Problem, rows: Ints) -> Problem:
    """Return the problem with some of its orders."""
    orders, pairs = problem.orders, problem.pairs
    count = np.diff(pairs.start)[rows]
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    p = np.repeat(pairs.start[:-1][rows] - start[:-1], count) + np.arange(start[-1])
    columns = {
        field.name: getattr(orders, field.name)[rows]
        for field in fields(Orders)
        if isinstance(getattr(orders, field.name), np.ndarray)
    }
    key = tuple(orders.key[j] for j in rows)
    return replace(
        problem,
        orders=replace(orders, key=key, **columns),
        pairs=Pairs(start, pairs.scanner[p], pairs.minutes[p], pairs.cost[p]),
    )


def row(name: str, seed: int, plan: Plan, spent: Timed, bound: int) -> tuple[str, ...]:
    """Return the row of a plan."""
    unplaced = int((plan.opening < 0).sum())
    cost, placed = plan.terms.total, plan.opening.shape[0] - unplaced
    return (
        name,
        str(seed),
        f"{spent.wall:.1f}",
        f"{spent.cpu:.1f}",
        f"{cost:,}",
        *_distance(cost, unplaced, bound, placed),
    )


def _distance(cost: int, unplaced: int, bound: int, placed: int) -> tuple[str, ...]:
    """Return gap, orders without a place, and the gap in days of the lowest tier."""
    days = (cost - bound) / DAY_COST / max(1, placed + unplaced) * 1000
    return f"{(cost - bound) / bound:.2%}", f"{unplaced:,}", f"{days:,.0f}"


def _scale(wanted: argparse.Namespace) -> Scale:
    return Scale(
        orders=wanted.orders,
        scanners=wanted.scanners or max(4, round(wanted.orders * 15 / 5000)),
        days=wanted.days,
        load=wanted.load,
        window_share=wanted.windows,
        patient_share=wanted.patients,
        contract_share=wanted.contracts,
    )


def _named(wanted: argparse.Namespace) -> str:
    effort = f"{wanted.seconds:g} s"
    if wanted.work is not None:
        effort = f"{wanted.work:,} thousand moves"
    what = str(_scale(wanted))
    if wanted.england is not None:
        what = f"England, {wanted.days} days, load {wanted.load}"
    return f"{what}; {effort}, {wanted.workers} threads"


if __name__ == "__main__":
    main()
