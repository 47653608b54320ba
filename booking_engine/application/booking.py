"""Writing a booking down: appointment, decision, order, history and event at once.

Everything that books goes through `place`, so that no booking exists without its
decision record, and everything that frees a slot through `cancel_live_appointment`
or by `scheduling` and `holding`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

from booking_engine.application.announcing import appointment_event
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.parting import unflag_siblings
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slot_rules import check_slot
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.decisions import (
    Decision,
    DecisionKind,
    MovedFrom,
    Reasons,
)
from booking_engine.domain.eligibility import RULES_VERSION
from booking_engine.domain.errors import SlotTaken
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import AppointmentId, DecisionId, PlanRunId
from booking_engine.domain.orders import Action, ImagingOrder
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from booking_engine.domain.sentences import booking_sentence


def place(
    order: ImagingOrder,
    reasons: Reasons,
    kind: DecisionKind,
    uow: UnitOfWork,
    context: Context,
    *,
    plan_run_id: PlanRunId | None = None,
) -> Appointment:
    """Book the chosen slot for a waiting order; rules were checked by the caller.

    Raises
    ------
    TransitionRefused
        The order is not waiting.
    """
    booked = order.after(Action.BOOK, context.now)
    appointment_id = AppointmentId(context.ids("A"))
    decision = decide(
        order,
        reasons,
        kind,
        uow,
        context,
        appointment_id=appointment_id,
        plan_run_id=plan_run_id,
    )
    chosen = reasons.chosen
    appointment = Appointment(
        id=appointment_id,
        order_id=order.id,
        session_id=chosen.session_id,
        scanner=chosen.scanner,
        patient=order.content.patient.key,
        starts_at=chosen.starts_at,
        ends_at=chosen.starts_at + timedelta(minutes=chosen.minutes),
        status=AppointmentStatus.BOOKED,
        decision_id=decision.id,
        told=True,
    )
    uow.schedule.add(appointment)
    save_change(order, booked, Action.BOOK, uow, context, note=decision.id)
    uow.outbox.add(
        appointment_event(
            EventKind.APPOINTMENT_BOOKED, order, appointment, uow, context
        )
    )
    unflag_siblings(order, appointment, uow, context)
    return appointment


def place_checked(
    order: ImagingOrder,
    reasons: Reasons,
    kind: DecisionKind,
    uow: UnitOfWork,
    context: Context,
    *,
    plan_run_id: PlanRunId | None = None,
) -> Appointment:
    """Check everything anew, then book: for what was chosen a while ago.

    Raises
    ------
    NotBookable, RulesBroken, SlotTaken, PatientBusy, TransitionRefused
        What forbids it by now.
    """
    chosen = reasons.chosen
    refuse_if_not_bookable(order, uow)
    refuse_if_holding(order, uow)
    check_slot(
        order,
        uow.schedule.session(chosen.session_id),
        chosen.starts_at,
        chosen.minutes,
        uow,
        context,
    )
    return place(order, reasons, kind, uow, context, plan_run_id=plan_run_id)


def refuse_if_holding(order: ImagingOrder, uow: UnitOfWork) -> None:
    """Raise `SlotTaken` if the order has an appointment or a hold already."""
    if uow.schedule.live_appointment(order.id) is not None:
        raise SlotTaken(
            f"Order {order.id} holds a slot already; confirm or release that first."
        )


def decide(
    order: ImagingOrder,
    reasons: Reasons,
    kind: DecisionKind,
    uow: UnitOfWork,
    context: Context,
    *,
    appointment_id: AppointmentId,
    plan_run_id: PlanRunId | None = None,
    moved: MovedFrom | None = None,
) -> Decision:
    """Write the decision record and return it."""
    canonical = json.dumps(reasons.inputs, sort_keys=True, separators=(",", ":"))
    decision = Decision(
        id=DecisionId(context.ids("D")),
        order_id=order.id,
        appointment_id=appointment_id,
        kind=kind,
        made_at=context.now,
        actor=context.actor,
        policy_version=context.policy.version,
        rules_version=RULES_VERSION,
        inputs_digest=hashlib.sha256(canonical.encode()).hexdigest(),
        inputs=reasons.inputs,
        chosen=reasons.chosen,
        options=reasons.options,
        excluded=reasons.excluded,
        runner_up=reasons.runner_up,
        plan_run_id=plan_run_id,
        sentence=booking_sentence(
            order, reasons, kind, uow.catalogue(), context.policy, moved
        ),
    )
    uow.decisions.add(decision)
    return decision


def cancel_live_appointment(
    order: ImagingOrder, uow: UnitOfWork, context: Context, *, reason: str
) -> Appointment | None:
    """Free the order's slot or hold, if it has one, and tell those who knew of it."""
    live = uow.schedule.live_appointment(order.id)
    if live is None:
        return None
    cancelled = replace(
        live,
        status=AppointmentStatus.CANCELLED,
        cancel_reason=reason,
        expires_at=None,
    )
    uow.schedule.save(cancelled)
    if live.status is not AppointmentStatus.HELD:
        uow.outbox.add(
            appointment_event(
                EventKind.APPOINTMENT_CANCELLED,
                order,
                cancelled,
                uow,
                context,
                reason=reason,
            )
        )
    return cancelled
