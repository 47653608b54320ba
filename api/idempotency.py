"""Repeating an unsafe POST is safe: the second answer is the first one again.

Clients send ``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header-07). A
key belongs to its sender and to one request: method, path, If-Match and body. What was
answered with success is kept and sent again; a refusal changed nothing, so it is not
kept and the request may be tried again with the same key.

The store is in this process and bounded: it forgets on restart and is not shared
between several API processes. The event loop asks it: nothing of it waits. When more
than one API process is wanted, a table takes its place, and threads ask that.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from booking_engine.domain.clock import Clock

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 200
KEEP: Final = timedelta(hours=24)
MOST: Final = 20_000
"""Answers kept at most; the oldest go first."""
SAFE_POSTS: Final = frozenset(
    {"/v1/slots/search", "/v1/slots/why-not", "/v1/messages/search"}
)
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished response, to be sent again."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a key; `answer` is ``None`` while the first request runs."""

    fingerprint: str
    begun_at: datetime
    answer: Answer | None = None


class IdempotencyStore(Protocol):
    """Where keys and answers are kept; the event loop asks, so nothing may wait."""

    def begin(self, key: str, fingerprint: str) -> Entry | None:
        """Claim a key; return ``None`` if it was free, else what is known of it."""
        ...

    def finish(self, key: str, answer: Answer) -> None:
        """Keep the answer of a claimed key."""
        ...

    def forget(self, key: str) -> None:
        """Give a claimed key back."""
        ...


class InProcessStore:
    """The store of one process.

    Parameters
    ----------
    clock
        Tells when an answer is too old.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def begin(self, key: str, fingerprint: str) -> Entry | None:
        """Claim a key; return ``None`` if it was free, else what is known of it."""
        now = self._clock.now()
        with self._lock:
            known = self._entries.get(key)
            if known is not None and now - known.begun_at < KEEP:
                return known
            self._entries[key] = Entry(fingerprint, now)
            self._entries.move_to_end(key)
            while len(self._entries) > MOST:
                self._entries.popitem(last=False)
        return None

    def finish(self, key: str, answer: Answer) -> None:
        """Keep the answer of a claimed key."""
        with self._lock:
            known = self._entries.get(key)
            if known is not None:
                self._entries[key] = Entry(known.fingerprint, known.begun_at, answer)

    def forget(self, key: str) -> None:
        """Give a claimed key back."""
        with self._lock:
            self._entries.pop(key, None)


class Idempotency:
    """Middleware over the unsafe POSTs under ``/v1``.

    Parameters
    ----------
    app
        What it wraps.
    store
        Where keys and answers are kept.
    """

    def __init__(self, app: ASGIApp, store: IdempotencyStore) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_covered(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get(HEADER, "")
        if not 0 < len(given) <= LONGEST_KEY:
            refusal = problem_response(
                request,
                "idempotency.required",
                f"{HEADER} is missing or longer than {LONGEST_KEY} characters.",
            )
            await refusal(scope, receive, send)
            return
        body = await request.body()
        key, fingerprint = _key_of(request.headers, given), _fingerprint(request, body)
        known = self._store.begin(key, fingerprint)
        if known is None:
            await self._first(key, body, scope, receive, send)
        elif known.fingerprint != fingerprint:
            refusal = problem_response(
                request, "idempotency.mismatch", f"{HEADER} belongs to another request."
            )
            await refusal(scope, receive, send)
        elif known.answer is None:
            refusal = problem_response(
                request,
                "idempotency.in_flight",
                "The first request with this key has not ended; try again.",
                headers={"Retry-After": "1"},
            )
            await refusal(scope, receive, send)
        else:
            await _again(known.answer, send)

    async def _first(
        self, key: str, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a request and keep what was answered, if it succeeded."""
        start: Message = {}
        parts: list[bytes] = []
        given = False

        async def replay_body() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def listen(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        kept = False
        try:
            await self._app(scope, replay_body, listen)
            if start.get("status") in _SUCCESS:
                answer = Answer(
                    start["status"], tuple(start["headers"]), b"".join(parts)
                )
                self._store.finish(key, answer)
                kept = True
        finally:
            if not kept:
                self._store.forget(key)


def _is_covered(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and scope["path"].startswith("/v1/")
        and scope["path"] not in SAFE_POSTS
    )


def _key_of(headers: Headers, given: str) -> str:
    """Return the key within its sender's own; secrets are not kept."""
    who = f"{headers.get('authorization', '')}\n{headers.get('x-actor', '')}\n{given}"
    return hashlib.sha256(who.encode()).hexdigest()


def _fingerprint(request: Request, body: bytes) -> str:
    parts = (
        request.scope["path"].encode(),
        request.scope["query_string"],
        request.headers.get("if-match", "").encode(),
        body,
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


async def _again(answer: Answer, send: Send) -> None:
    old = (b"x-request-id", b"x-correlation-id")
    headers = [pair for pair in answer.headers if pair[0].lower() not in old]
    headers.append((b"idempotency-replayed", b"true"))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": headers,
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
