"""``hl7 find``, ``hl7 show`` and ``hl7 replay``: the message store at the terminal."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.service import AsJson, Config
from api.commands.stored import actor_named, opened, reason_given
from api.output import CommandFailed

if TYPE_CHECKING:
    from booking_engine.application.views import MessageFilter
    from booking_engine.domain.messages import InboundMessage

_KINDS: Final = ("nhs_number", "hospital_number", "placer", "filler", "accession")

By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="KIND",
        help=f"A number that messages name: {', '.join(_KINDS)}. It is read from"
        " standard input, so that it stays out of histories and process lists.",
    ),
]
Partner = Annotated[str | None, typer.Option(help="The partner's id.")]
ControlId = Annotated[str | None, typer.Option(help="MSH-10.")]
KindOf = Annotated[str | None, typer.Option(help="MSH-9, such as ORM^O01.")]
Outcome = Annotated[
    str | None, typer.Option(help="Such as refused, failed or unreadable.")
]
ErrorCode = Annotated[str | None, typer.Option(help="Of HL7 table 0357.")]
Since = Annotated[
    datetime | None, typer.Option(help="Received at or after this time, in UTC.")
]
Until = Annotated[datetime | None, typer.Option(help="Received before, in UTC.")]


def find(
    *,
    by: By = None,
    partner: Partner = None,
    control_id: ControlId = None,
    kind: KindOf = None,
    outcome: Outcome = None,
    error_code: ErrorCode = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most to show.")] = 20,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List inbound messages that match, newest first.

    Example: booking-engine hl7 find --by nhs_number < number.txt
    """
    wanted = _filter(by, partner, control_id, kind, outcome, error_code, since, until)
    with opened(config) as runtime:
        page = runtime.views.messages(wanted, cursor=None, limit=limit)
    for message in page.items:
        typer.echo(_line(message, as_json=as_json))
    if page.next_cursor is not None:
        typer.echo("there are more; narrow the search or raise --limit", err=True)


def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="As find lists it.")],
    *,
    config: Config = None,
    ack: Annotated[
        bool, typer.Option("--ack", help="What was answered, not what came.")
    ] = False,
) -> None:
    """Write a message's text, to be read or edited; lines end as on this system.

    Example: booking-engine hl7 show M1M6E22WG049JV3 > message.hl7
    """
    from api.partner_files import ACTOR  # noqa: PLC0415
    from booking_engine.domain.identifiers import MessageId  # noqa: PLC0415
    from hl7_adapters.tree import tree_of  # noqa: PLC0415

    with (
        opened(config) as runtime,
        runtime.dispatcher.reading(ACTOR) as session,
    ):
        message = session.uow.messages.get(MessageId(message_id))
    raw = message.ack if ack else message.raw
    tree = tree_of(raw)
    text = raw.decode("latin-1") if tree is None else tree.text
    typer.echo(text.replace("\r", "\n").rstrip("\n"))


def index(*, config: Config = None) -> None:
    """File messages from before schema 0007 by what they name; may be repeated.

    Example: booking-engine hl7 index --config booking.toml
    """
    from api.partner_files import ACTOR  # noqa: PLC0415
    from hl7_adapters.refiling import file_again  # noqa: PLC0415

    with opened(config) as runtime:
        filed = file_again(runtime.dispatcher, runtime.profiles, actor=ACTOR)
    typer.echo(f"{filed} messages can be found by their numbers now")


