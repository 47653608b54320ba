"""Bytes in from foreign clients, SIU bytes out at a peer, on both real databases."""

import socket
import time
from datetime import datetime, timedelta
from pathlib import Path

import hl7
import pytest
from hl7.client import MLLPClient
from network import catalogue

from api.bootstrap import build
from api.runtime import Role, Runtime
from booking_engine.application.views import MessageFilter
from booking_engine.domain.clock import LONDON
from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.settings import (
    DatabaseSettings,
    HttpSettings,
    JobSettings,
    ListenerSettings,
    RelaySettings,
    Settings,
)
from hl7_adapters.peer import StandIn
from hl7_adapters.profile_files import load_profiles

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
READER = Actor("person:test")
ORDER = r"""MSH|^~\&|EPR|RA1|BOOKING||{at}||ORM^O01|{control}|P|2.4
PID|1||X{number}^^^RA1^PI||Testperson^Una||19800101|F|||^^^^M13 9PL
PV1|1|O|RA101
ORC|NW|P{number}^RA1|||||^^^^^2WW||{at}
OBR|1|P{number}^RA1||MHEAD^MR head^NICIP||{at}|||||||||||||||||||||^^^^^2WW
OBX|1|CE|PACE||N||||||F
OBX|2|CE|IMPL||N||||||F"""
CANCEL = r"""MSH|^~\&|EPR|RA1|BOOKING||{at}||ORM^O01|{control}|P|2.4
PID|1||X{number}^^^RA1^PI||Testperson^Una||19800101|F
ORC|CA|P{number}^RA1||||||| {at}
OBR|1|P{number}^RA1||MHEAD^MR head^NICIP"""


def stamp(*, later=0):
    return f"{datetime.now(LONDON) + timedelta(seconds=later):%Y%m%d%H%M%S}"


def order(number, control=None):
    text = ORDER.format(number=number, control=control or f"C{number}", at=stamp())
    return text.replace("\n", "\r").encode() + b"\r"


def framed(payload):
    return b"\x0b" + payload + b"\x1c\r"


def answers(connection, count):
    """Read `count` framed acknowledgements; fail after ten seconds."""
    connection.settimeout(10)
    data = b""
    while data.count(b"\x1c\r") < count:
        got = connection.recv(65536)
        assert got, "the connection was closed"
        data += got
    return [part.lstrip(b"\x0b") for part in data.split(b"\x1c\r")[:-1]]


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def running(request):
    """The whole engine on one database, and the RIS that it tells."""
    url = request.getfixturevalue(request.param)
    ris, other = StandIn(), StandIn()
    ris.start()
    other.start()
    profiles = load_profiles(PROFILES)
    for name, stand_in in (("north", ris), ("indie", other)):
        profile = profiles[PartnerId(name)]
        outgoing = profile.outgoing
        host, port = stand_in.address
        changed = outgoing.model_copy(update={"host": host, "port": port})
        profiles[PartnerId(name)] = profile.model_copy(update={"outgoing": changed})
    settings = Settings(
        database=DatabaseSettings(url=url),
        listener=ListenerSettings(port=0),
        http=HttpSettings(port=0),
        relay=RelaySettings(first_wait_seconds=0.2, idle_seconds=0.05),
        jobs=JobSettings(diary_days=14),
    )
    runtime = build(settings, profiles=profiles, region=catalogue())
    runtime.start({Role.LISTEN, Role.RELAY, Role.WORK})
    try:
        yield runtime, ris
    finally:
        runtime.stop()
        ris.stop()
        other.stop()


def statuses(runtime: Runtime):
    with runtime.dispatcher.reading(READER) as session:
        return {str(s): n for s, n in session.uow.orders.counts().items()}


def test_python_hl7s_client_places_an_order_and_the_ris_reads_the_booking(running):
    runtime, ris = running
    host, port = runtime.mllp_address
    with MLLPClient(host, port) as client:
        answer = hl7.parse(client.send_message(order(1)).strip(b"\x0b\x1c\r").decode())
        again = client.send_message(order(1))
    assert str(answer.segment("MSA")[1]) == "AA"
    assert str(answer.segment("MSA")[2]) == "C1"
    assert b"MSA|AE|C1" in again or b"MSA|AA|C1" in again

    assert ris.wait_for(1, 20)
    told = hl7.parse(ris.messages[0].raw.decode())
    assert str(told.segment("MSH")[9]).startswith("SIU^S12")
    assert str(told.segment("SCH")[26]).startswith("P1")
    decision_id = str(told.segment("ZBK")[1])
    with runtime.dispatcher.reading(READER) as session:
        decision = session.uow.decisions.get(decision_id)
    assert "Chosen on arrival" in decision.sentence

    with MLLPClient(host, port) as client:
        text = CANCEL.format(number=1, control="C1X", at=stamp(later=1))
        answer = client.send_message(text.replace("\n", "\r").encode())
    assert b"MSA|AA|C1X" in answer
    assert ris.wait_for(2, 20)
    assert ris.messages[1].type[:2] == ("SIU", "S15")
    assert statuses(runtime) == {"cancelled": 1}


