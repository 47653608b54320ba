"""The bytes of deliveries, written from what is stored about their events."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Decision
from booking_engine.domain.errors import DomainError
from booking_engine.domain.events import Event
from booking_engine.domain.exams import known_steps
from booking_engine.domain.identifiers import (
    DecisionId,
    DeliveryId,
    EventId,
    OrderId,
)
from booking_engine.domain.messages import Delivery, DeliveryStatus
from booking_engine.domain.orders import ImagingOrder
from hl7_adapters.event_values import CannotRender, Telling
from hl7_adapters.outbound import render
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
    material = _read(bare, uow)
    return {
        delivery.id: _with_payload(delivery, material, profile) for delivery in bare
    }


@dataclass(frozen=True, slots=True)
class _Material:
    """All that is stored about some events, read in a few queries."""

    events: Mapping[EventId, Event]
    orders: Mapping[OrderId, ImagingOrder]
    decisions: Mapping[DecisionId, Decision]
    catalogue: Catalogue


def _read(deliveries: Sequence[Delivery], uow: UnitOfWork) -> _Material:
    events = uow.outbox.events({d.event_id for d in deliveries if d.event_id})
    told = events.values()
    return _Material(
        events,
        uow.orders.get_many({event.order_id for event in told}),
        uow.decisions.get_many({e.decision_id for e in told if e.decision_id}),
        uow.catalogue(),
    )


def _with_payload(
    delivery: Delivery, material: _Material, profile: Profile
) -> Delivery:
    """Return a delivery with its bytes; skipped or parked if it has none."""
    try:
        telling = _telling(delivery, material)
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
        kind = telling.event.kind.value
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


def _telling(delivery: Delivery, material: _Material) -> Telling:
    if delivery.event_id is None:
        raise CannotRender("An answer is stored with its bytes; this one has none.")
    event = material.events[delivery.event_id]
    catalogue, order = material.catalogue, material.orders[event.order_id]
    scanner = None if event.scanner is None else catalogue.scanner(event.scanner)
    procedure, *further = known_steps(order.content, catalogue)
    decision = None
    if event.decision_id is not None:
        decision = material.decisions.get(event.decision_id)
        if decision is None:
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
        procedure=procedure,
        further=tuple(further),
        decision=decision,
    )
