"""The best slot for one order that arrives, with many open orders in the store.

A network's diary is filled with bookings and so many orders wait; then the engine's
best places are asked for, by the application in this process and over HTTP, and booked.
On SQLite and on PostgreSQL; what is protected for urgent orders is learnt from a spell
of past bookings. Run from the repository's root::

    python -m benchmarks best_slot [--open 50000] [--scanners 150] [--requests 200]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

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
from benchmarks.network import ACTOR, configured, prepared, take_in
from benchmarks.persistence_writes import postgres
from benchmarks.slot_search import Client, fill, series
from booking_engine.application.protecting import RoomKept
from booking_engine.application.slots import search_slots
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.vocabulary import Priority
from solver import DemandToCome, room_prices, warm_up

WARM_UP: Final = 20
BATCH: Final = 1000
PLACES: Final = 5


def waiting_like(like: ImagingOrder, number: int, order_id: OrderId) -> ImagingOrder:
    """Return an order of a patient of its own that waits as another does."""
    patient = replace(like.content.patient, nhs_number=None, local_id=f"W{number}")
    content = replace(like.content, patient=patient, placer_number=f"W{number}")
    return replace(like, id=order_id, content=content, version=1)


def open_orders(runtime: Runtime, like: Sequence[ImagingOrder], count: int) -> None:
    """Store so many orders that wait, each of a patient of its own."""
    ids = runtime.dispatcher.ids
    numbers = iter(range(count))
    while some := list(itertools.islice(numbers, BATCH)):
        with runtime.dispatcher.session(ACTOR) as session:
            for number in some:
                one = waiting_like(like[number % len(like)], number, OrderId(ids("O")))
                session.uow.orders.add(one)
            session.commit()


def kept(runtime: Runtime) -> RoomKept:
    """Return protection on every scanner: an urgent exam a day, three days ahead."""
    with runtime.dispatcher.reading(ACTOR) as session:
        scanners = list(session.uow.catalogue().scanners)
        now, policy = session.context.now, session.context.policy
    mean = np.zeros((2, len(Priority), policy.horizon_days + 1))
    mean[0, Priority.URGENT.tier, 4:] = 1.0
    demand = DemandToCome(mean, np.full(2, 25))
    costs = np.array([policy.displaced_cost(p) for p in Priority], dtype=np.float64)
    prices = room_prices(demand, displaced_cost=costs, least_exams=1)
    return RoomKept(prices, demand, dict.fromkeys(scanners, 0), now, now, 1)


def in_process(runtime: Runtime, orders: Sequence[ImagingOrder]) -> list[float]:
    """Return the seconds of each search, with all that it reads of the database."""
    taken: list[float] = []
    for number, order in enumerate(orders):
        if number == WARM_UP:
            gc.collect()
            gc.freeze()  # as `serve` does
        began = time.perf_counter()
        with runtime.dispatcher.reading(ACTOR) as session:
            search_slots(order, session.uow, session.context, limit=PLACES)
        if number >= WARM_UP:
            taken.append(time.perf_counter() - began)
    gc.unfreeze()
    return taken


def over_http(
    port: int, orders: Sequence[ImagingOrder]
) -> Iterator[tuple[str, list[float], int]]:
    """Yield what was asked, the seconds of what was answered, and what was not."""
    half = len(orders) // 2
    with closing(Client(port)) as client:
        for name, path, some, good in (
            ("best five, over HTTP", "/v1/slots/search", orders[:half], 200),
            ("book the best, over HTTP", "/v1/appointments", orders[half:], 201),
        ):
            more = {"limit": PLACES} if good == 200 else {}
            calls = [
                lambda o=o, p=path, m=more: client.post(p, {"order_id": o.id, **m})  # type: ignore[misc]
                for o in some
            ]
            series(calls[:1] * WARM_UP if good == 200 else [], good=good)
            seconds, _, other = series(calls, good=good)
            yield name, seconds, other


def measure(
    name: str, url: str, folder: Path, given: argparse.Namespace
) -> tuple[list[tuple[str, ...]], str]:
    """Return the rows of one database, and what was in it."""
    config = configured(folder, url, scanners=given.scanners, days=given.days)
    rows: list[tuple[str, ...]] = []
    with prepared(config) as runtime:
        needed = math.ceil(1.4 * (2 * given.requests + WARM_UP)) + 20
        orders = take_in(runtime, needed, given.seed)
        bookings, share = fill(
            runtime, orders[0], days=given.days, share=given.share, seed=given.seed
        )
        open_orders(runtime, orders, given.open)
        Random(given.seed).shuffle(orders)
        runtime.refresh()
        some = orders[: given.requests + WARM_UP]
        for words, room in (("", None), (", room kept", kept(runtime))):
            runtime.dispatcher.room_kept = room
            at = load().split()[0]
            rows.append(
                _row(
                    name, f"best five, in process{words}", in_process(runtime, some), at
                )
            )
    command = engine("serve", "--config", str(config), "--role", "api")
    with child(command, announcement="API") as server:
        for asked, seconds, other in over_http(
            server.port, orders[-2 * given.requests :]
        ):
            shown = f"{asked} ({other} refused)" if other else asked
            rows.append(_row(name, shown, seconds, load().split()[0]))
        memory = shown_mb(resident_mb(server.pid))
    note = (
        f"{name}: {given.open + len(orders)} orders waited, {bookings} bookings filled"
        f" {share:.1%} of the staffed time; the server held {memory} MB at the end."
    )
    return rows, note


def _row(name: str, asked: str, seconds: Sequence[float], at: str) -> tuple[str, ...]:
    worst = f"{1000 * max(seconds):.1f}" if seconds else "-"
    spread = milliseconds(seconds) if seconds else ("-", "-")
    return name, asked, str(len(seconds)), *spread, worst, at


def run(given: argparse.Namespace) -> None:
    """Measure on both databases and print the table."""
    size = (
        f"{given.open} open orders, {given.scanners} scanners, {given.days} days,"
        f" {given.share:.0%} full; {given.requests} of each request"
    )
    print(conditions("Best slot for one order", seed=given.seed, size=size), flush=True)
    warm_up()
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as name:
        folder = Path(name)
        sqlite = f"sqlite:///{folder / 'booking.db'}"
        for which in given.on:
            if which == "sqlite":
                found, note = measure("SQLite", sqlite, folder, given)
            else:
                with postgres(given.postgres) as url:
                    found, note = measure("PostgreSQL", url, folder, given)
            rows += found
            notes.append(note)
    headings = ("store", "asked", "answered", "p50 ms", "p99 ms", "worst ms", "load")
    print(table(headings, rows))
    for note in notes:
        print(f"\n{note}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--open", type=int, default=50_000)
    parser.add_argument("--scanners", type=int, default=150)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--share", type=float, default=0.7, help="of time booked")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument(
        "--on",
        nargs="+",
        choices=("sqlite", "postgresql"),
        default=["sqlite", "postgresql"],
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="DSN", help="one of our own by default")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
