"""The store of a configuration, for commands that read or change it at the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api.output import CommandFailed

if TYPE_CHECKING:
    from api.runtime import Runtime
    from booking_engine.domain.identifiers import Actor


def actor_named(text: str) -> Actor:
    """Return who a command is done by; raises `typer.BadParameter` if nobody."""
    from api.auth import ACTOR  # noqa: PLC0415
    from booking_engine.domain.identifiers import Actor  # noqa: PLC0415

    if not ACTOR.fullmatch(text):
        raise typer.BadParameter(
            "write person: or interface: and a name", param_hint="--as"
        )
    return Actor(text)


def reason_given(text: str) -> str:
    """Return why, as the API takes it; raises `typer.BadParameter` if it is not."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from api.schemas.common import Reason  # noqa: PLC0415

    try:
        given: str = TypeAdapter(Reason).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter("give 1 to 200 plain characters") from error
    return given


@contextmanager
def opened(config: Path | None) -> Iterator[Runtime]:
    """Open the store of a configuration; nothing is started."""
    from api.bootstrap import build  # noqa: PLC0415
    from booking_engine.settings import load_settings  # noqa: PLC0415

    runtime = build(load_settings(config))
    try:
        if not runtime.storage.at_head():
            raise CommandFailed("the schema is old; run booking-engine migrate first")
        runtime.profiles.refresh(runtime.dispatcher)
        yield runtime
    finally:
        runtime.stop()
