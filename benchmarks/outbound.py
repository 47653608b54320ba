"""Bookings a second written back as SIU through the relay, beside hl7apy's building.

Orders of one hospital are taken in and booked in a SQLite database; then the relay, as
``booking-engine serve --role relay`` runs it, writes each message, stores it with full
synchronisation, sends it to a process that acknowledges at once, and stores what became
of it. Beside it stands the time that the engine and hl7apy take to build the same
messages. Run from the repository's root::

    python -m benchmarks.outbound [--messages 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hl7apy.core import Message, Segment

from api.bootstrap import build, migrate_database
from api.demo.mix import PARTNERS as SHARES
from api.demo.mix import Intent
from api.demo.network import demo_catalogue, demo_profiles
from api.demo.orders import DemoOrders
from api.runtime import Runtime
from benchmarks import child, conditions, load, part, table
from booking_engine.application.booking import place
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.decisions import Choice, DecisionKind, Reasons, Terms
from booking_engine.domain.identifiers import Actor, OrderId, PartnerId, SessionId
from booking_engine.domain.messages import Delivery, DeliveryStatus
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import ScanSession
from booking_engine.domain.vocabulary import ListType
from booking_engine.settings import DatabaseSettings, JobSettings, Settings
from hl7_adapters.mllp.received import Received
from hl7_adapters.payloads import write_payloads

HOST: Final = "127.0.0.1"
PARTNER: Final = PartnerId("r0a")
ACTOR: Final = Actor("job:benchmark")
END: Final = b"\x1c\r"
MINUTES: Final = 20
A_SESSION: Final = 30
"""Bookings in each session of the synthetic diary."""
BATCH: Final = 200
BUILT: Final = 300
"""How many messages each side builds."""


# The peer ---------------------------------------------------------------------------


class Acknowledger(asyncio.Protocol):
    """Answers each frame with AA at once."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        assert isinstance(transport, asyncio.Transport), "TCP"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every frame that is whole."""
        assert self._transport is not None, "connected"
        *frames, self._received = (self._received + data).split(END)
        for frame in frames:
            control_id = frame.partition(b"\r")[0].split(b"|")[9]  # MSH-10
            self._transport.write(
                b"\x0bMSH|^~\\&|RIS||BOOKING||20260101||ACK|1|T|2.4\rMSA|AA|"
                + control_id
                + b"\r"
                + END
            )


