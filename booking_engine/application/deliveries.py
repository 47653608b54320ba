"""Messages going out that a person has looked at.

Only what is parked is in nobody's hands: what is pending may be on its way while a
person decides about it. Later messages of an order wait behind a parked one; whatever
is decided about it, they go after it, in order.
"""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.commands import (
    EditDelivery,
    RetryDelivery,
    RetryParked,
    SkipDelivery,
)
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.delivery_history import DeliveryAction, DeliveryChange
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import DeliveryId
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
    found = _parked(command.delivery_id, uow)
    return _retried(found, command.reason, uow, context)


def retry_parked(
    command: RetryParked, uow: UnitOfWork, context: Context
) -> list[Delivery]:
    """Let the oldest of a partner's parked deliveries go again."""
    return [
        _retried(each, command.reason, uow, context)
        for each in uow.outbox.parked(command.destination, limit=command.limit)
    ]


def skip_delivery(command: SkipDelivery, uow: UnitOfWork, context: Context) -> Delivery:
    """Leave a parked delivery untold; what waits behind it goes.

    Raises
    ------
    NotKnown
        There is no such delivery.
    TransitionRefused
        It is not parked.
    """
    found = _parked(command.delivery_id, uow)
    _note(found, DeliveryAction.SKIP, command.reason, uow, context)
    skipped = replace(
        found,
        status=DeliveryStatus.SKIPPED,
        next_attempt_at=None,
        last_error=command.reason,
    )
    uow.outbox.save([skipped])
    return skipped


def edit_delivery(command: EditDelivery, uow: UnitOfWork, context: Context) -> Delivery:
    """Send other bytes in place of those of a parked delivery, which are kept.

    Raises
    ------
    NotKnown
        There is no such delivery.
    TransitionRefused
        It is not parked.
    """
    found = _parked(command.delivery_id, uow)
    _note(found, DeliveryAction.EDIT, command.reason, uow, context)
    edited = _due_again(replace(found, payload=command.payload), context)
    uow.outbox.save([edited])
    return edited


def _parked(delivery_id: DeliveryId, uow: UnitOfWork) -> Delivery:
    found = uow.outbox.claim(delivery_id)
    if found.status is not DeliveryStatus.PARKED:
        raise TransitionRefused(
            f"Delivery {found.id} is {found.status}; only what is parked can be sent"
            " again, edited or skipped."
        )
    return found


def _retried(
    found: Delivery, reason: str, uow: UnitOfWork, context: Context
) -> Delivery:
    _note(found, DeliveryAction.RETRY, reason, uow, context)
    again = _due_again(found, context)
    uow.outbox.save([again])
    return again


def _due_again(delivery: Delivery, context: Context) -> Delivery:
    return replace(
        delivery,
        status=DeliveryStatus.PENDING,
        attempts=0,
        next_attempt_at=context.now,
    )


def _note(
    delivery: Delivery,
    action: DeliveryAction,
    reason: str,
    uow: UnitOfWork,
    context: Context,
) -> None:
    replaced = delivery.payload if action is DeliveryAction.EDIT else None
    uow.outbox.note(
        DeliveryChange(
            delivery.id, context.now, context.actor, action, reason, replaced
        )
    )
