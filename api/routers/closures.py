"""``/v1/closures``: close a scanner's time, open it again, see what is closed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from api.deps import IDEMPOTENT, TheActor, TheServices, etag
from api.errors import log_failure
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, page_of, shown
from api.schemas.closures import CloseBody, ClosedDocument, ClosureDocument, ReopenBody
from api.schemas.common import PageOf
from api.windows import WindowEnd, WindowStart, window_of
from booking_engine.application.diary import Recorded
from booking_engine.application.diary_commands import EndEntry, Ending, RecordEntry
from booking_engine.application.diary_conflicts import bookings_under
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, Stretch
from booking_engine.domain.errors import DomainError, TransitionRefused
from booking_engine.domain.identifiers import DiaryEntryId, ScannerId

router = APIRouter(prefix="/v1/closures", tags=["network"])


@router.get("", responses=refusals("value.invalid"))
def list_closures(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    scanner: Annotated[list[str] | None, Query()] = None,
    kind: Annotated[
        EntryKind | None,
        Query(
            description="Closures by default; or what other diaries have booked"
            " that is no appointment of our orders."
        ),
    ] = EntryKind.CLOSURE,
    starts_from: WindowStart = None,
    starts_to: WindowEnd = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[ClosureDocument]:
    """List what overlaps a window of at most 62 days, by start."""
    now = services.dispatcher.clock.now()
    begin, end = window_of(starts_from, starts_to, now)
    wanted = None if scanner is None else [ScannerId(one) for one in scanner]
    with services.dispatcher.reading(actor) as reading:
        found = reading.uow.diary.taking_between(begin, end, scanners=wanted)
    listed = [one for one in found if kind in {None, one.kind}]
    page = page_of(
        listed,
        lambda one: f"{one.starts_at:%Y%m%d%H%M%S}|{one.id}",
        cursor=cursor,
        limit=limit,
    )
    return shown(page, ClosureDocument, request, response)


@router.get("/{closure_id}", responses=refusals("known.not"))
def get_closure(
    closure_id: str, response: Response, services: TheServices, actor: TheActor
) -> ClosedDocument:
    """Return one closure, with the orders whose bookings lie in it."""
    with services.dispatcher.reading(actor) as reading:
        entry = reading.uow.diary.get(DiaryEntryId(closure_id))
        return _shown(entry, reading.uow, response)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=refusals("known.not", "value.invalid", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def close_time(
    body: CloseBody, response: Response, services: TheServices, actor: TheActor
) -> ClosedDocument:
    """Close a scanner's time; bookings in it stay, and each goes to a person."""
    with services.dispatcher.session(actor) as session:
        recorded: Recorded = session.handle(
            RecordEntry(
                partner=None,
                number="",
                kind=EntryKind.CLOSURE,
                stretches=(
                    Stretch(ScannerId(body.scanner), body.starts_at, body.ends_at),
                ),
                sent_at=session.context.now,
                reason=body.reason,
            )
        )
        (entry_id,) = recorded.entry_ids
        session.commit()
        shown_entry = _shown(session.uow.diary.get(entry_id), session.uow, response)
    response.headers["Location"] = f"/v1/closures/{entry_id}"
    services.orders_changed()
    if body.propose and shown_entry.conflicts:
        try:
            made = services.rebookings.make(entry_id, actor)
        except Exception as error:  # noqa: BLE001 - it is closed all the same
            if not isinstance(error, DomainError):
                log_failure("rebooking not proposed", error)
            # Asking for a rebooking says why.
            return shown_entry
        return shown_entry.model_copy(update={"rebooking_id": made.id})
    return shown_entry


@router.post(
    "/{closure_id}/reopen",
    responses=refusals("known.not", "order.transition", "value.invalid", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def reopen_time(
    closure_id: str,
    body: ReopenBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
) -> ClosedDocument:
    """Open a closure of our own again, or a part of it; what is left stays closed."""
    entry_id = DiaryEntryId(closure_id)
    with services.dispatcher.session(actor) as session:
        entry = session.uow.diary.get(entry_id)
        if entry.partner is not None or entry.kind is not EntryKind.CLOSURE:
            raise TransitionRefused(
                f"Entry {entry.id} is not a closure of ours; its own diary ends it."
            )
        part: tuple[Stretch, ...] = ()
        if body.starts_at is not None and body.ends_at is not None:
            part = (Stretch(entry.scanner, body.starts_at, body.ends_at),)
        session.handle(
            EndEntry(
                partner=None,
                number="",
                ending=Ending.REOPENED,
                sent_at=session.context.now,
                entry_id=entry_id,
                stretches=part,
            )
        )
        session.commit()
        shown_entry = _shown(session.uow.diary.get(entry_id), session.uow, response)
    services.orders_changed()
    return shown_entry


def _shown(entry: DiaryEntry, uow: UnitOfWork, response: Response) -> ClosedDocument:
    response.headers["ETag"] = etag(entry.version)
    document = ClosureDocument.model_validate(entry)
    conflicts: list[str] = [booking.order_id for booking in bookings_under(entry, uow)]
    return ClosedDocument(**document.model_dump(), conflicts=conflicts)
