"""Whether the engine's memory stays flat over a million good orders.

The engine is ``booking-engine serve --role listen`` with the demo's partners, as in the
benchmark ``intake``; the orders come in batches over many connections, all of them
distinct, and after each step the process's resident memory is read. Ends with an error
if an order was not acknowledged, or if the database holds another number of messages
than were. Run from the repository's root::

    python -m benchmarks.intake_memory [--orders 1000000] [--postgres]
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api.demo.cases import MOST_ORDERS
from api.demo.network import demo_catalogue
from api.demo.orders import DemoOrders
from benchmarks import conditions, load, resident_mb, shown_mb, table
from benchmarks.intake import FOLLOW_UPS, listening, stored
from benchmarks.mllp_load import END, Load, Send, loading
from benchmarks.persistence_writes import postgres
from booking_engine.domain.clock import SystemClock, local_date

BATCH: Final = 5_000
"""Orders that are written to a file and sent in one go."""
SHOWN: Final = 20
"""Rows of the table."""
NHS_NUMBER: Final = re.compile(rb"\d{10}\^\^\^NHS\^NH~")
NUMBERED: Final = re.compile(rb"\b(RW6|R0A|RMC|A|C|6)0(\d{6,7})(?=[|^\r])")
"""What the demo's senders number: messages, orders, patients; up to ten million."""


def batches(count: int, seed: int) -> Iterator[list[bytes]]:
    """Yield distinct demo orders, so many at a time that a file of them is small."""
    payloads = itertools.chain.from_iterable(
        _part(number, min(MOST_ORDERS, count - number * MOST_ORDERS), seed + number)
        for number in range(-(-count // MOST_ORDERS))
    )
    while batch := list(itertools.islice(payloads, BATCH)):
        yield batch


def _part(number: int, count: int, seed: int) -> Iterator[bytes]:
    """Yield as many orders as there are NHS numbers for; later ones go without them."""
    today = local_date(SystemClock().now())
    orders = DemoOrders(demo_catalogue(today), count=count, seed=seed, today=today)
    for message in orders:
        if message.intent in FOLLOW_UPS:
            continue
        payload = message.payload
        if number:
            payload = NHS_NUMBER.sub(b"", payload)
            payload = NUMBERED.sub(rb"\g<1>%d\g<2>" % number, payload)
        yield payload


def rows_of(
    given: argparse.Namespace, folder: Path, url: str, send: Send
) -> Iterator[tuple[str, ...]]:
    """Send all orders; yield a row after each step, with the memory that is held."""
    path = folder / "batch.mllp"
    every = max(1, given.orders // BATCH // SHOWN)
    sent, seconds, began = 0, 0.0, time.perf_counter()
    with listening(folder, url) as process:
        for number, batch in enumerate(batches(given.orders, given.seed), start=1):
            path.write_bytes(b"".join(payload + END for payload in batch))
            result = send(Load(process.port, str(path), given.connections))
            if result.accepted != len(batch):
                raise SystemExit(
                    f"batch {number}: {len(batch)} sent, answered {result.answers}"
                )
            sent += result.accepted
            seconds += result.seconds
            print(
                f"\r{sent} of {given.orders} orders, {resident_mb(process.pid):.0f} MB",
                end="",
                file=sys.stderr,
                flush=True,
            )
            if number == 1 or number % every == 0 or sent == given.orders:
                yield (
                    str(sent),
                    shown_mb(resident_mb(process.pid)),
                    f"{len(batch) / result.seconds:.0f}",
                    f"{time.perf_counter() - began:.0f}",
                    load().split()[0],
                )
    _, messages, keeps = stored(url)
    if messages != sent:
        raise SystemExit(f"{sent} acknowledged, {messages} messages in the database")
    print(
        f"{messages} raw messages in the database, as many as were acknowledged;"
        f" {sent / seconds:.0f} a second while sending; {keeps}.\n"
    )


@contextmanager
def database(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str]]:
    """Give the database's name and address."""
    if given.postgres:
        with postgres(None) as url:
            yield "PostgreSQL", url
    else:
        yield "SQLite", f"sqlite:///{folder / 'booking.db'}"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="booking-bench-") as name,
        loading() as send,
    ):
        folder = Path(name)
        with database(given, folder) as (named, url):
            size = f"{given.orders} orders over {given.connections}, {named}"
            print(conditions("Memory", seed=given.seed, size=size), flush=True)
            rows = list(rows_of(given, folder, url, send))
    headings = ("orders", "memory, MB", "a second", "after, s", "load")
    print(table(headings, rows))


if __name__ == "__main__":
    main()
