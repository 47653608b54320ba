"""``/v1/closures/{id}/rebooking``: where those go whose scanner is closed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter, Response, status

from api.deps import IDEMPOTENT, NeededVersion, TheActor, TheServices, etag
from api.openapi import REPEATABLE, refusals
from api.schemas.rebookings import (
    AS_IT_PAYS,
    ApproveBody,
    DeclineBody,
    RebookingBody,
    RebookingDocument,
)
from booking_engine.domain.decisions import Reasons
from booking_engine.domain.identifiers import DiaryEntryId
from booking_engine.domain.rebookings import Line, Rebooking

router = APIRouter(prefix="/v1/closures/{closure_id}/rebooking", tags=["rebookings"])

_RETRY_AFTER: Final = "2"
_SEEN: Final = ("version.stale", "precondition.required", "precondition.unreadable")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=refusals("known.not", "order.transition", "version.stale", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def propose_rebooking(
    closure_id: str,
    response: Response,
    services: TheServices,
    actor: TheActor,
    body: RebookingBody = AS_IT_PAYS,
) -> RebookingDocument:
    """Propose places for the bookings under a closure, anew if there is a proposal."""
    made = services.rebookings.make(
        DiaryEntryId(closure_id), actor, most_moves=body.most_moves
    )
    response.headers["Location"] = f"/v1/closures/{closure_id}/rebooking"
    return _shown(made, response)


@router.get("", responses=refusals("known.not"))
def get_rebooking(
    closure_id: str, response: Response, services: TheServices, actor: TheActor
) -> RebookingDocument:
    """Return the newest rebooking of a closure."""
    return _shown(services.rebookings.latest(DiaryEntryId(closure_id), actor), response)


@router.post(
    "/approve",
    responses=refusals(
        "known.not", "order.transition", "value.invalid", *_SEEN, *REPEATABLE
    ),
    dependencies=[IDEMPOTENT],
)
def approve_rebooking(
    closure_id: str,
    body: ApproveBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> RebookingDocument:
    """Move what is approved; each line says whether it moved or was overtaken."""
    done = services.rebookings.approve(
        DiaryEntryId(closure_id),
        actor,
        version=seen,
        lines=None if body.lines is None else tuple(body.lines),
        note=body.note,
    )
    return _shown(done, response)


@router.post(
    "/decline",
    responses=refusals("known.not", "order.transition", *_SEEN, *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def decline_rebooking(
    closure_id: str,
    body: DeclineBody,
    response: Response,
    services: TheServices,
    actor: TheActor,
    seen: NeededVersion,
) -> RebookingDocument:
    """Reject a rebooking; the bookings stay, each for a person to settle."""
    declined = services.rebookings.decline(
        DiaryEntryId(closure_id), actor, version=seen, note=body.reason
    )
    return _shown(declined, response)


def _shown(rebooking: Rebooking, response: Response) -> RebookingDocument:
    response.headers["ETag"] = etag(rebooking.version)
    if rebooking.improving:
        response.headers["Retry-After"] = _RETRY_AFTER
    together: dict[int, list[int]] = {}
    for group in rebooking.groups():
        members = sorted(line.number for line in group)
        for number in members:
            together[number] = [other for other in members if other != number]
    totals = ("affected", "making_room", "no_place", "breaches")
    return RebookingDocument.model_validate(
        {
            **{name: getattr(rebooking, name) for name in Rebooking.__slots__},
            **{name: getattr(rebooking, name) for name in totals},
            "frontier": [asdict(point) for point in rebooking.frontier],
            "lines": [
                _line(line, together.get(line.number, [])) for line in rebooking.lines
            ],
        }
    )


def _line(line: Line, together: list[int]) -> dict[str, Any]:
    return {
        **{name: getattr(line, name) for name in Line.__slots__},
        "booked": {
            name: getattr(line, name) for name in ("scanner", "starts_at", "ends_at")
        },
        "to": None if line.to is None else _choice(line.to),
        "excluded": [{"rule": rule, "count": n} for rule, n in line.excluded],
        "together": together,
    }


def _choice(reasons: Reasons) -> dict[str, Any]:
    chosen = reasons.chosen
    terms = {**asdict(chosen.terms), "total": chosen.terms.total}
    return {**asdict(chosen), "terms": terms}
