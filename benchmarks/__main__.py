"""Runs the benchmarks, each in a process of its own: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from typing import Final

NAMES: Final = ("intake", "outbound", "slot_search", "demo")
"""What runs by default; each has options of its own."""
OTHERS: Final = (
    "assignment",
    "best_slot",
    "booking",
    "changeovers",
    "closure",
    "fairness",
    "fuzz",
    "gaps",
    "intake_costs",
    "intake_memory",
    "online",
    "persistence_writes",
    "repair",
    "solver_plan",
    "visits",
)
SECONDS: Final = 300.0
"""After this a benchmark is ended; by default each takes less than 180."""
_GRACE: Final = 30.0


def main() -> int:
    """Run what the command line names; return 1 if any of it failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run the benchmarks beside their peers and print markdown tables.",
        epilog="Example: python -m benchmarks intake outbound --seed 7. What is not"
        " known here goes to the benchmarks named: python -m benchmarks intake"
        " --orders 500; python -m benchmarks.intake --help lists its options.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(NAMES)} (all of these by default), {', '.join(OTHERS)}",
    )
    parser.add_argument("--seed", type=int, default=1, help="of all chance")
    parser.add_argument(
        "--seconds-each", type=float, default=SECONDS, help="longest time of one"
    )
    given, rest = parser.parse_known_args()
    unknown = sorted(set(given.names) - {*NAMES, *OTHERS})
    if unknown:
        parser.error(
            f"{', '.join(unknown)}: choose from {', '.join((*NAMES, *OTHERS))}"
        )
    if rest and not given.names:
        parser.error(f"{rest[0]}: name the benchmark whose option this is")
    failed = []
    for name in given.names or NAMES:
        seed = [] if name == "persistence_writes" else ["--seed", str(given.seed)]
        if _run(name, [*seed, *rest], given.seconds_each):
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, options: list[str], seconds: float) -> int:
    """Run one benchmark; one that takes too long is asked to clear up and end."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    with subprocess.Popen(command) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"{name}: ended after {seconds:.0f} s", file=sys.stderr)
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
