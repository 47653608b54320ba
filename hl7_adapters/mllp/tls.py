"""TLS for both directions: who we are, whom we trust, and since which version.

IHE's Authenticate Node [ITI-19] asks for certificates on both sides and TLS 1.2 or
later (BCP 195). Files are PEM.

Errors::

    TlsError   a file cannot be used; says which, why and what to do
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

Version: TypeAlias = Literal["1.2", "1.3"]

_VERSIONS: Final[dict[Version, ssl.TLSVersion]] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class TlsError(Exception):
    """A certificate or key cannot be used.

    Parameters
    ----------
    key
        The part of the configuration: ``certificate``, ``key`` or ``ca``.
    problem
        What is wrong and what to do.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Identity:
    """Our own certificate.

    Parameters
    ----------
    certificate
        PEM file of the certificate and what leads to its authority.
    key
        PEM file of its private key, without a password.
    """

    certificate: Path
    key: Path


def server_context(
    identity: Identity,
    *,
    ca: Path | None,
    required: bool,
    minimum: Version = "1.2",
) -> ssl.SSLContext:
    """Return a context for listening.

    Parameters
    ----------
    ca
        Authorities that senders' certificates must come from; None: none is asked for.
    required
        Whether a sender without a certificate is turned away.

    Raises
    ------
    TlsError
        A file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[minimum]
    _load_identity(context, identity)
    if ca is not None:
        _load_authorities(context, ca)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def client_context(
    identity: Identity | None, *, ca: Path | None, minimum: Version = "1.2"
) -> ssl.SSLContext:
    """Return a context for connecting; the server's name is always checked.

    Parameters
    ----------
    identity
        What we show if asked; None: nothing.
    ca
        Authorities that the receiver's certificate must come from; None: those of this
        machine.

    Raises
    ------
    TlsError
        A file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[minimum]
    if ca is None:
        context.load_default_certs()
    else:
        _load_authorities(context, ca)
    if identity is not None:
        _load_identity(context, identity)
    return context


def _load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    for name, file in (("certificate", identity.certificate), ("key", identity.key)):
        _check_readable(name, file)

    def refuse() -> NoReturn:
        # Without this, OpenSSL would ask whoever sits at the terminal.
        raise TlsError(
            "key", f"{identity.key} has a password; give the key without one"
        )

    try:
        context.load_cert_chain(identity.certificate, identity.key, password=refuse)
    except ssl.SSLError as error:
        raise TlsError(
            "certificate",
            f"{identity.certificate} and {identity.key} are not a PEM certificate and"
            f" its key ({error.reason or 'unreadable'}); give a pair that belongs"
            " together",
        ) from error


def _load_authorities(context: ssl.SSLContext, ca: Path) -> None:
    _check_readable("ca", ca)
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise TlsError(
            "ca", f"{ca} holds no PEM certificate ({error.reason or 'unreadable'})"
        ) from error


def _check_readable(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TlsError(name, f"{file}: {reason}; give a readable PEM file") from error
