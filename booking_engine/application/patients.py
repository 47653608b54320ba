"""What patient administration tells, and what it does to open orders.

What contradicts itself is put to a person and changes nothing; `patient_identity` says
who a message is about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from booking_engine.application.commands import RecordAnswers
from booking_engine.application.context import Context
from booking_engine.application.deaths import resume_contact, stop_contact
from booking_engine.application.patient_commands import (
    QuestionIdentity,
    RecordPatientAnswers,
    UpdatePatient,
)
from booking_engine.application.patient_identity import NOBODY, person_meant, updated
from booking_engine.application.patient_numbers import MISMATCH, known_by, renumbered
from booking_engine.application.patient_orders import (
    flagged,
    keep_busy_as,
    stored,
    tell_of_change,
    unflagged,
    with_patient,
)
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.application.settings_of_care import moved
from booking_engine.application.vetting import record_answers
from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import OrderId, PatientId
from booking_engine.domain.orders import HoldCode, HoldReason, ImagingOrder, OrderStatus
from booking_engine.domain.patients import is_child
from booking_engine.domain.register import RegisteredPatient, local_key, nhs_number_of
from booking_engine.domain.schedule import Appointment

_SOMEBODY_ELSE: Final = HoldReason(
    HoldCode.IDENTITY_CONFLICT, "name and birth date differ"
)
_DETAILS: Final = "patient details"


# Updates -----------------------------------------------------------------------------


def update_patient(
    command: UpdatePatient, uow: UnitOfWork, context: Context
) -> Received:
    """Bring register and open orders up to date with what a message says.

    Older news than was applied already is ignored, but for a death that nobody has
    denied since.
    """
    known = known_by(command.keys, uow)
    people = tuple({one.id: one for one in known.values()}.values())
    found = person_meant(command, known)
    if found is None:
        doubt = QuestionIdentity(command.partner, command.keys, "numbers contradict")
        return question_identity(doubt, uow, context)
    new = found.id == NOBODY
    before = replace(found, id=PatientId(context.ids("N"))) if new else found
    after = updated(before, command, [one for one in people if one.id != before.id])
    if after == before:
        return Received(None, ReceivedAs.IGNORED_OLDER)
    for one in people:
        if one.id != after.id and set(one.keys) <= set(after.keys):
            uow.patients.save(replace(one, identifiers=(), merged_into=after.id))
    if new:
        uow.patients.add(after)
    else:
        uow.patients.save(after)
    if set(after.keys) != set(before.keys) or new:
        keep_busy_as(after, uow, context)
    news = _News(
        command,
        after,
        first=new,
        person=after.person_at != before.person_at,
        visit=after.visit_at != before.visit_at,
        death=after.death_at != before.death_at,
    )
    orders = _orders_of(after, before, uow)
    live = uow.schedule.live_appointments(order.id for order in orders)
    touched = [
        order.id
        for order in orders
        if _learnt(order, live.get(order.id), news, uow, context)
    ]
    return Received(None, _as_what(touched), tuple(touched))


@dataclass(frozen=True, slots=True)
class _News:
    """A message and what of it is news: about the person, the stay, or a death.

    Parameters
    ----------
    first
        Nothing was known of the person before.
    """

    command: UpdatePatient
    known: RegisteredPatient
    first: bool
    person: bool
    visit: bool
    death: bool


def _learnt(
    order: ImagingOrder,
    live: Appointment | None,
    news: _News,
    uow: UnitOfWork,
    context: Context,
) -> bool:
    """Apply the news to one order; return whether that changed it."""
    command, changed, note = news.command, order, _DETAILS
    if news.person:
        changed = _described(order, live, news, uow, context)
    if news.visit and command.visit is not None:
        changed, line = moved(changed, command.visit, command.setting, uow, context)
        note = line or note
    renamed = changed.content.patient != order.content.patient
    if news.known.deceased:
        stopped = stop_contact(changed, command.on_death, uow, context)
        if stopped is None:
            return True
        changed = stopped
    elif news.death:
        changed = resume_contact(changed, uow, context)
    if changed == order:
        return False
    stored(order, changed, uow, context, note=note)
    if renamed:
        tell_of_change(changed, live, uow, context)
    return True


def _as_what(touched: Collection[OrderId]) -> ReceivedAs:
    return ReceivedAs.CHANGED if touched else ReceivedAs.RECORDED


def _orders_of(
    after: RegisteredPatient, before: RegisteredPatient, uow: UnitOfWork
) -> list[ImagingOrder]:
    """Return the person's open orders: by their own number, or NHS number and birth."""
    keys = set(after.keys)
    born = {after.birth_date, before.birth_date} - {None}
    found: list[ImagingOrder] = []
    for order in uow.orders.of_patient(keys, open_only=True):
        patient = order.content.patient
        own_number = local_key(patient.local_authority, patient.local_id) in keys
        same_name = patient.family_name.casefold() == after.family_name.casefold()
        if own_number or (
            same_name if patient.birth_date is None else patient.birth_date in born
        ):
            found.append(order)
    return found


