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
    ca: Path | None, cert: Path | None, key: Path | None, *, tls: bool
) -> ssl.SSLContext | None:
    """Return how to connect, or ``None`` without TLS.

    The peer's certificate is always checked; raises `TlsError` where a file is wrong.
    """
    from hl7_adapters.mllp import tls as mllp_tls  # noqa: PLC0415

    _refuse_without_tls((ca, cert, key), tls=tls)
    if not tls:
        return None
    identity = None
    if cert is not None or key is not None:
        identity = mllp_tls.Identity(*_pair(cert, key))
    return mllp_tls.client_context(identity, ca=ca)


def server_context(
    ca: Path | None, cert: Path | None, key: Path | None, *, tls: bool
) -> ssl.SSLContext | None:
    """Return how to accept, or ``None`` without TLS.

    With `ca`, only peers with a certificate of theirs; raises `TlsError` likewise.
    """
    from hl7_adapters.mllp import tls as mllp_tls  # noqa: PLC0415

    _refuse_without_tls((ca, cert, key), tls=tls)
    if not tls:
        return None
    identity = mllp_tls.Identity(*_pair(cert, key))
    return mllp_tls.server_context(identity, ca=ca, required=True)


def _refuse_without_tls(files: tuple[Path | None, ...], *, tls: bool) -> None:
    if not tls and any(file is not None for file in files):
        raise typer.BadParameter("certificates need --tls", param_hint="--tls")


def _pair(cert: Path | None, key: Path | None) -> tuple[Path, Path]:
    if cert is None or key is None:
        raise typer.BadParameter(
            "a certificate and its key go together", param_hint="--cert, --key"
        )
    return cert, key
