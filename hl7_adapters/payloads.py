"""The bytes of deliveries, written from what is stored about their events."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.errors import DomainError, NotKnown
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import DeliveryId, EventId, OrderId
from booking_engine.domain.messages import Delivery, DeliveryStatus
from booking_engine.domain.orders import ImagingOrder
from hl7_adapters.outbound import CannotRender, Telling, render
from hl7_adapters.profile import Profile

log = logging.getLogger(__name__)

_LONGEST_ERROR: Final = 200


def write_payloads(
    deliveries: Sequence[Delivery], uow: UnitOfWork, profile: Profile
) -> dict[DeliveryId, Delivery]:
    """Return those deliveries that had no bytes yet, with them.

    One that its partner does not want is skipped, one that cannot be written is
    parked: a person must look, and the later ones of its order wait.
    """
    bare = [delivery for delivery in deliveries if delivery.payload is None]
    if not bare:
        return {}
    events = uow.outbox.events({delivery.event_id for delivery in bare})
    orders = uow.orders.get_many({delivery.order_id for delivery in bare})
    return {
        delivery.id: _with_payload(delivery, events, orders, uow, profile)
        for delivery in bare
    }


def _with_payload(
    delivery: Delivery,
    events: Mapping[EventId, Event],
    orders: Mapping[OrderId, ImagingOrder],
    uow: UnitOfWork,
    profile: Profile,
) -> Delivery:
    """Return a delivery with its bytes; skipped or parked if it has none."""
    try:
        event, order = events[delivery.event_id], orders[delivery.order_id]
        telling = _telling(delivery, event, order, uow)
        payload = render(telling, profile)
    except (CannotRender, DomainError, KeyError, ValueError) as error:
        known = isinstance(error, CannotRender | DomainError)
        text = str(error) if known else type(error).__name__
        log.error(  # noqa: TRY400 - the text of an error may quote a message
            "message cannot be written; a person must look",
            extra={
                "event": "relay.parked",
                "delivery_id": delivery.id,
                "partner": delivery.destination,
                "error": type(error).__name__,
            },
        )
        return replace(
            delivery,
            status=DeliveryStatus.PARKED,
            last_error=f"render: {text}"[:_LONGEST_ERROR],
        )
    if payload is None:
        kind = event.kind.value
        return skipped(delivery, f"{profile.id} is not told of {kind}: see outgoing")
    return replace(delivery, payload=payload)


def skipped(delivery: Delivery, reason: str) -> Delivery:
    """Return a delivery that is not made, with the reason where errors stand."""
    return replace(
        delivery,
        status=DeliveryStatus.SKIPPED,
        next_attempt_at=None,
        last_error=reason[:_LONGEST_ERROR],
    )


def _telling(
    delivery: Delivery, event: Event, order: ImagingOrder, uow: UnitOfWork
) -> Telling:
    catalogue = uow.catalogue()
    scanner = None if event.scanner is None else catalogue.scanner(event.scanner)
    procedure = order.content.procedure
    decision = None
    if event.decision_id is not None:
        try:
            decision = uow.decisions.get(event.decision_id)
        except NotKnown:
            # The booking must be told even if the record of its reasons is gone.
            log.warning(
                "decision record missing",
                extra={"event": "relay.no_decision", "delivery_id": delivery.id},
            )
    return Telling(
        delivery_id=delivery.id,
        event=event,
        order=order,
        scanner=scanner,
        site=None if scanner is None else catalogue.site_of(scanner.id),
        procedure=None if procedure is None else catalogue.procedures.get(procedure),
        decision=decision,
    )
