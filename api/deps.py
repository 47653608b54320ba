"""What endpoints are given: the services, who asks, and what they have seen.

These functions are coroutines although none waits: a plain function would be sent to a
thread, where each request would queue once more behind those that are worked on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from api.auth import Gate
from api.health import Check
from api.idempotency import HEADER, LONGEST_KEY
from api.metrics import Metrics
from api.problems import Problem
from api.rebooking_queue import RebookingQueue
from api.session_values import SessionValuation
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.stored_plans import StoredPlans
from booking_engine.application.views import Views
from booking_engine.domain.identifiers import Actor, PlanRunId
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.replaying import Replayer

_ETAG: Final = re.compile(r'"(\d{1,18})"')

PlanRequest = Callable[[Actor], PlanRunId]
"""Stores a planning run to be done, and sees that it is done."""


def _nobody() -> None:
    """Wake nobody: no jobs run in this process."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the API stands on; put together in `bootstrap`.

    Parameters
    ----------
    replayer
        Carries out stored messages again.
    request_plan
        Asks for a planning run.
    stage_of
        The stage that a run of this process is in, if known.
    rebookings
        Proposes where those go whose scanner is closed, and moves what is approved.
    stored_plans, session_values
        What runs decided, and what one more session would be worth by them.
    orders_changed
        Called after a write that may have made an order bookable.
    codes_changed
        Called after codes got a meaning: orders may wait for it.
    checks
        What ``/readyz`` asks, by name.
    """

    dispatcher: Dispatcher
    views: Views
    profiles: ProfileSource
    gate: Gate
    metrics: Metrics
    replayer: Replayer
    request_plan: PlanRequest
    stage_of: Callable[[PlanRunId], str | None]
    rebookings: RebookingQueue
    stored_plans: StoredPlans
    session_values: SessionValuation
    orders_changed: Callable[[], None] = _nobody
    codes_changed: Callable[[], None] = _nobody
    checks: Mapping[str, Check] = field(default_factory=dict)


async def services_of(request: Request) -> Services:
    """Return the services of the application that serves this request."""
    services: Services = request.app.state.services
    return services


TheServices = Annotated[Services, Depends(services_of)]


async def actor_of(
    request: Request,
    services: TheServices,
    x_actor: Annotated[
        str | None,
        Header(
            description="The person who asks, where the key speaks for people.",
            examples=["person:j.smith"],
        ),
    ] = None,
) -> Actor:
    """Return who asks; raises `Problem` if nobody may."""
    return services.gate.actor_of(request, x_actor)


TheActor = Annotated[Actor, Depends(actor_of)]


def _version_of(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem("precondition.unreadable", "If-Match is not one of our ETags.")
    return int(found[1])


async def version_seen(
    if_match: Annotated[
        str | None,
        Header(description="The ETag that you have seen.", examples=['"3"']),
    ] = None,
) -> int | None:
    """Return the version in If-Match, if there is one."""
    return _version_of(if_match)


async def version_needed(
    if_match: Annotated[
        str | None,
        Header(description="The ETag that you have seen; required.", examples=['"3"']),
    ] = None,
) -> int:
    """Return the version in If-Match; without one nobody may overwrite."""
    version = _version_of(if_match)
    if version is None:
        raise Problem("precondition.required", "If-Match is missing.")
    return version


SeenVersion = Annotated[int | None, Depends(version_seen)]
NeededVersion = Annotated[int, Depends(version_needed)]


async def idempotency_key(
    key: Annotated[
        str,
        Header(
            alias=HEADER,
            min_length=1,
            max_length=LONGEST_KEY,
            description="New and random for each request; the same for a repeat.",
            examples=["01JDF3W7W2Y6T1S8Q4H5"],
        ),
    ],
) -> str:
    """Name the header in the API's description; `idempotency` does the work."""
    return key


IDEMPOTENT: Final = Depends(idempotency_key)


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'
