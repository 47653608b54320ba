"""The endpoints that others connect to; none is open to them by chance."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from booking_engine.settings.section import Section


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ListenerTls(Section):
    """How an MLLP endpoint is secured; files are PEM, relative to this file.

    Parameters
    ----------
    certificate, key
        What we show; the key without a password.
    ca
        Authorities that senders' certificates must come from.
    client_certificates
        Whether senders must show a certificate: ``required``, ``optional`` or ``none``.
    minimum
        Oldest version of TLS.
    """

    certificate: Path
    key: Path
    ca: Path | None = None
    client_certificates: Literal["required", "optional", "none"] = "required"
    minimum: Literal["1.2", "1.3"] = "1.2"

    @model_validator(mode="after")
    def _can_check(self) -> Self:
        """Refuse to ask for certificates that nobody could have issued."""
        if self.ca is None and self.client_certificates != "none":
            raise ValueError(
                "ca is missing, so no sender's certificate can be checked; set ca, or"
                ' client_certificates = "none"'
            )
        return self


class ListenerSettings(Section):
    """An MLLP endpoint that takes orders in.

    Parameters
    ----------
    port
        0 picks a free one; 2575 is registered for HL7.
    tls
        How it is secured; without it only a loopback host is accepted.
    plain_ok
        Lets other machines connect without TLS, as over a VPN.
    partner
        Whose port it is: nobody else is heard here, and a profile without senders is
        recognised by it. Empty: everybody's.
    raw_ok
        Whether messages without MLLP framing are accepted, and answered alike.
    batch
        Most frames that share one transaction.
    batch_messages
        Most messages in one HL7 batch (FHS, BHS).
    connections
        Most connections. A further one takes the place of the oldest that has not sent
        a whole frame yet; where there is none it is closed at once.
    max_bytes
        Longest frame, in bytes.
    held_bytes
        Most bytes of unfinished frames, and of frames that wait, on all connections.
    idle_seconds
        A connection without traffic is closed after this.
    frame_seconds
        Longest time from the first to the last byte of a frame, and longest time that
        answers may stay unread.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2575, ge=0, le=65535)
    tls: ListenerTls | None = None
    plain_ok: bool = False
    partner: str = ""
    raw_ok: bool = False
    batch: int = Field(default=200, ge=1)
    batch_messages: int = Field(default=500, ge=1)
    connections: int = Field(default=200, ge=1)
    max_bytes: int = Field(default=8_000_000, ge=1024)
    held_bytes: int = Field(default=256_000_000, ge=1024)
    idle_seconds: float = Field(default=900.0, gt=0)
    frame_seconds: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _never_open_by_chance(self) -> Self:
        """Refuse to take patients' data from other machines in the clear, unasked."""
        if self.tls is None and not self.plain_ok and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines but no TLS is"
                " set; set tls, use 127.0.0.1, or set plain_ok = true where the network"
                " itself is private"
            )
        return self


class HttpSettings(Section):
    """The HTTP endpoint.

    Parameters
    ----------
    keys
        YAML file of API keys. Without it anyone on this machine is let in, so only a
        loopback host is accepted.
    port
        0 picks a free one.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    keys: Path | None = None

    @model_validator(mode="after")
    def _never_open_without_keys(self) -> Self:
        """Refuse to serve other machines without knowing who asks."""
        if self.keys is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines but no API keys"
                " are set; set http.keys or use 127.0.0.1"
            )
        return self
