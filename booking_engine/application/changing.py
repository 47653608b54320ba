"""Orders changed by who placed them or who fills them.

A change says what is different: what it is silent about stays. Of repeating things,
such as the answers to one safety question, it replaces the sender's own and leaves
what others said (HL7 2.5.1 sections 2.5.3 and 2.10.4).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from booking_engine.application.announcing import (
    appointment_event,
    besides_teller,
    tell_of_hold,
)
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.commands import ChangeOrder
from booking_engine.application.context import Context
from booking_engine.application.event_time import is_older
from booking_engine.application.history import save_change
from booking_engine.application.intake import as_settled, codes_of, network_holds
from booking_engine.application.naming import order_named
from booking_engine.application.patient_numbers import as_registered
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.vetting import (
    authorise_under_guideline,
    restore_vetting,
)
from booking_engine.domain.errors import PatientBusy
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import (
    WITH_A_SLOT,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    OrderStatus,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.safety import SafetyAnswer

_SETTLED_BY: Final = {
    HoldCode.UNMAPPED_PROCEDURE: "procedure",
    HoldCode.UNKNOWN_URGENCY: "priority",
    HoldCode.MISSING_BIRTH_DATE: "patient.birth_date",
    HoldCode.UNKNOWN_SITE: "site",
    HoldCode.CLOSED_PROVIDER: "site",
    HoldCode.UNKNOWN_SETTING: "setting",
    HoldCode.INVALID_TIME: "earliest_on",
    HoldCode.SEVERAL_STEPS: "further_steps",
}
"""Holds that a change settles if it says anything of a field: what still stands is
found again. All others, such as a conflict of identities, a person settles."""
_ANOTHER_PATIENT: Final = HoldReason(
    HoldCode.IDENTITY_CONFLICT, "PID-3: another patient than before"
)


def change_order(command: ChangeOrder, uow: UnitOfWork, context: Context) -> Received:
    """Change what was asked for.

    A request that differs in what matters clinically is vetted again, and one that
    settles what the order was held for goes on. On a booked order the slot stays, and
    a person is asked to look: a patient who has been told is never moved without
    approval (HAZ-10).

    Raises
    ------
    NotKnown
        No such order.
    InvalidValue
        The name means several orders.
    TransitionRefused
        The order has ended, or the patient has arrived.
    """
    before = order_named(command.named, uow)
    if is_older(command.sent_at, before.sent_at):
        return Received(before.id, ReceivedAs.IGNORED_OLDER)
    # Under which number the patient is known by now, before the two are compared.
    sent, _ = as_registered(command.content, uow)
    merged, same_patient = _merged(replace(command, content=sent), before)
    content, doubts = as_registered(merged, uow)
    found = command.holds if same_patient else (*command.holds, _ANOTHER_PATIENT)
    found += tuple(doubt for doubt in doubts if doubt not in before.holds)
    found += network_holds(content, uow, context)
    known = uow.catalogue().procedures
    found = tuple(
        h
        for h in found
        if h.code is not HoldCode.UNMAPPED_PROCEDURE
        or content.procedures[h.step] not in known
    )
    if content.priority is not None:
        found = tuple(h for h in found if h.code is not HoldCode.UNKNOWN_URGENCY)
    material = not _same_exam(before.content, content)
    standing = tuple(h for h in before.holds if not _is_settled(h, command.kept))
    holds = tuple(dict.fromkeys((*standing, *found)))
    # Whether it can be changed at all does not depend on what is changed.
    order = replace(
        before.after(Action.CHANGE, context.now),
        content=content,
        sent_at=command.sent_at,
    )
    action = Action.CHANGE
    if before.status in WITH_A_SLOT:
        if material or found:
            changed = HoldReason(HoldCode.CHANGED_AFTER_BOOKING)
            order = replace(
                order, vetting=None, holds=tuple(dict.fromkeys((changed, *holds)))
            )
        order = _same_patient_in_the_diary(order, before, uow)
    elif material or found or before.status is OrderStatus.HELD:
        action = Action.RESUBMIT
        # A slot that is held was chosen for another exam.
        cancel_live_appointment(before, uow, context, reason="order changed")
        order = _resubmitted(order, holds, command, uow, context, material=material)
    save_change(before, order, action, uow, context, note=codes_of(order.holds))
    tell_of_hold(before, order, uow, context)
    if not (material or found) and _told_part(content) != _told_part(before.content):
        _tell_of_details(order, uow, context)
    return Received(order.id, ReceivedAs.CHANGED)


def _told_part(content: OrderContent) -> tuple[object, ...]:
    """Return what a message about the appointment says of the request."""
    return (
        content.patient,
        content.procedure_as_sent,
        content.procedure_text,
        content.priority_as_sent,
        content.accession,
        content.filler_number,
        content.group_number,
        content.study_uid,
        content.further_steps,
    )


def _tell_of_details(order: ImagingOrder, uow: UnitOfWork, context: Context) -> None:
    """Tell others than the sender that details of what is booked have changed."""
    live = uow.schedule.live_appointment(order.id)
    if order.status is OrderStatus.BOOKED and live is not None:
        event = appointment_event(
            EventKind.APPOINTMENT_CHANGED, order, live, uow, context
        )
        uow.outbox.add(besides_teller(event, context))


def _resubmitted(
    order: ImagingOrder,
    holds: tuple[HoldReason, ...],
    command: ChangeOrder,
    uow: UnitOfWork,
    context: Context,
    *,
    material: bool,
) -> ImagingOrder:
    """Return a changed order held, or as far on its way as its vetting allows."""
    if material:
        order = replace(order, vetting=None)
    if holds:
        return order.held(holds, context.now)
    order = order.after(Action.RESUBMIT, context.now)
    if order.vetting is not None:
        return restore_vetting(order, uow, context)
    return authorise_under_guideline(order, command.guidelines, uow, context)


def _is_settled(hold: HoldReason, kept: frozenset[str]) -> bool:
    field = "further_steps" if hold.step else _SETTLED_BY.get(hold.code)
    return field is not None and field not in kept


# Merging ----------------------------------------------------------------------------


def _merged(command: ChangeOrder, order: ImagingOrder) -> tuple[OrderContent, bool]:
    """Return the content after a change, and whether it is of the same patient."""
    stored, kept = order.content, command.kept
    sent = as_settled(command.content, stored)
    patient = _kept(sent.patient, stored.patient, "patient.", kept)
    same = _is_same_patient(stored.patient, patient)
    values: dict[str, Any] = {
        name: getattr(stored, name) for name in kept if "." not in name
    }
    values |= {
        "placer_number": stored.placer_number,
        "placer_authority": stored.placer_authority,
        "requested_at": stored.requested_at,  # of the request, not of the change
        "patient": _with_numbers(patient, stored.patient) if same else stored.patient,
        "needs": _kept(sent.needs, stored.needs, "needs.", kept),
        "safety": _answers(command, order),
    }
    return replace(sent, **values), same


def _kept(sent: Any, stored: Any, prefix: str, kept: frozenset[str]) -> Any:
    names = [name.removeprefix(prefix) for name in kept if name.startswith(prefix)]
    return replace(sent, **{name: getattr(stored, name) for name in names})


def _is_same_patient(stored: Patient, sent: Patient) -> bool:
    """Return whether no identifier contradicts another of the same authority."""
    if stored.nhs_number and sent.nhs_number:
        return stored.nhs_number == sent.nhs_number
    if stored.local_id and sent.local_id:
        if stored.local_authority == sent.local_authority:
            return stored.local_id == sent.local_id
        return not (stored.nhs_number or sent.nhs_number)
    return stored.key == sent.key or not (stored.nhs_number and stored.local_id)


def _with_numbers(sent: Patient, stored: Patient) -> Patient:
    """Return the patient with the numbers that the sender was silent about.

    The numbers of other authorities are not the sender's to delete.
    """
    if sent.nhs_number is None:
        sent = replace(sent, nhs_number=stored.nhs_number)
    if not sent.local_id:
        sent = replace(
            sent, local_id=stored.local_id, local_authority=stored.local_authority
        )
    return sent


def _answers(command: ChangeOrder, order: ImagingOrder) -> tuple[SafetyAnswer, ...]:
    """Return the safety answers: the sender's anew, those of others as they were."""
    sent = command.content.safety
    replaced = command.withdrawn | {answer.question for answer in sent}
    own = f"{command.partner} "
    before = tuple(
        answer
        for answer in order.content.safety
        if answer.question not in replaced or not answer.source.startswith(own)
    )
    return before + sent


# What matters -----------------------------------------------------------------------


def _same_patient_in_the_diary(
    order: ImagingOrder, before: ImagingOrder, uow: UnitOfWork
) -> ImagingOrder:
    """Keep the appointment's patient that of the order, so that overlaps are seen."""
    key = order.content.patient.key
    live = uow.schedule.live_appointment(order.id)
    if live is None or key == before.content.patient.key:
        return order
    try:
        with uow.savepoint():
            uow.schedule.save(replace(live, patient=key))
            uow.flush()
    except PatientBusy:
        doubt = HoldReason(HoldCode.IDENTITY_CONFLICT)
        return replace(order, holds=(*order.holds, doubt))
    return order


def _same_exam(one: OrderContent, other: OrderContent) -> bool:
    """Return whether everything that vetting and booking looked at is the same."""
    return _vetted_part(one) == _vetted_part(other)


def _vetted_part(content: OrderContent) -> tuple[object, ...]:
    return (
        content.procedures,
        content.priority,
        content.setting,
        content.needs,
        content.patient.key,
        content.patient.birth_date,
        content.clinical_reason,
        content.earliest_on,
        content.latest_on,
        frozenset((a.question, a.answer) for a in content.safety),
    )
