"""``hl7 send``, ``explain``, ``listen`` and others: the interface engineer's tools."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from api.commands.hl7_deliveries import app as deliveries
from api.commands.hl7_drift import drift
from api.commands.hl7_listen import listen
from api.commands.hl7_messages import find, index, replay, show
from api.commands.hl7_send import send
from api.commands.service import AsJson, Config
from api.output import CommandFailed

app = typer.Typer(
    name="hl7",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Send, explain and receive HL7 messages; see what a sender changed.\n\n"
    "Example: booking-engine hl7 explain order.hl7 --config booking.toml",
)

app.command()(send)
app.command()(listen)
app.command()(drift)
for command in (find, show, replay, index):
    app.command()(command)
app.add_typer(deliveries)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="One message; lines may end as on any system.", exists=True
    ),
]


@app.command()
def explain(
    file: File,
    *,
    config: Config = None,
    partners: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY", help="Profiles; those of the configuration by default."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the engine would do with a message, and why; nothing is stored or sent.

    Example: booking-engine hl7 explain order.hl7 --config booking.toml
    """
    from api.partner_files import in_force  # noqa: PLC0415
    from booking_engine.domain.clock import SystemClock  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from hl7_adapters.explain import explain as explain_message  # noqa: PLC0415
    from hl7_adapters.explained_text import as_text  # noqa: PLC0415

    settings = load_settings(config)
    if partners is not None:
        settings = settings.model_copy(update={"partners": partners})
    known = in_force(settings, with_database=config is not None)
    if not known.profiles:
        raise CommandFailed("no partner profiles; give --partners or --config")
    explanation = explain_message(
        _message(file),
        known.profiles,
        now=SystemClock().now(),
        catalogue=known.catalogue,
        mappings=known.mappings,
    )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(explanation), default=str))
    else:
        typer.echo(as_text(explanation))


def _message(file: Path) -> bytes:
    """Return the message of a file, with segments ended as HL7 wants them."""
    raw = file.read_bytes().strip(b"\x0b\x1c\r\n ")
    return raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r") + b"\r"
