"""``/v1/sites``, ``/v1/scanners`` and ``/v1/sessions``: read-only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.deps import Services, TheActor, TheServices
from api.openapi import refusals
from api.pages import Cursor, Limit, page_of, shown
from api.schemas.common import PageOf
from api.schemas.network import ScannerDocument, SessionDocument, SiteDocument
from api.windows import WindowEnd, WindowStart, window_of
from booking_engine.application.views import Page
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.diary_entries import Taken, TakenOnScanner, overlaps
from booking_engine.domain.identifiers import Actor, ScannerId
from booking_engine.domain.resources import Scanner, Site
from booking_engine.domain.schedule import ScanSession, free_intervals
from booking_engine.domain.vocabulary import Modality

router = APIRouter(prefix="/v1", tags=["network"])


@router.get("/sites", responses=refusals("value.invalid"))
def list_sites(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[SiteDocument]:
    """List the sites of all providers."""
    catalogue = _catalogue(services, actor)
    sites = [_site(site, catalogue) for site in catalogue.sites.values()]
    page = page_of(sites, lambda site: site.code, cursor=cursor, limit=limit)
    return shown(page, SiteDocument, request, response)


@router.get("/scanners", responses=refusals("value.invalid"))
def list_scanners(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    site: str | None = None,
    modality: Modality | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[ScannerDocument]:
    """List scanners."""
    scanners = [
        _scanner(scanner)
        for scanner in _catalogue(services, actor).scanners.values()
        if site in (None, scanner.site) and modality in (None, scanner.modality)
    ]
    page = page_of(scanners, lambda one: one.id, cursor=cursor, limit=limit)
    return shown(page, ScannerDocument, request, response)


@router.get("/sessions", responses=refusals("value.invalid"))
def list_sessions(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    scanner: Annotated[list[str] | None, Query()] = None,
    starts_from: WindowStart = None,
    starts_to: WindowEnd = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[SessionDocument]:
    """List sessions that overlap a window of at most 62 days, with their free time."""
    now = services.dispatcher.clock.now()
    begin, end = window_of(starts_from, starts_to, now)
    wanted = None if scanner is None else [ScannerId(one) for one in scanner]
    with services.dispatcher.reading(actor) as reading:
        schedule = reading.uow.schedule
        sessions = schedule.sessions_between(begin, end, scanners=wanted)
        page = page_of(sessions, _session_key, cursor=cursor, limit=limit)
        taken: list[TakenOnScanner] = []
        if page.items:
            first = min(one.starts_at for one in page.items)
            last = max(one.ends_at for one in page.items)
            shown_on = {one.scanner for one in page.items}
            taken = [
                *schedule.occupying_between(first, last, scanners=shown_on),
                *reading.uow.diary.taking_between(first, last, scanners=shown_on),
            ]
    on_scanner: dict[str | None, list[TakenOnScanner]] = {}
    for one in taken:
        on_scanner.setdefault(one.scanner, []).append(one)
    documents = tuple(
        _session(one, [t for t in on_scanner.get(one.scanner, ()) if overlaps(one, t)])
        for one in page.items
    )
    return shown(Page(documents, page.next_cursor), SessionDocument, request, response)


def _catalogue(services: Services, actor: Actor) -> Catalogue:
    with services.dispatcher.reading(actor) as session:
        return session.uow.catalogue()


def _site(site: Site, catalogue: Catalogue) -> SiteDocument:
    organisation = catalogue.organisations[site.organisation]
    return SiteDocument(
        code=site.code,
        name=site.name,
        organisation=site.organisation,
        organisation_name=organisation.name,
        sector=organisation.sector,
        latitude=site.latitude,
        longitude=site.longitude,
        diary_partner=site.diary_partner,
    )


def _scanner(scanner: Scanner) -> ScannerDocument:
    return ScannerDocument(
        id=scanner.id,
        name=scanner.name,
        site=scanner.site,
        modality=scanner.modality,
        capabilities=[flag.name.lower() for flag in scanner.capabilities if flag.name],
        max_weight_kg=scanner.max_weight_kg,
        contract=scanner.contract,
    )


def _session_key(session: ScanSession) -> str:
    return f"{session.starts_at:%Y%m%d%H%M}|{session.id}"


def _session(session: ScanSession, taken: Iterable[Taken]) -> SessionDocument:
    free = free_intervals(session, [(one.starts_at, one.ends_at) for one in taken])
    minutes = sum((end - begin for begin, end in free), start=timedelta()) // timedelta(
        minutes=1
    )
    return SessionDocument(
        id=session.id,
        scanner=session.scanner,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        list_type=(session.list_type.name or "").lower(),
        release_at=session.release_at,
        contract=session.contract,
        status=session.status,
        version=session.version,
        free_minutes=minutes,
    )
