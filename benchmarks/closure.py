"""A scanner goes down for a day: proposals over HTTP, in a network's booked diary.

A synthetic region is stored (as for `benchmarks.slot_search`) and its next weeks are
booked, fullest tomorrow, by exams that their scanners can do. Then ``booking-engine
serve --role api`` answers one client: a scanner-day is closed, other slots are proposed
for its bookings, a better proposal is looked for, and the last one is approved. Run
from the repository's root::

    python -m benchmarks closure [--scanners 150] [--bookings 20000] [--closures 5]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from api.runtime import Runtime
from benchmarks import child, conditions, engine, table
from benchmarks.network import ACTOR, book, configured, prepared, take_in
from benchmarks.persistence_writes import postgres
from benchmarks.slot_search import Client
from booking_engine.domain.clock import LONDON, SystemClock, local_date
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Appointment, ScanSession
from booking_engine.domain.vocabulary import Modality
from solver import warm_up

DAYS: Final = 42
FULLEST: Final = 0.95
"""How full tomorrow is; it falls evenly to nothing."""
POOL: Final = 400
"""Orders that the booked ones are like."""
HEADINGS: Final = (
    "database",
    "lost",
    "affected",
    "closed, ms",
    "first proposal, ms",
    "of that solver, ms",
    "no place",
    "breaches",
    "better after, s",
    "make room",
    "breaches then",
    "cost",
    "cost then",
    "gap",
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A scanner-day that is closed."""

    scanner: str
    starts_at: datetime
    ends_at: datetime
    bookings: int


def fill(runtime: Runtime, pool: Sequence[ImagingOrder], wanted: int, seed: int) -> int:
    """Book about so many exams, each on a scanner of its kind; return how many."""
    random = Random(f"closure/{seed}")
    now = SystemClock().now()
    with runtime.dispatcher.reading(ACTOR) as session:
        catalogue = session.uow.catalogue()
        listed = session.uow.schedule.sessions_between(
            now + timedelta(days=1), now + timedelta(days=DAYS)
        )
    of: dict[Modality, list[ImagingOrder]] = defaultdict(list)
    for order in pool:
        assert order.content.procedure is not None, "it waits"
        of[catalogue.procedure(order.content.procedure).modality].append(order)
    minutes = {order.id: exam_minutes(order, catalogue) for order in pool}
    mean = sum(minutes.values()) / len(minutes)
    by_day: dict[int, list[ScanSession]] = defaultdict(list)
    for each in listed:
        if of[catalogue.scanner(each.scanner).modality]:
            by_day[(local_date(each.starts_at) - local_date(now)).days].append(each)
    room = {day: sum(map(_length, some)) / mean for day, some in by_day.items()}
    last = next(
        n
        for n in itertools.count(2)
        if n > DAYS
        or sum(FULLEST * max(0.0, 1 - (d - 1) / n) * r for d, r in room.items())
        >= wanted
    )
    count = 0
    for day, some in by_day.items():
        share = FULLEST * max(0.0, 1 - (day - 1) / last)
        with runtime.dispatcher.session(ACTOR) as session:
            for each in some:
                like = of[catalogue.scanner(each.scanner).modality]
                for order, starts_at in _exams(each, like, minutes, share, random):
                    count += 1
                    length = timedelta(minutes=minutes[order.id])
                    book(session, order, count, each, starts_at, starts_at + length)
            session.commit()
    return count


def _length(session: ScanSession) -> float:
    return (session.ends_at - session.starts_at) / timedelta(minutes=1)


def _exams(
    session: ScanSession,
    like: Sequence[ImagingOrder],
    minutes: dict[OrderId, int],
    share: float,
    random: Random,
) -> Iterator[tuple[ImagingOrder, datetime]]:
    """Yield exams that fill the first share of a session, and when they begin."""
    at = session.starts_at
    until = at + share * (session.ends_at - at)
    while True:
        order = random.choice(like)
        if at + timedelta(minutes=minutes[order.id]) > until:
            return
        yield order, at
        at += timedelta(minutes=minutes[order.id])


