"""Orders a second taken in over MLLP, durable, beside servers that only parse.

The engine is ``booking-engine serve --role listen`` with the demo's partners: each
order is stored as it came, mapped, made an order and committed with full
synchronisation before it is acknowledged. The load comes from a process of its own,
with one message under way on each connection. The peers, hl7apy's MLLPServer and
python-hl7's server, parse each message and acknowledge it; nothing is stored. Run from
the repository's root::

    python -m benchmarks.intake [--orders 1500] [--orders-many 4000] [--connections 50]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from sqlalchemy import text

from api.demo.mix import Intent
from api.demo.network import PARTNERS, REGION, demo_catalogue
from api.demo.orders import DemoOrders
from benchmarks import (
    Child,
    child,
    conditions,
    engine,
    load,
    part,
    resident_mb,
    shown_mb,
    table,
    write_config,
)
from benchmarks.mllp_load import END, Load, Send, loading
from benchmarks.mllp_peers import hl7apy_part, python_hl7_part
from benchmarks.persistence_writes import postgres
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.persistence.schema import migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine

WARM_UP: Final = 100
HALF_OF_ONE: Final = 200.0
HALF_OF_MANY: Final = 500.0
"""Orders a second, half of what is asked for over one connection and over many: the
acknowledgements' 99th percentile is to stay below 50 ms."""
HALF_SECONDS: Final = 8.0
FOLLOW_UPS: Final = frozenset({Intent.CHANGE, Intent.CANCEL, Intent.DUPLICATE})


def write_messages(folder: Path, counts: Sequence[int], seed: int) -> list[Path]:
    """Write files of distinct demo orders, so many in each; return where.

    The demo's problems are among them (unmapped codes, missing answers), its changes,
    cancellations and duplicates are not.
    """
    today = local_date(SystemClock().now())
    orders = DemoOrders(
        demo_catalogue(today), count=sum(counts), seed=seed, today=today
    )
    payloads = [m.payload for m in orders if m.intent not in FOLLOW_UPS]
    paths: list[Path] = []
    for number, count in enumerate(counts):
        path = folder / f"messages-{number}.mllp"
        path.write_bytes(b"".join(p + END for p in payloads[:count]))
        payloads = payloads[count:]
        paths.append(path)
    return paths


@contextmanager
def listening(folder: Path, url: str) -> Iterator[Child]:
    """Run the engine with the listener alone."""
    migrate(url)
    config = write_config(
        folder,
        {
            "": {"partners": str(PARTNERS), "region": str(REGION)},
            "database": {"url": url},
            "listener": {"port": 0},
            "log": {"level": "error"},
        },
    )
    command = engine("serve", "--config", str(config), "--role", "listen")
    with child(command, announcement="MLLP") as process:
        yield process


def measure_engine(
    name: str,
    url: str,
    folder: Path,
    loads: Sequence[tuple[Path, int, float]],
    send: Send,
) -> tuple[list[tuple[str, ...]], str]:
    """Return the engine's rows, and a sentence on how its database keeps and weighs."""
    rows: list[tuple[str, ...]] = []
    with listening(folder, url) as process:
        (warm_up, _, _), *counted = loads
        sent = send(Load(process.port, str(warm_up), 1)).accepted
        before = resident_mb(process.pid)
        for path, width, rate in counted:
            at_start = load()
            result = send(Load(process.port, str(path), width, rate=rate))
            sent += result.accepted
            shown = f"{width}, {rate:.0f}/s sent" if rate else str(width)
            rows.append((name, shown, *result.cells(), at_start.split()[0]))
        after = resident_mb(process.pid)
    orders, messages, keeps = stored(url)
    if not sent == orders == messages:
        raise SystemExit(
            f"{name}: {sent} acknowledged, but {messages} messages, {orders} orders"
        )
    note = (
        f"{name}: {keeps}; {orders} orders and {messages} raw messages in the database,"
        f" as many as were acknowledged; the engine held {shown_mb(before)} MB after"
        f" {WARM_UP} orders and {shown_mb(after)} MB after {orders}."
    )
    return rows, note


