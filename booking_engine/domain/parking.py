"""Messages that came before the order that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.identifiers import MessageId, PartnerId


class ParkingStatus(StrEnum):
    """What became of a parked message."""

    WAITING = "waiting"
    APPLIED = "applied"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """An acknowledged message that waits for its order.

    Parameters
    ----------
    id
        Of the inbound message.
    partner, placer_authority, placer_number
        The order that it waits for, as the sender wrote it.
    sent_at
        The sender's time: several are applied in this order.
    expires_at
        When a person must look at it instead.
    """

    id: MessageId
    partner: PartnerId
    placer_authority: str
    placer_number: str
    sent_at: datetime
    expires_at: datetime
    status: ParkingStatus = ParkingStatus.WAITING
