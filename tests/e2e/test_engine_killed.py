"""Killed ten times within 20,000 orders, while every peer misbehaves: nothing lost.

Every acknowledged message is carried out exactly once; every booking event reaches its
peer, in order for each order, byte for byte the same each time. The counts are printed.
"""

import os
import time
from collections import Counter, defaultdict
from random import Random

import pytest
from e2e.killed import (
    DEADLINE_SECONDS,
    Engine,
    Hospitals,
    Senders,
    killed_when,
    moments,
)

from api.demo.network import demo_catalogue
from api.demo.orders import DemoOrders
from booking_engine.domain.clock import SystemClock, local_date

ORDERS = int(os.environ.get("KILLED_ORDERS", "600"))
SEED = 20
IN_INTAKE, IN_PLANNING, IN_TELLING = 6, 2, 2
"""When the ten kills come: while orders come in, are booked, and are told."""

STORED = "SELECT count(*) FROM inbound_message"
APPOINTMENTS = "SELECT count(*) FROM appointment"
PENDING = "SELECT count(*) FROM delivery WHERE status = 'pending'"
DELIVERED = "SELECT count(*) FROM delivery WHERE status = 'delivered'"
PARKED = "SELECT id FROM delivery WHERE status = 'parked'"

NOTHING_OF = {
    "orders stored twice": """
        SELECT partner, placer_authority, placer_number FROM imaging_order
        WHERE placer_number <> '' GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "orders received not exactly once": """
        SELECT o.id FROM imaging_order o LEFT JOIN status_change s
        ON s.order_id = o.id AND s.action = 'receive'
        GROUP BY o.id HAVING count(s.id) <> 1""",
    "messages carried out twice": """
        SELECT sender, control_id, digest FROM inbound_message
        GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "appointments that overlap": """
        SELECT a.id, b.id FROM appointment a JOIN appointment b
        ON a.id < b.id AND (a.scanner = b.scanner OR a.patient = b.patient)
        AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN ('held', 'booked') AND b.status IN ('held', 'booked')""",
    "booked orders without their slot": """
        SELECT o.id FROM imaging_order o WHERE (o.status = 'booked') <> EXISTS (
            SELECT 1 FROM appointment a
            WHERE a.order_id = o.id AND a.status = 'booked')""",
    "bookings told not exactly once": """
        SELECT a.id FROM appointment a LEFT JOIN outbox_event e
        ON e.appointment_id = a.id AND e.kind = 'appointment_booked'
        GROUP BY a.id HAVING count(e.id) <> 1""",
}
"""What there must be none of, and the query that would find it."""


@pytest.mark.parametrize(
    "database",
    ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)],
)
def test_nothing_is_lost_or_doubled(request, tmp_path, database):
    url = request.getfixturevalue(database)
    random = Random(SEED)
    today = local_date(SystemClock().now())
    messages = list(
        DemoOrders(demo_catalogue(today), count=ORDERS, seed=SEED, today=today)
    )
    hospitals = Hospitals(SEED)
    with hospitals as ports, Engine(tmp_path, url, ports) as engine:
        senders = Senders(messages, engine.mllp_port)
        try:
            engine.start()
            senders.start()
            take_in(engine, senders, len(messages), random)
            plan(engine, random)
            tell(engine, random)
        finally:
            senders.stop()
            engine.stop()
        check_taken_in(engine, senders, messages)
        for what, query in NOTHING_OF.items():
            assert engine.rows(query) == [], what
        repeats = check_told(engine, hospitals)
        print(  # noqa: T201 - the counts are part of what is promised
            f"{database}: {engine.kills} kills; {len(messages)} messages of {ORDERS}"
            f" orders in, sent again {senders.repeats} times;"
            f" {engine.number(APPOINTMENTS)} booked; {engine.number(DELIVERED)} told,"
            f" {repeats} again; peers: {hospitals.counts}"
        )
        assert engine.kills == IN_INTAKE + IN_PLANNING + IN_TELLING


def take_in(engine, senders, count, random):
    """Let the hospitals send it all, with kills in between."""
    kills = moments(IN_INTAKE, count // 50, count - count // 20, random)
    killed_when(engine, STORED, kills, patience=60)
    wait_until(lambda: senders.done, "every message answered")


def plan(engine, random):
    """Plan, and be killed while the bookings are made; then plan once more."""
    for _ in range(IN_PLANNING):
        before = engine.number(APPOINTMENTS)
        _, run = engine.call("POST", "/v1/plan-runs")
        kills = [before + random.randrange(1, 60)]
        killed_when(engine, APPOINTMENTS, kills)
    _, run = engine.call("POST", "/v1/plan-runs")

    def ended():
        return engine.call("GET", f"/v1/plan-runs/{run['id']}")[1]["status"]

    wait_until(lambda: ended() in {"applied", "failed"}, "the plan applied")
    assert ended() == "applied"


def tell(engine, random):
    """Let it tell everybody, with kills; what a peer refuses is tried again."""
    left = engine.number(PENDING)
    done = engine.number(DELIVERED)
    kills = [done + n for n in moments(IN_TELLING, 1, max(3, left // 2), random)]
    killed_when(engine, DELIVERED, kills)

    def all_told():
        for (delivery,) in engine.rows(PARKED):
            engine.call("POST", f"/v1/deliveries/{delivery}/retry")
        return engine.number(PENDING) == 0 and not engine.rows(PARKED)

    wait_until(all_told, "every event told")


def check_taken_in(engine, senders, messages):
    """Every message was acknowledged, and the store holds what was answered."""
    assert len(senders.acknowledged) == len(
        {(m.partner, m.control_id) for m in messages}
    )
    stored = defaultdict(set)
    for partner, control, ack in engine.rows(
        "SELECT partner, control_id, ack FROM inbound_message"
    ):
        stored[partner, control].add(bytes(ack))
    missing = [
        key for key, ack in senders.acknowledged.items() if ack not in stored[key]
    ]
    assert missing == []


def check_told(engine, hospitals):
    """Every delivery arrived as stored, in order for each order; count the repeats."""
    rows = engine.rows(
        "SELECT id, destination, order_id, sequence, payload FROM delivery"
        " WHERE status <> 'skipped'"
    )
    assert {status for (status,) in engine.rows("SELECT status FROM delivery")} <= {
        "delivered",
        "skipped",
    }
    first: dict[tuple[str, str], int] = {}
    bodies: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    times: Counter[tuple[str, str]] = Counter()
    for name, received in hospitals.received.items():
        for place, (control, raw) in enumerate(received):
            first.setdefault((name, control), place)
            bodies[name, control].add(raw)
            times[name, control] += 1
    order_of = defaultdict(list)
    for delivery, name, order, sequence, payload in rows:
        assert bodies[name, delivery] == {bytes(payload)}, delivery
        order_of[name, order].append((sequence, first[name, delivery]))
    for key, places in order_of.items():
        in_sequence = [place for _, place in sorted(places)]
        assert in_sequence == sorted(in_sequence), key
    return sum(times.values()) - len(times)


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.2)
