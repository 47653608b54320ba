"""The synthetic network that several benchmarks book into.

The demo's sites and procedures with other scanners and lists, so many as are asked for;
orders of the demo are taken in as HL7, and bookings are written through the unit of
work.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from api.bootstrap import build, migrate_database
from api.demo.mix import Intent
from api.demo.network import PARTNERS, REGION, demo_catalogue
from api.demo.orders import DemoOrders
from api.runtime import Runtime
from benchmarks import write_config
from booking_engine.application.dispatch import CommandSession
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.identifiers import Actor, AppointmentId, OrderId, PatientKey
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.schedule import Appointment, AppointmentStatus, ScanSession
from booking_engine.settings import load_settings
from hl7_adapters.mllp.received import Received

ACTOR: Final = Actor("job:benchmark")
BATCH: Final = 200
HALF_DAYS: Final = (("08:00", "13:00"), ("13:30", "18:30"))
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat")
MODALITIES: Final = ("MR", "CT", "US", "CT", "MR", "US", "MR", "CT", "US", "DEXA")
"""Modality of each scanner in turn."""


def configured(folder: Path, url: str, *, scanners: int, days: int) -> Path:
    """Write the configuration of a network of so many scanners; return where."""
    return write_config(
        folder,
        {
            "": {
                "partners": str(PARTNERS),
                "region": str(write_region(folder, scanners)),
            },
            "database": {"url": url},
            "http": {"port": 0},
            "jobs": {"diary_days": days},
            "log": {"level": "error"},
        },
    )


@contextmanager
def prepared(config: Path) -> Iterator[Runtime]:
    """Create the schema, store the network and its diary, and give the engine."""
    settings = load_settings(config)
    migrate_database(settings)
    runtime = build(settings)
    try:
        runtime.prepare()
        yield runtime
    finally:
        runtime.stop()


def write_region(folder: Path, scanners: int) -> Path:
    """Write a region of so many scanners at the demo's open sites; return where."""
    known = YAML(typ="safe", pure=True).load(REGION.read_text(encoding="utf-8"))
    closed = {n for n, o in known["organisations"].items() if "closed_on" in o}
    sites = [n for n, s in known["sites"].items() if s["organisation"] not in closed]
    masks: dict[str, set[str]] = {modality: set() for modality in MODALITIES}
    for scanner in known["scanners"].values():
        masks[scanner["modality"]].update(scanner.get("capabilities", ()))
    names = [f"BENCH-{number:04d}" for number in range(scanners)]
    modalities = dict(zip(names, itertools.cycle(MODALITIES)))
    known["contracts"] = {}
    known["scanners"] = {
        name: {
            "name": f"Scanner {number}",
            "site": sites[number % len(sites)],
            "modality": modalities[name],
            "capabilities": sorted(masks[modalities[name]]),
        }
        for number, name in enumerate(names)
    }
    known["sessions"] = [
        {"scanners": names, "weekdays": list(WEEK), "starts": starts, "ends": ends}
        for starts, ends in HALF_DAYS
    ]
    path = folder / "region.yaml"  # JSON is YAML
    path.write_text(json.dumps(known, default=str), encoding="utf-8")
    return path


def take_in(runtime: Runtime, count: int, seed: int) -> list[ImagingOrder]:
    """Take in the demo's orders and return those that wait for a slot."""
    today = local_date(SystemClock().now())
    # The senders know their own region; what they ask for is done in the larger one.
    wanted = DemoOrders(demo_catalogue(today), count=count, seed=seed, today=today)
    frames = (
        Received(m.payload, "127.0.0.1:1", 1, datetime.now(UTC), 0)
        for m in wanted
        if m.intent is Intent.NEW
    )
    while batch := list(itertools.islice(frames, BATCH)):
        runtime.receiver.handle(batch)
    with runtime.dispatcher.reading(ACTOR) as session:
        return session.uow.orders.with_status([OrderStatus.WAITING])


def book(
    session: CommandSession,
    like: ImagingOrder,
    number: int,
    there: ScanSession,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """Book an order like another, of a patient of its own; nothing is checked."""
    ids = session.context.ids
    patient = replace(like.content.patient, nhs_number=None, local_id=f"F{number}")
    content = replace(like.content, patient=patient, placer_number=f"F{number}")
    order = replace(
        like,
        id=OrderId(ids("O")),
        content=content,
        status=OrderStatus.BOOKED,
        version=1,
    )
    session.uow.orders.add(order)
    session.uow.schedule.add(
        Appointment(
            id=AppointmentId(ids("A")),
            order_id=order.id,
            session_id=there.id,
            scanner=there.scanner,
            patient=PatientKey(patient.key),
            starts_at=starts_at,
            ends_at=ends_at,
            status=AppointmentStatus.BOOKED,
            decision_id=None,
            told=True,
        )
    )
