"""``demo``: everything at once, on one machine, with made-up orders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.service import AsJson


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(demo)


def demo(
    *,
    orders: Annotated[
        int, typer.Option(min=1, help="How many synthetic orders are sent.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Of all chance in the orders.")] = 1,
    once: Annotated[
        bool, typer.Option("--once", help="End when done instead of going on serving.")
    ] = False,
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIRECTORY", help="Where the demo keeps its database and files."
        ),
    ] = Path("var/demo"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the API; 0 picks a free one.")
    ] = 8080,
    as_json: AsJson = False,
) -> None:
    """Send orders over a real socket, plan, write back, and say what happened.

    Example: booking-engine demo --orders 200 --seed 7 --once
    """
    from api.demo.run import run  # noqa: PLC0415

    run(
        orders=orders,
        seed=seed,
        once=once,
        data=data,
        http_port=port,
        as_json=as_json,
    )
