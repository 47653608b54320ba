"""Measure the solver on published generalised assignment instances, classes C and E.

    python -m benchmarks.assignment ../shared/data/gap --instances e05100 e801600
    python -m benchmarks.assignment ../shared/data/gap --peers

Without ``--instances`` all that `best_known.csv` lists are run. Distances are from the
best known value. The peers get every option of every job, no first plan, and as long as
we do. Prints a markdown table with what it takes to repeat it.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import highspy
import numpy as np
from ortools.sat.python import cp_model

import solver
from benchmarks import conditions, table
from solver import Limits, Problem
from solver.instances.assignment import (
    Assignment,
    assignment_problem,
    left_out,
    read_assignment,
)
from solver.progress import Progress, Stage

HEADINGS = (
    "instance",
    "best known",
    "method",
    "plan",
    "distance",
    "bound",
    "distance of the bound",
    "bound after, s",
    "wall, s",
    "CPU, s",
)
PLAN_TARGET, BOUND_TARGET = 5e-4, 3e-4
BOUND_SECONDS = 1.0


def main() -> None:
    """Run the instances that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="of the files and best_known.csv")
    parser.add_argument("--instances", nargs="+", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument(
        "--bounds", action="store_true", help="stop each solve once it has its bound"
    )
    wanted = parser.parse_args()
    best = best_known(wanted.directory)
    unknown = sorted(set(wanted.instances) - set(best))
    if unknown:
        raise SystemExit(f"best_known.csv does not list {', '.join(unknown)}.")
    solver.warm_up()
    size = f"{wanted.seconds:g} s, {wanted.workers} threads"
    print(conditions("Generalised assignment", seed=wanted.seed, size=size))
    print(f"highspy {version('highspy')}\n")
    rows: list[tuple[str, ...]] = []
    met = 0
    names = wanted.instances or list(best)
    for name in names:
        instance = read_assignment(wanted.directory / f"{name}.txt")
        problem = assignment_problem(instance)
        ours, good = measured(name, problem, best[name], wanted)
        rows.append(ours)
        met += good
        if wanted.peers:
            for peer in (cp_sat, highs):
                rows.append(
                    (name, f"{best[name]:,}", *peer(instance, best[name], wanted))
                )
    print(table(HEADINGS, rows))
    print(f"\n- plan within {PLAN_TARGET:.2%} and bound within {BOUND_TARGET:.2%}")
    print(f"  in {BOUND_SECONDS:g} s: {met} of {len(names)} instances")


def best_known(directory: Path) -> dict[str, int]:
    """Return the best known value of each instance."""
    with (directory / "best_known.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["instance"]: int(row["best_known_value"])
            for row in csv.DictReader(file)
        }


def measured(
    name: str, problem: Problem, best: int, wanted: argparse.Namespace
) -> tuple[tuple[str, ...], bool]:
    """Return our row, and whether both targets are met."""
    priced: list[float] = []

    def note(progress: Progress) -> None:
        if progress.stage is Stage.PRICES:
            priced.append(progress.seconds)

    limits = Limits(seconds=wanted.seconds, seed=wanted.seed, workers=wanted.workers)
    began = time.monotonic()
    used = time.process_time()
    stop = (lambda: bool(priced)) if wanted.bounds else None
    plan = solver.solve(problem, limits=limits, progress=note, stop=stop)
    spent, used = time.monotonic() - began, time.process_time() - used
    verdict = solver.verify(problem, plan)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"Our plan of {name} was refused: {verdict}")
    out = left_out(plan)
    cost, bound = plan.terms.total, verdict.bound
    row = (
        name,
        f"{best:,}",
        "this solver",
        f"{cost:,}" if out == 0 else f"{out} jobs left out",
        f"{(cost - best) / best:+.3%}" if out == 0 else "",
        f"{bound:,}",
        f"{(bound - best) / best:+.3%}",
        f"{priced[0]:.2f}",
        f"{spent:.1f}",
        f"{used:.1f}",
    )
    near = out == 0 and cost - best <= PLAN_TARGET * best
    tight = best - bound <= BOUND_TARGET * best and priced[0] <= BOUND_SECONDS
    return row, near and tight


