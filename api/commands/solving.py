"""``solve`` and ``check``: instances and plans as files, without a database."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.service import AsJson
from api.output import CommandFailed, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver import Problem, Progress, Start

Instance = Annotated[
    Path,
    typer.Argument(
        metavar="INSTANCE", help="A JSON file, or a directory of columns.", exists=True
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(solve)
    app.command()(check)


def solve(
    instance: Instance,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="PLAN", help="Where the plan is written.")
    ],
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Longest solving time.")
    ] = None,
    work: Annotated[
        int | None,
        typer.Option(min=0, help="Effort instead of time: the same plan every time."),
    ] = None,
    gap: Annotated[
        float, typer.Option(min=0.0, help="Good enough: end at this certified gap.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Most threads.")] = 2,
    start: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="INSTANCE PLAN",
            help="Start from an earlier instance's plan; rows are matched by key.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Solve an instance and write the plan; it is checked before it is written.

    Shows on a terminal how far it is, the certified gap and where the gap sits.
    Ctrl-C ends the solve early with the best plan so far; twice, without one.

    Example: booking-engine solve week.json --out plan.json --seconds 10
    """
    from solver import UNPLACED, Limits, verify  # noqa: PLC0415
    from solver import solve as solve_problem  # noqa: PLC0415
    from solver.instances import save_plan  # noqa: PLC0415

    problem = _load(instance)
    limits = Limits(
        seconds=10.0 if seconds is None and work is None else seconds,
        work=work,
        seed=seed,
        target_gap=gap,
        workers=workers,
    )
    earlier = None if start is None else _start(*start, problem)
    with _interruptible() as stop, _shown() as progress:
        plan = solve_problem(
            problem, limits=limits, start=earlier, progress=progress, stop=stop
        )
    verdict = verify(problem, plan)
    if not verdict.accepted:
        raise CommandFailed("the plan fails its own check, so it is not written")
    save_plan(plan, out)
    placed = int((plan.opening != UNPLACED).sum())
    show(
        {
            "plan": str(out),
            "orders": len(problem.orders.key),
            "placed": placed,
            "unplaced": len(problem.orders.key) - placed,
            "cost": plan.terms.total,
            "bound": plan.certificate.bound,
            "gap": plan.gap if math.isfinite(plan.gap) else None,
            "seconds": plan.seconds,
        },
        as_json=as_json,
    )


def check(
    instance: Instance,
    plan: Annotated[
        Path,
        typer.Argument(metavar="PLAN", help="As solve writes it.", exists=True),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a plan with code that shares nothing with the optimiser.

    Exits 1 if a rule is broken, or a cost or bound is not what the plan claims.

    Example: booking-engine check week.json plan.json
    """
    from solver import verify  # noqa: PLC0415
    from solver.instances import load_plan  # noqa: PLC0415

    problem = _load(instance)
    verdict = verify(problem, load_plan(plan))
    cost = None if verdict.terms is None else verdict.terms.total
    show(
        {
            "accepted": verdict.accepted,
            "violations": [
                f"{found.constraint} ({', '.join(found.keys)})"
                for found in verdict.violations
            ],
            "false_claims": [claim.name for claim in verdict.false_claims],
            "cost": cost,
            "bound": verdict.bound,
        },
        as_json=as_json,
    )
    if not verdict.accepted:
        raise CommandFailed(
            f"{plan}: {len(verdict.violations)} rules broken,"
            f" {len(verdict.false_claims)} false claims"
        )


def _start(instance: Path, plan: Path, problem: Problem) -> Start:
    """Return what an earlier plan says about `problem`, once it has been checked."""
    from solver import carried, verify  # noqa: PLC0415
    from solver.instances import load_plan  # noqa: PLC0415

    earlier, known = _load(instance), load_plan(plan)
    if not verify(earlier, known).accepted:
        raise CommandFailed(
            f"{plan} is no plan of {instance}; check it, or solve without --start"
        )
    return carried(earlier, known, problem)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a request to stop; the next one ends the command."""
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def ask(_signal: int, _frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal's standard error, and nothing elsewhere."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[found]}"),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("start", total=1.0, found="")

        def show_step(step: Progress) -> None:
            bar.update(
                task,
                description=str(step.stage),
                completed=step.used,
                found=progress_text(step),
            )

        yield show_step


def progress_text(step: Progress) -> str:
    """Return bound, cost, gap and the gap's parts, as shares of the bound."""
    if step.cost is None or step.gap is None:
        return f"bound {step.bound:,}"
    text = f"cost {step.cost:,}  bound {step.bound:,}  gap {step.gap:.2%}"
    if step.parts is not None and step.bound > 0:
        parts = step.parts
        text += (
            f"  (regret {parts.regret / step.bound:.2%},"
            f" idle {(parts.idle + parts.unsold) / step.bound:.2%},"
            f" not to be had {parts.packing / step.bound:.2%})"
        )
    return text


def _load(instance: Path) -> Problem:
    from solver.instances import load_columns, load_json  # noqa: PLC0415

    return load_columns(instance) if instance.is_dir() else load_json(instance)
