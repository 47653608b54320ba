"""What every handler is given besides its command: time, names, policy, author."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.application.protecting import RoomKept
from booking_engine.application.scanner_columns import KeptColumns, ScannerColumns
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import Actor, Ids
from booking_engine.domain.policy import Policy
from booking_engine.domain.prices import NO_PRICES, PriceBook


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one command.

    Parameters
    ----------
    now
        The instant at which the transaction runs; one for the whole command.
    actor
        Who is responsible.
    ids
        Source of new identifiers.
    policy
        The published weights in force.
    columns
        What the rules ask of the scanners, from one command to the next.
    prices
        What scanner time is worth, from the last plan.
    room_kept
        What is protected for urgent orders still to come; ``None``: nothing.
    """

    now: datetime
    actor: Actor
    ids: Ids
    policy: Policy
    columns: KeptColumns
    prices: PriceBook = NO_PRICES
    room_kept: RoomKept | None = None

    def network(self, catalogue: Catalogue) -> ScannerColumns:
        """Return what the rules ask of the catalogue's scanners today."""
        return self.columns.of(catalogue, local_date(self.now))
