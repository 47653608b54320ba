"""TLS for the commands that open or accept connections: options, and what they mean."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import typer

UseTls = Annotated[bool, typer.Option("--tls", help="Use TLS 1.2 or newer.")]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", exists=True, help="PEM of who signs the peer's."
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--cert", metavar="FILE", exists=True, help="Our certificate, PEM."),
]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", exists=True, help="Its private key, PEM."),
]


def client_context(
    ca: Path | None, cert: Path | None, key: Path | None
) -> ssl.SSLContext:
    """Return how to connect: the peer's certificate is always checked."""
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        _load(context, cert, key)
    return context


def server_context(
    ca: Path | None, cert: Path | None, key: Path | None
) -> ssl.SSLContext:
    """Return how to accept; with `ca`, only peers with a certificate of theirs."""
    if cert is None:
        raise typer.BadParameter(
            "a listener needs a certificate", param_hint="--tls: --cert"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, cert, key)
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(ca))
    return context


def refuse_without_tls(*, tls: bool, files: tuple[Path | None, ...]) -> None:
    """Refuse certificates that would not be used."""
    if not tls and any(file is not None for file in files):
        raise typer.BadParameter("certificates need --tls", param_hint="--tls")


def _load(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(str(cert), None if key is None else str(key))
    except ssl.SSLError as error:
        raise typer.BadParameter(
            f"{cert} and {key or 'no key'} do not fit together ({error.reason})",
            param_hint="--cert, --key",
        ) from error
