"""Many clients book, hold, confirm, release and cancel the same few slots at once.

``booking-engine serve --role api`` on PostgreSQL answers 32 clients over connections
that are kept; each asks for a slot that others may have or want, for an order that
others may be booking too. Each request counts as an attempt. Meanwhile and afterwards
SQL looks for two appointments that overlap on a scanner or of a patient, and for an
order with two; at the end every appointment that a client was promised is looked up.
Run from the repository's root::

    python -m benchmarks booking [--attempts 50000] [--clients 32] [--scanners 6]
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Engine, text

from benchmarks import child, conditions, engine, milliseconds, table
from benchmarks.network import configured, prepared, take_in
from benchmarks.persistence_writes import postgres
from booking_engine.persistence.sql import make_engine

ORDERS: Final = 240
"""Taken in; those that wait for a slot are fought over."""
LIVE_EACH: Final = 2
"""Appointments that a client keeps before it gives one back."""
LOOK_SECONDS: Final = 2.0
CONFLICTS: Final = frozenset({409, 410, 412, 422})
"""Answers to who was too late: somebody has the slot, the order or the version."""
DOUBLE: Final = """
SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id
 AND a.status IN ('held', 'booked', 'arrived', 'performed')
 AND b.status IN ('held', 'booked', 'arrived', 'performed')
 AND ((a.starts_at < b.ends_at AND b.starts_at < a.ends_at
       AND (a.scanner = b.scanner OR a.patient = b.patient))
      OR a.order_id = b.order_id)
"""
LIVE: Final = """
SELECT id FROM appointment WHERE status IN ('held', 'booked', 'arrived', 'performed')
"""

Slot = dict[str, str]


@dataclass(slots=True)
class Found:
    """What one client saw.

    Parameters
    ----------
    seconds
        Of each request, by what was asked.
    answers
        How often each status came, by what was asked.
    live
        Appointments that it was promised and has not given back: id, version, state.
    """

    seconds: defaultdict[str, list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    live: list[tuple[str, str, str]] = field(default_factory=list)


class Client:
    """One client over one connection that is kept."""

    def __init__(self, name: str, port: int) -> None:
        self.found = Found()
        self._keys = (f"{name}-{number}" for number in itertools.count(1))
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self, what: str, method: str, path: str, body: Any = None, etag: str = ""
    ) -> tuple[int, Any, str]:
        """Return status, document and ETag of a request; write down what it took."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": next(self._keys),
        }
        if etag:
            headers["If-Match"] = etag
        data = None if body is None else json.dumps(body).encode()
        began = time.perf_counter()
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        content = response.read()
        self.found.seconds[what].append(time.perf_counter() - began)
        self.found.answers[what, response.status] += 1
        document = json.loads(content) if content else None
        return response.status, document, response.headers.get("ETag") or ""

    def fight(
        self,
        orders: Sequence[str],
        slots: Sequence[Slot],
        attempts: int,
        random: Random,
    ) -> None:
        """Make so many attempts."""
        for _ in range(attempts):
            live = self.found.live
            if len(live) > LIVE_EACH or (live and random.random() < 0.3):
                self._end(live.pop(random.randrange(len(live))), random)
            else:
                self._take(random.choice(orders), random.choice(slots), random)

    def _take(self, order: str, slot: Slot, random: Random) -> None:
        body = {"order_id": order, **slot}
        if random.random() < 0.5:
            status, document, etag = self.ask("hold", "POST", "/v1/holds", body)
        else:
            path = "/v1/appointments"
            status, document, etag = self.ask("book", "POST", path, body)
        if status == 201:
            self.found.live.append((document["id"], etag, document["status"]))

    def _end(self, one: tuple[str, str, str], random: Random) -> None:
        name, etag, state = one
        if state == "held" and random.random() < 0.5:
            status, document, seen = self.ask(
                "confirm", "POST", f"/v1/holds/{name}/confirm", {}, etag
            )
            if status == 200:
                self.found.live.append((name, seen, document["status"]))
        elif state == "held":
            self.ask("release", "DELETE", f"/v1/holds/{name}")
        else:
            path = f"/v1/appointments/{name}/cancel"
            body = {"reason": "benchmark", "by": "hospital"}
            self.ask("cancel", "POST", path, body, etag)


