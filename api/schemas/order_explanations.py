"""Why orders wait, and what another session would be worth, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.appointments import AppointmentDocument, ChoiceDocument
from api.schemas.common import Document
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.explanation_sentences import (
    CAUSE_WORDS,
    explanation_sentences,
)
from booking_engine.domain.explanations import (
    Cause,
    FilterStep,
    OrderExplanation,
    Relaxation,
    RelaxationKind,
    UnplacedOrder,
)
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.vocabulary import Priority


class FilterDocument(Document):
    """One filter, in the order in which they are applied."""

    rule: str
    of_scanners: bool = Field(
        description="Counts scanners; else stretches of free time on those left."
    )
    out: int
    left: int


class ProtectedDocument(Document):
    """Minutes that the last plan gave in a session to one urgency."""

    priority: Priority
    minutes: int


class AlternativeDocument(Document):
    """A slot that is free now, and whom its price protects."""

    choice: ChoiceDocument
    protects: list[ProtectedDocument] = Field(
        description="Whom the last plan put there, most minutes first."
    )


class InPlanDocument(Document):
    """What the last plan made of the order."""

    run_id: str
    cause: Cause
    filters: list[FilterDocument]


class RelaxationDocument(Document):
    """What lifting one rule alone would give, found by searching again."""

    kind: RelaxationKind
    helps: bool
    best: ChoiceDocument | None = Field(
        description="Its session is further-… where a list would have to be added."
    )
    saves: int | None = Field(
        description="Cost units less than the best slot now; null: there is none now."
    )


class OrderExplanationDocument(Document):
    """Why an order waits, what is free for it, and what would change it."""

    order_id: str
    status: OrderStatus
    cause: Cause
    sentences: list[str] = Field(description="In plain English, the main one first.")
    filters: list[FilterDocument]
    options: int = Field(description="Stretches of free time long enough for it.")
    alternatives: list[AlternativeDocument]
    in_plan: InPlanDocument | None
    changes: list[RelaxationDocument]
    change: RelaxationDocument | None = Field(
        description=(
            "The cheapest that helps, a further list only where nothing else does;"
            " null: no single one does."
        )
    )
    appointment: AppointmentDocument | None
    decision_id: str | None


class UnplacedDocument(Document):
    """An order that a run left without a slot, and why."""

    order_id: str
    priority: Priority
    cause: Cause
    sentence: str
    filters: list[FilterDocument]
    options: int


class TestedDocument(Document):
    """What a session saved when its orders were planned again without and with it."""

    saved: float
    low: float = Field(description="95 % interval of the mean.")
    high: float
    seeds: int


class SessionValueDocument(Document):
    """What one more session at a scanner would be worth, in cost units."""

    scanner: str
    like: str = Field(description="The session that it would be a copy of.")
    minutes: int
    estimate: float = Field(description="Price times minutes.")
    tested: TestedDocument | None = Field(description="Null until it is planned.")


class SessionValuesDocument(Document):
    """By scanner, the dearest first."""

    run_id: str
    complete: bool = Field(description="Whether all of them have been tested.")
    values: list[SessionValueDocument]


def explanation_document(
    explained: OrderExplanation, catalogue: Catalogue
) -> OrderExplanationDocument:
    """Return an explanation for the outside, as data and as sentences."""
    plan, change = explained.in_plan, explained.change
    return OrderExplanationDocument(
        order_id=explained.order_id,
        status=explained.status,
        cause=explained.cause,
        sentences=list(explanation_sentences(explained, catalogue)),
        filters=_filters(explained.steps),
        options=explained.options,
        alternatives=[
            AlternativeDocument(
                choice=ChoiceDocument.model_validate(one.choice),
                protects=[
                    ProtectedDocument(priority=priority, minutes=minutes)
                    for priority, minutes in one.protects
                ],
            )
            for one in explained.alternatives
        ],
        in_plan=None
        if plan is None
        else InPlanDocument(
            run_id=plan.run_id, cause=plan.cause, filters=_filters(plan.steps)
        ),
        changes=[_relaxation(one) for one in explained.changes],
        change=None if change is None else _relaxation(change),
        appointment=None
        if explained.appointment is None
        else AppointmentDocument.model_validate(explained.appointment),
        decision_id=None if explained.decision is None else explained.decision.id,
    )


def unplaced_document(order: UnplacedOrder) -> UnplacedDocument:
    """Return an unplaced order for the outside."""
    return UnplacedDocument(
        order_id=order.order_id,
        priority=order.priority,
        cause=order.cause,
        sentence=f"It was left out: {CAUSE_WORDS[order.cause]}.",
        filters=_filters(order.steps),
        options=order.options,
    )


def _filters(steps: tuple[FilterStep, ...]) -> list[FilterDocument]:
    return [FilterDocument.model_validate(one) for one in steps]


def _relaxation(relaxation: Relaxation) -> RelaxationDocument:
    best = relaxation.best
    return RelaxationDocument(
        kind=relaxation.kind,
        helps=best is not None,
        best=None if best is None else ChoiceDocument.model_validate(best),
        saves=relaxation.saves,
    )
