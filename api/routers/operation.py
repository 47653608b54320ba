"""Health, metrics, and descriptions of the API itself."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from api.deps import TheServices
from api.docs_page import docs_page
from api.health import run_checks
from api.metrics import CONTENT_TYPE
from api.openapi import refusals
from api.problems import KINDS, Problem

router = APIRouter(tags=["operation"])

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Health(BaseModel):
    """Whether this process is well."""

    status: str
    checks: dict[str, str] = {}


class ProblemKind(BaseModel):
    """One kind of problem."""

    code: str
    status: int
    title: str
    meaning: str


@router.get("/livez")
def get_liveness() -> Health:
    """Say that this process runs."""
    return Health(status="ok")


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready."}},
)
def get_readiness(services: TheServices) -> Response:
    """Say whether this process can do its work: database, listener, outbox."""
    found = run_checks(services.checks)
    ready = all(finding.ok for finding in found.values())
    body = Health(
        status="ok" if ready else "not ready",
        checks={
            name: ("ok" if finding.ok else "failed")
            + (f": {finding.detail}" if finding.detail else "")
            for name, finding in found.items()
        },
    )
    return JSONResponse(body.model_dump(), status_code=200 if ready else 503)


@router.get("/metrics", response_class=Response)
def get_metrics(services: TheServices) -> Response:
    """Return metrics in Prometheus' text format."""
    return Response(services.metrics.exposition(), media_type=CONTENT_TYPE)


@router.get("/problems/{code}", responses=refusals("known.not"))
def get_problem(code: str) -> ProblemKind:
    """Explain a kind of problem."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("known.not", "No such kind of problem.")
    return ProblemKind(
        code=code, status=kind.status, title=kind.title, meaning=kind.meaning
    )


@router.get("/docs", response_class=HTMLResponse)
def get_docs(request: Request) -> HTMLResponse:
    """Show every operation on one page."""
    return HTMLResponse(
        docs_page(request.app.openapi()),
        headers={"Content-Security-Policy": _POLICY},
    )
