"""``hl7 send``, ``hl7 explain`` and ``hl7 listen``: tools of the interface engineer."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from api.commands.service import AsJson, Config
from api.output import CommandFailed, show

app = typer.Typer(
    name="hl7",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Send, explain and receive HL7 messages.\n\n"
    "Example: booking-engine hl7 explain order.hl7 --config booking.toml",
)

_ACCEPTED = frozenset({"AA", "CA"})  # HL7 table 0008
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="One message; lines may end as on any system.", exists=True
    ),
]


@app.command()
def send(
    file: File,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="HOST:PORT", help="The receiver.")
    ] = "127.0.0.1:2575",
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for the answer, in seconds.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send a message over MLLP and show its acknowledgement; exits 1 unless accepted.

    Example: booking-engine hl7 send order.hl7 --to 127.0.0.1:2575
    """
    from hl7_adapters.ack import read_ack  # noqa: PLC0415
    from hl7_adapters.mllp.sender import MllpSender  # noqa: PLC0415

    host, port = _endpoint(to)
    with MllpSender(host, port, ack_timeout=timeout) as sender:
        ack = sender.send(_message(file))
    code, text = read_ack(ack)
    if as_json:
        show({"code": code, "text": text, "ack": _readable(ack)}, as_json=True)
    else:
        typer.echo(_readable(ack).replace("\r", "\n").rstrip())
    if code not in _ACCEPTED:
        raise CommandFailed(f"{to} answered {code}: {text}")


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
    from api.config_files import read_profiles, read_region  # noqa: PLC0415
    from booking_engine.domain.clock import SystemClock  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from hl7_adapters.explain import as_text  # noqa: PLC0415
    from hl7_adapters.explain import explain as explain_message  # noqa: PLC0415

    settings = load_settings(config)
    if partners is not None:
        settings = settings.model_copy(update={"partners": partners})
    profiles = read_profiles(settings)
    if not profiles:
        raise CommandFailed("no partner profiles; give --partners or --config")
    explanation = explain_message(
        _message(file),
        profiles.values(),
        now=SystemClock().now(),
        catalogue=read_region(settings, profiles),
    )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(explanation), default=str))
    else:
        typer.echo(as_text(explanation))


@app.command()
def listen(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 picks a free one.")
    ] = 2576,
    count: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many messages.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stand in for a receiving system: print and acknowledge what comes over MLLP.

    Example: booking-engine hl7 listen --port 2576
    """
    from hl7_adapters.er7 import Message  # noqa: PLC0415
    from hl7_adapters.peer import StandIn  # noqa: PLC0415

    stop = threading.Event()
    seen = 0

    def on_message(message: Message) -> None:
        nonlocal seen
        seen += 1
        kind = "^".join(part for part in message.type if part)
        if as_json:
            typer.echo(json.dumps({"type": kind, "control_id": message.control_id}))
        else:
            typer.echo(f"{kind} {message.control_id}")
        if count is not None and seen >= count:
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with StandIn(host, port, on_message=on_message) as stand_in:
        bound_host, bound_port = stand_in.address
        typer.echo(f"listening on {bound_host}:{bound_port}", err=True)
        stop.wait()


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise typer.BadParameter(f"{text} is not HOST:PORT", param_hint="--to")
    return host.strip("[]"), int(port)


def _message(file: Path) -> bytes:
    """Return the message of a file, with segments ended as HL7 wants them."""
    raw = file.read_bytes().strip(b"\x0b\x1c\r\n ")
    return raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r") + b"\r"


def _readable(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
