"""A running engine hears of new partners and changed profiles, over real sockets."""

from __future__ import annotations

import http.client
import json
import time
from datetime import UTC, datetime

import pytest
from network import catalogue

from api.bootstrap import build, migrate_database
from booking_engine.settings import Settings
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import StandIn

PATIENCE_SECONDS = 30.0
PROFILE = """\
id: newcomer
name: A trust that joins while the engine runs
senders: [{{application: NEW, facility: RA1}}]
urgency: {{R: routine}}
procedures: {{CTH: CTHEAD}}
sites: {{A: RA101}}
outgoing: {{host: 127.0.0.1, port: {port}, orders: orm_sc}}
"""


@pytest.fixture
def running(sqlite_url):
    settings = Settings(
        database={"url": sqlite_url},
        listener={"port": 0},
        http={"port": 0},
    )
    migrate_database(settings)
    runtime = build(settings, region=catalogue())
    runtime.start()
    yield runtime
    runtime.stop()


def call(runtime, method, path, body, **headers):
    host, port = runtime.http_address
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def order(number):
    now = datetime.now(UTC)
    return (
        f"MSH|^~\\&|NEW|RA1|||{now:%Y%m%d%H%M%S}+0000||ORM^O01|{number}|P|2.4\r"
        f"PID|1||X{number}^^^RA1^MR||Testperson^Una||19800101|F\r"
        "PV1|1|O|^^^A\r"
        f"ORC|NW|{number}|||||^^^^^R||{now:%Y%m%d%H%M%S}+0000\r"
        f"OBR|1|{number}||CTH\r"
    ).encode()


def refuse(runtime, number):
    """Turn an order down, which its sender is told."""
    _, page = call(runtime, "GET", f"/v1/orders?placer_number={number}", None)
    (line,) = page["items"]
    status, _ = call(
        runtime,
        "POST",
        f"/v1/orders/{line['order_id']}/reject",
        json.dumps({"reason": "not here"}),
        Content_Type="application/json",
        Idempotency_Key=number,
    )
    assert status == 200


def test_a_partner_joins_and_moves_while_the_engine_runs(running):
    first, second = [], []
    with (
        StandIn("127.0.0.1", 0, on_message=first.append) as one,
        StandIn("127.0.0.1", 0, on_message=second.append) as other,
        MllpSender(*running.mllp_address, ack_timeout=PATIENCE_SECONDS) as sender,
    ):
        assert b"MSA|AR" in sender.send(order("A1"))

        put = "/v1/partners/newcomer", PROFILE.format(port=one.address[1])
        yaml = {"Content_Type": "application/yaml"}
        assert call(running, "PUT", *put, **yaml)[0] == 200
        assert b"MSA|AA" in sender.send(order("A2"))
        refuse(running, "A2")
        wait_for(lambda: first)

        put = "/v1/partners/newcomer", PROFILE.format(port=other.address[1])
        assert call(running, "PUT", *put, **yaml, If_Match='"1"')[0] == 200
        assert b"MSA|AA" in sender.send(order("A3"))
        refuse(running, "A3")
        wait_for(lambda: second)

    assert len(first) == len(second) == 1
