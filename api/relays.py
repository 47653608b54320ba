"""One thread for each destination, so that a slow partner holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from api.loops import Loop
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.destination import Outgoing
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.profile import Profile
from hl7_adapters.relay import Relay

STOP_SECONDS: Final = 35.0
"""A little more than a sender waits for an acknowledgement by default."""
NEW_PARTNER_SECONDS: Final = 1.0
"""How soon a partner that has just got its profile is told of what waits for it."""


class Connections(Mapping[PartnerId, MllpSender]):
    """A connection to each partner that is told of anything, as its profile says now.

    Parameters
    ----------
    profiles
        Asked at each use: a changed address closes the connection to the old one.
    make
        Makes a connection, which opens itself when something is sent.
    """

    def __init__(
        self,
        profiles: Mapping[PartnerId, Profile],
        make: Callable[[Profile], MllpSender],
    ) -> None:
        self._profiles = profiles
        self._make = make
        self._made: dict[PartnerId, tuple[Outgoing, MllpSender]] = {}

    def __getitem__(self, partner: PartnerId) -> MllpSender:
        profile = self._profiles[partner]
        outgoing = profile.outgoing
        made = self._made.get(partner)
        if made is not None:
            if made[0] == outgoing:
                return made[1]
            del self._made[partner]
            made[1].close()
        if outgoing is None:
            raise KeyError(partner)
        sender = self._make(profile)
        self._made[partner] = outgoing, sender
        return sender

    def __iter__(self) -> Iterator[PartnerId]:
        return (p for p, profile in self._profiles.items() if profile.outgoing)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def check(self) -> None:
        """Make every connection; raises what `make` does where one cannot be."""
        for partner in self:
            self[partner]

    def close(self) -> None:
        """Close every connection that was made."""
        while self._made:
            self._made.popitem()[1][1].close()


class RelayThreads:
    """Runs the relay towards all partners.

    Parameters
    ----------
    relay
        Sends what is due to one partner.
    partners
        Every partner with a profile: one that is told nothing has its messages
        skipped. Those of a partner without a profile stay pending, and are seen in
        the age of the oldest.
    senders
        The connection to each partner that is told of anything.
    """

    def __init__(
        self,
        relay: Relay,
        partners: Collection[PartnerId],
        senders: Connections,
    ) -> None:
        self._relay = relay
        self._partners = partners
        self._senders = senders
        self._stop = threading.Event()
        self._threads: dict[PartnerId, threading.Thread] = {}
        self._watch: Loop | None = None

    def start(self) -> None:
        """Begin to send; also to partners that get their profile later."""
        self._stop.clear()
        self._begin_missing()
        self._watch = Loop("relay partners", self._begin_missing, NEW_PARTNER_SECONDS)
        self._watch.start()

    def _begin_missing(self) -> None:
        for partner in list(self._partners):
            if partner not in self._threads and not self._stop.is_set():
                self._threads[partner] = threading.Thread(
                    target=self._relay.run,
                    args=(partner, self._stop),
                    name=f"relay {partner}",
                    daemon=True,
                )
                self._threads[partner].start()

    def stop(self) -> None:
        """Finish the messages under way, then close; safe to call twice."""
        self._stop.set()
        if self._watch is not None:
            self._watch.stop(STOP_SECONDS)
            self._watch = None
        for thread in self._threads.values():
            thread.join(STOP_SECONDS)
        self._threads = {}
        self._senders.close()
