"""node-hl7-client sends orders, node-hl7-server is told of bookings; plain and TLS.

Node comes from a wheel and the two packages from npm; ``make test`` fetches both.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from engines import SECONDS, delivered, engine, order, wait_for
from hl7.client import MLLPClient

from booking_engine.settings import ListenerSettings
from hl7_adapters.destination import OutgoingTls

FOLDER = Path(__file__).parent / "node"
NODE = Path(sys.executable).parent / "node"
EPR = "epr.north.example"


@pytest.fixture(scope="module", autouse=True)
def installed():
    if not (FOLDER / "node_modules" / "node-hl7-client").is_dir():
        pytest.fail("the npm packages are not there; run make test once", pytrace=False)


@contextlib.contextmanager
def node(script, **options):
    """Run a script with the options as JSON; yield an iterator over its output."""
    with subprocess.Popen(
        [NODE, script, json.dumps(options)],
        cwd=FOLDER,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield map(json.loads, process.stdout)
        process.stdin.close()
        assert process.wait(SECONDS) == 0


def files(authority, name):
    """Certificate files for the other end."""
    identity = authority.issue(name)
    return {
        "ca": str(authority.file),
        "certificate": str(identity.certificate),
        "key": str(identity.key),
    }


@pytest.fixture(scope="module")
def listening(tmp_path_factory, authority, _migrated_sqlite):
    """One engine with a plain and a secured endpoint; the secured knows one name."""
    file = tmp_path_factory.mktemp("engine") / "booking.db"
    file.write_bytes(_migrated_sqlite.read_bytes())
    plain = ListenerSettings(port=0)
    secured = ListenerSettings(port=0, tls=authority.settings())
    with engine(f"sqlite:///{file}", plain, secured) as runtime:
        yield runtime.listener.addresses


def sent(address, messages, **options):
    host, port = address
    where = {"host": host, "port": port, "version": "2.4"}
    with node("send.mjs", **where, messages=messages, **options) as answers:
        return list(answers)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_node_hl7_client_sends_orders(secured, listening, authority):
    first = 10 * (1 + secured)
    tls = files(authority, EPR) if secured else None

    answers = sent(listening[int(secured)], [order(first), order(first + 1)], tls=tls)

    assert answers == [
        {"code": "AA", "id": f"C{number}"} for number in (first, first + 1)
    ]


def test_node_hl7_client_sends_a_batch(listening):
    answers = sent(listening[0], [order(number) for number in (31, 32, 33)], batch=True)

    assert answers == [{"code": "AA", "id": f"C{number}"} for number in (31, 32, 33)]


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_node_hl7_server_receives_bookings(secured, authority, sqlite_url):
    """It understands one message on each connection, so we open one for each."""
    tls = files(authority, "127.0.0.1") if secured else None
    ours = authority.issue("booking.example")
    with node("receive.mjs", tls=tls) as lines:
        tells = {"host": "127.0.0.1", "port": next(lines)["port"], "keep_open": False}
        if secured:
            tells["tls"] = OutgoingTls(
                ca=authority.file, certificate=ours.certificate, key=ours.key
            )
        with engine(sqlite_url, tells=tells) as run:
            with MLLPClient(*run.mllp_address) as client:
                for number in (1, 2, 3):
                    client.send_message(order(number))
            wait_for(lambda: delivered(run) == 3)
        received = [next(lines)["text"] for _ in range(3)]

    assert all(text.startswith("MSH|^~\\&|") for text in received)
    assert all("|SIU^S12^SIU_S12|" in text for text in received)
    placers = [text.split("\rSCH|")[1].split("|")[25] for text in received]
    assert sorted(placer[:2] for placer in placers) == ["P1", "P2", "P3"]
