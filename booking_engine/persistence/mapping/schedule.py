"""Sessions, appointments and diary entries to rows and back."""

from __future__ import annotations

from typing import Any

from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.mappings import MappingTable, UnknownName
from booking_engine.domain.schedule import Appointment, AppointmentStatus, ScanSession
from booking_engine.persistence.mapping.values import Values


def session_row(session: ScanSession) -> Values:
    """Return the row of a session."""
    return {
        "id": session.id,
        "scanner": session.scanner,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "list_type": int(session.list_type),
        "release_at": session.release_at,
        "contract": session.contract,
        "status": session.status.value,
        "version": session.version,
    }


def diary_entry_row(entry: DiaryEntry) -> Values:
    """Return the row of a diary entry."""
    return {
        "id": entry.id,
        "partner": entry.partner,
        "number": entry.number,
        "kind": entry.kind.value,
        "scanner": entry.scanner,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
        "status": entry.status.value,
        "sent_at": entry.sent_at,
        "order_id": entry.order_id,
        "appointment_id": entry.appointment_id,
        "patient": entry.patient,
        "reason": entry.reason,
        "version": entry.version,
        "sought": None if entry.sought is None else list(entry.sought),
        "exams": sorted(entry.exams) or None,
        "unknown_names": [[n.table.value, n.text, *n.names] for n in entry.unknown]
        or None,
        "declined": sorted(entry.declined) or None,
    }


def diary_entry_of(row: Any) -> DiaryEntry:
    """Return the diary entry of a row."""
    return DiaryEntry(
        id=row.id,
        partner=row.partner,
        number=row.number,
        kind=EntryKind(row.kind),
        scanner=row.scanner,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        status=EntryStatus(row.status),
        sent_at=row.sent_at,
        order_id=row.order_id,
        appointment_id=row.appointment_id,
        patient=row.patient,
        reason=row.reason,
        sought=None if row.sought is None else tuple(row.sought),
        exams=frozenset(row.exams or ()),
        declined=frozenset(row.declined or ()),
        unknown=tuple(
            UnknownName(MappingTable(table), tuple(names), text)
            for table, text, *names in row.unknown_names or ()
        ),
        version=row.version,
    )


def appointment_row(one: Appointment) -> Values:
    """Return the row of an appointment."""
    return {
        "id": one.id,
        "order_id": one.order_id,
        "session_id": one.session_id,
        "scanner": one.scanner,
        "patient": one.patient,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "status": one.status.value,
        "decision_id": one.decision_id,
        "told": one.told,
        "expires_at": one.expires_at,
        "cancel_reason": one.cancel_reason,
        "version": one.version,
    }


def appointment_of(row: Any) -> Appointment:
    """Return the appointment of a row."""
    return Appointment(
        id=row.id,
        order_id=row.order_id,
        session_id=row.session_id,
        scanner=row.scanner,
        patient=row.patient,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        status=AppointmentStatus(row.status),
        decision_id=row.decision_id,
        told=row.told,
        expires_at=row.expires_at,
        cancel_reason=row.cancel_reason,
        version=row.version,
    )
