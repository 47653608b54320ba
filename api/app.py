"""The HTTP application: endpoints, errors and middleware put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import errors, openapi
from api.deps import Services
from api.idempotency import Idempotency, IdempotencyStore
from api.middleware import RequestScope
from api.routers import (
    alerts,
    appointments,
    closures,
    decisions,
    deliveries,
    drift,
    explanations,
    mappings,
    messages,
    network,
    operation,
    orders,
    partners,
    plan_runs,
    policy,
    proposals,
    rebookings,
    slots,
)

_ROUTERS: Final = (
    orders.router,
    proposals.router,
    slots.router,
    explanations.router,
    appointments.router,
    decisions.router,
    messages.router,
    deliveries.router,
    alerts.router,
    drift.router,
    plan_runs.router,
    policy.router,
    partners.router,
    mappings.router,
    network.router,
    closures.router,
    rebookings.router,
    operation.router,
)


def make_app(services: Services, store: IdempotencyStore) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    services
        What the endpoints stand on.
    store
        Where idempotency keys are kept.
    """
    app = FastAPI(
        title="Imaging booking engine",
        summary="Imaging orders in, scanner slots booked, over all providers.",
        description=(
            "Errors are application/problem+json (RFC 9457). Unsafe POSTs need an"
            " Idempotency-Key. Reschedule, cancel, outcome and the approval of a"
            " rebooking need If-Match. Lists are paged by an opaque cursor. Times carry"
            " London's offset."
        ),
        version=version("imaging-booking-engine"),
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        telemetry={"logs": False},
    )
    app.state.services = services
    for router in _ROUTERS:
        app.include_router(router)
    errors.install(app, services.metrics)
    openapi.install(app)
    app.add_middleware(Idempotency, store=store)
    # Added last, hence outermost: replays and refusals are marked and counted too.
    app.add_middleware(RequestScope, metrics=services.metrics)
    return app


def _operation_id(route: APIRoute) -> str:
    """Return a stable name: the endpoint's function, which is unique."""
    return route.name
