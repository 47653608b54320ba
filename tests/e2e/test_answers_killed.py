"""Enhanced mode survives a kill: what was committed is answered, exactly as stored."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from datetime import timedelta
from pathlib import Path
from random import Random

from network import CLERK, NOW, catalogue, sessions

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import PartnerId, TimeOrderedIds
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.domain.policy import Policy
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, MllpListener
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import Behaviour, StandIn
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayResult

DATA = Path(__file__).parents[1] / "data"
NORTH = PartnerId("north")
COUNT = 5
SECONDS = 60.0


def profiles():
    """The partners of the tests; the first speaks enhanced mode."""
    found = load_profiles(DATA / "profiles")
    options = AckOptions.model_validate({"mode": "enhanced"})
    return {**found, NORTH: found[NORTH].model_copy(update={"ack": options})}


def open_engine(database, seed):
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(seed))
    units = SqlUnitOfWorkFactory(database, ids)
    return Dispatcher(units, clock=clock, ids=ids, policy=Policy())


def listen(url, pipe):
    """Take messages in, and send nothing out; for a process of its own."""
    engine = open_engine(make_engine(url), 1)
    with engine.session(CLERK) as session:
        network = catalogue()
        session.uow.replace_catalogue(network)
        session.uow.schedule.add_sessions(sessions(network))
        session.commit()
    receiver = Receiver(engine, profiles().values(), ids=engine.ids, clock=engine.clock)
    listener = MllpListener(
        Endpoint("127.0.0.1", 0), receiver.handle, now=engine.clock.now
    )
    listener.start()
    pipe.send(listener.address)
    threading.Event().wait(SECONDS)


def order(number):
    raw = (DATA / "hl7" / "orders" / "orm_nw_24.er7").read_bytes()
    text = raw.replace(b"\n", b"\r").replace(b"|P|2.4", b"|P|2.4|||AL|AL", 1)
    return text.replace(b"EPR0001", b"C%d" % number).replace(
        b"PL1001", b"PL%d" % number
    )


def exchange(connection, payload):
    """Send one message and return its acknowledgement."""
    connection.sendall(frame(payload))
    received = b""
    while not received.endswith(b"\x1c\r"):
        part = connection.recv(65536)
        assert part, "the listener closed the connection"
        received += part
    return decode(received.strip(b"\x0b\x1c\r") + b"\r")


def test_a_committed_message_is_answered_after_a_kill(sqlite_url, request):
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=listen, args=(sqlite_url, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(SECONDS), "the listener did not start"
        with socket.create_connection(ours.recv(), SECONDS) as connection:
            connection.settimeout(SECONDS)
            commits = [exchange(connection, order(n)) for n in range(COUNT)]
    finally:
        process.kill()
        process.join(SECONDS)

    database = make_engine(sqlite_url)
    request.addfinalizer(database.dispose)
    engine = open_engine(database, 2)
    with engine.reading(CLERK) as session:
        stored = session.uow.outbox.due(NORTH, NOW, limit=100)
    assert [c.get("MSA-1") for c in commits] == ["CA"] * COUNT
    assert [d.status for d in stored] == [DeliveryStatus.PENDING] * COUNT

    sent = []
    polite = Behaviour(mode="enhanced")
    with StandIn(behaviour=polite, on_frame=sent.append) as peer:
        nobody = MllpSender("127.0.0.1", closed_port(), ack_timeout=5)
        failed = relay(engine, nobody).run_once(NORTH)
        engine.clock.advance(timedelta(minutes=10))
        with MllpSender(*peer.address, ack_timeout=SECONDS) as sender:
            result = relay(engine, sender).run_once(NORTH)
            again = relay(engine, sender).run_once(NORTH)

    assert failed == RelayResult(failed=1)
    assert result == RelayResult(delivered=COUNT)
    assert again == RelayResult()
    assert sent == [delivery.payload for delivery in stored]
    answers = [decode(payload) for payload in sent]
    assert [a.get("MSA-2") for a in answers] == [f"C{n}" for n in range(COUNT)]
    assert {a.get("MSA-1") for a in answers} == {"AA"}
    assert {a.get("ORC-1") for a in answers} == {"OK"}


def relay(engine, sender):
    return Relay(engine, profiles(), {NORTH: sender}, clock=engine.clock)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