async def _peer() -> None:
    server = await asyncio.get_running_loop().create_server(Acknowledger, HOST, 0)
    print(f"LISTENING {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


# What is sent -----------------------------------------------------------------------


@contextmanager
def prepared(folder: Path, port: int) -> Iterator[Runtime]:
    """Give an engine on a new SQLite database; it is not started, only joined."""
    settings = Settings(
        database=DatabaseSettings(url=f"sqlite:///{folder / 'booking.db'}"),
        jobs=JobSettings(diary_days=1),
    )
    migrate_database(settings)
    today = local_date(SystemClock().now())
    runtime = build(
        settings,
        profiles=demo_profiles({PARTNER: (HOST, port)}),
        region=demo_catalogue(today),
    )
    try:
        runtime.prepare()
        yield runtime
    finally:
        runtime.relays.stop()
        runtime.stop()


def receive(runtime: Runtime, count: int, seed: int) -> list[OrderId]:
    """Take in orders of the one hospital until so many wait for a slot."""
    assert runtime.region is not None, "given above"
    messages = DemoOrders(
        runtime.region,
        count=round(count / SHARES[PARTNER] * 1.3) + 50,
        seed=seed,
        today=local_date(SystemClock().now()),
    )
    frames = (
        Received(m.payload, f"{HOST}:1", 1, datetime.now(UTC), 0)
        for m in messages
        if m.partner == PARTNER and m.intent is Intent.NEW
    )
    while batch := list(itertools.islice(frames, BATCH)):
        runtime.receiver.handle(batch)
    with runtime.dispatcher.reading(ACTOR) as session:
        waiting = session.uow.orders.with_status([OrderStatus.WAITING], limit=count)
    return [order.id for order in waiting]


def book(runtime: Runtime, orders: Sequence[OrderId]) -> None:
    """Book one order after the other, whatever the rules would say."""
    assert runtime.region is not None, "given above"
    scanner = next(
        name
        for name in runtime.region.scanners
        if runtime.region.site_of(name).diary_partner == PARTNER
    )
    first = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    for start in range(0, len(orders), A_SESSION):
        starts_at = first + timedelta(days=365 + start // A_SESSION)
        session_id = SessionId(f"BENCH-{start:06d}")
        with runtime.dispatcher.session(ACTOR) as session:
            uow = session.uow
            length = timedelta(minutes=MINUTES)
            listed = ScanSession(
                id=session_id,
                scanner=scanner,
                starts_at=starts_at,
                ends_at=starts_at + A_SESSION * length,
                list_type=ListType.GENERAL,
            )
            uow.schedule.add_sessions([listed])
            known = uow.orders.get_many(orders[start : start + A_SESSION])
            for at, order in enumerate(known.values()):
                chosen = Choice(
                    scanner=scanner,
                    session_id=session_id,
                    starts_at=starts_at + at * length,
                    minutes=MINUTES,
                    travel_km=5,
                    terms=Terms(10, 0, 0, 1, 0),
                )
                reasons = Reasons(chosen, {"benchmark": at}, 1, (), None)
                place(order, reasons, DecisionKind.PLANNED, uow, session.context)
            session.commit()


# Building ---------------------------------------------------------------------------


def engine_building(runtime: Runtime, sample: Sequence[Delivery]) -> float:
    """Return the engine's seconds to read what a message says, and write it."""
    with runtime.dispatcher.reading(ACTOR) as session:
        profile = runtime.profiles[PARTNER]
        began = time.perf_counter()
        made = write_payloads(sample, session.uow, profile)
        seconds = time.perf_counter() - began
    assert all(delivery.payload for delivery in made.values()), "all can be written"
    return seconds


def hl7apy_building(payloads: Sequence[str]) -> tuple[float, int]:
    """Return hl7apy's seconds to build the messages, and how many are equal to ours.

    Their fields are taken apart beforehand: only building and encoding is timed.
    """
    parts = [
        [line.split("|") for line in payload.rstrip("\r").split("\r")]
        for payload in payloads
    ]
    built: list[str] = []
    began = time.perf_counter()
    for segments in parts:
        header = segments[0]
        message = Message(header[8].replace("^", "_")[:7], version=header[11])
        for number, text in enumerate(header[2:], start=3):
            if text:
                setattr(message.msh, f"msh_{number}", text)
        for name, *fields in segments[1:]:
            segment = Segment(name, version=header[11])
            for number, text in enumerate(fields, start=1):
                for repetition in text.split("~") if text else ():
                    field = segment.add_field(f"{name.lower()}_{number}")
                    field.value = repetition
            message.add(segment)
        built.append(message.to_er7())
    seconds = time.perf_counter() - began
    equal = sum(
        ours.rstrip("\r") == theirs.rstrip("\r")
        for ours, theirs in zip(payloads, built, strict=True)
    )
    return seconds, equal


# The benchmark ----------------------------------------------------------------------


def run(given: argparse.Namespace) -> None:
    """Fill a database, send everything, and print the tables."""
    size = f"{given.messages} bookings, {BUILT} of them built"
    print(conditions("Bookings out", seed=given.seed, size=size), flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="booking-bench-") as folder,
        child(part("outbound", "peer"), announcement="LISTENING") as peer,
        prepared(Path(folder), peer.port) as runtime,
    ):
        orders = receive(runtime, given.messages, given.seed)
        book(runtime, orders)
        with runtime.dispatcher.reading(ACTOR) as session:
            sample = session.uow.outbox.due(PARTNER, SystemClock().now(), limit=BUILT)
        ours = engine_building(runtime, sample)
        at_start = load().split()[0]
        delivered = 0
        began = time.perf_counter()
        while (result := runtime.relay.run_once(PARTNER)).total:
            delivered += result.delivered
        seconds = time.perf_counter() - began
        with runtime.dispatcher.reading(ACTOR) as session:
            stored = session.uow.outbox.counts()[PARTNER, DeliveryStatus.DELIVERED]
            sent = [session.uow.outbox.get(delivery.id) for delivery in sample]
        if not delivered == stored == len(orders):
            raise SystemExit(f"{len(orders)} to send, {delivered} sent, {stored} kept")
        charset = runtime.profiles[PARTNER].charset
        texts = [(d.payload or b"").decode(_codec(charset)) for d in sent]
    theirs, equal = hl7apy_building(texts)
    rows = (
        (
            "relay, SQLite: written, stored, sent, acknowledged, stored",
            str(delivered),
            f"{delivered / seconds:.0f}",
            f"{1000 * seconds / delivered:.2f}",
            at_start,
        ),
        (
            "engine, building alone (with reading what it says)",
            str(len(sample)),
            f"{len(sample) / ours:.0f}",
            f"{1000 * ours / len(sample):.2f}",
            at_start,
        ),
        (
            f"hl7apy, building alone ({equal} of {len(texts)} equal to ours)",
            str(len(texts)),
            f"{len(texts) / theirs:.0f}",
            f"{1000 * theirs / len(texts):.2f}",
            load().split()[0],
        ),
    )
    print(table(("what", "messages", "a second", "ms each", "load"), rows))


def _codec(charset: str) -> str:
    """Return Python's name of a character set of HL7 table 0211."""
    return "latin-1" if charset == "8859/1" else "utf-8"


def main() -> None:
    """Run the benchmark, or the peer as a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=["peer"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part == "peer":
        asyncio.run(_peer())
    else:
        run(given)


if __name__ == "__main__":
    main()
