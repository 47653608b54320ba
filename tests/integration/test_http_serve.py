"""One process over real sockets: an order in, its booking out, HTTP beside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from api.bootstrap import migrate_database
from booking_engine.domain.clock import LONDON
from booking_engine.settings import load_settings
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import StandIn

REGION = """
organisations:
  R0A: {name: Manchester University, sector: nhs}
sites:
  R0A02: {name: Infirmary, organisation: R0A, latitude: 53.46, longitude: -2.22,
          diary_partner: r0a}
scanners:
  R0A02-CT1: {name: CT 1, site: R0A02, modality: CT}
procedures:
  CTCHE: {name: CT chest, modality: CT, minutes: 15, ionising: true,
          guideline: CT-CHEST v3}
sessions:
  - {scanners: [R0A02-CT1], weekdays: [mon, tue, wed, thu, fri, sat, sun],
     starts: '08:00', ends: '20:00'}
"""
PROFILE = """
id: r0a
name: Manchester University
senders: [{{application: EPR, facility: R0A}}]
placer_authority: R0A
local_authority: R0A
urgency: {{C: suspected_cancer, R: routine}}
procedures: {{CT CHEST: CTCHE}}
sites: {{R0A: R0A02}}
guidelines: [CT-CHEST v3]
outgoing: {{host: 127.0.0.1, port: {port}}}
"""
ORDER = r"""
MSH|^~\&|EPR|R0A|BOOKING||{at}||ORM^O01|{number}|P|2.4
PID|1||X{number}^^^R0A||Testperson^Una||19800101|F|||^^^^M13 9PL
PV1|1|O
ORC|NW|P{number}^R0A|||||^^^^^{urgency}||{at}
OBR|1|P{number}^R0A||CT CHEST^CT chest|||||||||||||||||||||||^^^^^{urgency}
"""


def an_order(number: int, urgency: str) -> bytes:
    at = f"{datetime.now(LONDON):%Y%m%d%H%M%S}"
    text = ORDER.format(at=at, number=number, urgency=urgency)
    return text.strip().replace("\n", "\r").encode()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path) -> tuple[Path, StandIn, int, int]:
    """A configuration file, the partner's stand-in, and the two ports."""
    stand_in = StandIn()
    stand_in.start()
    http, mllp = free_port(), free_port()
    (tmp_path / "partners").mkdir()
    (tmp_path / "partners" / "r0a.yaml").write_text(
        PROFILE.format(port=stand_in.address[1])
    )
    (tmp_path / "region.yaml").write_text(REGION)
    file = tmp_path / "booking.toml"
    file.write_text(
        f"""
partners = "partners"
region = "region.yaml"
database.url = "sqlite:///{tmp_path}/x.db"
http.port = {http}
listener.port = {mllp}
relay.idle_seconds = 0.05
jobs.diary_days = 14
"""
    )
    return file, stand_in, http, mllp


def test_an_urgent_order_is_booked_and_told_while_a_routine_one_waits(
    config: tuple[Path, StandIn, int, int],
):
    file, stand_in, http_port, mllp_port = config
    command = [sys.executable, "-c", "from api.cli import main; main()"]
    migrate_database(load_settings(file))
    process = subprocess.Popen(
        [*command, "serve", "--config", str(file)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BOOKING_LOG__LEVEL": "info"},
    )
    try:
        http = httpx2.Client(base_url=f"http://127.0.0.1:{http_port}")
        until(lambda: is_ready(http), seconds=120)
        with MllpSender("127.0.0.1", mllp_port) as sender:
            routine = sender.send(an_order(1, "R"))
            urgent = sender.send(an_order(2, "C"))
        assert b"MSA|AA|1" in routine
        assert b"MSA|AA|2" in urgent

        assert stand_in.wait_for(1, 30)
        [told] = stand_in.messages
        assert told.type[:2] == ("SIU", "S12")
        orders = http.get("/v1/orders").json()["items"]
        assert [(o["placer_number"], o["status"]) for o in orders] == [
            ("P2", "booked"),
            ("P1", "waiting"),
        ]
        until(lambda: delivered(http, orders[0]["order_id"]))
        message = http.get("/v1/messages?control_id=2").json()["items"][0]
        whole = http.get(f"/v1/messages/{message['id']}").json()
        assert whole["raw"].startswith("MSH|^~\\&|EPR|R0A|")
        assert "MSA|AA|2" in whole["ack"]
        assert whole["order_ids"] == [orders[0]["order_id"]]
        metrics = http.get("/metrics").text
        counted = 'hl7_messages_total{ack="AA",sender="r0a",type="ORM^O01"} 2.0'
        assert counted in metrics
        assert http.get("/v1/partners").json()["items"][0]["id"] == "r0a"
        http.close()
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
        stand_in.stop()

    assert process.returncode == 0, log
    assert '"event": "mllp.stopped"' in log
    assert "Testperson" not in log
    assert "Traceback" not in log


def is_ready(http: httpx2.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def delivered(http: httpx2.Client, order_id: str) -> bool:
    order = http.get(f"/v1/orders/{order_id}").json()
    return [d["status"] for d in order["deliveries"]] == ["delivered"]
