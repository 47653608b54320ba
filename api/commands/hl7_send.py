"""``hl7 send``: one message with its answer, or a load with what became of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands import tls_options
from api.commands.service import AsJson
from api.output import CommandFailed, show

if TYPE_CHECKING:
    from hl7_adapters.load import Tally
    from hl7_adapters.message_files import Filed
    from hl7_adapters.mllp.sender import MllpSender

_SHOWN_PROBLEMS: Final = 20
_PROGRESS_SECONDS: Final = 0.5
_NEXT_STEPS: Final = {
    "connect": "check host and port, that the receiver runs, and whether both sides"
    " use TLS (--tls) or neither does",
    "send": "the receiver closed the connection; see its log, and whether it wants"
    " --tls",
    "await_ack": "it may have taken the message; see its log, and whether it wants"
    " --tls or a longer --timeout, before you send it again",
}
"""By how far the message came (`Phase`): where a person looks next."""
_BASE: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def send(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE_OR_FOLDER",
            help="One message or many (a line with MSH begins one), a capture with MLLP"
            " framing, a batch, or a folder of such files in order of name.",
            exists=True,
        ),
    ],
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="HOST:PORT", help="The receiver.")
    ] = "127.0.0.1:2575",
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for an answer, in seconds.")
    ] = 30.0,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Messages a second; as fast as answered without."),
    ] = None,
    repeat: Annotated[
        int, typer.Option(min=1, help="How many times to send all of them.")
    ] = 1,
    connections: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="Connections at once; with one the order is kept."
        ),
    ] = 1,
    renumber: Annotated[
        bool,
        typer.Option(
            "--renumber", help="Give fresh control ids and placer numbers, for load."
        ),
    ] = False,
    tls: tls_options.UseTls = False,
    ca: tls_options.Authority = None,
    cert: tls_options.Certificate = None,
    key: tls_options.Key = None,
    as_json: AsJson = False,
) -> None:
    """Send messages over MLLP and say how they were answered; exits 1 unless accepted.

    One message: its acknowledgement is shown. Several: counts by answer and the time
    to answer.

    Example: booking-engine hl7 send order.hl7 --to 127.0.0.1:2575

    Example: booking-engine hl7 send samples/ --rate 50 --repeat 20 --renumber
    """
    from hl7_adapters.load import send_all  # noqa: PLC0415
    from hl7_adapters.message_files import read_messages  # noqa: PLC0415

    connect = _connecting(to, timeout, (ca, cert, key), tls=tls)
    messages = read_messages(source)
    total = len(messages) * repeat
    if total == 1:
        _send_one(next(_turns(messages, 1, renumber=renumber)), to, connect, as_json)
        return
    progress = _Progress(total)
    tally = send_all(
        _turns(messages, repeat, renumber=renumber),
        connect,
        connections=min(connections, total),
        rate=rate,
        on_sent=progress,
    )
    progress.end()
    _show_tally(tally, total, as_json=as_json)


def endpoint(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise typer.BadParameter(f"{text} is not HOST:PORT", param_hint="--to")
    return host.strip("[]"), int(port)


def _connecting(
    to: str, timeout: float, files: tuple[Path | None, ...], *, tls: bool
) -> Callable[[], AbstractContextManager[MllpSender]]:
    from hl7_adapters.mllp.sender import MllpSender  # noqa: PLC0415

    context = tls_options.client_context(*files, tls=tls)
    host, port = endpoint(to)
    return lambda: MllpSender(host, port, ack_timeout=timeout, tls=context)


def _turns(messages: list[Filed], repeat: int, *, renumber: bool) -> Iterator[Filed]:
    from dataclasses import replace  # noqa: PLC0415

    from hl7_adapters.message_files import Renumbering  # noqa: PLC0415

    number = Renumbering(_tag(int(time() * 1000))) if renumber else None
    for turn in range(repeat):
        for message in messages:
            if number is None:
                yield message
            else:
                yield replace(message, payload=number(message.payload, turn))


def _tag(milliseconds: int) -> str:
    """Return a short name for a run that no earlier run had."""
    digits = ""
    while milliseconds:
        milliseconds, digit = divmod(milliseconds, len(_BASE))
        digits = _BASE[digit] + digits
    return digits


def _send_one(
    message: Filed,
    to: str,
    connect: Callable[[], AbstractContextManager[MllpSender]],
    as_json: bool,  # noqa: FBT001 - passed on
) -> None:
    from hl7_adapters.load import ACCEPTED, worst_of  # noqa: PLC0415
    from hl7_adapters.mllp.sender import DeliveryFailed  # noqa: PLC0415

    try:
        with connect() as sender:
            ack = sender.send(message.payload)
    except DeliveryFailed as error:
        raise CommandFailed(f"{error}; {_NEXT_STEPS[error.phase.value]}") from error
    code, text = worst_of(ack)
    shown = ack.decode("utf-8", errors="replace")
    if as_json:
        show({"code": code, "text": text, "ack": shown}, as_json=True)
    else:
        typer.echo(shown.replace("\r", "\n").rstrip())
    if code not in ACCEPTED:
        raise CommandFailed(f"{to} answered {code}: {text}")


def _show_tally(tally: Tally, total: int, *, as_json: bool) -> None:
    for problem in tally.problems[:_SHOWN_PROBLEMS]:
        where = f"{problem.where.file}:{problem.where.number}"
        typer.echo(f"{where}  {problem.code}  {problem.text}", err=True)
    bad = tally.sent - tally.accepted
    if bad > _SHOWN_PROBLEMS:
        typer.echo(f"… and {bad - _SHOWN_PROBLEMS} more", err=True)
    values: dict[str, Any] = {
        "sent": tally.sent,
        "accepted": tally.accepted,
        "answers": dict(sorted(tally.answers.items())),
        "not_sent": total - tally.sent,
        "seconds": round(tally.seconds, 3),
        "per_second": round(tally.sent / max(tally.seconds, 1e-9), 1),
        "p50_ms": _milliseconds(tally.latency(0.5)),
        "p99_ms": _milliseconds(tally.latency(0.99)),
        "slowest_ms": _milliseconds(tally.latency(1.0)),
    }
    if not as_json:
        counted = [f"{code} {count}" for code, count in values["answers"].items()]
        values["answers"] = counted
    show(values, as_json=as_json)
    if tally.accepted < total:
        raise CommandFailed(
            f"{total - tally.accepted} of {total} messages were not accepted"
            + (
                f"; nobody was there to connect to; {_NEXT_STEPS['connect']}"
                if tally.gave_up
                else ""
            )
        )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


class _Progress:
    """A counter on standard error, where that is a person's screen."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._on = sys.stderr.isatty()
        self._next = monotonic() + _PROGRESS_SECONDS
        self._shown = False

    def __call__(self, sent: int) -> None:
        """Show how many were sent, twice a second."""
        if self._on and monotonic() >= self._next:
            self._next = monotonic() + _PROGRESS_SECONDS
            self._shown = True
            sys.stderr.write(f"\r{sent:,} of {self._total:,}")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave a clean line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
