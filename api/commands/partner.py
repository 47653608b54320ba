"""``partner``: profiles, mappings and the document for the call with the vendor."""

from __future__ import annotations

import dataclasses
import getpass
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.service import AsJson, Config
from api.output import CommandFailed, show

if TYPE_CHECKING:
    from api.partner_files import InForce, Opened
    from booking_engine.settings import Settings
    from hl7_adapters.mappings import Effective

app = typer.Typer(
    name="partner",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write, check and print partner profiles; map codes.\n\n"
    "Example: booking-engine partner template > partners/my-ris.yaml",
)

Partner = Annotated[str, typer.Argument(metavar="ID", help="The partner.")]
By = Annotated[
    str | None,
    typer.Option(help="Who decides, such as j.smith; the account by default."),
]


@app.command()
def template() -> None:
    """Write a profile to fill in, with every part explained.

    Example: booking-engine partner template > partners/my-ris.yaml
    """
    text = files("hl7_adapters").joinpath("profile_template.yaml").read_text("utf-8")
    typer.echo(text, nl=False)


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A profile.", exists=True)
    ],
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check a profile; with a configuration, against the network and the others too.

    Example: booking-engine partner check partners/my-ris.yaml --config booking.toml
    """
    from api.partner_files import in_force  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from hl7_adapters.profile_files import (  # noqa: PLC0415
        check_catalogue,
        check_senders,
        load_profile,
    )
    from hl7_adapters.profile_notes import notes_on  # noqa: PLC0415

    profile = load_profile(file)
    catalogue = None
    if config is not None:
        known = in_force(load_settings(config), with_database=True)
        catalogue = known.catalogue
        check_senders([*(p for p in known.profiles if p.id != profile.id), profile])
    if catalogue is not None:
        check_catalogue(
            profile,
            procedures=catalogue.procedures,
            sites=catalogue.sites,
            scanners=catalogue.scanners,
        )
    show(
        {
            "profile": profile.id,
            "senders": [f"{s.application}|{s.facility}" for s in profile.senders],
            "urgencies": len(profile.urgency) + len(profile.dated.urgency),
            "procedures": len(profile.procedures) + len(profile.dated.procedures),
            "sites": len(profile.sites) + len(profile.dated.sites),
            "checked_against": "the file alone" if catalogue is None else "the network",
            "notes": list(notes_on(profile, catalogue)),
        },
        as_json=as_json,
    )


@app.command()
def document(
    partner: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="A partner, or a profile's file.")
    ],
    *,
    config: Config = None,
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="What to write: .html, or .md for Markdown."),
    ],
) -> None:
    """Print what is exchanged with a partner, field by field, with sample messages.

    Example: booking-engine partner document my-ris --config booking.toml --out my.html
    """
    from booking_engine.domain.clock import SystemClock  # noqa: PLC0415
    from hl7_adapters.mapping_document import mapping_document  # noqa: PLC0415
    from hl7_adapters.printed import as_html, as_markdown  # noqa: PLC0415

    writers = {".html": as_html, ".md": as_markdown}
    write = writers.get(out.suffix)
    if write is None:
        raise typer.BadParameter("end its name in .html or .md", param_hint="--out")
    known, effective, version = _effective(partner, config)
    if known.catalogue is None:
        raise CommandFailed("no network; name a region in the configuration")
    printed = mapping_document(
        effective, known.catalogue, now=SystemClock().now(), version=version
    )
    out.write_text(write(printed), encoding="utf-8")
    typer.echo(f"{out}", err=True)


def _effective(partner: str, config: Path | None) -> tuple[InForce, Effective, str]:
    """Return what is in force for a partner, and which version of the profile it is."""
    from api.partner_files import in_force  # noqa: PLC0415
    from booking_engine.domain.clock import SystemClock  # noqa: PLC0415
    from booking_engine.domain.identifiers import PartnerId  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415
    from hl7_adapters.mappings import effective  # noqa: PLC0415
    from hl7_adapters.profile_files import load_profile  # noqa: PLC0415

    known = in_force(load_settings(config), with_database=config is not None)
    by_id = {profile.id: profile for profile in known.profiles}
    if Path(partner).suffix == ".yaml":
        profile, version = load_profile(Path(partner)), f"file {Path(partner).name}"
    else:
        found = by_id.get(PartnerId(partner))
        if found is None:
            listed = ", ".join(sorted(by_id)) or "none"
            raise CommandFailed(f"no partner {partner}; there are: {listed}")
        profile = found
        stored = known.stored.get(profile.id)
        version = (
            "profile from a file"
            if stored is None
            else f"profile version {stored.version} by {stored.made_by}"
        )
    mappings = known.mappings.get(profile.id, ())
    return known, effective(profile, mappings, SystemClock().now()), version


@app.command()
def unmapped(
    partner: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="All partners by default.")
    ] = None,
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the codes that orders and diary entries wait for, most waited for first.

    Example: booking-engine partner unmapped my-ris --config booking.toml
    """
    from api.partner_files import ACTOR  # noqa: PLC0415
    from booking_engine.domain.identifiers import PartnerId  # noqa: PLC0415
    from hl7_adapters.settling import unmapped as unmapped_codes  # noqa: PLC0415

    opened = _opened(config)
    found = unmapped_codes(
        opened.dispatcher,
        opened.source,
        actor=ACTOR,
        partner=None if partner is None else PartnerId(partner),
    )
    for code in found:
        if as_json:
            values = dataclasses.asdict(code)
            values["orders"] = [order.id for order in code.orders]
            values["entries"] = [entry.number for entry in code.entries]
            typer.echo(json.dumps(values, default=str))
        else:
            typer.echo(
                f"{code.partner:<12} {code.table:<10} {code.code:<24}"
                f" {code.count:>6} waiting  {code.text}".rstrip()
            )
    if not found and partner is not None and partner not in opened.source:
        # One whose profile is gone may still have orders that wait: those are listed.
        listed = ", ".join(sorted(opened.source)) or "none"
        raise CommandFailed(f"no partner {partner}; there are: {listed}")
    if not found and not as_json:
        typer.echo("every code that orders and diaries came with is mapped", err=True)