def replay(
    message_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As find lists them; or give filters."),
    ] = None,
    *,
    who: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="person:NAME",
            help="Who replays it: person: or interface:, and a name.",
        ),
    ],
    reason: Annotated[
        str, typer.Option(callback=reason_given, help="Why; kept with the replay.")
    ],
    text: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The edited message, in UTF-8; for one ID.",
            exists=True,
        ),
    ] = None,
    by: By = None,
    partner: Partner = None,
    control_id: ControlId = None,
    kind: KindOf = None,
    outcome: Outcome = None,
    error_code: ErrorCode = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10000, help="Most to replay, oldest first.")
    ] = 50,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which would be replayed.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Carry out messages again, as they are or edited; each becomes a new message.

    By filters those are taken that were not replayed yet. The partner is sent nothing.

    Example: booking-engine hl7 replay M1M6E22WG049JV3 --as person:kim --reason mapped
    """
    from booking_engine.domain.identifiers import MessageId  # noqa: PLC0415
    from hl7_adapters.replaying import Replayer  # noqa: PLC0415

    actor = actor_named(who)
    names = [MessageId(name) for name in message_ids or ()]
    if text is not None and len(names) != 1:
        raise typer.BadParameter("give one ID with it", param_hint="--text")
    wanted = None
    if not names:
        wanted = _filter(
            by, partner, control_id, kind, outcome, error_code, since, until
        )
    edited = None if text is None else text.read_text(encoding="utf-8")
    failed = 0
    with opened(config) as runtime:
        replayer = Replayer(
            runtime.dispatcher,
            runtime.receiver,
            ids=runtime.dispatcher.ids,
            clock=runtime.clock,
        )
        if wanted is not None:
            names, matching = runtime.views.to_replay(_unreplayed(wanted), limit=limit)
            typer.echo(f"{matching} match, {len(names)} are taken", err=True)
        for name in names:
            if dry_run:
                typer.echo(json.dumps({"id": name}) if as_json else name)
                continue
            message = replayer.replay(name, by=actor, reason=reason, text=edited)
            failed += message.error_code != ""
            typer.echo(_line(message, as_json=as_json))
    if failed:
        raise CommandFailed(
            f"{failed} of {len(names)} were refused again; correct one with hl7 show ID"
            " > FILE and an editor, then hl7 replay ID --text FILE"
        )


def _filter(
    by: str | None,
    partner: str | None,
    control_id: str | None,
    kind: str | None,
    outcome: str | None,
    error_code: str | None,
    since: datetime | None,
    until: datetime | None,
) -> MessageFilter:
    """Return what is asked for; raises `typer.BadParameter` if that is nothing."""
    from booking_engine.application.views import MessageFilter  # noqa: PLC0415
    from booking_engine.domain.identifiers import PartnerId  # noqa: PLC0415
    from booking_engine.domain.messages import (  # noqa: PLC0415
        KeyKind,
        MessageOutcome,
        SearchKey,
    )

    keys: tuple[SearchKey, ...] = ()
    if by is not None:
        if by not in _KINDS:
            raise typer.BadParameter(
                f"{by}: choose from {', '.join(_KINDS)}", param_hint="--by"
            )
        value = (
            typer.prompt(by.replace("_", " "), hide_input=True)
            if sys.stdin.isatty()
            else sys.stdin.readline()
        ).strip()
        if by == "nhs_number":
            value = re.sub(r"[\s-]", "", value)
        if not value:
            raise typer.BadParameter(
                f"no {by} came on standard input; give it there, as in"
                f" --by {by} < number.txt",
                param_hint="--by",
            )
        keys = (SearchKey(KeyKind(by), value),)
    if outcome is not None and outcome not in set(MessageOutcome):
        raise typer.BadParameter(
            f"{outcome}: choose from {', '.join(MessageOutcome)}",
            param_hint="--outcome",
        )
    wanted = MessageFilter(
        partner=None if partner is None else PartnerId(partner),
        control_id=control_id,
        kind=kind,
        outcome=outcome,
        error_code=error_code,
        received_from=None if since is None else since.replace(tzinfo=UTC),
        received_to=None if until is None else until.replace(tzinfo=UTC),
        keys=keys,
    )
    if wanted == MessageFilter():
        raise typer.BadParameter("name at least one filter, such as --outcome refused")
    return wanted


def _unreplayed(wanted: MessageFilter) -> MessageFilter:
    return dataclasses.replace(wanted, unreplayed=True)


def _line(message: InboundMessage, *, as_json: bool) -> str:
    """Return one line; no number of a patient is in it."""
    if as_json:
        return json.dumps(
            {
                "id": message.id,
                "received_at": message.received_at.isoformat(),
                "partner": message.partner,
                "kind": message.kind,
                "control_id": message.control_id,
                "outcome": message.outcome.value,
                "error_code": message.error_code,
                "error_text": message.error_text,
                "order_ids": list(message.order_ids),
                "replay_of": message.replay_of,
            }
        )
    parts = (
        message.id,
        f"{message.received_at:%Y-%m-%d %H:%M:%S}",
        message.partner or "-",
        message.kind or "-",
        message.control_id or "-",
        message.outcome.value,
        f"{message.error_code} {message.error_text}".strip(),
    )
    return "  ".join(parts).rstrip()