def stored(url: str) -> tuple[int, int, str]:
    """Return orders and messages in a database, and the settings that keep them."""
    database = make_engine(url)
    units = SqlUnitOfWorkFactory(
        database, TimeOrderedIds(SystemClock(), SystemRandom())
    )
    try:
        with units.reading() as uow:
            orders = sum(uow.orders.counts().values())
        with database.connect() as connection:

            def ask(statement: str) -> Any:
                return connection.execute(text(statement)).scalar()

            messages = int(ask("SELECT count(*) FROM inbound_message"))
            if database.dialect.name == "sqlite":
                level = ("OFF", "NORMAL", "FULL", "EXTRA")[ask("PRAGMA synchronous")]
                keeps = (
                    f"journal_mode {ask('PRAGMA journal_mode')}, synchronous {level}"
                )
            else:
                keeps = ", ".join(
                    f"{name} {ask(f'SHOW {name}')}"
                    for name in ("fsync", "synchronous_commit", "full_page_writes")
                )
        return orders, messages, keeps
    finally:
        database.dispose()


def measure_peers(
    given: argparse.Namespace, folder: Path, send: Send
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the servers that only parse and acknowledge."""
    peers = (
        ("hl7apy MLLPServer", "hl7apy", given.orders_hl7apy, True),
        ("python-hl7 server", "python-hl7", given.orders, False),
    )
    for name, word, count, reconnect in peers:
        warm_up, messages = write_messages(folder, (20, count), given.seed)
        with child(part("intake", word), announcement="LISTENING") as process:
            send(Load(process.port, str(warm_up), 1, reconnect))
            for width in (1, given.connections):
                at_start = load()
                result = send(Load(process.port, str(messages), width, reconnect))
                yield (name, str(width), *result.cells(), at_start.split()[0])


def run(given: argparse.Namespace) -> None:
    """Measure the engine on both databases, then the peers, and print the tables."""
    size = (
        f"{given.orders} orders over one connection, {given.orders_many} over"
        f" {given.connections}; hl7apy {given.orders_hl7apy}"
    )
    print(conditions("Orders in", seed=given.seed, size=size), flush=True)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="booking-bench-") as name,
        loading() as send,
    ):
        folder = Path(name)
        one, many = HALF_OF_ONE, HALF_OF_MANY
        counts = (
            *(WARM_UP, given.orders, given.orders_many),
            *(round(one * HALF_SECONDS), round(many * HALF_SECONDS)),
        )
        files = write_messages(folder, counts, given.seed)
        widths = (1, 1, given.connections, 1, given.connections)
        loads = list(zip(files, widths, (0.0, 0.0, 0.0, one, many), strict=True))
        sqlite = f"sqlite:///{folder / 'booking.db'}"
        found, note = measure_engine("engine, SQLite", sqlite, folder, loads, send)
        rows += found
        notes.append(note)
        with postgres(given.postgres) as url:
            found, note = measure_engine("engine, PostgreSQL", url, folder, loads, send)
        rows += found
        notes.append(note)
        rows += measure_peers(given, folder, send)
    headings = (
        *("server", "connections", "acknowledged", "a second"),
        *("p50 ms", "p99 ms", "load"),
    )
    print(table(headings, rows))
    for note in notes:
        print(f"\n{note}")


def main() -> None:
    """Run the benchmark, or the part of it that is a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=1500, help="over one connection")
    parser.add_argument("--orders-many", type=int, default=4000, help="over many")
    parser.add_argument("--orders-hl7apy", type=int, default=300)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="DSN", help="one of our own by default")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    match given.part:
        case None:
            run(given)
        case ["hl7apy"]:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            hl7apy_part()
        case ["python-hl7"]:
            asyncio.run(python_hl7_part())
        case _:
            parser.error("no such part")


if __name__ == "__main__":
    main()
