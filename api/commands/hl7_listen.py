"""``hl7 listen``: a receiving system that can be slow, refuse, drop or say nothing."""

from __future__ import annotations

import itertools
import json
import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import typer

from api.commands import tls_options
from api.commands.service import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable

    from hl7_adapters.er7 import Message
    from hl7_adapters.peer import Behaviour

_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?")
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)%?(?::(AE|AR))?(?::(\d{3}))?")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME: Final = 60


def listen(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 picks a free one.")
    ] = 2576,
    count: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many messages.")
    ] = None,
    delay: Annotated[
        str,
        typer.Option(
            metavar="MS[..MS]", help="Wait before each answer, in milliseconds."
        ),
    ] = "0",
    refuse: Annotated[
        str,
        typer.Option(
            metavar="PERCENT[:AE|AR[:ERROR]]",
            help="Refuse so many; ERROR is of table 0357, such as 207.",
        ),
    ] = "0",
    drop: Annotated[
        float,
        typer.Option(
            metavar="PERCENT",
            min=0,
            max=100,
            help="Close the connection instead of an answer.",
        ),
    ] = 0.0,
    silent: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="Never answer, stay connected."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Decides which messages those are.")] = 0,
    mode: Annotated[
        str,
        typer.Option(
            metavar="original|enhanced", help="AA, AE, AR; or CA, CE, CR (enhanced)."
        ),
    ] = "original",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Keep each message as a file."
        ),
    ] = None,
    tls: tls_options.UseTls = False,
    ca: tls_options.Authority = None,
    cert: tls_options.Certificate = None,
    key: tls_options.Key = None,
    as_json: AsJson = False,
) -> None:
    """Stand in for a receiving system: print and acknowledge what comes over MLLP.

    At the end it says on standard error how many it accepted, refused, dropped and
    left unanswered. With --ca, senders need a certificate.

    Example: booking-engine hl7 listen --port 2576

    Example: booking-engine hl7 listen --delay 5..50 --refuse 10:AE:207 --drop 2
    """
    from hl7_adapters.peer import StandIn  # noqa: PLC0415

    behaviour = _behaviour(delay, refuse, drop, silent, seed, mode)
    context = tls_options.server_context(ca, cert, key, tls=tls)
    stop = threading.Event()
    seen = itertools.count(1)

    def on_message(message: Message) -> None:
        kind = "^".join(part for part in message.type if part)
        if as_json:
            typer.echo(json.dumps({"type": kind, "control_id": message.control_id}))
        else:
            typer.echo(f"{kind} {message.control_id}")
        if count is not None and next(seen) >= count:
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with StandIn(
        host,
        port,
        behaviour=behaviour,
        on_message=on_message,
        on_frame=None if out is None else _keeping(out),
        keep=1,
        tls=context,
    ) as stand_in:
        bound_host, bound_port = stand_in.address
        typer.echo(f"listening on {bound_host}:{bound_port}", err=True)
        stop.wait()
    counts = stand_in.counts
    parts = ("accepted", "refused", "dropped", "silent", "unreadable")
    counted = ", ".join(f"{getattr(counts, part)} {part}" for part in parts)
    typer.echo(f"received {counts.received}: {counted}", err=True)


def _behaviour(
    delay: str, refuse: str, drop: float, silent: float, seed: int, mode: str
) -> Behaviour:
    from hl7_adapters.peer import Behaviour  # noqa: PLC0415

    waits = _DELAY.fullmatch(delay)
    if waits is None:
        raise typer.BadParameter(
            f"{delay} is not MS or MS..MS, such as 5..50", param_hint="--delay"
        )
    refusal = _SHARE.fullmatch(refuse)
    if refusal is None or float(refusal[1]) > 100:  # noqa: PLR2004 - percent
        raise typer.BadParameter(
            f"{refuse} is not PERCENT, PERCENT:AR or PERCENT:AE:207",
            param_hint="--refuse",
        )
    if mode not in {"original", "enhanced"}:
        raise typer.BadParameter(
            f"{mode}: choose original or enhanced", param_hint="--mode"
        )
    try:
        return Behaviour(
            refuse_share=float(refusal[1]) / 100,
            refuse_code=cast('Literal["AE", "AR"]', refusal[2] or "AE"),
            refuse_error=refusal[3] or "",
            drop_share=drop / 100,
            silent_share=silent / 100,
            delay_seconds=float(waits[1]) / 1000,
            longest_delay_seconds=float(waits[2] or waits[1]) / 1000,
            mode=cast('Literal["original", "enhanced"]', mode),
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(
            "together they are more than 100 percent",
            param_hint="--refuse, --drop, --silent",
        ) from error


def _keeping(folder: Path) -> Callable[[bytes], None]:
    """Return what writes each frame to a file of its own, numbered as they came."""
    from hl7_adapters.er7 import DecodeError, decode  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(p.name[:6]) for p in folder.glob("[0-9]*.hl7") if p.name[:6].isdigit()]
    numbers = itertools.count(max(taken, default=0) + 1)

    def keep(frame: bytes) -> None:
        try:
            name = decode(frame).control_id or "no-control-id"
        except DecodeError:
            name = "unreadable"
        safe = _UNSAFE.sub("_", name)[:_LONGEST_NAME]
        (folder / f"{next(numbers):06d}-{safe}.hl7").write_bytes(frame)

    return keep
