"""Errors become problem documents here, and nowhere else (RFC 9457)."""

from __future__ import annotations

import logging
import traceback
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.metrics import Metrics
from api.problems import KINDS, MEDIA_TYPE, Problem, Violation, problem_body
from booking_engine.domain.errors import DomainError, RulesBroken, StoreUnavailable
from booking_engine.domain.sentences import RULE_WORDS

log = logging.getLogger(__name__)

CONFLICTS: Final = frozenset(
    {"slot.taken", "patient.busy", "hold.expired", "version.stale"}
)
"""Codes counted as ``booking_conflicts_total``: somebody else was faster."""
RETRY_AFTER_SECONDS: Final = "5"
_HTTP_CODES: Final = {
    400: "request.unreadable",
    404: "http.not_found",
    405: "http.method",
    413: "request.too_large",
    415: "request.unsupported",
}


def problem_response(
    request: Request,
    code: str,
    detail: str,
    *,
    violations: list[Violation] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return the problem document for one request."""
    request_id: str = request.scope.get("request_id", "")
    return JSONResponse(
        problem_body(code, detail, violations=violations, instance=request_id),
        status_code=KINDS[code].status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI, metrics: Metrics) -> None:
    """Have every error of `app` answered with a problem document."""

    async def domain(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, DomainError)
        if error.code in CONFLICTS:
            metrics.booking_conflicts.labels(error.code).inc()
        violations: list[Violation] | None = None
        if isinstance(error, RulesBroken):
            violations = [{"rule": r, "message": _rule_text(r)} for r in error.rules]
        wait = isinstance(error, StoreUnavailable)
        return problem_response(
            request,
            error.code,
            str(error),
            violations=violations,
            headers={"Retry-After": RETRY_AFTER_SECONDS} if wait else None,
        )

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(
            request,
            error.code,
            error.detail,
            violations=error.violations,
            headers=error.headers,
        )

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # The input itself is never echoed: it may be patient data.
        violations: list[Violation] = [
            {
                "field": ".".join(str(step) for step in item["loc"]),
                "message": item["msg"].removeprefix("Value error, "),
            }
            for item in error.errors()
        ]
        if any(item["type"] == "json_invalid" for item in error.errors()):
            return problem_response(
                request,
                "request.unreadable",
                "The body is not JSON.",
                violations=violations,
            )
        fields = ", ".join(str(v["field"]) for v in violations)
        return problem_response(
            request,
            "request.invalid",
            f"Not as described in /openapi.json: {fields}.",
            violations=violations,
        )

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _HTTP_CODES.get(error.status_code, "http.other")
        headers = dict(error.headers) if error.headers else None
        return problem_response(request, code, KINDS[code].meaning, headers=headers)

    app.add_exception_handler(DomainError, domain)
    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def log_failure(text: str, error: BaseException, request_id: str = "") -> None:
    """Log what failed and where; an exception's own text may quote patient data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    log.error(
        text,
        extra={
            "event": "failed",
            "error": type(error).__name__,
            "where": " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames)),
            "request_id": request_id,
        },
    )


def _rule_text(rule: str) -> str:
    return f"such slots {RULE_WORDS.get(rule, f'break {rule}')}"
