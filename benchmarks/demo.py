"""The demo as a whole process: seconds, memory, certified gap, and greedy's gap beside.

``booking-engine demo --orders N --once --json`` in a process of its own: orders in over
sockets, plan, bookings out over sockets. Its last plan is then judged by the checker,
and the same stored instance is given to the urgency-first greedy, a clerk's way; both
gaps count from one bound, which the checker computes anew from the plan's prices. Run
from the repository's root::

    python -m benchmarks.demo [--orders 5000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import solver
from benchmarks import conditions, engine, load, table
from solver import Plan, Problem
from solver.instances import load_json, load_plan

KILOBYTE: Final = 1 if sys.platform == "darwin" else 1024
"""Unit of ru_maxrss: bytes on macOS, kibibytes elsewhere (getrusage(2))."""


def demo(orders: int, seed: int, data: Path) -> tuple[dict[str, Any], float, float]:
    """Run the demo; return its last line, its wall seconds and its peak of MB."""
    command = engine(
        *("demo", "--orders", str(orders), "--seed", str(seed), "--once", "--json"),
        *("--data", str(data), "--port", "0"),
    )
    with tempfile.TemporaryFile("w+") as told:
        began = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=told, text=True
        ) as process:
            try:
                assert process.stdout is not None, "opened with a pipe"
                lines = process.stdout.read().splitlines()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                if process.returncode is None:
                    process.kill()
        seconds = time.perf_counter() - began
        if process.returncode:
            told.seek(0)
            raise SystemExit(f"The demo failed:\n{told.read()[-2000:]}")
    return json.loads(lines[-1]), seconds, usage.ru_maxrss * KILOBYTE / 1e6


def largest_plan(plans: Path) -> tuple[Problem, Plan]:
    """Return the stored instance with most orders, and its plan."""
    found = [
        (load_json(path), path.with_name(path.name.replace(".instance.", ".plan.")))
        for path in plans.glob("*.instance.json")
    ]
    problem, path = max(found, key=lambda each: len(each[0].orders.key))
    return problem, load_plan(path)


def run(given: argparse.Namespace) -> None:
    """Run the demo and print the tables."""
    size = f"{given.orders} orders"
    print(conditions("Demo", seed=given.seed, size=size), flush=True)
    at_start = load().split()[0]
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as folder:
        data = Path(folder) / "demo"
        told, seconds, peak_mb = demo(given.orders, given.seed, data)
        problem, plan = largest_plan(data / "plans")
    shown = ("received", "booked", "waiting", "held", "cancelled", "refused")
    rows = (
        ("wall, whole process", f"{seconds:.1f} s"),
        ("by its own account", f"{told['seconds']} s"),
        ("peak memory", f"{peak_mb:.0f} MB"),
        ("orders", ", ".join(f"{told[name]} {name}" for name in shown)),
        ("messages in", str(told["messages_in"])),
        (
            "messages out",
            f"{told['messages_out']}, {told['messages_acknowledged']} acknowledged",
        ),
        ("load before", at_start),
    )
    print(table(("demo", "measured"), rows), end="\n\n")
    solver.warm_up()
    verdict = solver.verify(problem, plan)
    if not verdict.accepted or verdict.bound is None:
        raise SystemExit(f"The demo's plan was refused: {verdict}")
    prices = plan.certificate
    bound = solver.lower_bound(problem, prices.minute_price, prices.exam_price)
    greedy = solver.earliest_by_urgency(problem)
    print(f"The last plan: {len(problem.orders.key)} orders, bound {bound}.\n")
    gaps = (
        _row("the demo's plan", plan, bound),
        _row("urgency-first greedy", greedy, bound),
    )
    print(table(("method", "seconds", "cost", "gap", "unplaced"), gaps))


def _row(name: str, plan: Plan, bound: int) -> tuple[str, ...]:
    cost = plan.terms.total
    unplaced = int((plan.opening == solver.UNPLACED).sum())
    return (
        name,
        f"{plan.seconds:.2f}",
        str(cost),
        f"{(cost - bound) / bound:.2%}",
        str(unplaced),
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
