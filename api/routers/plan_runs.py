"""``/v1/plan-runs``: ask for a run, follow it, read what it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.deps import IDEMPOTENT, Services, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.schemas.plan_runs import PlanRunAccepted, PlanRunDocument
from booking_engine.domain.identifiers import Actor, PlanRunId
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus

router = APIRouter(prefix="/v1/plan-runs", tags=["plan-runs"])

_ENDED: Final = frozenset({PlanRunStatus.APPLIED, PlanRunStatus.FAILED})
_POLL_SECONDS: Final = 0.5
_RETRY_AFTER: Final = "5"


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses=refusals(*REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def request_plan_run(
    response: Response, services: TheServices, actor: TheActor
) -> PlanRunAccepted:
    """Ask for a planning run over all waiting orders."""
    run_id = services.request_plan(actor)
    response.headers["Location"] = f"/v1/plan-runs/{run_id}"
    response.headers["Retry-After"] = _RETRY_AFTER
    return PlanRunAccepted(id=run_id, status=PlanRunStatus.QUEUED)


@router.get("", responses=refusals())
def list_plan_runs(
    services: TheServices,
    actor: TheActor,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[PlanRunDocument]:
    """List the newest runs."""
    with services.dispatcher.reading(actor) as session:
        runs = session.uow.plan_runs.latest(limit)
    return [PlanRunDocument.model_validate(run) for run in runs]


@router.get("/{run_id}", responses=refusals("known.not"))
def get_plan_run(
    run_id: str, response: Response, services: TheServices, actor: TheActor
) -> PlanRunDocument:
    """Return one run."""
    run = _read(PlanRunId(run_id), services, actor)
    if run.status not in _ENDED:
        response.headers["Retry-After"] = _RETRY_AFTER
    return PlanRunDocument.model_validate(run)


@router.get(
    "/{run_id}/events",
    response_class=EventSourceResponse,
    responses=refusals("known.not"),
)
async def follow_plan_run(
    run_id: str, services: TheServices, actor: TheActor
) -> AsyncIterator[ServerSentEvent]:
    """Follow a run as server-sent events, one for each change, until it has ended."""
    told: tuple[str, str | None] | None = None
    number = 0
    while True:
        run = await run_in_threadpool(_read, PlanRunId(run_id), services, actor)
        stage = services.stage_of(run.id)
        if told != (run.status, stage):
            told = (run.status, stage)
            number += 1
            document = PlanRunDocument.model_validate(run).model_dump(mode="json")
            yield ServerSentEvent(
                data={**document, "stage": stage}, event="status", id=str(number)
            )
        if run.status in _ENDED:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _read(run_id: PlanRunId, services: Services, actor: Actor) -> PlanRun:
    with services.dispatcher.reading(actor) as session:
        return session.uow.plan_runs.get(run_id)
