"""``/v1/orders/{id}/proposals``: appointments of other diaries that may be for it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import IDEMPOTENT, SeenVersion, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.routers.orders import document_of, write
from api.schemas.closures import ClosureDocument
from api.schemas.orders import OrderDocument, ReasonBody
from booking_engine.application.diary_commands import AcceptProposal, DeclineProposal
from booking_engine.application.diary_proposals import proposed_to
from booking_engine.domain.identifiers import DiaryEntryId, OrderId

router = APIRouter(prefix="/v1/orders/{order_id}/proposals", tags=["orders"])

_WRITE = refusals("known.not", "order.transition", "version.stale", *REPEATABLE)


@router.get("", responses=refusals("known.not"))
def list_proposals(
    order_id: str, services: TheServices, actor: TheActor
) -> list[ClosureDocument]:
    """List the appointments of other diaries that may be for the order, by start."""
    with services.dispatcher.reading(actor) as session:
        order = session.uow.orders.get(OrderId(order_id))
        found = proposed_to(order, session.uow)
    return [ClosureDocument.model_validate(entry) for entry in found]


@router.post("/{entry_id}/accept", responses=_WRITE, dependencies=[IDEMPOTENT])
def accept_proposal(
    order_id: str,
    entry_id: str,
    body: ReasonBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Say that the appointment is for the order: it is booked there, if it may be."""
    command = AcceptProposal(OrderId(order_id), DiaryEntryId(entry_id), body.reason)
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post("/{entry_id}/decline", responses=_WRITE, dependencies=[IDEMPOTENT])
def decline_proposal(
    order_id: str,
    entry_id: str,
    body: ReasonBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Say that the appointment is for something else; it is not asked again."""
    command = DeclineProposal(OrderId(order_id), DiaryEntryId(entry_id), body.reason)
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)
