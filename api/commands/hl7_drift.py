"""``hl7 drift``: what a partner's system does differently of late."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.service import AsJson, Config
from api.output import CommandFailed

if TYPE_CHECKING:
    from hl7_adapters.drift import Drift, Finding


def drift(
    partner: Annotated[str, typer.Argument(metavar="ID", help="The partner.")],
    *,
    config: Config = None,
    hours: Annotated[
        int, typer.Option(min=1, max=168, help="Length of the window.")
    ] = 24,
    ago: Annotated[
        float, typer.Option(min=0, help="How many hours ago the window ended.")
    ] = 0.0,
    sample: Annotated[
        int,
        typer.Option(min=20, max=5000, help="Most messages looked at in each window."),
    ] = 500,
    as_json: AsJson = False,
) -> None:
    """Compare a partner's last messages with those of the same weekday before.

    Example: booking-engine hl7 drift r0a --config booking.toml
    """
    from api.bootstrap import build  # noqa: PLC0415
    from booking_engine.domain.identifiers import Actor, PartnerId  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from hl7_adapters.drift import drift_of  # noqa: PLC0415

    runtime = build(load_settings(config))
    try:
        if not runtime.storage.at_head():
            raise CommandFailed("the schema is old; run booking-engine migrate first")
        runtime.profiles.refresh(runtime.dispatcher)
        profile = runtime.profiles.get(PartnerId(partner))
        if profile is None:
            known = ", ".join(runtime.profiles) or "none"
            raise CommandFailed(f"there is no partner {partner}; known are {known}")
        with runtime.dispatcher.reading(Actor("job:command-line")) as session:
            found = drift_of(
                session.uow.traffic,
                profile,
                end=session.context.now - timedelta(hours=ago),
                hours=hours,
                sample=sample,
            )
    finally:
        runtime.stop()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), default=str))
    else:
        typer.echo(_as_text(found))


def _as_text(found: Drift) -> str:
    expected = "unknown: too few weeks before"
    if found.expected is not None:
        expected = f"{found.expected[0]} to {found.expected[1]}"
    earlier = ", ".join(map(str, found.before))
    refused = found.refused / found.messages if found.messages else None
    lines = [
        f"{found.partner}, {found.begin:%d %b %H:%M} to {found.end:%d %b %H:%M} UTC",
        f"messages  {found.messages} (expected {expected}; weeks before: {earlier})",
        f"refused   {_share(refused)} (before: {_share(found.refused_before)})",
        f"sampled   {found.sampled} now, {found.sampled_before} before",
        "",
        *(map(_line, found.findings)),
    ]
    if not found.findings:
        lines.append("nothing differs that chance would not explain")
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    change = finding.change.value.replace("_", " ")
    where = " ".join(part for part in (finding.where, finding.what) if part)
    if finding.change.value.startswith("volume"):
        numbers = f"{finding.before:.0f} before, {finding.now:.0f} now"
    else:
        numbers = f"{_share(finding.before)} before, {_share(finding.now)} now"
    unmapped = "  NOT MAPPED" if finding.mapped is False else ""
    return f"{change:<13} {where:<32} {numbers}{unmapped}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
