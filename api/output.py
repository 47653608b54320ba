"""How commands speak: text or JSON on standard output, one line on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import typer


class CommandFailed(Exception):
    """A command cannot do what was asked; the text is one line with the remedy."""


def show(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Write a result: one line of JSON, or one line for each value."""
    if as_json:
        typer.echo(json.dumps(values, default=str))
        return
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {_plain(value)}")


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


KNOWN: Final = frozenset(
    {
        "api.output.CommandFailed",
        "api.region.RegionError",
        "api.runtime.NotReady",
        "booking_engine.domain.errors.DomainError",
        "booking_engine.settings.SettingsError",
        "hl7_adapters.er7.DecodeError",
        "hl7_adapters.message_files.NoMessages",
        "hl7_adapters.mllp.sender.DeliveryFailed",
        "hl7_adapters.mllp.tls.TlsError",
        "hl7_adapters.profile_errors.ProfileError",
        "solver.instances.InvalidInstance",
        "solver.InvalidProblem",
    }
)
"""Errors whose text is made for people. By name, so that a command loads no more than
it needs; what was never loaded cannot have raised."""


def explained(error: Exception) -> str | None:
    """Return one line for an error that we know, or ``None`` for a fault of ours."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return where + (error.strerror or str(error) or type(error).__name__)
    kinds = tuple(
        getattr(sys.modules[module], name)
        for module, _, name in (known.rpartition(".") for known in KNOWN)
        if module in sys.modules
    )
    return " ".join(str(error).split()) if isinstance(error, kinds) else None
