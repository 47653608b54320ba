"""The JSON documents of the store: how values without columns are written and read.

Written by hand, field by field: these run for every order in and out.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from booking_engine.domain.decisions import Choice, Terms
from booking_engine.domain.identifiers import (
    Actor,
    ContractId,
    OrganisationCode,
    PartnerId,
    ProcedureCode,
    ScannerId,
    SessionId,
    SiteCode,
)
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    Vetting,
)
from booking_engine.domain.patients import NO_NEEDS, Needs, Patient
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.register import RegisteredPatient
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Sector,
    Site,
)
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import SessionTemplate
from booking_engine.domain.vocabulary import (
    Capability,
    ListType,
    Modality,
    PatientSetting,
    Priority,
    Sex,
    Trait,
    WaitingListType,
)

Document = dict[str, Any]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _instant_text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def order_document(order: ImagingOrder) -> Document:
    """Return the part of an order that has no column."""
    content, patient, vetting = order.content, order.content.patient, order.vetting
    document: Document = {
        "patient": [
            patient.local_id,
            patient.local_authority,
            patient.family_name,
            patient.given_name,
            _text(patient.birth_date),
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
        "earliest_on": _text(content.earliest_on),
        "latest_on": _text(content.latest_on),
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
    if content.study_uid:
        document["study_uid"] = content.study_uid
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


def patient_document(patient: RegisteredPatient) -> Document:
    """Return the part of a registered patient that has no column."""
    return {
        "name": [patient.family_name, patient.given_name],
        "born": _text(patient.birth_date),
        "sex": patient.sex.value,
        "outward_code": patient.outward_code,
        "deceased_on": _text(patient.deceased_on),
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
        "birth_date": _day(document["born"]),
        "sex": Sex(document["sex"]),
        "outward_code": document["outward_code"],
        "deceased_on": _day(document["deceased_on"]),
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
            birth_date=_day(born),
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
        earliest_on=_day(document["earliest_on"]),
        latest_on=_day(document["latest_on"]),
        study_uid=document.get("study_uid", ""),
    )


def instant_of(document: Document, name: str) -> datetime | None:
    """Return an instant that few orders have."""
    text = document.get(name)
    return None if text is None else datetime.fromisoformat(text)


def holds_of(document: Document) -> tuple[HoldReason, ...]:
    """Return the hold reasons of an order's document."""
    return tuple(
        HoldReason(HoldCode(code), detail, tuple(more[0]), more[1])
        if more
        else HoldReason(HoldCode(code), detail)
        for code, detail, *more in document.get("holds", ())
    )


def _hold_document(hold: HoldReason) -> list[Any]:
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
    )


def organisation_document(one: Organisation) -> Document:
    """Return an organisation as a document."""
    return {
        "code": one.code,
        "name": one.name,
        "sector": one.sector.value,
        "closed_on": _text(one.closed_on),
    }


def organisation_of(document: Document) -> Organisation:
    """Return an organisation from its document."""
    return Organisation(
        code=OrganisationCode(document["code"]),
        name=document["name"],
        sector=Sector(document["sector"]),
        closed_on=_day(document["closed_on"]),
    )


def site_document(one: Site) -> Document:
    """Return a site as a document."""
    return {name: getattr(one, name) for name in Site.__slots__}


def site_of(document: Document) -> Site:
    """Return a site from its document."""
    return Site(
        code=SiteCode(document["code"]),
        name=document["name"],
        organisation=OrganisationCode(document["organisation"]),
        latitude=document["latitude"],
        longitude=document["longitude"],
        diary_partner=PartnerId(document["diary_partner"]),
    )


def scanner_document(one: Scanner) -> Document:
    """Return a scanner as a document."""
    return {
        "id": one.id,
        "name": one.name,
        "site": one.site,
        "modality": one.modality.value,
        "capabilities": int(one.capabilities),
        "max_weight_kg": one.max_weight_kg,
        "contract": one.contract,
    }


def scanner_of(document: Document) -> Scanner:
    """Return a scanner from its document."""
    contract = document["contract"]
    return Scanner(
        id=ScannerId(document["id"]),
        name=document["name"],
        site=SiteCode(document["site"]),
        modality=Modality(document["modality"]),
        capabilities=Capability(document["capabilities"]),
        max_weight_kg=document["max_weight_kg"],
        contract=None if contract is None else ContractId(contract),
    )


def contract_document(one: Contract) -> Document:
    """Return a contract as a document."""
    return {
        "id": one.id,
        "provider": one.provider,
        "starts_on": one.starts_on.isoformat(),
        "ends_on": one.ends_on.isoformat(),
        "ceiling": one.ceiling,
        "floor": one.floor,
        "price": one.price,
        "excludes": int(one.excludes),
    }


def contract_of(document: Document) -> Contract:
    """Return a contract from its document."""
    return Contract(
        id=ContractId(document["id"]),
        provider=OrganisationCode(document["provider"]),
        starts_on=date.fromisoformat(document["starts_on"]),
        ends_on=date.fromisoformat(document["ends_on"]),
        ceiling=document["ceiling"],
        floor=document["floor"],
        price=document["price"],
        excludes=Trait(document["excludes"]),
    )


def procedure_document(one: Procedure) -> Document:
    """Return a procedure as a document."""
    return {
        "code": one.code,
        "name": one.name,
        "modality": one.modality.value,
        "minutes": one.minutes,
        "needs": int(one.needs),
        "contrast": one.contrast,
        "ionising": one.ionising,
        "notice_days": one.notice_days,
        "preparation": one.preparation,
        "questions": [question.value for question in one.questions],
        "guideline": one.guideline,
    }


def procedure_of(document: Document) -> Procedure:
    """Return a procedure from its document."""
    return Procedure(
        code=ProcedureCode(document["code"]),
        name=document["name"],
        modality=Modality(document["modality"]),
        minutes=document["minutes"],
        needs=Capability(document["needs"]),
        contrast=document["contrast"],
        ionising=document["ionising"],
        notice_days=document["notice_days"],
        preparation=document["preparation"],
        questions=tuple(Question(q) for q in document["questions"]),
        guideline=document["guideline"],
    )


def place_document(one: Place) -> Document:
    """Return a postcode district as a document."""
    return {name: getattr(one, name) for name in Place.__slots__}


def place_of(document: Document) -> Place:
    """Return a postcode district from its document."""
    return Place(document["outward_code"], document["latitude"], document["longitude"])


def template_document(one: SessionTemplate) -> Document:
    """Return a weekly pattern as a document; times are London wall times."""
    return {
        "scanner": one.scanner,
        "weekdays": sorted(one.weekdays),
        "starts": one.starts.isoformat(),
        "ends": one.ends.isoformat(),
        "list_type": int(one.list_type),
        "release_hours": one.release_hours,
        "contract": one.contract,
    }


def template_of(document: Document) -> SessionTemplate:
    """Return a weekly pattern from its document."""
    contract = document["contract"]
    return SessionTemplate(
        scanner=ScannerId(document["scanner"]),
        weekdays=frozenset(document["weekdays"]),
        starts=time.fromisoformat(document["starts"]),
        ends=time.fromisoformat(document["ends"]),
        list_type=ListType(document["list_type"]),
        release_hours=document["release_hours"],
        contract=None if contract is None else ContractId(contract),
    )
