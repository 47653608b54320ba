"""``/v1/partners``: profiles as they are in force, and new versions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from api.deps import SeenVersion, Services, TheActor, TheServices, etag
from api.endpoints import make_sender
from api.mapped_orders import settle_now
from api.openapi import refusals
from api.pages import Cursor, Limit, page_of, shown
from api.problems import Problem
from api.schemas.common import Note, PageOf
from api.schemas.partners import (
    MeaningDocument,
    PartnerDocument,
    ProfileDocument,
    ProfileVersionDocument,
    SenderDocument,
)
from booking_engine.application.commands import StoreProfile
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import Actor, PartnerId
from hl7_adapters.mappings import Meaning
from hl7_adapters.profile import Profile
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import check_catalogue, parse_profile

router = APIRouter(prefix="/v1", tags=["partners"])

_YAML = "application/yaml"  # RFC 9512


@router.get("/partners", responses=refusals("value.invalid"))
def list_partners(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[PartnerDocument]:
    """List the systems that messages are exchanged with."""
    del actor
    partners = [
        PartnerDocument(**_partner(profile)) for profile in services.profiles.values()
    ]
    page = page_of(partners, lambda one: one.id, cursor=cursor, limit=limit)
    return shown(page, PartnerDocument, request, response)


@router.get("/partners/{partner_id}", responses=refusals("known.not"))
def get_partner(
    partner_id: str, response: Response, services: TheServices, actor: TheActor
) -> ProfileDocument:
    """Return a partner's profile as it is in force at this moment."""
    services.profiles.refresh(services.dispatcher)
    return _document(PartnerId(partner_id), response, services, actor)


@router.put(
    "/partners/{partner_id}",
    responses=refusals(
        "profile.invalid",
        "mapping.conflict",
        "version.stale",
        "precondition.required",
        "precondition.unreadable",
    ),
)
def put_partner(
    partner_id: str,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
    text: Annotated[
        bytes,
        Body(
            media_type=_YAML,
            description="The profile, in YAML.",
            examples=["id: my-ris\nname: My RIS\nsenders: [{application: RIS}]\n"],
        ),
    ],
    why: Annotated[Note, Query(description="For the record.")] = "",
) -> ProfileDocument:
    """Create a partner's profile, or replace it by a new version.

    It is checked by the same rules as a file and counts for the next message, in every
    process within seconds. Orders that waited for a code in it go on. To replace one,
    send If-Match.
    """
    source, partner = services.profiles, PartnerId(partner_id)
    source.refresh(services.dispatcher)
    written = _checked(text, partner, services, actor)
    before = source.stored(partner)
    if before is not None and seen is None:
        raise Problem(
            "precondition.required",
            f"There is a profile {partner} already; to replace it, send its ETag"
            " (GET says which) in If-Match.",
        )
    services.dispatcher.handle(StoreProfile(partner, written, seen or 0, why), actor)
    settle_now(services, partner, actor)
    return _document(partner, response, services, actor)


def _checked(text: bytes, partner: PartnerId, services: Services, actor: Actor) -> str:
    """Return the text of a profile that was found good in every respect."""
    with services.dispatcher.reading(actor) as session:
        catalogue = session.uow.catalogue()
    try:
        written = text.decode("utf-8")
        profile = parse_profile(written, Path(partner))
        _check_id(profile, partner)
        check_catalogue(
            profile,
            procedures=catalogue.procedures,
            sites=catalogue.sites,
            scanners=catalogue.scanners,
        )
        services.profiles.check(profile)
        if profile.outgoing is not None:
            make_sender(profile).close()  # its certificates can be used
    except UnicodeDecodeError as error:
        raise Problem("profile.invalid", "The profile is not UTF-8 text.") from error
    except ProfileError as error:
        where = f"line {error.line}, column {error.column}"
        raise Problem(
            "profile.invalid",
            f"{where}: {error.path + ': ' if error.path else ''}{error.problem}",
            violations=[
                {
                    "field": error.path,
                    "line": error.line,
                    "column": error.column,
                    "message": error.problem,
                }
            ],
        ) from error
    return written


def _check_id(profile: Profile, partner: PartnerId) -> None:
    if profile.id != partner:
        raise ProfileError(
            Path(partner),
            profile.position("id"),
            "id",
            f"is {profile.id}, but the address says {partner}; correct one of them",
        )


def _document(
    partner: PartnerId, response: Response, services: Services, actor: Actor
) -> ProfileDocument:
    source = services.profiles
    if partner not in source:
        raise NotKnown(f"Partner {partner} has no profile.")
    found = source.effective(partner)
    with services.dispatcher.reading(actor) as session:
        versions = session.uow.partner_data.profile_versions(partner)
    stored = source.stored(partner)
    if stored is not None:
        response.headers["ETag"] = etag(stored.version)
    return ProfileDocument(
        **_partner(found.profile),
        source="file" if stored is None else "stored",
        text=source.written(partner).text,
        versions=[ProfileVersionDocument.model_validate(one) for one in versions],
        codes=[_meaning(one) for _, one in sorted(found.in_force.items())],
        next_change=found.changes_at,
    )


def _meaning(meaning: Meaning) -> MeaningDocument:
    return MeaningDocument(
        table=meaning.table,
        code=meaning.name,
        target=meaning.target,
        begins=meaning.span.begins,
        ends=meaning.span.ends,
        origin=meaning.origin,
        mapping_id=None if meaning.mapping is None else meaning.mapping.id,
    )


def _partner(profile: Profile) -> dict[str, Any]:
    outgoing = profile.outgoing
    return {
        "id": profile.id,
        "name": profile.name,
        "senders": [
            SenderDocument(application=s.application, facility=s.facility)
            for s in profile.senders
        ],
        "zone": profile.zone.key,
        "version": profile.version,
        "booking_mode": profile.booking_mode,
        "guidelines": sorted(profile.guidelines),
        "mapped_procedures": len(profile.procedures),
        "destination": (
            None if outgoing is None else f"{outgoing.host}:{outgoing.port}"
        ),
        "appointments": None if outgoing is None else outgoing.appointments,
    }
