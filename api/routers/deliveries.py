"""``/v1/deliveries``: what goes out, and what people decide about it."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import IDEMPOTENT, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.schemas.deliveries import DeliveryCount, DeliveryDocument
from booking_engine.application.commands import RetryDelivery
from booking_engine.domain.identifiers import DeliveryId, OrderId
from booking_engine.domain.messages import DeliveryStatus

router = APIRouter(prefix="/v1", tags=["messages"])


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
