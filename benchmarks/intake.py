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
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPRequestHandler, MLLPServer
from hl7apy.parser import parse_message
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
    milliseconds,
    part,
    resident_mb,
    shown_mb,
    table,
    write_config,
)
from benchmarks.persistence_writes import postgres
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.persistence.schema import migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine

HOST: Final = "127.0.0.1"
START: Final = b"\x0b"
END: Final = b"\x1c\r"
WARM_UP: Final = 100
CHARSET: Final = "latin-1"
"""For the peers: reads every byte, so that no message fails on its character set."""
FOLLOW_UPS: Final = frozenset({Intent.CHANGE, Intent.CANCEL, Intent.DUPLICATE})
LONGEST: Final = 75.0
"""Seconds for one load; what is not answered by then counts as not answered."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and how.

    Parameters
    ----------
    path
        File of messages, each followed by the end of an MLLP frame.
    reconnect
        The server closes after each answer: open another connection for each message.
    """

    port: int
    path: str
    connections: int
    reconnect: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What one load measured.

    Parameters
    ----------
    answers
        Acknowledgements by code (MSA-1); a message without one counts under ``none``.
    latencies
        Seconds from sending to the whole acknowledgement, connecting included where
        each message needs a connection.
    """

    seconds: float
    answers: dict[str, int]
    latencies: list[float]

    @property
    def accepted(self) -> int:
        """Messages acknowledged with AA."""
        return self.answers.get("AA", 0)

    def cells(self) -> tuple[str, str, str, str]:
        """Return messages, rate, median and 99th percentile, as the table shows."""
        others = ", ".join(f"{n} {a}" for a, n in self.answers.items() if a != "AA")
        return (
            f"{self.accepted}{f' ({others})' if others else ''}",
            f"{self.accepted / self.seconds:.0f}",
            *milliseconds(self.latencies),
        )


# The load ---------------------------------------------------------------------------


class Line(asyncio.Protocol):
    """One connection with one message under way: send, wait for the answer, go on."""

    def __init__(self, queue: Iterator[bytes], wanted: Load) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.answers: Counter[str] = Counter()
        self._began = time.perf_counter()
        self._queue = queue
        self._received = b""
        self._waits = False
        self._reconnect = wanted.reconnect
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first message."""
        assert isinstance(transport, asyncio.Transport), "TCP"
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and send the next message."""
        self._received += data
        if not self._received.endswith(END):
            return
        self.latencies.append(time.perf_counter() - self._began)
        self.answers[self._received.partition(b"\rMSA|")[2][:2].decode(CHARSET)] += 1
        self._received, self._waits = b"", False
        if not self._reconnect:
            self._began = time.perf_counter()
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a message that got no answer."""
        del exc
        if self._waits:
            self.answers["none"] += 1
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        assert self._transport is not None, "connected"
        message = next(self._queue, None)
        if message is None:
            self._transport.close()
            return
        self._waits = True
        self._transport.write(message)


async def _one_line(messages: Sequence[bytes], wanted: Load) -> list[Line]:
    """Send these one after the other; return every connection that it took."""
    queue = iter(messages)
    lines: list[Line] = []
    while len(lines) < len(messages):
        line = Line(queue, wanted)
        lines.append(line)
        await asyncio.get_running_loop().create_connection(
            lambda line=line: line,  # type: ignore[misc]
            HOST,
            wanted.port,
        )
        await line.done
        if not wanted.reconnect and not line.answers["none"]:
            break
    return lines


async def _load(wanted: Load, messages: Sequence[bytes]) -> Result:
    """Send everything and wait, for so long at most, until it is answered."""
    width = min(wanted.connections, len(messages))
    began = time.perf_counter()
    tasks = [
        asyncio.create_task(_one_line(messages[at::width], wanted))
        for at in range(width)
    ]
    done, late = await asyncio.wait(tasks, timeout=LONGEST)
    seconds = time.perf_counter() - began
    for task in late:
        task.cancel()
    lines = [line for task in done for line in task.result()]
    answers = sum((line.answers for line in lines), Counter[str]())
    missing = len(messages) - sum(answers.values())
    if missing:
        answers["none"] += missing
    latencies = [x for line in lines for x in line.latencies]
    return Result(seconds, dict(answers), latencies)