def scanner_days(runtime: Runtime, count: int, seed: int) -> list[Lost]:
    """Return scanner-days of the next week with at least five bookings."""
    now = SystemClock().now()
    with runtime.dispatcher.reading(ACTOR) as session:
        listed = session.uow.schedule.occupying_between(
            now + timedelta(days=1), now + timedelta(days=8)
        )
    of: dict[tuple[str, Any], list[Appointment]] = defaultdict(list)
    for one in listed:
        of[one.scanner, local_date(one.starts_at)].append(one)
    found = [
        Lost(
            scanner,
            datetime(day.year, day.month, day.day, 7, tzinfo=LONDON),
            datetime(day.year, day.month, day.day, 21, tzinfo=LONDON),
            len(some),
        )
        for (scanner, day), some in sorted(of.items())
        if len(some) >= 5
    ]
    return Random(seed).sample(found, count)


def measured(name: str, client: Client, runtime: Runtime, lost: Lost) -> Any:
    """Return the row of one closure, and where its rebooking is."""
    closing_seconds, status, closure = client.post(
        "/v1/closures",
        {
            "scanner": lost.scanner,
            "starts_at": lost.starts_at.isoformat(),
            "ends_at": lost.ends_at.isoformat(),
            "reason": "fault",
        },
    )
    if status != 201:
        raise SystemExit(f"The closure was refused: {closure}")
    where = f"/v1/closures/{closure['id']}/rebooking"
    seconds, status, first = client.post(where, {})
    if status != 201:
        raise SystemExit(f"The proposal was refused: {first}")
    began = time.perf_counter()
    if runtime.rebookings.improve_due() != 1:
        raise SystemExit(f"The proposal {first['id']} was not improved.")
    better_after = time.perf_counter() - began
    client.close()  # the server has not waited for so long
    _, _, better = client.get(where)
    row = (
        name,
        f"{lost.scanner}, {lost.starts_at:%a %d}",
        str(first["affected"]),
        f"{1000 * closing_seconds:.0f}",
        f"{1000 * seconds:.0f}",
        f"{1000 * first['seconds']:.1f}",
        str(first["no_place"]),
        str(first["breaches"]),
        f"{better_after:.1f}",
        str(better["making_room"]),
        str(better["breaches"]),
        f"{first['cost']:,}",
        f"{better['cost']:,}",
        f"{better['gap']:.2%}",
    )
    return row, where, better


def on_database(name: str, url: str, given: argparse.Namespace) -> None:
    """Measure on one database and print the table."""
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as folder_name:
        folder = Path(folder_name)
        url = url or f"sqlite:///{folder / 'booking.db'}"
        config = configured(folder, url, scanners=given.scanners, days=DAYS)
        with prepared(config) as runtime:
            pool = take_in(runtime, POOL, given.seed)
            count = fill(runtime, pool, given.bookings, given.seed)
            lost = scanner_days(runtime, given.closures + 1, given.seed)
            command = engine("serve", "--config", str(config), "--role", "api")
            with (
                child(command, announcement="API") as server,
                closing(Client(server.port)) as client,
            ):
                # The first of a process reads what is free; it is not measured.
                measured(name, client, runtime, lost[0])
                rows, last = [], None
                for one in lost[1:]:
                    row, where, better = measured(name, client, runtime, one)
                    rows.append(row)
                    last = where, better
                print(table(HEADINGS, rows), flush=True)
                if last is not None:
                    print(f"\n{approved(client, *last)} The diary: {count} bookings.\n")
                    points = [
                        tuple(str(p[k]) for k in ("moved", "breaches", "cost"))
                        for p in last[1]["frontier"]
                    ]
                    print(table(("others moved", "breaches", "cost"), points), "\n")


def approved(client: Client, where: str, better: Any) -> str:
    """Approve a proposal and return a sentence of how it went."""
    seconds, status, done = client.post(
        f"{where}/approve", {}, if_match=f'"{better["version"]}"'
    )
    if status != 200:
        return f"The approval was refused: {done['detail']}"
    moved = sum(line["outcome"] == "moved" for line in done["lines"])
    return f"Approving moved {moved} of {len(done['lines'])} in {seconds:.2f} s."


def run(given: argparse.Namespace) -> None:
    """Measure on SQLite, then on PostgreSQL."""
    size = (
        f"{given.scanners} scanners, {DAYS} days, about {given.bookings} bookings;"
        f" {given.closures} scanner-days lost, one after the other"
    )
    print(conditions("A scanner goes down", seed=given.seed, size=size), flush=True)
    warm_up()
    on_database("SQLite", "", given)
    with postgres(given.postgres) as url:
        on_database("PostgreSQL", url, given)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scanners", type=int, default=150)
    parser.add_argument("--bookings", type=int, default=20_000)
    parser.add_argument("--closures", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="DSN", help="one of our own by default")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
