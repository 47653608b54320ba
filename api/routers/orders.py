"""``/v1/orders`` and ``/v1/worklist``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.deps import (
    IDEMPOTENT,
    NeededVersion,
    SeenVersion,
    Services,
    TheActor,
    TheServices,
    etag,
)
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.schemas.common import MOST, PageOf
from api.schemas.orders import (
    AnswersBody,
    DeathBody,
    OrderDocument,
    OrderLine,
    ReasonBody,
    ReleaseBody,
    VetBody,
)
from booking_engine.application.commands import (
    CancelOrder,
    RecordAnswers,
    RejectOrder,
    ReleaseOrder,
    RelistOrder,
    VetOrder,
)
from booking_engine.application.patient_commands import SettleDeath
from booking_engine.application.views import (
    AppointmentFilter,
    OrderFilter,
    WorklistFilter,
)
from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.identifiers import Actor, OrderId, PartnerId, ProcedureCode
from booking_engine.domain.orders import HoldCode, ImagingOrder, OrderStatus
from booking_engine.domain.safety import SafetyAnswer

router = APIRouter(prefix="/v1", tags=["orders"])

_WRITE = refusals("known.not", "order.transition", "version.stale", *REPEATABLE)
_RELEASE = refusals(
    "known.not", "order.transition", "value.invalid", "version.stale", *REPEATABLE
)
_VET = refusals(
    "known.not",
    "order.transition",
    "order.not_bookable",
    "slot.rules",
    "slot.taken",
    "patient.busy",
    "value.invalid",
    "version.stale",
    *REPEATABLE,
)


@router.get("/orders", responses=refusals("value.invalid"))
def list_orders(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    status: OrderStatus | None = None,
    partner: str | None = None,
    placer_number: str | None = None,
    nhs_number: Annotated[str | None, Query(pattern=r"^\d{10}$")] = None,
    accession: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[OrderLine]:
    """List orders, newest first."""
    del actor
    wanted = OrderFilter(
        status=status,
        partner=None if partner is None else PartnerId(partner),
        placer_number=placer_number,
        nhs_number=nhs_number,
        accession=accession,
    )
    page = services.views.orders(wanted, cursor=cursor, limit=limit)
    return shown(page, OrderLine, request, response)


@router.get("/worklist", tags=["worklist"], responses=refusals("value.invalid"))
def list_worklist(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    status: Annotated[
        list[OrderStatus] | None,
        Query(description="Every open state but booked, by default."),
    ] = None,
    partner: str | None = None,
    hold_code: HoldCode | None = None,
    procedure_as_sent: Annotated[
        str | None, Query(description="Held for this code of the exam (OBR-4).")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[OrderLine]:
    """List what needs somebody: by urgency, then breach date."""
    del actor
    wanted = WorklistFilter(
        statuses=tuple(status or ()),
        partner=None if partner is None else PartnerId(partner),
        hold_code=hold_code,
        procedure_as_sent=procedure_as_sent,
    )
    page = services.views.worklist(wanted, cursor=cursor, limit=limit)
    return shown(page, OrderLine, request, response)


@router.get("/orders/{order_id}", responses=refusals("known.not"))
def get_order(
    order_id: str, response: Response, services: TheServices, actor: TheActor
) -> OrderDocument:
    """Return one order with its history, clock log, messages and deliveries."""
    return document_of(order_id, response, services, actor)


@router.post(
    "/orders/{order_id}/release", responses=_RELEASE, dependencies=[IDEMPOTENT]
)
def release_order(
    order_id: str,
    body: ReleaseBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Settle what an order was held for; it goes on to vetting."""
    command = ReleaseOrder(
        OrderId(order_id),
        procedure=_code(body.procedure),
        priority=body.priority,
        birth_date=body.birth_date,
        setting=body.setting,
        further_procedures=_codes(body.further_procedures),
        note=body.note,
    )
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post("/orders/{order_id}/vet", responses=_VET, dependencies=[IDEMPOTENT])
def vet_order(
    order_id: str,
    body: VetBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Record the decision that allows the exam; listed if nothing blocks."""
    command = VetOrder(
        OrderId(order_id),
        guideline=body.guideline,
        procedure=_code(body.procedure),
        priority=body.priority,
        cleared=body.cleared,
        further_procedures=_codes(body.further_procedures),
    )
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post("/orders/{order_id}/reject", responses=_WRITE, dependencies=[IDEMPOTENT])
def reject_order(
    order_id: str,
    body: ReasonBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Turn a request down; the sender is told why."""
    command = RejectOrder(OrderId(order_id), body.reason)
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post("/orders/{order_id}/relist", responses=_WRITE, dependencies=[IDEMPOTENT])
def relist_order(
    order_id: str,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Put a patient who did not attend back on the list."""
    write(RelistOrder(OrderId(order_id)), order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post(
    "/orders/{order_id}/cancel",
    responses=refusals(
        "known.not",
        "order.transition",
        "version.stale",
        "precondition.required",
        *REPEATABLE,
    ),
    dependencies=[IDEMPOTENT],
)
def cancel_order(
    order_id: str,
    body: ReasonBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> OrderDocument:
    """Withdraw an order; its slot is freed and partners are told."""
    with services.dispatcher.session(actor) as session:
        order = _unchanged(session.uow.orders.get(OrderId(order_id)), seen)
        # A sender's clock may run ahead of ours; a person's word still counts.
        sent_at = max(session.context.now, order.sent_at)
        session.handle(CancelOrder(body.reason, sent_at, order_id=order.id))
        session.commit()
    return document_of(order_id, response, services, actor)


@router.post("/orders/{order_id}/death", responses=_WRITE, dependencies=[IDEMPOTENT])
def settle_death(
    order_id: str,
    body: DeathBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Confirm or deny that the patient has died, for all their open orders."""
    command = SettleDeath(OrderId(order_id), deceased=body.deceased, note=body.note)
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


@router.post("/orders/{order_id}/answers", responses=_WRITE, dependencies=[IDEMPOTENT])
def record_answers(
    order_id: str,
    body: AnswersBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> OrderDocument:
    """Add safety answers; a vetted order is listed once nothing blocks."""
    now = services.dispatcher.clock.now()
    answers = tuple(
        SafetyAnswer(given.question, given.answer, recorded_at=now, source=actor)
        for given in body.answers
    )
    command = RecordAnswers(OrderId(order_id), answers)
    write(command, order_id, services, actor, seen)
    return document_of(order_id, response, services, actor)


def _code(given: str | None) -> ProcedureCode | None:
    return None if given is None else ProcedureCode(given)


def _codes(given: tuple[str, ...] | None) -> tuple[ProcedureCode, ...] | None:
    return None if given is None else tuple(map(ProcedureCode, given))


def write(
    command: object, order_id: str, services: Services, actor: Actor, seen: int | None
) -> None:
    """Run a command on an order that is still as the caller has seen it."""
    with services.dispatcher.session(actor) as session:
        if seen is not None:
            _unchanged(session.uow.orders.get(OrderId(order_id)), seen)
        session.handle(command)
        session.commit()
    services.orders_changed()


def _unchanged(order: ImagingOrder, seen: int) -> ImagingOrder:
    if order.version != seen:
        raise StaleVersion(
            f"Order {order.id} is at version {order.version}, not {seen}; read it"
            " again."
        )
    return order


def document_of(
    order_id: str, response: Response, services: Services, actor: Actor
) -> OrderDocument:
    """Return an order as it is shown, with its ETag on the response."""
    name = OrderId(order_id)
    with services.dispatcher.reading(actor) as session:
        uow = session.uow
        order = uow.orders.get(name)
        parts: dict[str, Any] = {
            "appointment": uow.schedule.live_appointment(name),
            "history": uow.orders.history(name),
            "clock_log": uow.orders.clock_log(name),
            "deliveries": uow.outbox.of_order(name),
        }
    appointments = services.views.appointments(
        AppointmentFilter(order_id=name), cursor=None, limit=MOST
    )
    response.headers["ETag"] = etag(order.version)
    return OrderDocument.model_validate(
        {
            **{
                field: getattr(order, field)
                for field in OrderDocument.model_fields
                if hasattr(order, field)
            },
            **parts,
            "request": order.content,
            "appointments": appointments.items,
            "messages": services.views.messages_of(name),
        },
        from_attributes=True,
    )
