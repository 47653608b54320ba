"""The API's own description: OpenAPI 3.1, with the problems that each call may meet."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import KINDS, MEDIA_TYPE
from api.schemas.common import ProblemDocument

SCHEMA: Final = "Problem"
REFERENCE: Final = "#/components/schemas/"
ALWAYS: Final = ("auth.required", "auth.actor", "request.invalid", "internal")
"""What every call under ``/v1`` may be answered."""
REPEATABLE: Final = (
    "idempotency.required",
    "idempotency.in_flight",
    "idempotency.mismatch",
    "request.unreadable",
)
"""What every unsafe POST may be answered besides."""
TAGS: Final = (
    ("orders", "Imaging orders and what people decide about them."),
    ("worklist", "What needs somebody, most urgent first."),
    ("slots", "What is possible for one order, and holds on it."),
    ("appointments", "Bookings, and what became of them."),
    ("decisions", "Why a booking was made."),
    ("messages", "HL7 messages in, and deliveries out."),
    ("alerts", "What is wrong with a partner's feed, and who has seen it."),
    ("plan-runs", "Planning runs over all waiting orders."),
    ("policy", "Weights and limits that bookings are decided by."),
    ("partners", "Systems that messages are exchanged with, and their profiles."),
    ("mappings", "What partners' codes mean, and codes without a meaning."),
    ("rebookings", "Where those go whose scanner is closed, once approved."),
    ("network", "Sites, scanners and sessions."),
    ("operation", "Health, metrics and descriptions."),
)


def refusals(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the documented responses for problem codes, with those of every call."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *ALWAYS):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: {
            "description": f"Problem: {', '.join(dict.fromkeys(listed))}",
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": REFERENCE + SCHEMA}},
            },
        }
        for status, listed in sorted(by_status.items())
    }


def install(app: FastAPI) -> None:
    """Have `app` describe itself with the problem schema among its components."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=[{"name": n, "description": text} for n, text in TAGS],
            )
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            problem = ProblemDocument.model_json_schema(
                ref_template=REFERENCE + "{model}"
            )
            schemas.update(problem.pop("$defs", {}))
            schemas[SCHEMA] = problem
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer"},
            }
            # Either a key, or nothing at all on this machine itself.
            document["security"] = [{"key": []}, {}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
