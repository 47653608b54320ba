"""``/v1/deliveries``: what goes out, and what people decide about it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.deps import IDEMPOTENT, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.schemas.common import PageOf
from api.schemas.deliveries import (
    NO_REASON,
    AttemptDocument,
    ChangeDocument,
    DeliveryCount,
    DeliveryDocument,
    DeliveryHistory,
    EditBody,
    RetryBody,
    RetryParkedBody,
    SkipBody,
)
from api.schemas.messages import as_text
from booking_engine.application.commands import (
    EditDelivery,
    RetryDelivery,
    RetryParked,
    SkipDelivery,
)
from booking_engine.application.views import DeliveryFilter
from booking_engine.domain.identifiers import DeliveryId, OrderId, PartnerId
from booking_engine.domain.messages import DeliveryStatus
from hl7_adapters.editing import edited_delivery

router = APIRouter(prefix="/v1", tags=["messages"])


@router.get("/deliveries", responses=refusals("value.invalid"))
def list_deliveries(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    destination: str | None = None,
    status: DeliveryStatus | None = None,
    order_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[DeliveryDocument]:
    """List deliveries, newest first; with `status=parked`, what needs somebody."""
    del actor
    wanted = DeliveryFilter(
        destination=None if destination is None else PartnerId(destination),
        status=status,
        order_id=None if order_id is None else OrderId(order_id),
    )
    page = services.views.deliveries(wanted, cursor=cursor, limit=limit)
    return shown(page, DeliveryDocument, request, response)


@router.get("/deliveries/counts", responses=refusals())
def count_deliveries(services: TheServices, actor: TheActor) -> list[DeliveryCount]:
    """Count deliveries by partner and status."""
    with services.dispatcher.reading(actor) as session:
        counts = session.uow.outbox.counts()
    return [
        DeliveryCount(destination=partner, status=DeliveryStatus(status), count=count)
        for (partner, status), count in sorted(counts.items())
    ]


@router.post(
    "/deliveries/retry",
    responses=refusals(*REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def retry_parked_deliveries(
    body: RetryParkedBody, services: TheServices, actor: TheActor
) -> list[DeliveryDocument]:
    """Send a partner's oldest parked deliveries again, now; the bytes stay the same."""
    command = RetryParked(
        PartnerId(body.destination), limit=body.limit, reason=body.reason or ""
    )
    again = services.dispatcher.handle(command, actor)
    return [DeliveryDocument.model_validate(one) for one in again]


@router.get("/deliveries/{delivery_id}", responses=refusals("known.not"))
def get_delivery(
    delivery_id: str, services: TheServices, actor: TheActor
) -> DeliveryHistory:
    """Return one delivery: its bytes, every attempt, and what people did."""
    with services.dispatcher.reading(actor) as session:
        outbox = session.uow.outbox
        found = outbox.get(DeliveryId(delivery_id))
        attempts = outbox.attempts(found.id)
        changes = outbox.changes(found.id)
    return DeliveryHistory(
        **DeliveryDocument.model_validate(found).model_dump(),
        payload=None if found.payload is None else as_text(found.payload),
        ack=None if found.ack is None else as_text(found.ack),
        history=[
            AttemptDocument(
                number=number,
                started_at=one.started_at,
                duration_us=one.duration_us,
                outcome=one.outcome,
                phase=one.phase,
                code=one.code,
                text=one.text,
            )
            for number, one in enumerate(attempts, 1)
        ],
        changes=[
            ChangeDocument(
                at=one.at,
                actor=one.actor,
                action=one.action,
                reason=one.reason,
                replaced=None if one.payload is None else as_text(one.payload),
            )
            for one in changes
        ],
    )


@router.post(
    "/deliveries/{delivery_id}/retry",
    responses=refusals("known.not", "order.transition", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def retry_delivery(
    delivery_id: str,
    services: TheServices,
    actor: TheActor,
    body: RetryBody = NO_REASON,
) -> DeliveryDocument:
    """Send a parked delivery again, now; the bytes stay the same."""
    command = RetryDelivery(DeliveryId(delivery_id), body.reason or "")
    return DeliveryDocument.model_validate(services.dispatcher.handle(command, actor))


@router.post(
    "/deliveries/{delivery_id}/skip",
    responses=refusals("known.not", "order.transition", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def skip_delivery(
    delivery_id: str, body: SkipBody, services: TheServices, actor: TheActor
) -> DeliveryDocument:
    """Decide that the partner need not be told; what waits behind it goes, in order."""
    command = SkipDelivery(DeliveryId(delivery_id), body.reason)
    return DeliveryDocument.model_validate(services.dispatcher.handle(command, actor))


@router.post(
    "/deliveries/{delivery_id}/edit",
    responses=refusals("known.not", "order.transition", "value.invalid", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def edit_delivery(
    delivery_id: str, body: EditBody, services: TheServices, actor: TheActor
) -> DeliveryDocument:
    """Send other bytes in place of a parked delivery's, now; the old ones are kept."""
    name = DeliveryId(delivery_id)
    with services.dispatcher.reading(actor) as session:
        found = session.uow.outbox.get(name)
    command = EditDelivery(name, edited_delivery(body.text, found), body.reason)
    return DeliveryDocument.model_validate(services.dispatcher.handle(command, actor))