def _load_part() -> None:
    """Do one load for each line of standard input; answer each with a line."""
    for line in sys.stdin:
        wanted = Load(**json.loads(line))
        payloads = Path(wanted.path).read_bytes().split(END)
        messages = [START + payload + END for payload in payloads if payload]
        result = asyncio.run(_load(wanted, messages))
        print(json.dumps(asdict(result)), flush=True)


Send = Callable[[Load], Result]


@contextmanager
def loading() -> Iterator[Send]:
    """Start the process that sends; give a way to have it send."""
    with subprocess.Popen(
        part("intake", "load"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def send(wanted: Load) -> Result:
            assert process.stdin is not None, "opened with a pipe"
            assert process.stdout is not None, "opened with a pipe"
            print(json.dumps(asdict(wanted)), file=process.stdin, flush=True)
            return Result(**json.loads(process.stdout.readline()))

        try:
            yield send
        finally:
            process.terminate()


# The peers --------------------------------------------------------------------------


class _Acknowledge(AbstractHandler):  # type: ignore[misc]
    """hl7apy: parse a message and build its acknowledgement."""

    def reply(self) -> str:
        """Return the acknowledgement, framed."""
        message = parse_message(self.incoming_message)
        ack = Message("ACK", version=message.version)
        ack.msh.msh_3 = message.msh.msh_5
        ack.msh.msh_5 = message.msh.msh_3
        ack.msh.msh_9 = "ACK"
        ack.msh.msh_10 = "1"
        ack.msh.msh_11 = "T"
        ack.msa.msa_1 = "AA"
        ack.msa.msa_2 = message.msh.msh_10.value
        return str(ack.to_mllp())


class _Latin1(MLLPRequestHandler):  # type: ignore[misc]
    encoding = CHARSET


class _Server(MLLPServer):  # type: ignore[misc]
    # Its own five would drop some of fifty callers, who then wait a second.
    request_queue_size = 128
    daemon_threads = True


def _hl7apy_part() -> None:
    kinds = ("ORM^O01", "OMG^O19", "OMI^O23^OMI_O23")
    handlers = dict.fromkeys(kinds, (_Acknowledge,))
    server = _Server(HOST, 0, handlers, request_handler_class=_Latin1)
    print(f"LISTENING {server.server_address[1]}", flush=True)
    server.serve_forever()


async def _python_hl7() -> None:
    async def answer(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message: hl7.Message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await start_hl7_server(answer, HOST, 0, encoding=CHARSET)
    print(f"LISTENING {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


# The benchmark ----------------------------------------------------------------------


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
    name: str, url: str, folder: Path, loads: Sequence[tuple[Path, int]], send: Send
) -> tuple[list[tuple[str, ...]], str]:
    """Return the engine's rows, and a sentence on how its database keeps and weighs."""
    rows: list[tuple[str, ...]] = []
    with listening(folder, url) as process:
        (warm_up, _), *counted = loads
        sent = send(Load(process.port, str(warm_up), 1)).accepted
        before = resident_mb(process.pid)
        for path, width in counted:
            at_start = load()
            result = send(Load(process.port, str(path), width))
            sent += result.accepted
            rows.append((name, str(width), *result.cells(), at_start.split()[0]))
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
        counts = (WARM_UP, given.orders, given.orders_many)
        files = write_messages(folder, counts, given.seed)
        loads = list(zip(files, (1, 1, given.connections), strict=True))
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
        case ["load"]:
            _load_part()
        case ["hl7apy"]:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _hl7apy_part()
        case ["python-hl7"]:
            asyncio.run(_python_hl7())
        case _:
            parser.error("no such part")


if __name__ == "__main__":
    main()
