"""``solve`` and ``check``: instances and plans as files, without a database."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.service import AsJson
from api.output import CommandFailed, show

if TYPE_CHECKING:
    from solver import Problem

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
    as_json: AsJson = False,
) -> None:
    """Solve an instance and write the plan; it is checked before it is written.

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
    plan = solve_problem(problem, limits=limits)
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


def _load(instance: Path) -> Problem:
    from solver.instances import load_columns, load_json  # noqa: PLC0415

    return load_columns(instance) if instance.is_dir() else load_json(instance)
