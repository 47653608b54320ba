"""Why a slot is not taken, why an order waits: asked at any time, changing nothing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.deps import TheActor, TheServices
from api.errors import RETRY_AFTER_SECONDS
from api.openapi import refusals
from api.pages import Cursor, Limit, page_of, shown
from api.schemas.appointments import ChoiceDocument
from api.schemas.common import PageOf
from api.schemas.explanations import BlockerDocument, WhyNotBody, WhyNotDocument
from api.schemas.order_explanations import (
    OrderExplanationDocument,
    SessionValueDocument,
    SessionValuesDocument,
    UnplacedDocument,
    explanation_document,
    unplaced_document,
)
from booking_engine.application.explaining import explain_order
from booking_engine.application.stored_plans import unplaced_orders
from booking_engine.application.views import Page
from booking_engine.application.why_not import SlotQuestion, why_not
from booking_engine.domain.blockers import Blocker, WhyNot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Choice
from booking_engine.domain.identifiers import (
    OrderId,
    PlanRunId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.why_not_sentences import (
    REMEDIES,
    blocker_sentence,
    why_not_sentence,
)

router = APIRouter(prefix="/v1")


@router.post(
    "/slots/why-not",
    tags=["slots"],
    responses=refusals("known.not", "order.not_bookable"),
)
def ask_why_not(
    body: WhyNotBody, services: TheServices, actor: TheActor
) -> WhyNotDocument:
    """Say what keeps an order from a slot, and what the slot would cost there."""
    question = SlotQuestion(
        OrderId(body.order_id),
        body.starts_at,
        session_id=None if body.session_id is None else SessionId(body.session_id),
        scanner=None if body.scanner is None else ScannerId(body.scanner),
    )
    with services.dispatcher.reading(actor) as session:
        answer = why_not(question, session.uow, session.context)
        return _why_not(answer, session.uow.catalogue())


@router.get(
    "/orders/{order_id}/explanation",
    tags=["orders"],
    responses=refusals("known.not", "order.not_bookable", "order.transition"),
)
def explain_an_order(
    order_id: str, services: TheServices, actor: TheActor
) -> OrderExplanationDocument:
    """Say why an order waits, what is free for it and what would change it."""
    plan = services.stored_plans.newest(actor)
    with services.dispatcher.reading(actor) as session:
        explained = explain_order(OrderId(order_id), plan, session.uow, session.context)
        return explanation_document(explained, session.uow.catalogue())


@router.get(
    "/plan-runs/{run_id}/unplaced",
    tags=["plan-runs"],
    responses=refusals("known.not", "order.transition", "value.invalid"),
)
def list_unplaced(
    run_id: str,
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[UnplacedDocument]:
    """List the orders that a run left without a slot, the most urgent first."""
    stored = services.stored_plans.get(PlanRunId(run_id), actor)
    page = page_of(
        unplaced_orders(stored),
        lambda one: f"{one.priority.tier}|{one.order_id}",
        cursor=cursor,
        limit=limit,
    )
    documents = Page(
        tuple(unplaced_document(one) for one in page.items), page.next_cursor
    )
    return shown(documents, UnplacedDocument, request, response)


@router.get(
    "/plan-runs/{run_id}/session-values",
    tags=["plan-runs"],
    responses=refusals("known.not", "order.transition"),
)
def value_sessions(
    run_id: str, response: Response, services: TheServices, actor: TheActor
) -> SessionValuesDocument:
    """Say what one more session at each scanner would be worth, by a run's plan.

    Estimates come at once; intervals are planned aside, the dearest scanner first, and
    are there when `complete`.
    """
    found = services.session_values.of(PlanRunId(run_id), actor)
    if not found.complete:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return SessionValuesDocument(
        run_id=run_id,
        complete=found.complete,
        values=[SessionValueDocument.model_validate(one) for one in found.values],
    )


def _why_not(answer: WhyNot, catalogue: Catalogue) -> WhyNotDocument:
    return WhyNotDocument(
        order_id=answer.order_id,
        scanner=answer.scanner,
        session_id=answer.session_id,
        starts_at=answer.starts_at,
        ends_at=answer.ends_at,
        standing=answer.standing,
        blockers=[_blocker(one) for one in answer.blockers],
        appointment_id=answer.appointment_id,
        there=_choice(answer.there),
        best=_choice(answer.best),
        costs_more=answer.costs_more,
        sentence=why_not_sentence(answer, catalogue),
    )


def _blocker(blocker: Blocker) -> BlockerDocument:
    return BlockerDocument(
        kind=blocker.kind,
        name=blocker.name,
        starts_at=blocker.starts_at,
        ends_at=blocker.ends_at,
        detail=blocker.detail,
        lasting=blocker.lasting,
        sentence=blocker_sentence(blocker),
        remedy=REMEDIES[blocker.kind],
    )


def _choice(choice: Choice | None) -> ChoiceDocument | None:
    return None if choice is None else ChoiceDocument.model_validate(choice)