def test_raw_sockets_may_split_merge_and_bend_what_they_send(running):
    runtime, _ = running
    split, merged = framed(order(10)), framed(order(11)) + framed(order(12))
    lf = framed(order(13).replace(b"\r", b"\n"))
    no_last_cr = b"\x0b" + order(14).rstrip(b"\r") + b"\x1c\r"
    crlf_and_noise = b"\r\n" + framed(order(15).replace(b"\r", b"\r\n"))
    with socket.create_connection(runtime.mllp_address) as connection:
        for at in range(0, len(split), 7):
            connection.sendall(split[at : at + 7])
        got = answers(connection, 1)
        connection.sendall(merged + lf)
        got += answers(connection, 3)
        connection.sendall(no_last_cr + crlf_and_noise)
        got += answers(connection, 2)
    for number, answer in zip(range(10, 16), got, strict=True):
        assert f"MSA|AA|C{number}".encode() in answer
    assert sum(statuses(runtime).values()) == 6


BAD = [
    ("garbage", b"this is not HL7 at all", "AR"),
    ("unknown type", order(20).replace(b"ORM^O01", b"ORU^R01"), "AR"),
    ("no PID", b"\r".join(s for s in order(21).split(b"\r") if s[:3] != b"PID"), "AE"),
    ("unmapped procedure", order(22).replace(b"MHEAD", b"ZZTOP"), "AA"),
    ("unknown urgency", order(23).replace(b"2WW", b"SOONISH"), "AA"),
    (
        "bad NHS number",
        order(24).replace(b"X24^^^RA1^PI", b"9990000019^^^NHS^NH"),
        "AA",
    ),
    ("closed provider", order(25).replace(b"|O|RA101", b"|O|RZ901"), "AA"),
    (
        "unknown order",
        CANCEL.format(number=99, control="C99", at="20261124").encode(),
        "AE",
    ),
    ("no control id", order(26).replace(b"|C26|", b"||"), "AR"),
]


def test_whatever_comes_is_answered_by_code_stored_and_does_no_harm(running):
    runtime, _ = running
    with socket.create_connection(runtime.mllp_address) as connection:
        for name, payload, code in BAD:
            connection.sendall(framed(payload.replace(b"\n", b"\r")))
            [answer] = answers(connection, 1)
            assert f"MSA|{code}|".encode() in answer, (name, answer)
        connection.sendall(framed(order(30)))
        [answer] = answers(connection, 1)
        assert b"MSA|AA|C30" in answer
    page = runtime.views.messages(MessageFilter(), cursor=None, limit=100)
    assert len(page.items) == len(BAD) + 1
    assert all(message.ack for message in page.items)
    assert statuses(runtime)["held"] >= 3


def test_a_truncated_frame_and_a_half_open_line_leave_the_next_message_alone(running):
    runtime, _ = running
    whole = framed(order(40))
    with socket.create_connection(runtime.mllp_address) as connection:
        connection.sendall(whole[: len(whole) // 2])
    with socket.create_connection(runtime.mllp_address) as connection:
        connection.sendall(framed(order(41)))
        [answer] = answers(connection, 1)
    assert b"MSA|AA|C41" in answer
    assert sum(statuses(runtime).values()) == 1


def test_while_the_ris_is_away_nothing_is_lost_and_order_is_kept(running):
    """The RIS goes; three orders are booked; it comes back at the same address."""
    runtime, ris = running
    host, port = ris.address
    ris.stop()
    with MLLPClient(*runtime.mllp_address) as client:
        for number in (50, 51, 52):
            client.send_message(order(number))
    deadline = time.monotonic() + 20
    while statuses(runtime).get("booked") != 3:
        assert time.monotonic() < deadline, statuses(runtime)
        time.sleep(0.1)
    with StandIn(host, port) as back:
        assert back.wait_for(3, 30)
        placers = [m.get("SCH-26.1") for m in back.messages]
    assert sorted(placers) == ["P50", "P51", "P52"]
    deadline = time.monotonic() + 10
    while True:
        with runtime.dispatcher.reading(READER) as session:
            counts = session.uow.outbox.counts()
        if {s for _, s in counts} == {DeliveryStatus.DELIVERED}:
            break
        assert time.monotonic() < deadline, counts
        time.sleep(0.1)