def cp_sat(
    instance: Assignment, best: int, wanted: argparse.Namespace
) -> tuple[str, ...]:
    """Return the row of CP-SAT on the whole instance as one model."""
    agents, jobs = instance.cost.shape
    model = cp_model.CpModel()
    taken = [[model.new_bool_var("") for _ in range(jobs)] for _ in range(agents)]
    for j in range(jobs):
        model.add_exactly_one([taken[a][j] for a in range(agents)])
    for a in range(agents):
        weight = instance.weight[a].tolist()
        model.add(
            cp_model.LinearExpr.weighted_sum(taken[a], weight)
            <= int(instance.capacity[a])
        )
    every = [variable for row in taken for variable in row]
    costs = instance.cost.ravel().tolist()
    model.minimize(cp_model.LinearExpr.weighted_sum(every, costs))
    engine = cp_model.CpSolver()
    engine.parameters.max_time_in_seconds = wanted.seconds
    engine.parameters.num_workers = wanted.workers
    engine.parameters.random_seed = wanted.seed
    began, used = time.monotonic(), time.process_time()
    status = engine.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return (
        "CP-SAT, one model",
        *_peer(
            engine.objective_value if found else None,
            engine.best_objective_bound,
            best,
            time.monotonic() - began,
            time.process_time() - used,
        ),
    )


def highs(
    instance: Assignment, best: int, wanted: argparse.Namespace
) -> tuple[str, ...]:
    """Return the row of HiGHS on the whole instance as one model."""
    agents, jobs = instance.cost.shape
    size = agents * jobs
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = size, jobs + agents
    model.col_cost_ = instance.cost.ravel().astype(np.float64)
    model.col_lower_, model.col_upper_ = np.zeros(size), np.ones(size)
    model.row_lower_ = np.r_[np.ones(jobs), np.full(agents, -highspy.kHighsInf)]
    model.row_upper_ = np.r_[np.ones(jobs), instance.capacity.astype(np.float64)]
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.arange(size + 1, dtype=np.int32) * 2
    a, j = np.divmod(np.arange(size), jobs)
    model.a_matrix_.index_ = np.stack([j, jobs + a], 1).ravel().astype(np.int32)
    weight = instance.weight.ravel().astype(np.float64)
    model.a_matrix_.value_ = np.stack([np.ones(size), weight], 1).ravel()
    model.integrality_ = [highspy.HighsVarType.kInteger] * size
    engine = highspy.Highs()
    for option, value in (
        ("output_flag", False),
        ("time_limit", wanted.seconds),
        ("threads", wanted.workers),
        ("random_seed", wanted.seed),
    ):
        engine.setOptionValue(option, value)
    engine.passModel(model)
    began, used = time.monotonic(), time.process_time()
    engine.run()
    spent, used = time.monotonic() - began, time.process_time() - used
    info = engine.getInfo()
    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    found = info.primal_solution_status == feasible
    value = info.objective_function_value if found else None
    return (
        "HiGHS MIP, one model",
        *_peer(value, info.mip_dual_bound, best, spent, used),
    )


def _peer(
    value: float | None, bound: float, best: int, spent: float, used: float
) -> Iterator[str]:
    """Yield the cells of a peer; its bound is known only when it stops."""
    yield "none" if value is None else f"{round(value):,}"
    yield "" if value is None else f"{(value - best) / best:+.3%}"
    yield f"{bound:,.0f}"
    yield f"{(bound - best) / best:+.3%}"
    yield ""
    yield f"{spent:.1f}"
    yield f"{used:.1f}"


if __name__ == "__main__":
    main()
