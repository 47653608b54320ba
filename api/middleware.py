"""Around every request: its id, its log line, its metrics, and a net below it.

A pure ASGI middleware. The id is the client's ``X-Request-Id`` if it has a decent one,
else a new one; it is mirrored, bound to every log line, and named in problem documents.
An exception that nobody has turned into an answer ends here as a problem document; its
text is not logged, for it may quote patient data.
"""

from __future__ import annotations

import logging
import re
import secrets
from http import HTTPStatus
from time import perf_counter
from typing import Final

import structlog
from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import log_failure, problem_response
from api.metrics import Metrics

log = logging.getLogger(__name__)

_DECENT: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MIRRORED: Final = "x-correlation-id"
MOST_BYTES: Final = 1_000_000
"""Longest body that is read."""
_QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})


class BodyTooLarge(HTTPException):
    """The body is longer than is read; FastAPI lets it pass while it reads."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class RequestScope:
    """The outermost middleware.

    Parameters
    ----------
    app
        What it wraps.
    metrics
        Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _decent(headers.get("x-request-id")) or secrets.token_hex(16)
        correlation_id = _decent(headers.get(MIRRORED))
        scope["request_id"] = request_id
        status = 0
        began = perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                marked = MutableHeaders(scope=message)
                marked["X-Request-Id"] = request_id
                if correlation_id:
                    marked["X-Correlation-Id"] = correlation_id
                marked["X-Content-Type-Options"] = "nosniff"
                if "cache-control" not in marked:
                    marked["Cache-Control"] = "no-store"
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if _has_nul(scope):
                # No text of ours has one, and PostgreSQL would fail on it.
                answer = problem_response(
                    Request(scope), "request.unreadable", "The address holds a NUL."
                )
                await answer(scope, receive, send_marked)
                return
            await self._app(scope, _limited(headers, receive), send_marked)
        except BodyTooLarge:  # raised while a middleware reads
            answer = problem_response(
                Request(scope),
                "request.too_large",
                f"The body is longer than {MOST_BYTES} bytes.",
            )
            await answer(scope, receive, send_marked)
        except Exception as error:  # noqa: BLE001 - the net below every request
            log_failure("request failed", error)
            if status:  # too late for another answer: break it off visibly
                raise ConnectionAbortedError from None
            answer = problem_response(
                Request(scope), "internal", "Something failed on our side; it is logged"
            )
            await answer(scope, receive, send_marked)
        finally:
            self._report(scope, status, perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        # The template, never the path itself: few labels, and no identifiers.
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if route != "unmatched" else "any"
        self._metrics.requests.labels(method, route, status).observe(seconds)
        level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
        log.log(
            level,
            "request answered",
            extra={
                "event": "http.answered",
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
            },
        )


def _limited(headers: Headers, receive: Receive) -> Receive:
    """Return `receive` with a limit on how much it takes."""
    stated = headers.get("content-length", "")
    total = int(stated) if stated.isascii() and stated.isdigit() else 0

    async def limited() -> Message:
        nonlocal total
        if total > MOST_BYTES:
            raise BodyTooLarge
        message = await receive()
        if not stated:
            total += len(message.get("body", b""))
            if total > MOST_BYTES:
                raise BodyTooLarge
        return message

    return limited


def _has_nul(scope: Scope) -> bool:
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _decent(value: str | None) -> str:
    return value if value and _DECENT.fullmatch(value) else ""
