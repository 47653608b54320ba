"""Two numbers are one person: orders and appointments go to the surviving number.

Nothing is cancelled for it. Where the survivor would have the same exam twice, or two
appointments at one time, a person decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.deaths import stop_contact
from booking_engine.application.patient_commands import (
    MergePatients,
)
from booking_engine.application.patient_numbers import known_by
from booking_engine.application.patient_orders import (
    flagged,
    keep_busy_as,
    stored,
    tell_of_change,
    with_patient,
)
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import (
    OrderId,
    PatientId,
    PatientKey,
    ProcedureCode,
)
from booking_engine.domain.orders import (
    TERMINAL,
    HoldCode,
    HoldReason,
    ImagingOrder,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.register import (
    KnownIdentifier,
    OnDeath,
    RegisteredPatient,
    local_key,
    local_number_of,
    nhs_key,
    nhs_number_of,
)
from booking_engine.domain.schedule import Appointment

_SAME_EXAM: Final = HoldReason(HoldCode.DUPLICATE_AFTER_MERGE, "same exam")
_OTHER_NUMBER: Final = HoldReason(HoldCode.IDENTITY_CONFLICT, "merged: NHS number")
_NOTE: Final = "patient merged"


def merge_patients(
    command: MergePatients, uow: UnitOfWork, context: Context
) -> Received:
    """Move everything of the discarded numbers to the survivor.

    A number that nobody had is remembered, so that an order that still comes under it
    is the survivor's. A repeat changes nothing; a merge older than the last one of the
    same number is ignored.

    Raises
    ------
    InvalidValue
        No number is left to discard: the survivor has them all.
    """
    given = tuple(key for key in command.discarded if key not in command.survivor)
    if not given:
        raise InvalidValue(
            "The merge names the same patient twice; send the number that is given up"
            " in MRG-1 and the one that stays in PID-3."
        )
    owners = known_by((*command.survivor, *given), uow)
    survivor = _survivor(command, owners)
    new = survivor is None
    if survivor is None:
        survivor = _created(command, PatientId(context.ids("N")), owners)
    fresh = [key for key in given if not _is_older(command, key, owners)]
    if not fresh:
        return Received(None, ReceivedAs.IGNORED_OLDER)
    before = survivor
    survivor = survivor.known_by(
        KnownIdentifier(key, command.sent_at)
        for key in command.survivor
        if key not in owners
        or (survivor.is_retired(key) and not _is_older(command, key, owners))
    )
    for key in fresh:
        survivor = _taken_over(key, owners.get(key), survivor, command, uow)
    if new:
        uow.patients.add(survivor)
    elif survivor != before:
        uow.patients.save(survivor)
    keep_busy_as(survivor, uow, context)
    touched = _move_orders(fresh, survivor, command, uow, context)
    kind = ReceivedAs.CHANGED if touched else ReceivedAs.RECORDED
    return Received(None, kind, tuple(touched))


def _survivor(
    command: MergePatients, owners: dict[PatientKey, RegisteredPatient]
) -> RegisteredPatient | None:
    """Return who keeps the numbers: found by the hospital's own before the NHS's."""
    ordered = sorted(command.survivor, key=lambda k: nhs_number_of(k) is not None)
    return next((owners[key] for key in ordered if key in owners), None)


def _created(
    command: MergePatients,
    patient_id: PatientId,
    owners: dict[PatientKey, RegisteredPatient],
) -> RegisteredPatient:
    numbers = tuple(KnownIdentifier(k) for k in command.survivor if k not in owners)
    return command.details.applied_to(RegisteredPatient(patient_id, numbers))


def _is_older(
    command: MergePatients,
    key: PatientKey,
    owners: dict[PatientKey, RegisteredPatient],
) -> bool:
    """Return whether a later merge has already decided on this number."""
    owner = owners.get(key)
    return owner is not None and any(
        each.key == key and each.since > command.sent_at for each in owner.identifiers
    )


def _taken_over(
    key: PatientKey,
    owner: RegisteredPatient | None,
    survivor: RegisteredPatient,
    command: MergePatients,
    uow: UnitOfWork,
) -> RegisteredPatient:
    """Return the survivor with a discarded number, and what hangs on it, retired."""
    retired = [KnownIdentifier(key, command.sent_at, retired=True)]
    if owner is None or owner.id == survivor.id:
        return survivor.known_by(retired)
    # Read anew: an earlier number of this message may have changed it.
    owner = uow.patients.by_keys((key,)).get(key, owner)
    retired += [each for each in owner.identifiers if each.retired]
    number = owner.nhs_number
    if number is not None and survivor.nhs_number is None:
        kept = KnownIdentifier(nhs_key(number), command.sent_at)
        if kept.key != key:
            retired.append(kept)
    left = owner.without(each.key for each in retired)
    merged_into = None if left.identifiers else survivor.id
    uow.patients.save(replace(left, merged_into=merged_into))
    return survivor.known_by(retired)


def _move_orders(
    moved: Collection[PatientKey],
    survivor: RegisteredPatient,
    command: MergePatients,
    uow: UnitOfWork,
    context: Context,
) -> list[OrderId]:
    """Move the orders of discarded numbers; return those that changed."""
    keys = set(moved)
    found = uow.orders.of_patient(keys, open_only=False)
    if not found:
        return []
    live = uow.schedule.live_appointments(order.id for order in found)
    others = uow.orders.of_patient(survivor.keys, open_only=True)
    exams = {order.id: _exams(order) for order in others}
    touched: list[OrderId] = []
    for order in found:
        patient = _as_survivor(order.content.patient, keys, survivor, command)
        if patient == order.content.patient:
            continue
        if order.status in TERMINAL:
            # What is over is only filed under the new number.
            after = _filed(order, patient, live.get(order.id), uow, context)
        else:
            after = with_patient(order, patient, live.get(order.id), uow, context)
            after = _doubted(after, order, keys, exams, uow, context)
            if survivor.deceased:
                after = stop_contact(after, OnDeath.HOLD, uow, context) or after
        stored(order, after, uow, context, note=_NOTE)
        tell_of_change(after, live.get(order.id), uow, context)
        touched.append(order.id)
    return touched


def _filed(
    order: ImagingOrder,
    patient: Patient,
    live: Appointment | None,
    uow: UnitOfWork,
    context: Context,
) -> ImagingOrder:
    moved = with_patient(order, patient, live, uow, context)
    return replace(order, content=moved.content)


def _doubted(
    after: ImagingOrder,
    before: ImagingOrder,
    moved: Collection[PatientKey],
    exams: Mapping[OrderId, frozenset[ProcedureCode]],
    uow: UnitOfWork,
    context: Context,
) -> ImagingOrder:
    """Return the order flagged where the merge leaves something for a person."""
    number, was = after.content.patient.nhs_number, before.content.patient.nhs_number
    if was is not None and number != was and nhs_key(was) not in moved:
        after = flagged(after, _OTHER_NUMBER, uow, context)
    own = _exams(after)
    if any(own & theirs for i, theirs in exams.items() if i != after.id):
        after = flagged(after, _SAME_EXAM, uow, context)
    return after


def _exams(order: ImagingOrder) -> frozenset[ProcedureCode]:
    return frozenset(code for code in order.content.procedures if code is not None)


def _as_survivor(
    patient: Patient,
    moved: Collection[PatientKey],
    survivor: RegisteredPatient,
    command: MergePatients,
) -> Patient:
    """Return the patient of an order with the survivor's numbers, pair by pair."""
    local_id, authority = patient.local_id, patient.local_authority
    if local_key(authority, local_id) in moved:
        local_id = _pair(authority, survivor, command.survivor) or local_id
    number = survivor.nhs_number or patient.nhs_number
    return replace(patient, local_id=local_id, nhs_number=number)


def _pair(
    authority: str, survivor: RegisteredPatient, named: Sequence[PatientKey]
) -> str:
    """Return the survivor's number of the same authority; empty if there is none."""
    for key in named:
        local = local_number_of(key)
        if local is not None and local[0] == authority and not survivor.is_retired(key):
            return local[1]
    in_use = survivor.local_ids(authority)
    return in_use[0] if len(in_use) == 1 else ""
