"""``/v1/messages``: what came in, what became of it, and carrying it out again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from api.deps import IDEMPOTENT, Services, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.schemas.common import InstantIn, PageOf
from api.schemas.deliveries import DeliveryDocument
from api.schemas.messages import (
    FoundMessages,
    MessageDocument,
    MessageLine,
    MessagePageSearch,
    ReplayBody,
    Replayed,
    ReplayedMany,
    ReplayMany,
    document_of,
)
from booking_engine.application.views import MessageFilter
from booking_engine.domain.identifiers import Actor, MessageId, OrderId, PartnerId
from booking_engine.domain.messages import Delivery, InboundMessage, MessageOutcome

router = APIRouter(prefix="/v1", tags=["messages"])

MOST_REPLAYS_SHOWN = 50


@router.get("/messages", responses=refusals("value.invalid"))
def list_messages(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    partner: str | None = None,
    control_id: str | None = None,
    kind: Annotated[str | None, Query(examples=["ORM^O01"])] = None,
    outcome: MessageOutcome | None = None,
    error_code: str | None = None,
    order_id: str | None = None,
    replay_of: str | None = None,
    received_from: Annotated[InstantIn | None, Query()] = None,
    received_to: Annotated[InstantIn | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[MessageLine]:
    """List inbound messages, newest first.

    By a patient's or an order's numbers they are searched with
    `POST /v1/messages/search`: addresses end in logs.
    """
    del actor
    wanted = MessageFilter(
        partner=None if partner is None else PartnerId(partner),
        control_id=control_id,
        kind=kind,
        outcome=outcome,
        error_code=error_code,
        order_id=None if order_id is None else OrderId(order_id),
        replay_of=None if replay_of is None else MessageId(replay_of),
        received_from=received_from,
        received_to=received_to,
    )
    page = services.views.messages(wanted, cursor=cursor, limit=limit)
    return shown(page, MessageLine, request, response)


@router.post("/messages/search", responses=refusals("value.invalid"))
def search_messages(
    body: MessagePageSearch, services: TheServices, actor: TheActor
) -> FoundMessages:
    """Find inbound messages by the numbers that they name, newest first."""
    del actor
    page = services.views.messages(body.filter(), cursor=body.cursor, limit=body.limit)
    return FoundMessages(
        items=[MessageLine.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.post(
    "/messages/replay",
    responses=refusals("value.invalid", "store.unavailable", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def replay_messages(
    body: ReplayMany, services: TheServices, actor: TheActor
) -> ReplayedMany:
    """Carry out again the oldest messages that match and were not replayed yet.

    Each is stored as a new message and is a transaction of its own; one that fails
    again is not tried a third time by the next request. Repeat until `matching` is
    not above the number replayed.
    """
    names, matching = services.views.to_replay(
        body.filter(unreplayed=True), limit=body.limit
    )
    replayed: list[Replayed] = []
    if not body.dry_run:
        for name in names:
            message = _replay(services, name, actor, body.reason)
            line = MessageLine.model_validate(message)
            replayed.append(Replayed(original=name, message=line))
    return ReplayedMany(matching=matching, originals=list(names), replayed=replayed)


@router.get("/messages/{message_id}", responses=refusals("known.not"))
def get_message(
    message_id: str, services: TheServices, actor: TheActor
) -> MessageDocument:
    """Return one inbound message: bytes, tree, answer, orders, what they led to."""
    with services.dispatcher.reading(actor) as session:
        message = session.uow.messages.get(MessageId(message_id))
        deliveries = session.uow.outbox.led_to(message)
    replays = services.views.messages(
        MessageFilter(replay_of=message.id), cursor=None, limit=MOST_REPLAYS_SHOWN
    )
    return _document(services, message, deliveries, replays.items)


@router.post(
    "/messages/{message_id}/replay",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(
        *("known.not", "order.transition", "value.invalid", "store.unavailable"),
        *REPEATABLE,
    ),
    dependencies=[IDEMPOTENT],
)
def replay_message(
    message_id: str,
    body: ReplayBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
) -> MessageDocument:
    """Carry out one message again, as it is or edited; the original stays as it is.

    What comes of it, with its acknowledgement, is a new message; nothing is sent to
    the partner.
    """
    message = _replay(services, MessageId(message_id), actor, body.reason, body.text)
    with services.dispatcher.reading(actor) as session:
        deliveries = session.uow.outbox.led_to(message)
    response.headers["Location"] = f"/v1/messages/{message.id}"
    return _document(services, message, deliveries, ())


def _replay(
    services: Services,
    message_id: MessageId,
    actor: Actor,
    reason: str,
    text: str | None = None,
) -> InboundMessage:
    message = services.replayer.replay(message_id, by=actor, reason=reason, text=text)
    services.orders_changed()
    return message


def _document(
    services: Services,
    message: InboundMessage,
    deliveries: Iterable[Delivery],
    replays: Iterable[InboundMessage],
) -> MessageDocument:
    profile = None
    if message.partner is not None:
        profile = services.profiles.get(message.partner)
    return document_of(
        message,
        [DeliveryDocument.model_validate(one) for one in deliveries],
        [MessageLine.model_validate(one) for one in replays],
        profile.charset or None if profile is not None else None,
    )
