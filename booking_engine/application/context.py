"""What every handler is given besides its command: time, names, policy, author."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.application.protecting import RoomKept
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
    prices
        What scanner time is worth, from the last plan.
    room_kept
        What is protected for urgent orders still to come; ``None``: nothing.
    """

    now: datetime
    actor: Actor
    ids: Ids
    policy: Policy
    prices: PriceBook = NO_PRICES
    room_kept: RoomKept | None = None
