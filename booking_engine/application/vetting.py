"""People deciding about orders: settling holds, vetting, safety answers.

The engine never justifies an exposure. It lists an order for booking only once a
practitioner's decision, or an authorisation under a written guideline, is recorded
and no safety answer blocks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from booking_engine.application.announcing import appointment_event
from booking_engine.application.commands import (
    RecordAnswers,
    RejectOrder,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.application.context import Context
from booking_engine.application.history import log_change, save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slot_rules import check_slot
from booking_engine.domain.eligibility import Rule, exam_minutes
from booking_engine.domain.errors import (
    InvalidValue,
    NotBookable,
    RulesBroken,
    TransitionRefused,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.exams import exam_of, why_not_one
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.orders import (
    WITH_A_SLOT,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    OrderStatus,
    Vetting,
    as_decided,
)
from booking_engine.domain.safety import SafetyBlock, blocks

_ANSWERED_BY = {
    HoldCode.UNMAPPED_PROCEDURE: "procedure",
    HoldCode.UNKNOWN_URGENCY: "priority",
    HoldCode.MISSING_BIRTH_DATE: "birth_date",
    HoldCode.UNKNOWN_SETTING: "setting",
}
"""Holds that a named value must settle; the others a person settles by releasing."""


def safety_blocks(order: ImagingOrder, uow: UnitOfWork) -> tuple[SafetyBlock, ...]:
    """Return the safety questions that still keep the order from being booked."""
    procedure = exam_of(order.content, uow.catalogue())
    cleared = frozenset() if order.vetting is None else order.vetting.cleared
    return blocks(procedure.questions, order.content.safety, cleared=cleared)


def authorise_under_guideline(
    order: ImagingOrder,
    guidelines: frozenset[str],
    uow: UnitOfWork,
    context: Context,
) -> ImagingOrder:
    """Return the order vetted, where a signed guideline covers its exam.

    Otherwise it is returned as it is and waits for a person. The caller stores it.
    """
    guideline = exam_of(order.content, uow.catalogue()).guideline
    if guideline is None or guideline not in guidelines:
        return order
    vetting = Vetting(
        by=Actor(f"guideline:{guideline}"), at=context.now, guideline=guideline
    )
    return _vetted(order, vetting, uow, context)


def restore_vetting(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Return an order vetted as it was before it was held; the caller stores it."""
    assert order.vetting is not None, "there is a vetting to restore"
    return _vetted(order, order.vetting, uow, context)


