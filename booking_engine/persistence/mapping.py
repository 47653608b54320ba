"""Rows to domain values and back: the only bridge, written by hand for speed.

``…_row`` returns the values of one row by column, for a bulk insert; ``…_of`` reads a
result row by column name. A test sends every kind of value there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from booking_engine.domain.alerts import Alert, Condition
from booking_engine.domain.decisions import Decision, DecisionKind
from booking_engine.domain.delivery_history import (
    AttemptOutcome,
    DeliveryAction,
    DeliveryAttempt,
    DeliveryChange,
)
from booking_engine.domain.diary_entries import (
    DiaryEntry,
    EntryKind,
    EntryStatus,
)
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import OrderId, PartnerId, PatientKey
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
    KeyKind,
    MessageOutcome,
    SearchKey,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus, StatusChange
from booking_engine.domain.patients import Patient
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.register import (
    KnownIdentifier,
    RegisteredPatient,
    local_key,
)
from booking_engine.domain.schedule import (
    Appointment,
    AppointmentStatus,
    ScanSession,
)
from booking_engine.domain.vocabulary import BookingMode
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock
from booking_engine.persistence import documents
from booking_engine.persistence.summaries import tier_of

Values = dict[str, Any]
Value = TypeVar("Value")


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


def run_row(run: PlanRun) -> Values:
    """Return the row of a planning run."""
    values: Values = {name: getattr(run, name) for name in PlanRun.__slots__}
    values["status"] = run.status.value
    return values


def run_of(row: Any) -> PlanRun:
    """Return the planning run of a row, with its files if the row has them."""
    values = row._asdict()
    values["status"] = PlanRunStatus(values["status"])
    return PlanRun(**values)


def decision_row(decision: Decision) -> Values:
    """Return the row of a decision record."""
    return {
        "id": decision.id,
        "order_id": decision.order_id,
        "appointment_id": decision.appointment_id,
        "plan_run_id": decision.plan_run_id,
        "kind": decision.kind.value,
        "made_at": decision.made_at,
        "content": {
            "actor": decision.actor,
            "policy_version": decision.policy_version,
            "rules_version": decision.rules_version,
            "inputs_digest": decision.inputs_digest,
            "inputs": decision.inputs,
            "chosen": documents.choice_document(decision.chosen),
            "options": decision.options,
            "excluded": [list(pair) for pair in decision.excluded],
            "runner_up": None
            if decision.runner_up is None
            else documents.choice_document(decision.runner_up),
            "sentence": decision.sentence,
        },
    }


def decision_of(row: Any) -> Decision:
    """Return the decision record of a row."""
    content = row.content
    runner_up = content["runner_up"]
    return Decision(
        id=row.id,
        order_id=row.order_id,
        appointment_id=row.appointment_id,
        kind=DecisionKind(row.kind),
        made_at=row.made_at,
        actor=content["actor"],
        policy_version=content["policy_version"],
        rules_version=content["rules_version"],
        inputs_digest=content["inputs_digest"],
        inputs=content["inputs"],
        chosen=documents.choice_of(content["chosen"]),
        options=content["options"],
        excluded=tuple((rule, count) for rule, count in content["excluded"]),
        runner_up=None if runner_up is None else documents.choice_of(runner_up),
        plan_run_id=row.plan_run_id,
        sentence=content["sentence"],
    )


def message_row(message: InboundMessage) -> Values:
    """Return the row of an inbound message; its orders have a table of their own."""
    return {
        "id": message.id,
        "received_at": message.received_at,
        "peer": message.peer,
        "partner": message.partner,
        "sender": message.sender,
        "control_id": message.control_id,
        "kind": message.kind,
        "digest": message.digest,
        "raw": message.raw,
        "ack": message.ack,
        "outcome": message.outcome.value,
        "error_code": message.error_code,
        "error_text": message.error_text,
        "warnings": "\n".join(message.warnings),
        "sent_at": message.sent_at,
        "order_control": message.order_control,
        "search_keys": "\n".join([" ".join(key) for key in message.keys]),
        "latency_us": message.latency_us,
        "fault": message.fault,
        "replay_of": message.replay_of,
        "replayed_by": message.replayed_by,
        "replay_reason": message.replay_reason,
        "edited": message.edited,
    }


def keys_of(text: str) -> tuple[SearchKey, ...]:
    """Return the search keys that a column holds, one a line."""
    if not text:
        return ()
    pairs = (line.partition(" ") for line in text.split("\n"))
    return tuple([SearchKey(KeyKind(kind), value) for kind, _, value in pairs])


def message_of(row: Any, orders: tuple[OrderId, ...], raw: bytes) -> InboundMessage:
    """Return the inbound message of a row.

    Parameters
    ----------
    orders
        The orders that it created or changed.
    raw
        Its bytes, which lists leave out.
    """
    return InboundMessage(
        id=row.id,
        received_at=row.received_at,
        peer=row.peer,
        partner=row.partner,
        sender=row.sender,
        control_id=row.control_id,
        kind=row.kind,
        digest=row.digest,
        raw=raw,
        ack=row.ack,
        outcome=MessageOutcome(row.outcome),
        error_code=row.error_code,
        error_text=row.error_text,
        order_ids=orders,
        warnings=tuple(row.warnings.split("\n")) if row.warnings else (),
        sent_at=row.sent_at,
        order_control=row.order_control,
        keys=keys_of(row.search_keys),
        latency_us=row.latency_us,
        fault=row.fault,
        replay_of=row.replay_of,
        replayed_by=row.replayed_by,
        replay_reason=row.replay_reason,
        edited=row.edited,
    )


def event_row(event_id: str, event: Event) -> Values:
    """Return the row of an event."""
    return {
        "id": event_id,
        "kind": event.kind.value,
        "order_id": event.order_id,
        "occurred_at": event.occurred_at,
        "audience": list(event.audience),
        "appointment_id": event.appointment_id,
        "scanner": event.scanner,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "decision_id": event.decision_id,
        "reason": event.reason,
        "contact_stopped": event.contact_stopped,
    }


def event_of(row: Any) -> Event:
    """Return the event of a row."""
    return Event(
        kind=EventKind(row.kind),
        order_id=row.order_id,
        occurred_at=row.occurred_at,
        audience=tuple(PartnerId(partner) for partner in row.audience),
        appointment_id=row.appointment_id,
        scanner=row.scanner,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        decision_id=row.decision_id,
        reason=row.reason,
        contact_stopped=bool(row.contact_stopped),
    )


def delivery_row(delivery: Delivery) -> Values:
    """Return the row of a new delivery; the database gives it its sequence."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "destination": delivery.destination,
        "created_at": delivery.created_at,
        "answers": delivery.answers,
        "application_ack": delivery.application_ack,
        **delivery_state(delivery),
    }


