"""A person answers whether another diary's appointment is for an order."""

from __future__ import annotations

from typing import Any

import pytest
from partner_feed import PROFILE, put, siu

BOTH = (
    "MSH|^~\\&|EPR|R0A|||20261130080000||SIU^S12|B1|P|2.4\r"
    "SCH||D1|||||||30|min|^^^202612011000|||||^Desk||||^Clerk|||||Booked\r"
    "PID|1||X1^^^R0A^MR||Testperson^Una||19800101|F\r"
    "RGS|1|A\rAIS|1|A|CTC^CT chest^L\rAIG|1|A|CT-A|CT\r"
)


@pytest.fixture
def proposed(stored_world: Any) -> tuple[Any, str, dict[str, Any]]:
    """A world, an order, and the appointment that may be for it."""
    world = stored_world
    put(world, PROFILE + "diary: {resources: {CT-A: R0A02-CT1}}\n")
    order_id = world.waiting()
    assert siu(world, BOTH) == "AA"
    (entry,) = world.http.get(f"/v1/orders/{order_id}/proposals").json()
    return world, order_id, entry


def answered(world: Any, order_id: str, entry: Any, answer: str, **headers: str) -> Any:
    path = f"/v1/orders/{order_id}/proposals/{entry['id']}/{answer}"
    return world.post(path, {"reason": "asked the department"}, **headers)


def test_a_proposal_is_accepted_once_however_often_it_is_sent(proposed: Any):
    world, order_id, entry = proposed
    before = world.http.get(f"/v1/orders/{order_id}")
    assert (before.json()["status"], entry["scanner"]) == ("held", "R0A02-CT1")

    stale = answered(world, order_id, entry, "accept", If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "version.stale")
    headers = {"If_Match": before.headers["ETag"], "Idempotency_Key": "twice"}
    answer = answered(world, order_id, entry, "accept", **headers)
    again = answered(world, order_id, entry, "accept", **headers)

    assert answer.status_code == 200, answer.text
    assert again.json() == answer.json()
    order = answer.json()
    assert (order["status"], order["holds"]) == ("booked", [])
    assert order["appointment"]["starts_at"] == "2026-12-01T10:00:00+00:00"
    line = next(one for one in order["history"] if one["action"] == "accept")
    assert line["actor"] == "person:clerk"
    assert line["note"].endswith("is for this order: asked the department")
    assert (
        answered(world, order_id, entry, "accept").json()["version"]
        == (order["version"])
    )
    assert world.http.get(f"/v1/orders/{order_id}/proposals").json() == []
    assert answered(world, order_id, entry, "decline").status_code == 409


def test_a_proposal_is_declined_for_good(proposed: Any):
    world, order_id, entry = proposed

    order = answered(world, order_id, entry, "decline").json()

    assert (order["status"], order["holds"]) == ("waiting", [])
    assert order["history"][-1]["note"].endswith("something else: asked the department")
    later = BOTH.replace("SIU^S12|B1", "SIU^S13|B2").replace("2612011000", "2612011100")
    assert siu(world, later) == "AA"
    assert world.http.get(f"/v1/orders/{order_id}").json()["status"] == "waiting"
    assert answered(world, order_id, entry, "accept").status_code == 409
    assert answered(world, order_id, {"id": "K0"}, "accept").status_code == 404
    assert world.http.get("/v1/orders/O0/proposals").status_code == 404
