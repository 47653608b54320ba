"""Messages that waited for an order that never came."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.commands import ExpireParked
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.parking import ParkingStatus


def expire_parked(_: ExpireParked, uow: UnitOfWork, context: Context) -> int:
    """Let no message wait for ever: it was acknowledged, so a person must look."""
    expired = uow.parking.expired(context.now)
    for parked in expired:
        uow.parking.save(replace(parked, status=ParkingStatus.EXPIRED))
        uow.messages.settle(parked.id, MessageOutcome.EXPIRED)
    return len(expired)
