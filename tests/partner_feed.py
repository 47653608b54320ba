"""A partner whose profile comes over the API, and what it sends."""

from __future__ import annotations

from typing import Any

from hl7_adapters.mllp.received import Received

PROFILE = """\
id: r0a
name: Manchester
senders:
  - {application: EPR, facility: R0A}
urgency: {R: routine}
procedures:
  CTC: CTCHE
sites: {INF: R0A02}
guidelines: []
"""
ORDER = (
    "MSH|^~\\&|EPR|R0A|||20261130080000||ORM^O01|{id}|P|2.4\r"
    "PID|1||X{id}^^^R0A^MR||Testperson^Una||19800101|F\r"
    "PV1|1|{patient_class}|^^^{site}\r"
    "ORC|NW|{id}|||||^^^^^{urgency}||20261130080000|||{orderer}\r"
    "OBR|1|{id}||{code}\r"
)


def put(world: Any, text: str = PROFILE, partner: str = "r0a", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.http.put(
        f"/v1/partners/{partner}",
        content=text.encode(),
        headers={"Content-Type": "application/yaml", **given},
        params={"why": "new feed"},
    )


def send(world: Any, number: str, **given: str) -> str:
    """Send an order as the listener would hand it over; return what MSA-1 says."""
    values = {
        "id": number,
        "patient_class": "O",
        "site": "INF",
        "urgency": "R",
        "code": "CTC^CT chest^L",
        "orderer": "",
    }
    raw = ORDER.format(**values | given).encode()
    (ack,) = world.runtime.receiver.handle(
        [
            Received(
                raw,
                received_at=world.clock.now(),
                peer="10.0.0.1",
                connection_id=1,
                port=2575,
            )
        ]
    )
    return str(ack.partition(b"\rMSA|")[2][:2].decode())


def order_of(world: Any, number: str) -> dict[str, Any]:
    (line,) = world.http.get("/v1/orders", params={"placer_number": number}).json()[
        "items"
    ]
    found: dict[str, Any] = world.http.get(f"/v1/orders/{line['order_id']}").json()
    return found | {name: found["request"][name] for name in ("procedure", "priority")}


def map_code(world: Any, **body: Any) -> Any:
    given = {
        "partner": "r0a",
        "table": "procedure",
        "code": "XXCHEST",
        "target": "CTCHE",
        "why": "call with the vendor",
    }
    return world.post("/v1/mappings", given | body)


def unmapped(world: Any, **given: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.http.get(
        "/v1/mappings/unmapped", params=given
    ).json()
    return found


def siu(world: Any, raw: str) -> str:
    """Send a message as the listener would hand it over; return what MSA-1 says."""
    (ack,) = world.runtime.receiver.handle(
        [Received(raw.encode(), "10.0.0.1:4000", 1, world.clock.now(), 2575, None)]
    )
    return str(ack.partition(b"\rMSA|")[2][:2].decode())
