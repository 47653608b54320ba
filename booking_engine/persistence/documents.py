"""The JSON documents of the store: how values without columns are written and read.

Written by hand, field by field: these run for every order in and out.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from booking_engine.domain.decisions import Choice, Terms
from booking_engine.domain.identifiers import (
    Actor,
    ProcedureCode,
    ScannerId,
    SessionId,
    SiteCode,
)
from booking_engine.domain.orders import (
    NOBODY,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    Orderer,
    ProcedureStep,
    Vetting,
)
from booking_engine.domain.patients import NO_NEEDS, Needs, Patient
from booking_engine.domain.register import RegisteredPatient
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import (
    LinkedOrders,
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)

Document = dict[str, Any]


def day_of(text: str | None) -> date | None:
    """Return the day that a document has as text."""
    return None if text is None else date.fromisoformat(text)


def day_text(day: date | None) -> str | None:
    """Return a day as a document has it."""
    return None if day is None else day.isoformat()


def _instant_text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def order_document(order: ImagingOrder) -> Document:
    """Return the part of an order that has no column."""
    content, patient = order.content, order.content.patient
    document: Document = {
        "patient": [
            patient.local_id,
            patient.local_authority,
            patient.family_name,
            patient.given_name,
            day_text(patient.birth_date),
            patient.sex.value,
            patient.outward_code,
        ],
        "priority": None if content.priority is None else content.priority.value,
        "priority_as_sent": content.priority_as_sent,
        "setting": content.setting.value,
        "list_type": content.list_type.value,
        "requested_at": content.requested_at.isoformat(),
        "site": content.site,
        "filler_number": content.filler_number,
        "group_number": content.group_number,
        "mode": order.mode.value,
        "clinical_reason": content.clinical_reason,
        "earliest_on": day_text(content.earliest_on),
        "latest_on": day_text(content.latest_on),
    }
    if content.safety:
        document["safety"] = [
            [a.question.value, a.answer.value, a.recorded_at.isoformat(), a.source]
            for a in content.safety
        ]
    if content.needs != NO_NEEDS:
        needs = content.needs
        document["needs"] = {
            "weight_kg": needs.weight_kg,
            "hoist": needs.hoist,
            "interpreter": needs.interpreter,
            "wide_bore": needs.wide_bore,
            "general_anaesthetic": needs.general_anaesthetic,
            "travel_cap_km": needs.travel_cap_km,
        }
    if content.orderer != NOBODY:
        document["orderer"] = _orderer_document(content.orderer)
    if content.study_uid:
        document["study_uid"] = content.study_uid
    document |= _exam_document(content)
    document |= _standing_document(order)
    return document


def _standing_document(order: ImagingOrder) -> Document:
    """Return what an order has besides its content, as far as it has any."""
    document: Document = {}
    vetting = order.vetting
    if order.linked is not LinkedOrders.SEPARATE:
        document["linked"] = order.linked.value
    if order.held_at is not None:
        document["held_at"] = order.held_at.isoformat()
    if order.told_at is not None:
        document["told_at"] = order.told_at.isoformat()
    if order.holds:
        document["holds"] = [_hold_document(hold) for hold in order.holds]
    if vetting is not None:
        document["vetting"] = {
            "by": vetting.by,
            "at": vetting.at.isoformat(),
            "guideline": vetting.guideline,
            "cleared": sorted(vetting.cleared),
        }
    return document


def _orderer_document(orderer: Orderer) -> list[str | bool]:
    parts: list[str | bool] = [orderer.code, orderer.name, orderer.gmc_number]
    return [*parts, True] if orderer.unmapped else parts


def _exam_document(content: OrderContent) -> Document:
    """Return what few orders say of their exam besides its code."""
    document: Document = {}
    if content.procedure_text:
        document["procedure_text"] = content.procedure_text
    if content.further_steps:
        document["further_steps"] = [
            [s.procedure, s.procedure_as_sent, s.accession, s.procedure_text]
            for s in content.further_steps
        ]
    return document


def patient_document(patient: RegisteredPatient) -> Document:
    """Return the part of a registered patient that has no column."""
    return {
        "name": [patient.family_name, patient.given_name],
        "born": day_text(patient.birth_date),
        "sex": patient.sex.value,
        "outward_code": patient.outward_code,
        "deceased_on": day_text(patient.deceased_on),
        "death_at": _instant_text(patient.death_at),
        "death_by": patient.death_by,
        "person_at": _instant_text(patient.person_at),
        "visit_at": _instant_text(patient.visit_at),
    }


def patient_details(document: Document) -> dict[str, Any]:
    """Return the fields of a registered patient that stand in a document."""
    family, given = document["name"]
    return {
        "family_name": family,
        "given_name": given,
        "birth_date": day_of(document["born"]),
        "sex": Sex(document["sex"]),
        "outward_code": document["outward_code"],
        "deceased_on": day_of(document["deceased_on"]),
        "death_at": instant_of(document, "death_at"),
        "death_by": document["death_by"],
        "person_at": instant_of(document, "person_at"),
        "visit_at": instant_of(document, "visit_at"),
    }


def order_content(document: Document, row: Any) -> OrderContent:
    """Return what the sender asked for, from a document and its row's columns."""
    local_id, authority, family, given, born, sex, outward = document["patient"]
    priority = document["priority"]
    needs = document.get("needs")
    return OrderContent(
        placer_number=row.placer_number,
        placer_authority=row.placer_authority,
        patient=Patient(
            nhs_number=row.nhs_number,
            local_id=local_id,
            local_authority=authority,
            family_name=family,
            given_name=given,
            birth_date=day_of(born),
            sex=Sex(sex),
            outward_code=outward,
        ),
        procedure=None if row.procedure is None else ProcedureCode(row.procedure),
        procedure_as_sent=row.procedure_as_sent,
        priority=None if priority is None else Priority(priority),
        priority_as_sent=document["priority_as_sent"],
        setting=PatientSetting(document["setting"]),
        list_type=WaitingListType(document["list_type"]),
        requested_at=datetime.fromisoformat(document["requested_at"]),
        site=None if document["site"] is None else SiteCode(document["site"]),
        filler_number=document["filler_number"],
        accession=row.accession,
        group_number=document["group_number"],
        clinical_reason=document["clinical_reason"],
        safety=tuple(
            SafetyAnswer(Question(q), Answer(a), datetime.fromisoformat(at), source)
            for q, a, at, source in document.get("safety", ())
        ),
        needs=NO_NEEDS if needs is None else Needs(**needs),
        earliest_on=day_of(document["earliest_on"]),
        latest_on=day_of(document["latest_on"]),
        study_uid=document.get("study_uid", ""),
        orderer=Orderer(*document.get("orderer", ())),
        procedure_text=document.get("procedure_text", ""),
        further_steps=tuple(
            ProcedureStep(None if code is None else ProcedureCode(code), *more)
            for code, *more in document.get("further_steps", ())
        ),
    )


