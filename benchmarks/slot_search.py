"""Slot search and booking over HTTP, in a network's diary that is 70 % full.

A synthetic region (the demo's sites and procedures, with other scanners and lists) is
stored, its diary is filled with bookings through the unit of work, and the demo's
orders are taken in. Then ``booking-engine serve --role api`` answers one client over
one kept connection. Run from the repository's root::

    python -m benchmarks.slot_search [--scanners 100] [--days 42] [--requests 300]
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from api.runtime import Runtime
from benchmarks import (
    child,
    conditions,
    engine,
    load,
    milliseconds,
    resident_mb,
    shown_mb,
    table,
)
from benchmarks.network import ACTOR, book, configured, prepared, take_in
from booking_engine.domain.clock import SystemClock
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import ScanSession

WARM_UP: Final = 20
EXAM_MINUTES: Final = (15, 20, 25, 30, 40, 45)
SEARCH_SECONDS: Final = 60.0
BOOKING_SECONDS: Final = 25.0
"""Longest time for one series of requests: what is not asked by then is left out."""


def bookings(
    session: ScanSession, share: float, random: Random
) -> Iterator[tuple[datetime, datetime]]:
    """Yield intervals that fill a share of a session, with gaps between them."""
    total = (session.ends_at - session.starts_at) // timedelta(minutes=1)
    chosen: list[int] = []
    while (left := round(share * total) - sum(chosen)) >= min(EXAM_MINUTES):
        chosen.append(random.choice([m for m in EXAM_MINUTES if m <= left]))
    gaps = [0] * (len(chosen) + 1)
    for _ in range((total - sum(chosen)) // 5):
        gaps[random.randrange(len(gaps))] += 5
    at = session.starts_at
    for gap, minutes in zip(gaps, chosen, strict=False):
        at += timedelta(minutes=gap)
        yield at, at + timedelta(minutes=minutes)
        at += timedelta(minutes=minutes)


def fill(
    runtime: Runtime, like: ImagingOrder, *, days: int, share: float, seed: int
) -> tuple[int, float]:
    """Book a share of every session; return how many, and what share it became."""
    random = Random(f"fill/{seed}")
    now = SystemClock().now()
    with runtime.dispatcher.reading(ACTOR) as session:
        listed = session.uow.schedule.sessions_between(now, now + timedelta(days=days))
    count, used, total = 0, timedelta(), timedelta()
    waiting = iter(listed)
    while some := list(itertools.islice(waiting, 100)):
        with runtime.dispatcher.session(ACTOR) as session:
            for each in some:
                total += each.ends_at - each.starts_at
                for starts_at, ends_at in bookings(each, share, random):
                    count += 1
                    used += ends_at - starts_at
                    book(session, like, count, each, starts_at, ends_at)
            session.commit()
    return count, used / total


# Asking -----------------------------------------------------------------------------


class Client:
    """One client over one connection that is kept."""

    def __init__(self, port: int) -> None:
        self._keys = itertools.count(1)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def post(
        self, path: str, body: dict[str, Any], **preconditions: str
    ) -> tuple[float, int, Any]:
        """Return seconds, status and document of a request."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"benchmark-{next(self._keys)}",
            **{name.replace("_", "-"): v for name, v in preconditions.items()},
        }
        return self._answer("POST", path, json.dumps(body).encode(), headers)

    def get(self, path: str) -> tuple[float, int, Any]:
        """Return seconds, status and document of a request."""
        return self._answer("GET", path, None, {})

    def _answer(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[float, int, Any]:
        began = time.perf_counter()
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        content = response.read()
        return time.perf_counter() - began, response.status, json.loads(content)


def series(
    calls: Sequence[Callable[[], tuple[float, int, Any]]],
    *,
    good: int,
    longest: float = SEARCH_SECONDS,
) -> tuple[list[float], list[Any], int]:
    """Return seconds and documents of the good answers, and how many were not."""
    seconds: list[float] = []
    documents: list[Any] = []
    other = 0
    deadline = time.monotonic() + longest
    for call in calls:
        if time.monotonic() > deadline:
            break
        taken, status, document = call()
        if status == good:
            seconds.append(taken)
            documents.append(document)
        else:
            other += 1
    return seconds, documents, other


def measure(
    client: Client, orders: Sequence[ImagingOrder], given: argparse.Namespace
) -> Iterator[tuple[str, ...]]:
    """Yield a row for searches, for bookings of a slot, and of the best slot."""

    def search(order: ImagingOrder) -> tuple[float, int, Any]:
        wanted = {"order_id": order.id, "limit": 10, "days": given.days}
        return client.post("/v1/slots/search", wanted)

    def book(order: ImagingOrder, document: Any) -> tuple[float, int, Any]:
        best = document["options"][0]
        slot = {key: best[key] for key in ("session_id", "starts_at")}
        return client.post("/v1/appointments", {"order_id": order.id, **slot})

    def book_best(order: ImagingOrder) -> tuple[float, int, Any]:
        return client.post("/v1/appointments", {"order_id": order.id})

    warm, asked = orders[:WARM_UP], orders[WARM_UP : WARM_UP + given.requests]
    series([lambda o=o: search(o) for o in warm], good=200)  # type: ignore[misc]
    at_start = load().split()[0]
    calls = [lambda o=o: search(o) for o in asked]  # type: ignore[misc]
    seconds, documents, other = series(calls, good=200)
    options = sum(d["count"] for d in documents) / max(1, len(documents))
    name = f"slots/search, {given.days} days, {options:.0f} openings possible"
    yield _row(name, seconds, other, at_start)
    yield from _asked_why_not(client, asked, documents)
    # What was found for one order may be booked by the one before: look again.
    chosen, best = asked[: given.bookings], asked[given.bookings :][: given.bookings]
    taken: list[float] = []
    refused = 0
    at_start = load().split()[0]
    deadline = time.monotonic() + BOOKING_SECONDS
    for order in chosen:
        if time.monotonic() > deadline:
            break
        _, _, document = search(order)
        if document.get("options"):
            second, status, _ = book(order, document)
            taken += [second] if status == 201 else []
            refused += status != 201
    yield _row("appointments, a chosen slot", taken, refused, at_start)
    at_start = load().split()[0]
    calls = [lambda o=o: book_best(o) for o in best]  # type: ignore[misc]
    seconds, _, other = series(calls, good=201, longest=BOOKING_SECONDS)
    yield _row("appointments, the engine's best", seconds, other, at_start)


def _asked_why_not(
    client: Client, asked: Sequence[ImagingOrder], found: Sequence[Any]
) -> Iterator[tuple[str, ...]]:
    """Yield a row for "why not there", and one for why an order waits.

    Half an hour before the best slot of a search something is in the way as a rule: an
    appointment, the lists' end, too short a notice.
    """

    def why_not(order: ImagingOrder, document: Any) -> tuple[float, int, Any]:
        best = document["options"][0]
        at = datetime.fromisoformat(best["starts_at"]) - timedelta(minutes=30)
        slot = {"scanner": best["scanner"], "starts_at": at.isoformat()}
        return client.post("/v1/slots/why-not", {"order_id": order.id, **slot})

    asking = [
        lambda o=order, d=document: why_not(o, d)  # type: ignore[misc]
        for order, document in zip(asked, found, strict=False)
        if document["options"]
    ]
    series(asking[:WARM_UP], good=200)
    at_start = load().split()[0]
    seconds, documents, other = series(asking, good=200)
    blocked = sum(d["standing"] == "blocked" for d in documents)
    yield _row(f"slots/why-not, {blocked} blocked", seconds, other, at_start)
    at_start = load().split()[0]
    explaining = [
        lambda o=order: client.get(f"/v1/orders/{o.id}/explanation")  # type: ignore[misc]
        for order in asked
    ]
    seconds, _, other = series(explaining, good=200)
    yield _row("orders/{id}/explanation", seconds, other, at_start)


def _row(name: str, seconds: Sequence[float], other: int, at: str) -> tuple[str, ...]:
    shown = f"{len(seconds)}{f' ({other} refused)' if other else ''}"
    if not seconds:
        return name, shown, "-", "-", "-", at
    return name, shown, *milliseconds(seconds), f"{1000 * max(seconds):.1f}", at


def run(given: argparse.Namespace) -> None:
    """Fill a diary, serve it, ask, and print the table."""
    size = (
        f"{given.scanners} scanners, {given.days} days, {given.share:.0%} full;"
        f" {given.requests} searches, {given.bookings} bookings of each kind"
    )
    print(conditions("Slot search", seed=given.seed, size=size), flush=True)
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'booking.db'}"
        config = configured(folder, url, scanners=given.scanners, days=given.days)
        with prepared(config) as runtime:
            needed = max(given.requests, 2 * given.bookings) + WARM_UP
            orders = take_in(runtime, math.ceil(1.4 * needed) + 20, given.seed)
            began = time.perf_counter()
            count, share = fill(
                runtime, orders[0], days=given.days, share=given.share, seed=given.seed
            )
            filling = time.perf_counter() - began
        Random(given.seed).shuffle(orders)
        command = engine("serve", "--config", str(config), "--role", "api")
        with (
            child(command, announcement="API") as server,
            closing(Client(server.port)) as client,
        ):
            rows = list(measure(client, orders, given))
            memory = shown_mb(resident_mb(server.pid))
    headings = ("request", "answered", "p50 ms", "p99 ms", "worst ms", "load")
    print(table(headings, rows))
    print(
        f"\nThe diary: {count} bookings fill {share:.1%} of the staffed time (written"
        f" in {filling:.0f} s); {len(orders)} orders waited. The server held"
        f" {memory} MB at the end."
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scanners", type=int, default=100)
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--share", type=float, default=0.7, help="of time booked")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--bookings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