def delivery_state(delivery: Delivery) -> Values:
    """Return the columns of a delivery that change."""
    return {
        "status": delivery.status.value,
        "payload": delivery.payload,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "last_error": delivery.last_error,
        "ack": delivery.ack,
        "delivered_at": delivery.delivered_at,
    }


def delivery_of(row: Any, *, bare: bool = False) -> Delivery:
    """Return the delivery of a row, or of a bare one without its bytes."""
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        order_id=row.order_id,
        destination=row.destination,
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        sequence=row.sequence,
        payload=None if bare else row.payload,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        ack=None if bare else row.ack,
        delivered_at=row.delivered_at,
        answers=row.answers,
        application_ack=row.application_ack,
    )


def alert_row(alert: Alert) -> Values:
    """Return the row of an alert."""
    values: Values = {name: getattr(alert, name) for name in Alert.__slots__}
    values["condition"] = alert.condition.value
    return values


def alert_of(row: Any) -> Alert:
    """Return the alert of a row."""
    values = {name: getattr(row, name) for name in Alert.__slots__}
    return Alert(**values | {"condition": Condition(row.condition)})


def attempt_row(attempt: DeliveryAttempt) -> Values:
    """Return the row of an attempt to send."""
    return {
        "delivery_id": attempt.delivery_id,
        "started_at": attempt.started_at,
        "duration_us": attempt.duration_us,
        "outcome": attempt.outcome.value,
        "phase": attempt.phase,
        "code": attempt.code,
        "text": attempt.text,
    }


def attempt_of(row: Any) -> DeliveryAttempt:
    """Return the attempt of a row."""
    return DeliveryAttempt(
        delivery_id=row.delivery_id,
        started_at=row.started_at,
        duration_us=row.duration_us,
        outcome=AttemptOutcome(row.outcome),
        phase=row.phase,
        code=row.code,
        text=row.text,
    )


def delivery_change_row(change: DeliveryChange) -> Values:
    """Return the row of what a person did with a delivery."""
    return {
        "delivery_id": change.delivery_id,
        "at": change.at,
        "actor": change.actor,
        "action": change.action.value,
        "reason": change.reason,
        "payload": change.payload,
    }


def delivery_change_of(row: Any) -> DeliveryChange:
    """Return what a person did with a delivery, of a row."""
    return DeliveryChange(
        delivery_id=row.delivery_id,
        at=row.at,
        actor=row.actor,
        action=DeliveryAction(row.action),
        reason=row.reason,
        payload=row.payload,
    )
