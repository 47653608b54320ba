"""Why a slot is not taken, why an order waits: asked at any time, changing nothing."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import TheActor, TheServices
from api.openapi import refusals
from api.schemas.appointments import ChoiceDocument
from api.schemas.explanations import BlockerDocument, WhyNotBody, WhyNotDocument
from booking_engine.application.why_not import SlotQuestion, why_not
from booking_engine.domain.blockers import Blocker, WhyNot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Choice
from booking_engine.domain.identifiers import OrderId, ScannerId, SessionId
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
