"""``policy``: the weights and limits that bookings are decided by, as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.commands.service import AsJson, Config
from api.output import show

app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write, check and show the policy: weights, limits, protected room.\n\n"
    "Example: booking-engine policy template > policy.yaml",
)


@app.command()
def template() -> None:
    """Write the default policy, with every part explained.

    Example: booking-engine policy template > policy.yaml
    """
    from api.policy import DEFAULT_FILE  # noqa: PLC0415

    typer.echo(DEFAULT_FILE.read_text("utf-8"), nl=False)


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A policy.", exists=True)
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Check a policy; a mistake is named with line, column, key and remedy.

    Example: booking-engine policy check policy.yaml
    """
    from api.policy import load_policy  # noqa: PLC0415
    from booking_engine.domain.policy import Policy  # noqa: PLC0415
    from booking_engine.domain.published_policy import (  # noqa: PLC0415
        content_of,
        differences,
        digest_of,
    )

    policy = load_policy(file)
    content = content_of(policy)
    show(
        {
            "version": policy.version,
            "digest": digest_of(content),
            "differs_from_the_default": differences(content_of(Policy()), content),
        },
        as_json=as_json,
    )


@app.command(name="show")
def show_policy(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A policy; the default if none."),
    ] = None,
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a policy whole: what it states and what it leaves as it is by default.

    With a configuration: the policy that its engine starts with.

    Example: booking-engine policy show --config booking.toml --json
    """
    from api.config_files import read_policy  # noqa: PLC0415
    from api.policy import load_policy  # noqa: PLC0415
    from booking_engine.application.policy_terms import (  # noqa: PLC0415
        published_rules,
        published_terms,
    )
    from booking_engine.domain.published_policy import (  # noqa: PLC0415
        content_of,
        digest_of,
        flat,
    )
    from booking_engine.settings import load_settings  # noqa: PLC0415

    if file is not None and config is not None:
        raise typer.BadParameter("give a file or a configuration, not both")
    policy = load_policy(file) if file else read_policy(load_settings(config))
    content = content_of(policy)
    named = {"version": policy.version, "digest": digest_of(content)}
    if as_json:
        terms = [
            {"name": term.name, "counts": term.counts, "weights": dict(term.weights)}
            for term in published_terms(content)
        ]
        rules = {rule.name: rule.weight for rule in published_rules()}
        typer.echo(json.dumps({**named, **content, "terms": terms, "rules": rules}))
        return
    show({**named, **flat(content)}, as_json=False)