@app.command(name="map")
def map_code(
    partner: Partner,
    table: Annotated[
        str,
        typer.Argument(
            help="procedure, urgency, site, patient_class, list_type, safety,"
            " resource or clinician."
        ),
    ],
    code: Annotated[str, typer.Argument(help="Theirs, or code^system.")],
    target: Annotated[str, typer.Argument(help="Ours.")],
    *,
    config: Config = None,
    why: Annotated[str, typer.Option(help="For the record.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Map a code, from now on; what waits for it goes on at once.

    Example: booking-engine partner map my-ris procedure XXKNEE MRKNEE --config b.toml
    """
    from api.auth import ACTOR  # noqa: PLC0415
    from booking_engine.application.commands import MapCode  # noqa: PLC0415
    from booking_engine.domain.identifiers import Actor, PartnerId  # noqa: PLC0415
    from booking_engine.domain.mappings import MappingTable  # noqa: PLC0415
    from hl7_adapters.mappings import check_code  # noqa: PLC0415
    from hl7_adapters.settling import settle_waiting  # noqa: PLC0415

    opened, name = _opened(config), PartnerId(partner)
    if table not in set(MappingTable):
        raise typer.BadParameter(
            f"{table}: choose from {', '.join(MappingTable)}", param_hint="TABLE"
        )
    if name not in opened.source:
        listed = ", ".join(sorted(opened.source)) or "none"
        raise CommandFailed(f"no partner {partner}; there are: {listed}")
    of, actor = MappingTable(table), Actor(f"person:{by or getpass.getuser()}")
    if not ACTOR.fullmatch(actor):
        raise typer.BadParameter(
            "use letters, digits and ._@-, such as j.smith", param_hint="--by"
        )
    made = opened.dispatcher.handle(
        MapCode(name, of, check_code(of, code, opened.source[name]), target, why=why),
        actor,
    )
    opened.source.refresh(opened.dispatcher)
    settled = settle_waiting(
        opened.dispatcher, opened.source, actor=actor, partner=name
    )
    counts = {
        "released": len(settled.released),
        "still_held": len(settled.still_held),
        "entries": len(settled.entries),
        "named": len(settled.named),
        "left": settled.left,
    }
    if not as_json:
        counts = {_IN_WORDS[name]: number for name, number in counts.items() if number}
    show({"mapping": made.id, **counts}, as_json=as_json)


_IN_WORDS = {
    "released": "orders that go on",
    "still_held": "orders still held, for something else",
    "entries": "diary entries that it placed",
    "named": "open orders that show the name now",
    "left": "more that follow within seconds",
}
"""What became of what waited for a code, by the names of the API's answer."""


def _opened(config: Path | None) -> Opened:
    """Return the configured database; raises `CommandFailed` if it is not there."""
    from api.config_files import read_profiles  # noqa: PLC0415
    from api.partner_files import open_engine  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415

    settings: Settings = load_settings(config)
    opened = open_engine(settings, read_profiles(settings))
    if opened is None:
        raise CommandFailed(
            "the database is not there or not of this version; run booking-engine"
            " migrate with the same configuration"
        )
    return opened
