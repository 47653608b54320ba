"""``/v1/messages`` and ``/v1/deliveries``: what came in, and what goes out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.deps import IDEMPOTENT, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.schemas.common import InstantIn, PageOf
from api.schemas.messages import (
    DeliveryCount,
    DeliveryDocument,
    MessageDocument,
    MessageLine,
    as_text,
)
from booking_engine.application.commands import RetryDelivery
from booking_engine.application.views import MessageFilter
from booking_engine.domain.identifiers import DeliveryId, MessageId, OrderId, PartnerId
from booking_engine.domain.messages import DeliveryStatus, MessageOutcome

router = APIRouter(prefix="/v1", tags=["messages"])


@router.get("/messages", responses=refusals("value.invalid"))
def list_messages(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    partner: str | None = None,
    control_id: str | None = None,
    outcome: MessageOutcome | None = None,
    order_id: str | None = None,
    received_from: Annotated[InstantIn | None, Query()] = None,
    received_to: Annotated[InstantIn | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[MessageLine]:
    """List inbound messages, newest first."""
    del actor
    wanted = MessageFilter(
        partner=None if partner is None else PartnerId(partner),
        control_id=control_id,
        outcome=outcome,
        order_id=None if order_id is None else OrderId(order_id),
        received_from=received_from,
        received_to=received_to,
    )
    page = services.views.messages(wanted, cursor=cursor, limit=limit)
    return shown(page, MessageLine, request, response)


@router.get("/messages/{message_id}", responses=refusals("known.not"))
def get_message(
    message_id: str, services: TheServices, actor: TheActor
) -> MessageDocument:
    """Return one inbound message with what came and what was answered."""
    with services.dispatcher.reading(actor) as session:
        message = session.uow.messages.get(MessageId(message_id))
    line = MessageLine.model_validate(message)
    return MessageDocument(
        **line.model_dump(),
        digest=message.digest,
        raw=as_text(message.raw),
        ack=as_text(message.ack),
    )


@router.get("/deliveries", responses=refusals())
def list_deliveries(
    services: TheServices, actor: TheActor, order_id: str
) -> list[DeliveryDocument]:
    """List the deliveries of one order, in sequence."""
    with services.dispatcher.reading(actor) as session:
        found = session.uow.outbox.of_order(OrderId(order_id))
    return [DeliveryDocument.model_validate(one) for one in found]


@router.get("/deliveries/counts", responses=refusals())
def count_deliveries(services: TheServices, actor: TheActor) -> list[DeliveryCount]:
    """Count deliveries by partner and status."""
    with services.dispatcher.reading(actor) as session:
        counts = session.uow.outbox.counts()
    return [
        DeliveryCount(destination=partner, status=DeliveryStatus(status), count=count)
        for (partner, status), count in sorted(counts.items())
    ]


@router.get("/deliveries/{delivery_id}", responses=refusals("known.not"))
def get_delivery(
    delivery_id: str, services: TheServices, actor: TheActor
) -> DeliveryDocument:
    """Return one delivery."""
    with services.dispatcher.reading(actor) as session:
        found = session.uow.outbox.get(DeliveryId(delivery_id))
    return DeliveryDocument.model_validate(found)


@router.post(
    "/deliveries/{delivery_id}/retry",
    responses=refusals("known.not", "order.transition", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def retry_delivery(
    delivery_id: str, services: TheServices, actor: TheActor
) -> DeliveryDocument:
    """Send a parked delivery again, now; the bytes stay the same."""
    again = services.dispatcher.handle(RetryDelivery(DeliveryId(delivery_id)), actor)
    return DeliveryDocument.model_validate(again)
