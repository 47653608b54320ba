"""Messages going out that a person has looked at."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.commands import RetryDelivery
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.messages import Delivery, DeliveryStatus


def retry_delivery(
    command: RetryDelivery, uow: UnitOfWork, context: Context
) -> Delivery:
    """Let a parked delivery go again, as it is; one that was never made, anew.

    Raises
    ------
    NotKnown
        There is no such delivery.
    TransitionRefused
        It is not parked.
    """
    found = uow.outbox.get(command.delivery_id)
    if found.status is not DeliveryStatus.PARKED:
        raise TransitionRefused(
            f"Delivery {found.id} is {found.status}; only what is parked can be sent"
            " again."
        )
    again = replace(
        found,
        status=DeliveryStatus.PENDING,
        attempts=0,
        next_attempt_at=context.now,
    )
    uow.outbox.save([again])
    return again