def release_order(
    command: ReleaseOrder, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Settle what an order was held for; it goes on to vetting.

    Raises
    ------
    InvalidValue
        An open question is not answered, or the steps cannot share a slot.
    NotKnown
        A procedure is not in the catalogue.
    TransitionRefused
        The order is not held.
    """
    order = uow.orders.get(command.order_id)
    _refuse_open_questions(order, command)
    content = _with_exam(order, command, uow)
    if command.priority is not None:
        content = replace(content, priority=command.priority)
    if command.setting is not None:
        content = replace(content, setting=command.setting)
    if command.birth_date is not None:
        patient = replace(content.patient, birth_date=command.birth_date)
        content = replace(content, patient=patient)
    released = replace(order.after(Action.RELEASE, context.now), content=content)
    return _stored(order, released, Action.RELEASE, uow, context, note=command.note)


def vet_order(command: VetOrder, uow: UnitOfWork, context: Context) -> ImagingOrder:
    """Record the decision that allows the exam; list it if nothing blocks.

    On a booked order whose sender changed the request, this says that the slot may
    stay; it must still fit.

    Raises
    ------
    TransitionRefused
        The order is held or closed, or booked and unchanged.
    NotBookable
        It is booked, and a safety answer blocks the changed exam.
    RulesBroken
        It is booked, and the slot does not fit the changed exam: move or cancel it.
    InvalidValue
        The changed request left something open that is not given here, or its steps
        cannot share a slot.
    NotKnown
        A procedure is not in the catalogue.
    """
    order = uow.orders.get(command.order_id)
    if order.status is OrderStatus.BOOKED and not order.holds:
        raise TransitionRefused(
            f"Order {order.id} is booked and unchanged since; nothing is to be vetted."
        )
    _refuse_open_questions(order, command)
    content = _with_exam(order, command, uow)
    if command.priority is not None:
        content = replace(content, priority=command.priority)
    vetting = Vetting(
        by=context.actor,
        at=context.now,
        guideline=command.guideline,
        cleared=command.cleared,
    )
    vetted = _vetted(replace(order, content=content), vetting, uow, context)
    if vetted.status is OrderStatus.BOOKED:
        refuse_if_not_bookable(vetted, uow)
        refuse_if_slot_does_not_fit(vetted, uow, context)
        vetted = replace(vetted, holds=())
        _tell_that_the_slot_stays(vetted, uow, context)
    uow.orders.save(vetted)
    return vetted


def _tell_that_the_slot_stays(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> None:
    """Tell of a change for which the appointment was kept: the exam may be another."""
    live = uow.schedule.live_appointment(order.id)
    assert live is not None, "a booked order has an appointment"
    uow.outbox.add(
        appointment_event(EventKind.APPOINTMENT_CHANGED, order, live, uow, context)
    )


def _refuse_open_questions(
    order: ImagingOrder, command: ReleaseOrder | VetOrder
) -> None:
    """Raise `InvalidValue` unless the command answers what the order is held for."""
    if order.contact_stopped:
        raise InvalidValue(
            f"Order {order.id} is held because its patient is said to have died;"
            " confirm or deny that first."
        )
    for hold in order.holds:
        name = "further_procedures" if hold.step else _ANSWERED_BY.get(hold.code)
        if name is not None and getattr(command, name, None) is None:
            raise InvalidValue(
                f"Order {order.id} is held for {hold.code}; give {name} to release it."
            )


def _with_exam(
    order: ImagingOrder, command: ReleaseOrder | VetOrder, uow: UnitOfWork
) -> OrderContent:
    """Return the content with what a person says is to be done.

    Raises
    ------
    InvalidValue
        It could not be done in one slot, or a step is not settled.
    NotKnown
        A procedure is not in the catalogue.
    """
    catalogue, content = uow.catalogue(), order.content
    further = command.further_procedures
    for code in (command.procedure, *(further or ())):
        if code is not None:
            catalogue.procedure(code)
    if command.procedure is not None:
        content = replace(content, procedure=command.procedure)
    if further is not None:
        steps = as_decided(content.further_steps, further)
        content = replace(content, further_steps=steps)
    if any(step.procedure is None for step in content.further_steps):
        raise InvalidValue(
            f"Order {order.id} has a step that nobody has settled; give"
            " further_procedures: what is done beside the procedure, or nothing."
        )
    apart = why_not_one(content, catalogue)
    if apart:
        raise InvalidValue(
            f"Order {order.id} cannot be one booking ({apart}); give further_procedures"
            " that can, or have an order placed for each."
        )
    return content


def reject_order(
    command: RejectOrder, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Turn a request down; the sender is told why.

    Raises
    ------
    TransitionRefused
        The order is booked or closed.
    """
    order = uow.orders.get(command.order_id)
    rejected = order.after(Action.REJECT, context.now)
    uow.outbox.add(
        Event(
            EventKind.ORDER_REJECTED,
            order.id,
            context.now,
            (order.partner,),
            reason=command.reason,
        )
    )
    return _stored(order, rejected, Action.REJECT, uow, context, note=command.reason)


def record_answers(
    command: RecordAnswers, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Add safety answers; a vetted order is listed once nothing blocks.

    An answer that now blocks takes an order off the list again; on an order with a
    slot it asks a person to look before the patient comes.
    """
    order = uow.orders.get(command.order_id)
    content = replace(order.content, safety=order.content.safety + command.answers)
    changed = replace(order, content=content)
    if order.vetting is not None:
        # What a clinician cleared was the answer of then.
        answered = {answer.question for answer in command.answers}
        vetting = replace(order.vetting, cleared=order.vetting.cleared - answered)
        changed = replace(changed, vetting=vetting)
    if order.status in WITH_A_SLOT and None not in content.procedures:
        if safety_blocks(changed, uow):
            reason = HoldReason(HoldCode.SAFETY_ANSWER_AFTER_BOOKING)
            holds = (*(h for h in order.holds if h != reason), reason)
            changed = replace(changed, holds=holds)
    elif order.status is OrderStatus.VETTED and not safety_blocks(changed, uow):
        changed = changed.after(Action.LIST, context.now)
    elif order.status is OrderStatus.WAITING and safety_blocks(changed, uow):
        changed = changed.after(Action.VET, context.now)
    return _stored(order, changed, Action.CHANGE, uow, context, note="safety answers")


def refuse_if_not_bookable(order: ImagingOrder, uow: UnitOfWork) -> None:
    """Raise unless a vetting is recorded and no safety answer blocks.

    Raises
    ------
    NotBookable
        Says what is missing.
    """
    if order.vetting is None:
        if order.holds:
            listed = ", ".join(dict.fromkeys(hold.code.value for hold in order.holds))
            raise NotBookable(
                f"Order {order.id} is {order.status} ({listed}): settle what it is held"
                " for; it is vetted then."
            )
        raise NotBookable(
            f"Order {order.id} is {order.status}: no vetting is recorded; vet it first."
        )
    open_questions = safety_blocks(order, uow)
    if open_questions:
        listed = ", ".join(f"{b.question} is {b.answer}" for b in open_questions)
        raise NotBookable(
            f"Order {order.id} is blocked by safety answers: {listed}; record or clear"
            " them first."
        )


def refuse_if_slot_does_not_fit(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> None:
    """Raise `RulesBroken` if the order's own slot would not be given to it today."""
    live = uow.schedule.live_appointment(order.id)
    assert live is not None, "a booked order has an appointment"
    minutes = exam_minutes(order, uow.catalogue())
    session = uow.schedule.session(live.session_id)
    check_slot(order, session, live.starts_at, minutes, uow, context)
    if live.starts_at + timedelta(minutes=minutes) > live.ends_at:
        raise RulesBroken(
            f"Order {order.id} needs {minutes} minutes now, more than its slot has;"
            " move the appointment.",
            (str(Rule.LENGTH),),
        )


def _vetted(
    order: ImagingOrder, vetting: Vetting, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    vetted = order.after(Action.VET, context.now, vetting=vetting)
    log_change(order, vetted, Action.VET, uow, context, note=vetting.guideline or "")
    if vetted.status is OrderStatus.BOOKED or safety_blocks(vetted, uow):
        return vetted
    listed = vetted.after(Action.LIST, context.now)
    log_change(vetted, listed, Action.LIST, uow, context)
    return listed


def _stored(
    before: ImagingOrder,
    after: ImagingOrder,
    action: Action,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str = "",
) -> ImagingOrder:
    save_change(before, after, action, uow, context, note=note)
    return after
