"""``/v1/mappings``: what partners' codes mean, and those that mean nothing yet."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from api.deps import IDEMPOTENT, SeenVersion, TheActor, TheServices, etag
from api.mapped_orders import settle_now
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, page_of, shown
from api.schemas.common import PageOf
from api.schemas.partners import (
    EndBody,
    MappedDocument,
    MappingBody,
    MappingDocument,
    UnmappedDocument,
    WaitingEntryDocument,
)
from booking_engine.application.commands import EndMapping, MapCode
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import MappingId, PartnerId
from booking_engine.domain.mappings import (
    CodeMapping,
    MappingTable,
    folded_name,
)
from booking_engine.domain.unmapped import UnmappedCode
from hl7_adapters.mappings import check_code
from hl7_adapters.settling import unmapped

router = APIRouter(prefix="/v1/mappings", tags=["mappings"])

_SHOWN: Final = 100


@router.get("", responses=refusals("value.invalid"))
def list_mappings(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    partner: str | None = None,
    table: MappingTable | None = None,
    code: str | None = None,
    in_force: Annotated[
        bool, Query(description="Only those that count at this moment.")
    ] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[MappingDocument]:
    """List mappings, oldest first; those that a profile states are in the profile."""
    named = None if partner is None else PartnerId(partner)
    with services.dispatcher.reading(actor) as session:
        found = session.uow.partner_data.mappings(named)
        now = session.context.now
    shown_ones = [
        one
        for one in found
        if table in (None, one.table)
        and (code is None or one.key == folded_name(code))
        and (not in_force or one.in_force(now))
    ]
    page = page_of(shown_ones, lambda one: one.id, cursor=cursor, limit=limit)
    return shown(page, MappingDocument, request, response)


@router.post(
    "",
    status_code=201,
    responses=refusals("value.invalid", "mapping.conflict", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def map_code(
    body: MappingBody, response: Response, services: TheServices, actor: TheActor
) -> MappedDocument:
    """Give a code a meaning; what waits for it goes on at once."""
    source = services.profiles
    source.refresh(services.dispatcher)
    partner = PartnerId(body.partner)
    if partner not in source:
        raise InvalidValue(
            f"Partner {partner} has no profile; create it first, or choose one of"
            f" {', '.join(sorted(source)) or 'none'}."
        )
    code = check_code(body.table, body.code, source[partner])
    mapping: CodeMapping = services.dispatcher.handle(
        MapCode(
            partner=partner,
            table=body.table,
            code=code,
            target=body.target,
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            why=body.why,
            replaces=None if body.replaces is None else MappingId(body.replaces),
        ),
        actor,
    )
    settled = settle_now(services, partner, actor)
    response.headers["ETag"] = etag(mapping.version)
    response.headers["Location"] = f"{router.prefix}/{mapping.id}"
    return MappedDocument(
        **asdict(mapping),
        released=list(settled.released),
        still_held=list(settled.still_held),
        entries=list(settled.entries),
        named=list(settled.named),
        left=settled.left,
    )


@router.get("/unmapped", responses=refusals())
def list_unmapped(
    services: TheServices, actor: TheActor, *, partner: str | None = None
) -> list[UnmappedDocument]:
    """List the codes that orders and diary entries wait for, most waited for first."""
    named = None if partner is None else PartnerId(partner)
    found = unmapped(services.dispatcher, services.profiles, actor=actor, partner=named)
    return [_unmapped(code) for code in found]


@router.get("/{mapping_id}", responses=refusals("known.not"))
def get_mapping(
    mapping_id: str, response: Response, services: TheServices, actor: TheActor
) -> MappingDocument:
    """Return one mapping."""
    with services.dispatcher.reading(actor) as session:
        mapping = session.uow.partner_data.mapping(MappingId(mapping_id))
    return _document(mapping, response)


@router.post(
    "/{mapping_id}/end",
    responses=refusals(
        "known.not", "value.invalid", "mapping.conflict", "version.stale", *REPEATABLE
    ),
    dependencies=[IDEMPOTENT],
)
def end_mapping(
    mapping_id: str,
    body: EndBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: SeenVersion,
) -> MappingDocument:
    """Let a mapping count no longer; orders that were read with it stay."""
    command = EndMapping(MappingId(mapping_id), body.why, body.at, seen)
    mapping: CodeMapping = services.dispatcher.handle(command, actor)
    services.profiles.refresh(services.dispatcher)
    return _document(mapping, response)


def _document(mapping: CodeMapping, response: Response) -> MappingDocument:
    response.headers["ETag"] = etag(mapping.version)
    return MappingDocument.model_validate(mapping)


def _unmapped(code: UnmappedCode) -> UnmappedDocument:
    return UnmappedDocument(
        partner=code.partner,
        table=code.table,
        code=code.code,
        names=list(code.names),
        text=code.text,
        count=code.count,
        first_seen=code.first_seen,
        last_seen=code.last_seen,
        orders=[order.id for order in code.orders[:_SHOWN]],
        entries=[
            WaitingEntryDocument.model_validate(entry)
            for entry in code.entries[:_SHOWN]
        ],
        messages=list(code.messages),
    )
