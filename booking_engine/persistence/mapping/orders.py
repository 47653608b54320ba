"""Orders, their logs and the register of patients to rows and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.orders import (
    TERMINAL,
    ImagingOrder,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.register import KnownIdentifier, RegisteredPatient, local_key
from booking_engine.domain.vocabulary import BookingMode, LinkedOrders
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock
from booking_engine.persistence import documents
from booking_engine.persistence.mapping.values import Values
from booking_engine.persistence.summaries import tier_of


def order_row(order: ImagingOrder) -> Values:
    """Return the row of an order."""
    content = order.content
    codes = "".join(f"{reason.code.value}," for reason in order.holds)
    return {
        "id": order.id,
        "partner": order.partner,
        "placer_authority": content.placer_authority,
        "placer_number": content.placer_number,
        "patient_key": content.patient.key,
        "nhs_number": content.patient.nhs_number,
        "accession": content.accession,
        "status": order.status.value,
        "status_since": order.status_since,
        "tier": tier_of(order),
        "breach_on": order.clock.breach_on,
        "clock_started_on": order.clock.started_on,
        "clock_requested_on": order.clock.original_request_on,
        "procedure": content.procedure,
        "procedure_as_sent": content.procedure_as_sent,
        "hold_codes": f",{codes}" if codes else "",
        "received_at": order.received_at,
        "sent_at": order.sent_at,
        "version": order.version,
        "content": documents.order_document(order),
        "local_key": _local_key_beside(content.patient),
        "orderer_unmapped": content.orderer.unmapped and order.status not in TERMINAL,
    }


def _local_key_beside(patient: Patient) -> PatientKey | None:
    """Return the key of the hospital's number where that is not the patient's key."""
    if patient.nhs_number is None or not patient.local_id:
        return None
    return local_key(patient.local_authority, patient.local_id)


def order_of(row: Any) -> ImagingOrder:
    """Return the order of a row."""
    document = row.content
    return ImagingOrder(
        id=row.id,
        partner=row.partner,
        content=documents.order_content(document, row),
        status=OrderStatus(row.status),
        status_since=row.status_since,
        clock=WaitingClock(row.clock_requested_on, row.clock_started_on),
        received_at=row.received_at,
        sent_at=row.sent_at,
        holds=documents.holds_of(document),
        vetting=documents.vetting_of(document),
        mode=BookingMode(document["mode"]),
        linked=LinkedOrders(document.get("linked", LinkedOrders.SEPARATE)),
        held_at=documents.instant_of(document, "held_at"),
        told_at=documents.instant_of(document, "told_at"),
        version=row.version,
    )


def patient_row(patient: RegisteredPatient) -> Values:
    """Return the row of a patient, without their identifiers."""
    return {
        "id": patient.id,
        "deceased": patient.deceased,
        "merged_into": patient.merged_into,
        "version": patient.version,
        "content": documents.patient_document(patient),
    }


def identifier_row(known: KnownIdentifier, patient_id: str | None) -> Values:
    """Return the row of an identifier; of nobody if `patient_id` is ``None``."""
    return {
        "key": known.key,
        "patient_id": patient_id,
        "since": known.since,
        "retired": known.retired,
    }


def patient_of(found: Sequence[Any]) -> RegisteredPatient:
    """Return the patient of rows that differ in the identifier alone."""
    row = found[0]
    return RegisteredPatient(
        id=row.id,
        identifiers=tuple(
            KnownIdentifier(each.key, each.since, each.retired) for each in found
        ),
        deceased=row.deceased,
        merged_into=row.merged_into,
        version=row.version,
        **documents.patient_details(row.content),
    )


def change_row(change: StatusChange) -> Values:
    """Return the row of a line of history."""
    return {
        "order_id": change.order_id,
        "at": change.at,
        "actor": change.actor,
        "action": change.action,
        "before": None if change.before is None else change.before.value,
        "after": change.after.value,
        "note": change.note,
    }


def change_of(row: Any) -> StatusChange:
    """Return the line of history of a row."""
    return StatusChange(
        order_id=row.order_id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        before=None if row.before is None else OrderStatus(row.before),
        after=OrderStatus(row.after),
        note=row.note,
    )


def clock_row(event: ClockEvent) -> Values:
    """Return the row of a line of the clock log."""
    return {
        "order_id": event.order_id,
        "at": event.at,
        "reason": event.reason.value,
        "clock_started_on": event.clock_started_on,
    }


def clock_of(row: Any) -> ClockEvent:
    """Return the line of the clock log of a row."""
    return ClockEvent(
        row.order_id, row.at, ClockReason(row.reason), row.clock_started_on
    )
