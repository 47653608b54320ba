"""The numbers that a patient is known by, as they are by now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from booking_engine.application.deaths import DIED
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.orders import HoldCode, HoldReason, OrderContent
from booking_engine.domain.patients import Patient
from booking_engine.domain.register import (
    RegisteredPatient,
    keys_of,
    local_key,
    local_number_of,
)

MISMATCH: Final = HoldReason(HoldCode.IDENTITY_CONFLICT, "NHS number differs")


def as_registered(
    content: OrderContent, uow: UnitOfWork
) -> tuple[OrderContent, tuple[HoldReason, ...]]:
    """Return what is asked for with the patient's numbers as they are by now.

    A number that was merged gives way to the one in use, and an NHS number that is
    known for the hospital's number is added, so that all orders of a patient have one
    key. The reasons say what a person must look at.
    """
    patient = content.patient
    known = uow.patients.by_keys(keys_of(patient))
    if not known:
        return content, ()
    holds: list[HoldReason] = []
    own = known.get(local_key(patient.local_authority, patient.local_id))
    if own is not None:
        if None in (patient.nhs_number, own.nhs_number) or (
            patient.nhs_number == own.nhs_number
        ):
            patient = renumbered(patient, own)
        else:
            holds.append(MISMATCH)
    if any(one.deceased for one in known.values()):
        holds.append(DIED)
    if patient != content.patient:
        content = replace(content, patient=patient)
    return content, tuple(holds)


def renumbered(patient: Patient, known: RegisteredPatient) -> Patient:
    """Return the patient of an order with the numbers that are in use."""
    key = known.in_use_for(local_key(patient.local_authority, patient.local_id))
    _, local_id = local_number_of(key) or ("", patient.local_id)
    nhs_number = known.nhs_number or patient.nhs_number
    return replace(patient, local_id=local_id, nhs_number=nhs_number)


def known_by(
    keys: Collection[PatientKey], uow: UnitOfWork
) -> dict[PatientKey, RegisteredPatient]:
    """Return who has these keys, with all their other keys kept to this unit too.

    So an order that comes at the same moment under another number of the patient sees
    what is written here, or is seen.
    """
    found = uow.patients.by_keys(keys)
    others = {key for one in found.values() for key in one.keys}.difference(keys)
    if not others:
        return found
    uow.patients.by_keys(others)
    return uow.patients.by_keys(keys)