def instant_of(document: Document, name: str) -> datetime | None:
    """Return an instant that few orders have."""
    text = document.get(name)
    return None if text is None else datetime.fromisoformat(text)


def holds_of(document: Document) -> tuple[HoldReason, ...]:
    """Return the hold reasons of an order's document."""
    return tuple(
        HoldReason(HoldCode(code), detail, tuple(more[0]), *more[1:])
        if more
        else HoldReason(HoldCode(code), detail)
        for code, detail, *more in document.get("holds", ())
    )


def _hold_document(hold: HoldReason) -> list[Any]:
    if hold.step:
        names = list(hold.names)
        return [hold.code.value, hold.detail, names, hold.text, hold.step]
    if hold.names:
        return [hold.code.value, hold.detail, list(hold.names), hold.text]
    return [hold.code.value, hold.detail]


def vetting_of(document: Document) -> Vetting | None:
    """Return the vetting of an order's document."""
    vetting = document.get("vetting")
    if vetting is None:
        return None
    return Vetting(
        by=Actor(vetting["by"]),
        at=datetime.fromisoformat(vetting["at"]),
        guideline=vetting["guideline"],
        cleared=frozenset(Question(q) for q in vetting["cleared"]),
    )


def choice_document(choice: Choice) -> Document:
    """Return a decision's option as a document."""
    terms = choice.terms
    return {
        "scanner": choice.scanner,
        "session_id": choice.session_id,
        "starts_at": choice.starts_at.isoformat(),
        "minutes": choice.minutes,
        "travel_km": choice.travel_km,
        "terms": {name: getattr(terms, name) for name in Terms.__slots__},
        "price": choice.price,
        "to_come": choice.to_come,
        "reserved": choice.reserved,
    }


def choice_of(document: Document) -> Choice:
    """Return a decision's option from its document."""
    return Choice(
        scanner=ScannerId(document["scanner"]),
        session_id=SessionId(document["session_id"]),
        starts_at=datetime.fromisoformat(document["starts_at"]),
        minutes=document["minutes"],
        travel_km=document["travel_km"],
        terms=Terms(**document["terms"]),
        price=document["price"],
        # Decisions of before the protection have neither.
        to_come=document.get("to_come", 0),
        reserved=document.get("reserved", False),
    )
