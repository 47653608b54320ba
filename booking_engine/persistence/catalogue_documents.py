"""The catalogue as JSON documents, and back."""

from __future__ import annotations

from datetime import date, time

from booking_engine.domain.identifiers import (
    ContractId,
    OrganisationCode,
    PartnerId,
    ProcedureCode,
    ScannerId,
    SiteCode,
)
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Sector,
    Site,
)
from booking_engine.domain.safety import Question
from booking_engine.domain.schedule import SessionTemplate
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait
from booking_engine.persistence.documents import Document, day_of, day_text


def organisation_document(one: Organisation) -> Document:
    """Return an organisation as a document."""
    return {
        "code": one.code,
        "name": one.name,
        "sector": one.sector.value,
        "closed_on": day_text(one.closed_on),
    }


def organisation_of(document: Document) -> Organisation:
    """Return an organisation from its document."""
    return Organisation(
        code=OrganisationCode(document["code"]),
        name=document["name"],
        sector=Sector(document["sector"]),
        closed_on=day_of(document["closed_on"]),
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
