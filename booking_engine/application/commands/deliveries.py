"""What people may decide about messages that got stuck, either way."""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.domain.identifiers import (
    DeliveryId,
    PartnerId,
)


@dataclass(frozen=True, slots=True)
class ExpireParked:
    """Put the messages before a person whose order never came.

    Handled by `parking.expire_parked`, which returns how many there were.
    """


@dataclass(frozen=True, slots=True)
class RetryDelivery:
    """Let a parked message go again, by a person's word; its bytes stay the same.

    Handled by `deliveries.retry_delivery`, which returns the delivery.
    """

    delivery_id: DeliveryId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryParked:
    """Let a partner's parked messages go again, oldest first, at most `limit`.

    Handled by `deliveries.retry_parked`, which returns the deliveries.
    """

    destination: PartnerId
    limit: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SkipDelivery:
    """Decide that a partner need not be told what it refuses; the rest goes on.

    Handled by `deliveries.skip_delivery`, which returns the delivery.
    """

    delivery_id: DeliveryId
    reason: str


@dataclass(frozen=True, slots=True)
class EditDelivery:
    """Send other bytes in place of a parked message's; the old ones are kept.

    Handled by `deliveries.edit_delivery`, which returns the delivery.

    Parameters
    ----------
    payload
        A whole message that names the delivery in MSH-10.
    """

    delivery_id: DeliveryId
    payload: bytes
    reason: str
