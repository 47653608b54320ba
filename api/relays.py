"""One thread for each destination, so that a slow partner holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Final

from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.relay import Relay

STOP_SECONDS: Final = 35.0
"""A little more than a sender waits for an acknowledgement by default."""


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
        senders: Mapping[PartnerId, MllpSender],
    ) -> None:
        self._relay = relay
        self._partners = partners
        self._senders = senders
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to send."""
        self._stop.clear()
        self._threads = [
            threading.Thread(
                target=self._relay.run,
                args=(partner, self._stop),
                name=f"relay {partner}",
                daemon=True,
            )
            for partner in self._partners
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the messages under way, then close; safe to call twice."""
        self._stop.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        self._threads = []
        for sender in self._senders.values():
            sender.close()
