"""``serve``, ``migrate`` and ``plan``: the service and its database."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.output import CommandFailed, show

if TYPE_CHECKING:
    from booking_engine.domain.group_waits import WaitsByGroup

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML or YAML; BOOKING_... variables override it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one line of JSON.")]
_COLLECT_AFTER: Final = (20_000, 20, 20)
"""New objects, and turns of the younger generations; Python's own: 700, 10, 10."""


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(serve)
    app.command()(migrate)
    app.command()(plan)


def serve(
    *,
    config: Config = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="api, listen, relay or work; may be given again. All by default."
        ),
    ] = None,
) -> None:
    """Take orders in, book, write back and serve the API until stopped.

    On SIGTERM or Ctrl-C it stops reading, answers what came in and finishes its work.

    Example: booking-engine serve --config booking.toml --role api
    """
    from api.bootstrap import build  # noqa: PLC0415
    from api.log_setup import configure_logging  # noqa: PLC0415
    from api.runtime import ALL_ROLES, Role  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from solver import warm_up  # noqa: PLC0415

    unknown = set(role or ()) - set(ALL_ROLES)
    if unknown:
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}: choose from {', '.join(Role)}",
            param_hint="--role",
        )
    settings = load_settings(config)
    configure_logging(settings.log)
    runtime = build(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    roles = ALL_ROLES if not role else frozenset(map(Role, role))
    if roles & {Role.API, Role.WORK}:
        typer.echo(
            "preparing the search; a version's first start compiles it, for a minute",
            err=True,
        )
        # So that no request waits for it. Rules are met by planning runs alone, which
        # nobody waits for: the first one compiles what they need, with doors open.
        warm_up(rules=False)
    runtime.start(roles)
    _spare_the_collector()
    try:
        if Role.API in roles:
            host, port = runtime.http_address
            typer.echo(f"API     http://{host}:{port}/docs", err=True)
        if Role.LISTEN in roles:
            for host, port in runtime.listener.addresses:
                typer.echo(f"MLLP    {host}:{port}", err=True)
        stop.wait()
    finally:
        runtime.stop()


def _spare_the_collector() -> None:
    """Have Python's collector of cycles look at what is new, and seldom.

    What is loaded by now stays. Left to the collector, it is searched every few seconds
    under load, and nobody is answered for a sixth of a second. What a message or a
    request leaves behind is freed without it, but for the odd cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def migrate(*, config: Config = None, as_json: AsJson = False) -> None:
    """Bring the database's schema to this version; safe to repeat.

    Example: booking-engine migrate --config booking.toml
    """
    from api.bootstrap import migrate_database  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415

    where = migrate_database(load_settings(config))
    show({"database": where, "schema": "at head"}, as_json=as_json)


def plan(
    *,
    config: Config = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="Longest solving time; as configured by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run one planning run now, over all waiting orders, and apply it.

    Example: booking-engine plan --config booking.toml --seconds 30
    """
    from api.bootstrap import build  # noqa: PLC0415
    from api.log_setup import configure_logging  # noqa: PLC0415
    from booking_engine.domain.identifiers import Actor  # noqa: PLC0415
    from booking_engine.domain.plan_runs import PlanRunStatus  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    configure_logging(settings.log)
    if seconds is not None:
        section = settings.plan.model_copy(update={"seconds": seconds})
        settings = settings.model_copy(update={"plan": section})
    runtime = build(settings)
    try:
        runtime.prepare()
        run = runtime.plan_runner.run(
            runtime.plan_runner.request(Actor("job:command-line"))
        )
    finally:
        runtime.stop()
    if run.status is PlanRunStatus.FAILED:
        raise CommandFailed(f"planning run {run.id} failed: {run.error}")
    show(
        {
            "run": run.id,
            "orders": run.orders,
            "openings": run.openings,
            "placed": run.placed,
            "booked": run.booked,
            "lost": run.lost,
            "cost": run.cost,
            "bound": run.bound,
            "room_kept": run.room_kept,
            "to_come_cost": run.to_come_cost,
            "waits_by_group": waits_told(run.waits_by_group, as_json=as_json),
            "gap": run.gap,
            "seconds": run.seconds,
        },
        as_json=as_json,
    )


def waits_told(
    waits: WaitsByGroup | None, *, as_json: bool
) -> Mapping[str, Any] | list[str] | None:
    """Return what `plan` says of groups' waits: fields, or a text for each group."""
    if waits is None or as_json:
        return None if waits is None else asdict(waits)
    told = [
        f"{wait.group} {wait.mean_wait_days} days on average"
        f" ({wait.orders} orders; {wait.days_beyond} days beyond)"
        for wait in waits.groups
    ]
    return [*told, f"small groups not told ({waits.orders_in_small_groups} orders)"]
