"""Measure our plans against a clerk's, and against one large model of each peer.

    python benchmarks/solver_plan.py --orders 5000 --seed 1 --seconds 30 [--peers]

All gaps are measured from one bound, which `check.lower_bound` recomputes from the
prices of our certificate. Prints a markdown table.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import highspy
import numpy as np
from ortools.sat.python import cp_model

import solver
from solver import Limits, Plan, Problem
from solver.instances import Scale, generate
from solver.layout import columns
from solver.shortlist import shortlist

PEER_SECONDS = 60
PEER_WIDTH = 12
"""Options per order in the peers' models, the best at our prices."""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    wanted = arguments()
    solver.warm_up()
    scale = Scale(
        orders=wanted.orders,
        scanners=wanted.scanners or max(4, round(wanted.orders * 15 / 5000)),
        days=wanted.days,
        load=wanted.load,
        window_share=wanted.windows,
        patient_share=wanted.patients,
        contract_share=wanted.contracts,
    )
    problem = generate(scale, seed=wanted.seed)
    limits = Limits(seconds=wanted.seconds, seed=wanted.seed, workers=wanted.workers)
    plan = solver.solve(problem, limits=limits)
    verdict = solver.verify(problem, plan)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"Our own plan was refused: {verdict}")
    bound = verdict.bound
    placed = int((plan.opening >= 0).sum())
    print(f"Machine: {machine()}")
    print(f"Problem: {scale}, seed {wanted.seed};")
    openings = len(problem.openings.key)
    print(
        f"{openings} openings, {placed / openings:.1f} exams an opening,"
        f" bound {bound}.\n"
    )
    print("| method | seconds | cost | gap | unplaced | patient-days per 1,000 |")
    print("|---|---|---|---|---|---|")
    line("this solver", plan, bound)
    line("urgency-first greedy", solver.earliest_by_urgency(problem), bound)
    line("first come, first served", solver.first_come_first_served(problem), bound)
    if wanted.peers:
        for name, cost, seconds, unplaced in peers(problem, plan):
            row(name, cost, seconds, unplaced, bound, wanted.orders)


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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peers", action="store_true")
    return parser.parse_args()


def machine() -> str:
    """Return processor, cores and versions."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for text in info.read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                processor = text.partition(":")[2].strip()
                break
    used = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "numba", "ortools", "highspy")
    )
    return (
        f"{processor}, {os.cpu_count()} cores; Python {platform.python_version()},"
        f" {used}"
    )


def line(name: str, plan: Plan, bound: int) -> None:
    """Print the row of a plan."""
    row(
        name,
        plan.terms.total,
        plan.seconds,
        int((plan.opening < 0).sum()),
        bound,
        plan.opening.shape[0],
    )


def row(
    name: str, cost: int, seconds: float, unplaced: int, bound: int, orders: int
) -> None:
    """Print one row; one day of the lowest tier costs five units."""
    days = (cost - bound) / 5 / orders * 1000
    print(
        f"| {name} | {seconds:.1f} | {cost} | {(cost - bound) / bound:.2%} |"
        f" {unplaced} | {days:.0f} |"
    )


def peers(problem: Problem, plan: Plan) -> Iterator[tuple[str, int, float, int]]:
    """Yield name, cost, seconds and unplaced of one large model by each peer.

    The models keep minutes and ceilings, not the clock, so they have the easier
    problem; and they get the options that are best at our prices.
    """
    c = columns(problem)
    certificate = plan.certificate
    listed = shortlist(
        c, certificate.minute_price, certificate.exam_price, width=PEER_WIDTH
    )
    used = np.arange(PEER_WIDTH)[None, :] < listed.listed[:, None]
    j, r = np.nonzero(used)
    b, p, cost = listed.opening[j, r], listed.pair[j, r], listed.cost[j, r]
    yield cp_sat(problem, j, b, problem.pairs.minutes[p], cost)
    yield highs(problem, j, b, problem.pairs.minutes[p], cost)


def groups(keys: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the positions at which each key from 0 to ``size - 1`` occurs."""
    sort = np.argsort(keys, kind="stable")
    return np.split(sort, np.searchsorted(keys[sort], np.arange(1, size)))


def cp_sat(
    problem: Problem, j: np.ndarray, b: np.ndarray, d: np.ndarray, cost: np.ndarray
) -> tuple[str, int, float, int]:
    """Solve the assignment as one CP-SAT model."""
    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(j.shape[0])]
    for rows in groups(j, len(problem.orders.key)):
        model.add_at_most_one([x[i] for i in rows])
    for opening, rows in enumerate(groups(b, len(problem.openings.key))):
        room = int(problem.openings.minutes[opening])
        model.add(sum(int(d[i]) * x[i] for i in rows) <= room)
    contract = problem.openings.contract[b]
    for k, ceiling in enumerate(problem.contract_ceiling):
        model.add(sum(x[i] for i in np.flatnonzero(contract == k)) <= int(ceiling))
    gain = problem.orders.unplaced_cost[j] - cost
    model.maximize(sum(int(g) * v for g, v in zip(gain, x, strict=True)))
    engine = cp_model.CpSolver()
    engine.parameters.max_time_in_seconds = PEER_SECONDS
    began = time.monotonic()
    engine.solve(model)
    seconds = time.monotonic() - began
    taken = sum(engine.boolean_value(v) for v in x)
    total = int(problem.orders.unplaced_cost.sum()) - round(engine.objective_value)
    name = f"CP-SAT, one model, {PEER_WIDTH} options an order"
    return name, total, seconds, len(problem.orders.key) - taken


def highs(
    problem: Problem, j: np.ndarray, b: np.ndarray, d: np.ndarray, cost: np.ndarray
) -> tuple[str, int, float, int]:
    """Solve the assignment as one mixed-integer programme."""
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    engine.setOptionValue("time_limit", float(PEER_SECONDS))
    n = j.shape[0]
    gain = (problem.orders.unplaced_cost[j] - cost).astype(np.float64)
    engine.addVars(n, np.zeros(n), np.ones(n))
    engine.changeColsCost(n, np.arange(n, dtype=np.int32), -gain)
    engine.changeColsIntegrality(
        n,
        np.arange(n, dtype=np.int32),
        np.array([highspy.HighsVarType.kInteger] * n),
    )

    def at_most(limit: float, rows: np.ndarray, weight: np.ndarray) -> None:
        engine.addRow(
            -highspy.kHighsInf,
            limit,
            rows.shape[0],
            rows.astype(np.int32),
            weight.astype(np.float64),
        )

    for rows in groups(j, len(problem.orders.key)):
        at_most(1.0, rows, np.ones(rows.shape[0]))
    for opening, rows in enumerate(groups(b, len(problem.openings.key))):
        at_most(float(problem.openings.minutes[opening]), rows, d[rows])
    contract = problem.openings.contract[b]
    for k, ceiling in enumerate(problem.contract_ceiling):
        rows = np.flatnonzero(contract == k)
        at_most(float(ceiling), rows, np.ones(rows.shape[0]))
    began = time.monotonic()
    engine.run()
    seconds = time.monotonic() - began
    value = np.array(engine.getSolution().col_value)
    taken = value > 0.5 if value.shape[0] == n else np.zeros(n, bool)
    total = int(problem.orders.unplaced_cost.sum() - gain[taken].sum())
    name = f"HiGHS MIP, one model, {PEER_WIDTH} options an order"
    return name, total, seconds, len(problem.orders.key) - int(taken.sum())


if __name__ == "__main__":
    main()
