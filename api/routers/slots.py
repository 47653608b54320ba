"""``/v1/slots/search`` and ``/v1/holds``."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from api.deps import IDEMPOTENT, SeenVersion, TheActor, TheServices, etag
from api.openapi import REPEATABLE, refusals
from api.schemas.appointments import (
    AppointmentDocument,
    BesideDocument,
    ChoiceDocument,
    ExcludedDocument,
    SlotBody,
    SlotSearchBody,
    SlotSearchDocument,
)
from booking_engine.application.commands import ConfirmHold, HoldSlot, ReleaseHold
from booking_engine.application.linked_slots import search_linked
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.identifiers import AppointmentId, OrderId, SessionId
from booking_engine.domain.schedule import Appointment

router = APIRouter(prefix="/v1", tags=["slots"])


@router.post("/slots/search", responses=refusals("known.not", "order.not_bookable"))
def search_for_slots(
    body: SlotSearchBody, services: TheServices, actor: TheActor
) -> SlotSearchDocument:
    """Find the best free slots for an order, over all providers; changes nothing."""
    with services.dispatcher.reading(actor) as session:
        order = session.uow.orders.get(OrderId(body.order_id))
        refuse_if_not_bookable(order, session.uow)
        found = search_linked(
            order, session.uow, session.context, limit=body.limit, days=body.days
        )
    return SlotSearchDocument(
        options=[ChoiceDocument.model_validate(o.chosen) for o in found.options],
        count=found.count,
        excluded=[ExcludedDocument(rule=r, count=n) for r, n in found.excluded],
        beside=(
            None
            if found.beside is None
            else BesideDocument(
                order_id=found.beside.order.id,
                starts_at=found.beside.starts_at,
                site=found.beside.site,
            )
        ),
    )


@router.post(
    "/holds",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(
        "known.not",
        "order.not_bookable",
        "slot.rules",
        "slot.taken",
        "patient.busy",
        *REPEATABLE,
    ),
    dependencies=[IDEMPOTENT],
)
def hold_slot(
    body: SlotBody, response: Response, services: TheServices, actor: TheActor
) -> AppointmentDocument:
    """Keep a slot until the patient has answered, or `expires_at`."""
    hold: Appointment = services.dispatcher.handle(
        HoldSlot(OrderId(body.order_id), SessionId(body.session_id), body.starts_at),
        actor,
    )
    response.headers["Location"] = f"/v1/appointments/{hold.id}"
    response.headers["ETag"] = etag(hold.version)
    return AppointmentDocument.model_validate(hold)


@router.post(
    "/holds/{appointment_id}/confirm",
    responses=refusals(
        "known.not",
        "order.not_bookable",
        "hold.expired",
        "version.stale",
        *REPEATABLE,
    ),
    dependencies=[IDEMPOTENT],
)
def confirm_hold(
    appointment_id: str,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> AppointmentDocument:
    """Turn a hold into a booking; partners are told."""
    booked: Appointment = services.dispatcher.handle(
        ConfirmHold(AppointmentId(appointment_id), version=seen), actor
    )
    response.headers["ETag"] = etag(booked.version)
    return AppointmentDocument.model_validate(booked)


@router.delete(
    "/holds/{appointment_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=refusals("known.not", "order.transition"),
)
def release_hold(appointment_id: str, services: TheServices, actor: TheActor) -> None:
    """Give a held slot back; doing so twice changes nothing."""
    services.dispatcher.handle(ReleaseHold(AppointmentId(appointment_id)), actor)
