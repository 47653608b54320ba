"""``/v1/appointments``: book, move, cancel, and what happened on the day."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from api.deps import IDEMPOTENT, NeededVersion, TheActor, TheServices, etag
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.problems import Problem
from api.schemas.appointments import (
    AppointmentDocument,
    BookBody,
    CancelAppointmentBody,
    EnteredInErrorBody,
    OutcomeBody,
    RescheduleBody,
)
from api.schemas.common import InstantIn, PageOf
from booking_engine.application.commands import (
    BookSlot,
    CancelAppointment,
    EnterInError,
    MoveAppointment,
    RecordOutcome,
)
from booking_engine.application.on_arrival import book_best
from booking_engine.application.views import AppointmentFilter
from booking_engine.domain.identifiers import (
    AppointmentId,
    OrderId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.schedule import Appointment

router = APIRouter(prefix="/v1/appointments", tags=["appointments"])

_SLOT = (
    "known.not",
    "order.transition",
    "order.not_bookable",
    "slot.rules",
    "slot.taken",
    "patient.busy",
)
_SEEN = ("version.stale", "precondition.required", "precondition.unreadable")


@router.get("", responses=refusals("value.invalid"))
def list_appointments(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    scanner: str | None = None,
    session_id: str | None = None,
    order_id: str | None = None,
    starts_from: Annotated[InstantIn | None, Query()] = None,
    starts_to: Annotated[InstantIn | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[AppointmentDocument]:
    """List appointments and holds, by start."""
    del actor
    wanted = AppointmentFilter(
        scanner=None if scanner is None else ScannerId(scanner),
        session_id=None if session_id is None else SessionId(session_id),
        order_id=None if order_id is None else OrderId(order_id),
        starts_from=starts_from,
        starts_to=starts_to,
    )
    page = services.views.appointments(wanted, cursor=cursor, limit=limit)
    return shown(page, AppointmentDocument, request, response)


@router.get("/{appointment_id}", responses=refusals("known.not"))
def get_appointment(
    appointment_id: str, response: Response, services: TheServices, actor: TheActor
) -> AppointmentDocument:
    """Return one appointment or hold."""
    with services.dispatcher.reading(actor) as session:
        found = session.uow.schedule.appointment(AppointmentId(appointment_id))
    return _shown(found, response)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(*_SLOT, "slot.none", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def book_appointment(
    body: BookBody, response: Response, services: TheServices, actor: TheActor
) -> AppointmentDocument:
    """Book a chosen slot, or the engine's best where none is given."""
    order_id = OrderId(body.order_id)
    booked: Appointment | None
    if body.session_id is not None and body.starts_at is not None:
        booked = services.dispatcher.handle(
            BookSlot(order_id, SessionId(body.session_id), body.starts_at), actor
        )
    else:
        booked = book_best(services.dispatcher, order_id, actor)
    if booked is None:
        raise Problem("slot.none", f"Order {order_id} has no free slot; it waits.")
    response.headers["Location"] = f"/v1/appointments/{booked.id}"
    return _shown(booked, response)


@router.post(
    "/{appointment_id}/reschedule",
    responses=refusals(*_SLOT, *_SEEN, *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def reschedule_appointment(
    appointment_id: str,
    body: RescheduleBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> AppointmentDocument:
    """Give an appointment another slot; the clock goes on."""
    moved: Appointment = services.dispatcher.handle(
        MoveAppointment(
            AppointmentId(appointment_id),
            SessionId(body.session_id),
            body.starts_at,
            body.reason,
            version=seen,
        ),
        actor,
    )
    return _shown(moved, response)


@router.post(
    "/{appointment_id}/cancel",
    responses=refusals("known.not", "order.transition", *_SEEN, *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def cancel_appointment(
    appointment_id: str,
    body: CancelAppointmentBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> AppointmentDocument:
    """End an appointment beforehand; the order goes back to waiting."""
    ended: Appointment = services.dispatcher.handle(
        CancelAppointment(
            AppointmentId(appointment_id),
            body.reason,
            by_patient=body.by == "patient",
            version=seen,
        ),
        actor,
    )
    services.orders_changed()
    return _shown(ended, response)


@router.post(
    "/{appointment_id}/entered-in-error",
    responses=refusals("known.not", "order.transition", *_SEEN, *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def enter_in_error(
    appointment_id: str,
    body: EnteredInErrorBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> AppointmentDocument:
    """End an appointment that should never have been; the order waits again."""
    ended: Appointment = services.dispatcher.handle(
        EnterInError(AppointmentId(appointment_id), body.reason, version=seen), actor
    )
    services.orders_changed()
    return _shown(ended, response)


@router.post(
    "/{appointment_id}/outcome",
    responses=refusals("known.not", "order.transition", *_SEEN, *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def record_outcome(
    appointment_id: str,
    body: OutcomeBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> AppointmentDocument:
    """Record that the patient arrived, was scanned, or did not come."""
    changed: Appointment = services.dispatcher.handle(
        RecordOutcome(AppointmentId(appointment_id), body.outcome, version=seen), actor
    )
    return _shown(changed, response)


def _shown(appointment: Appointment, response: Response) -> AppointmentDocument:
    response.headers["ETag"] = etag(appointment.version)
    return AppointmentDocument.model_validate(appointment)
