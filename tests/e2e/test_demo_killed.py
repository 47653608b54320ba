"""The demo, killed with SIGKILL at random moments, loses and doubles nothing."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from api.demo.network import demo_catalogue
from api.demo.orders import DemoOrders
from booking_engine.domain.clock import SystemClock, local_date
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import Deframer, Frame

ORDERS = 260
SEED = 11
KILLS = 5
COMMAND = [sys.executable, "-c", "from api.cli import main; main()", "demo"]
START_SECONDS = 90  # a first start compiles the solver
DONE_SECONDS = 240


def start(data: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *COMMAND,
            *("--orders", str(ORDERS), "--seed", str(SEED), "--once", "--json"),
            *("--data", str(data)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(data: Path, query: str) -> list[tuple]:
    with sqlite3.connect(f"file:{data}/booking-engine.db?mode=ro", uri=True) as found:
        return found.execute(query).fetchall()


def progress(data: Path) -> int:
    """How far it has come: messages stored, bookings made, messages delivered."""
    try:
        [(done,)] = rows(
            data,
            "SELECT (SELECT count(*) FROM inbound_message)"
            " + (SELECT count(*) FROM appointment)"
            " + (SELECT count(*) FROM delivery WHERE status = 'delivered')",
        )
    except sqlite3.OperationalError:  # not yet created
        return 0
    return done


def kill_at(data: Path, moment: int) -> bool:
    """Start, kill once it has come so far; return False if it ended before."""
    process = start(data)
    deadline = time.monotonic() + START_SECONDS + DONE_SECONDS
    while process.poll() is None and progress(data) < moment:
        assert time.monotonic() < deadline, "the demo makes no progress"
        time.sleep(0.02)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    return not ended


def received(data: Path) -> list[tuple[str, bytes]]:
    """Every message that a stand-in wrote down, with the stand-in's name."""
    found = []
    for file in sorted((data / "received").glob("*.mllp")):
        for event in Deframer().feed(file.read_bytes()):
            if isinstance(event, Frame):
                found.append((file.stem, event.payload))
    return found


def test_killed_at_random_moments_it_goes_on_where_it_stopped(tmp_path):
    data = tmp_path / "demo"
    messages = list(
        DemoOrders(
            demo_catalogue(local_date(SystemClock().now())),
            count=ORDERS,
            seed=SEED,
            today=local_date(SystemClock().now()),
        )
    )
    # In all about messages + bookings + deliveries steps; kill within each kind.
    chance = random.Random(SEED)
    steps = len(messages) * 2
    moments = sorted(chance.sample(range(3, steps), KILLS))
    kills = 0
    for moment in moments:
        if not kill_at(data, moment):
            break
        kills += 1
        acknowledged = {
            line.split()[0] for line in (data / "answers.log").read_text().splitlines()
        }
        stored = {control for (control,) in rows(data, CONTROL_IDS)}
        assert acknowledged <= stored, acknowledged - stored
    assert kills >= 3, "the demo ended before it could be killed"

    process = start(data)
    output, log = process.communicate(timeout=START_SECONDS + DONE_SECONDS)
    assert process.returncode == 0, log[-2000:]
    told = json.loads(output.splitlines()[-1])

    # Nothing lost, nothing twice.
    assert told["received"] == ORDERS
    assert told["received"] == sum(
        told[name] for name in ("booked", "waiting", "held", "cancelled", "refused")
    )
    assert told["messages_out"] == told["messages_acknowledged"] > 0
    assert rows(data, PLACER_TWICE) == []
    assert rows(data, OVERLAPS) == []
    assert rows(data, BOOKED_WITHOUT_SLOT) == []
    assert {c for (c,) in rows(data, CONTROL_IDS)} == {m.control_id for m in messages}

    # Every delivery reached its stand-in; a repeat is byte for byte the same.
    bodies: dict[str, set[bytes]] = defaultdict(set)
    first_seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    order_of = dict(rows(data, "SELECT id, order_id FROM delivery"))
    sequence_of = dict(rows(data, "SELECT id, sequence FROM delivery"))
    for partner, payload in received(data):
        control = decode(payload).control_id
        if control not in bodies:
            first_seen[partner, order_of[control]].append(sequence_of[control])
        bodies[control].add(payload)
    delivered = {
        d for (d,) in rows(data, "SELECT id FROM delivery WHERE status = 'delivered'")
    }
    assert set(bodies) == delivered
    assert all(len(payloads) == 1 for payloads in bodies.values())
    assert all(seen == sorted(seen) for seen in first_seen.values())
    print(  # noqa: T201 - the counts are part of what is promised
        f"{kills} kills; {len(messages)} messages in, {told['booked']} booked,"
        f" {len(delivered)} told, {len(received(data)) - len(delivered)} told again"
    )


CONTROL_IDS = "SELECT DISTINCT control_id FROM inbound_message"
PLACER_TWICE = """
    SELECT partner, placer_authority, placer_number, count(*)
    FROM imaging_order GROUP BY 1, 2, 3 HAVING count(*) > 1"""
OVERLAPS = """
    SELECT a.id, b.id FROM appointment a JOIN appointment b
    ON a.id < b.id AND (a.scanner = b.scanner OR a.patient = b.patient)
    AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
    WHERE a.status IN ('held', 'booked') AND b.status IN ('held', 'booked')"""
BOOKED_WITHOUT_SLOT = """
    SELECT o.id FROM imaging_order o WHERE (o.status = 'booked') <> EXISTS (
        SELECT 1 FROM appointment a WHERE a.order_id = o.id AND a.status = 'booked')"""