def slots_of(
    port: int, orders: Sequence[str], most: int
) -> tuple[list[str], list[Slot]]:
    """Return the orders of one kind of exam that want the same slots, and the slots."""
    client = Client("look", port)
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    slots: dict[str, list[Slot]] = {}
    for order in orders:
        body = {"order_id": order, "limit": 50}
        status, document, _ = client.ask("search", "POST", "/v1/slots/search", body)
        options = document["options"] if status == 200 else []
        if options:
            scanner = options[0]["scanner"]
            wanted[scanner].append(order)
            slots.setdefault(
                scanner,
                [
                    {key: each[key] for key in ("session_id", "starts_at")}
                    for each in options[:most]
                ],
            )
    kept = sorted(wanted, key=lambda scanner: len(wanted[scanner]))[-2:]
    return (
        [order for scanner in kept for order in wanted[scanner]],
        [slot for scanner in kept for slot in slots[scanner]],
    )


class Looking:
    """Looks for double bookings again and again while the clients fight."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.looks = self.double = 0
        self._thread.start()

    def end(self) -> None:
        """Look once more, and end."""
        self._ended.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        with self._database.connect() as connection:
            self.double += int(connection.execute(text(DOUBLE)).scalar() or 0)
        self.looks += 1


def compete(
    url: str, port: int, orders: Sequence[str], given: argparse.Namespace
) -> list[str]:
    """Have the clients fight, and return the report."""
    fought, slots = slots_of(port, orders, given.slots)
    clients = [Client(f"c{number}", port) for number in range(given.clients)]
    share = given.attempts // given.clients
    threads = [
        threading.Thread(
            target=client.fight,
            args=(fought, slots, share, Random(f"{given.seed}/{number}")),
        )
        for number, client in enumerate(clients)
    ]
    database = make_engine(url)
    looking = Looking(database)
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    looking.end()
    with database.connect() as connection:
        stored = {row[0] for row in connection.execute(text(LIVE))}
    database.dispose()
    promised = {name for client in clients for name, _, _ in client.found.live}
    lines = report([client.found for client in clients])
    made = sum(len(s) for c in clients for s in c.found.seconds.values())
    lines.append(
        f"\n{made} attempts in {taken:.0f} s ({made / taken:.0f} a second) at"
        f" {len(slots)} slots for {len(fought)} orders. Double bookings:"
        f" {looking.double}, looked for {looking.looks} times. Appointments promised"
        f" and not given back: {len(promised)}; of these not in the database:"
        f" {len(promised - stored)}; in the database and promised to nobody:"
        f" {len(stored - promised)}."
    )
    if looking.double or promised != stored:
        lines.append("\nFAILED: see above.")
    return lines


def report(found: Sequence[Found]) -> list[str]:
    """Return the table of what was asked and answered."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    answers: Counter[tuple[str, int]] = Counter()
    for one in found:
        answers += one.answers
        for what, taken in one.seconds.items():
            seconds[what] += taken
    seconds["all"] = [each for taken in list(seconds.values()) for each in taken]
    rows = []
    for what, taken in seconds.items():
        kinds: Counter[str] = Counter()
        for (asked, status), number in answers.items():
            if what in {asked, "all"}:
                kinds[_kind(status)] += number
        counts = (str(kinds[kind]) for kind in ("done", "late", "failed"))
        worst = f"{1000 * max(taken):.1f}"
        rows.append((what, str(len(taken)), *counts, *milliseconds(taken), worst))
    headings = (
        *("asked", "attempts", "done", "too late", "failed"),
        *("p50 ms", "p99 ms", "worst ms"),
    )
    return [table(headings, rows)]


def _kind(status: int) -> str:
    if status < 300:
        return "done"
    return "late" if status in CONFLICTS else "failed"


def run(given: argparse.Namespace) -> bool:
    """Serve, compete, print; return whether nothing was booked twice or lost."""
    size = (
        f"{given.attempts} attempts, {given.clients} clients, {given.scanners} scanners"
    )
    print(conditions("Booking at once", seed=given.seed, size=size), flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="booking-bench-") as name,
        postgres(given.postgres) as url,
    ):
        folder = Path(name)
        config = configured(folder, url, scanners=given.scanners, days=given.days)
        with prepared(config) as runtime:
            orders = [order.id for order in take_in(runtime, ORDERS, given.seed)]
        command = engine("serve", "--config", str(config), "--role", "api")
        with child(command, announcement="API") as server:
            lines = compete(url, server.port, orders, given)
    print("\n".join(lines))
    return not lines[-1].startswith("\nFAILED")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--scanners", type=int, default=10)
    parser.add_argument("--slots", type=int, default=20, help="of each of two scanners")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="DSN", help="one of our own by default")
    if not run(parser.parse_args()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