def _described(
    order: ImagingOrder,
    live: Appointment | None,
    news: _News,
    uow: UnitOfWork,
    context: Context,
) -> ImagingOrder:
    """Return the order with its patient as described now."""
    command, known = news.command, news.known
    was = order.content.patient
    if None not in (was.nhs_number, known.nhs_number) and (
        was.nhs_number != known.nhs_number
    ):
        return flagged(order, MISMATCH, uow, context)
    patient = renumbered(command.details.applied_to(was), known)
    if news.first and None not in (was.birth_date, patient.birth_date):
        other_name = was.family_name.casefold() != patient.family_name.casefold()
        if other_name and was.birth_date != patient.birth_date:
            return flagged(order, _SOMEBODY_ELSE, uow, context)
    changed = with_patient(order, patient, live, uow, context)
    if command.interpreter not in (None, order.content.needs.interpreter):
        needs = replace(order.content.needs, interpreter=bool(command.interpreter))
        changed = replace(changed, content=replace(changed.content, needs=needs))
        changed = _to_be_checked(changed, "interpreter", uow, context)
    if patient.birth_date is None and was.birth_date is not None:
        missing = HoldReason(HoldCode.MISSING_BIRTH_DATE, "deleted by the sender")
        return flagged(changed, missing, uow, context)
    day = local_date(context.now if live is None else live.starts_at)
    if is_child(was, day) != is_child(patient, day):
        changed = _to_be_checked(changed, "age", uow, context)
    if patient.birth_date is not None:
        settled = frozenset({HoldCode.MISSING_BIRTH_DATE})
        changed = unflagged(changed, settled, uow, context)
    return changed


def _to_be_checked(
    order: ImagingOrder, what: str, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Have a person look whether a booked slot still suits the patient."""
    if order.status is not OrderStatus.BOOKED:
        return order
    reason = HoldReason(HoldCode.CHANGED_AFTER_BOOKING, what)
    return flagged(order, reason, uow, context)


# Doubts and answers ------------------------------------------------------------------


def question_identity(
    command: QuestionIdentity, uow: UnitOfWork, context: Context
) -> Received:
    """Have a person look at the open orders of numbers that are in doubt."""
    local = [key for key in command.keys if nhs_number_of(key) is None]
    found = uow.orders.of_patient(local or command.keys, open_only=True)
    reason = HoldReason(HoldCode.IDENTITY_CONFLICT, command.reason)
    for order in found:
        changed = flagged(order, reason, uow, context)
        if changed != order:
            stored(order, changed, uow, context, note=command.reason)
    return Received(None, ReceivedAs.HELD, tuple(order.id for order in found))


def record_patient_answers(
    command: RecordPatientAnswers, uow: UnitOfWork, context: Context
) -> Received:
    """Add safety answers to every open order of a patient that lacks them."""
    known = uow.patients.by_keys(command.keys)
    keys = {*command.keys, *(key for one in known.values() for key in one.keys)}
    touched: list[OrderId] = []
    for order in uow.orders.of_patient(keys, open_only=True):
        said = {(each.question, each.answer) for each in order.content.safety}
        new = tuple(a for a in command.answers if (a.question, a.answer) not in said)
        if new:
            record_answers(RecordAnswers(order.id, new), uow, context)
            touched.append(order.id)
    return Received(None, _as_what(touched), tuple(touched))
