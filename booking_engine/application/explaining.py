"""Why an order waits, what is free for it, what would change it; or why it is there.

Counts, costs and slots come from the same snapshot and search as a booking's, so what
is told here is what would be booked.
"""

from __future__ import annotations

from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.relaxing import cheapest, relaxations
from booking_engine.application.slots import (
    SlotSearch,
    nothing_placed,
    prices_of,
    search_in,
    snapshot_for,
)
from booking_engine.application.snapshot import Snapshot
from booking_engine.application.stored_plans import StoredPlan, opening_steps
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.decisions import Choice
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.explanations import (
    Alternative,
    Cause,
    FilterStep,
    InPlan,
    OrderExplanation,
    Relaxation,
)
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.vocabulary import Priority
from solver.explain import Explanation, Reason, explain

ALTERNATIVES: Final = 5


def explain_order(
    order_id: OrderId, plan: StoredPlan | None, uow: UnitOfWork, context: Context
) -> OrderExplanation:
    """Return why an order waits or is where it is.

    Parameters
    ----------
    plan
        The newest applied plan, or ``None`` before the first.

    Raises
    ------
    NotKnown
        No such order.
    NotBookable
        It is not vetted, or a safety answer blocks: that is why it waits.
    TransitionRefused
        It neither waits nor has an appointment to come.
    """
    order = uow.orders.get(order_id)
    refuse_if_not_bookable(order, uow)
    if order.status not in {OrderStatus.WAITING, OrderStatus.BOOKED}:
        raise TransitionRefused(
            f"Order {order.id} is {order.status}; what waits for a slot or is booked"
            " can be explained."
        )
    waits = order.status is OrderStatus.WAITING
    snapshot = snapshot_for(order, uow, context)
    now = explain(
        snapshot.problem, nothing_placed(prices_of(snapshot, context, uow)), 0
    )
    found = search_in(snapshot, uow, context, limit=ALTERNATIVES)
    best = found.options[0].chosen if found.options else None
    changes: tuple[Relaxation, ...] = ()
    if waits:
        changes = relaxations(order, snapshot, best, uow, context)
    live = uow.schedule.live_appointment(order.id)
    decided = None if live is None else live.decision_id
    return OrderExplanation(
        order_id=order.id,
        status=order.status,
        cause=_cause(now, found) if waits else Cause.PLACED,
        steps=(*_scanner_steps(snapshot), *opening_steps(now)),
        options=found.count,
        alternatives=tuple(
            Alternative(one.chosen, _protected(one.chosen, plan))
            for one in found.options
        ),
        in_plan=None if plan is None else _in_plan(order_id, plan),
        changes=changes,
        change=cheapest(changes),
        appointment=live,
        decision=None if decided is None else uow.decisions.get(decided),
    )


def _cause(now: Explanation, found: SlotSearch) -> Cause:
    """Return why it waits now; the solver looks past the patient's other exams."""
    if now.reason is not Reason.NOT_FOUND:
        return Cause(now.reason.value)
    return Cause.OPEN if found.options else Cause.PATIENT_BUSY


def _scanner_steps(snapshot: Snapshot) -> list[FilterStep]:
    left = len(snapshot.problem.scanner_key)
    steps: list[FilterStep] = []
    for rule, out in snapshot.exclusions_of(0):
        left -= out
        steps.append(FilterStep(rule, of_scanners=True, out=out, left=left))
    return steps


def _in_plan(order_id: OrderId, plan: StoredPlan) -> InPlan | None:
    found = plan.explanation_of(order_id)
    if found is None:
        return None
    return InPlan(plan.run_id, Cause(found.reason.value), tuple(opening_steps(found)))


def _protected(
    choice: Choice, plan: StoredPlan | None
) -> tuple[tuple[Priority, int], ...]:
    """Return whom the price of a slot protects: those whom the plan put there."""
    if plan is None or choice.price <= 0:
        return ()
    minutes = plan.minutes_by_class.get(choice.session_id, {})
    return tuple(sorted(minutes.items(), key=lambda one: (-one[1], one[0].tier)))
