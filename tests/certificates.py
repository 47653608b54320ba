"""Certificates made at run time, for tests over TLS."""

from dataclasses import dataclass
from pathlib import Path

import trustme

from booking_engine.settings import ListenerTls
from hl7_adapters.mllp.tls import Identity, client_context, server_context


@dataclass(frozen=True)
class Authority:
    """An authority, and the files that it issues.

    Parameters
    ----------
    folder
        Where the files go.
    """

    folder: Path
    ca: trustme.CA

    @classmethod
    def new(cls, folder: Path) -> "Authority":
        """Make an authority whose certificate is in ``ca.pem``."""
        made = cls(folder, trustme.CA())
        made.ca.cert_pem.write_to_path(made.file)
        return made

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.pem"

    def issue(self, *names: str, common_name: str | None = None) -> Identity:
        """Issue a certificate for host names or addresses."""
        stem = (common_name or names[0]).replace("*", "any")
        made = Identity(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        issued = self.ca.issue_cert(*names, common_name=common_name)
        issued.private_key_pem.write_to_path(made.key)
        for at, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(made.certificate, append=at > 0)
        return made

    def server(self, *, required: bool = True, minimum="1.2"):
        """Return a context for a server at 127.0.0.1 that asks for certificates."""
        identity = self.issue("127.0.0.1", "localhost")
        return server_context(
            identity, ca=self.file, required=required, minimum=minimum
        )

    def client(self, name: str | None = None):
        """Return a context for a client that shows a certificate of that name."""
        identity = None if name is None else self.issue(name)
        return client_context(identity, ca=self.file)

    def settings(self, **given) -> ListenerTls:
        """Return the part of a configuration that secures a listener."""
        identity = self.issue("127.0.0.1", "localhost")
        return ListenerTls(
            certificate=identity.certificate, key=identity.key, ca=self.file, **given
        )
