"""Clinicians, rooms and machines that are to be mapped, found and mapped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from partner_feed import ORDER, PROFILE, map_code, order_of, put, send, siu, unmapped

from api.answer_times import AnswerTimes
from api.watch import Watch
from booking_engine.domain.alerts import Thresholds
from booking_engine.domain.identifiers import PartnerId

# Clinicians -------------------------------------------------------------------------


def test_a_clinician_is_found_mapped_and_shown_on_open_orders(stored_world: Any):
    world = stored_world
    put(world)
    send(world, "1", orderer="DR7")
    send(world, "2", orderer="DR8^Lee^Ann^^^Dr")
    before = order_of(world, "1")
    assert before["status"] == "awaiting_vetting"  # it holds nothing up

    (code,) = unmapped(world)
    assert (code["table"], code["code"], code["count"]) == ("clinician", "dr7", 1)
    assert code["orders"] == [before["id"]]
    assert len(code["messages"]) == 1
    wrong = map_code(world, table="clinician", code="dr7", target="Dr B (GMC 12)")
    assert wrong.status_code == 422
    assert "Dr A. Example (GMC 1234567)" in wrong.json()["detail"]
    answer = map_code(
        world, table="clinician", code="dr7", target="Dr Bo  Ray (GMC 1234567)"
    )

    assert answer.status_code == 201, answer.text
    assert answer.json()["target"] == "Dr Bo Ray (GMC 1234567)"
    assert answer.json()["named"] == [before["id"]]
    assert answer.json()["released"] == []
    after = order_of(world, "1")
    assert after["request"]["orderer"] == {
        "code": "DR7",
        "name": "Dr Bo Ray",
        "gmc_number": "1234567",
    }
    assert after["status"] == before["status"]
    assert "clinician dr7 means Dr Bo Ray" in after["history"][-1]["note"]
    assert unmapped(world) == []
    # Now that there is a table, a code that it lacks is to be mapped.
    send(world, "3", orderer="DR9^Fox")
    assert [(c["code"], c["text"]) for c in unmapped(world)] == [("dr9", "Fox")]
    cancelled = ORDER.replace("ORC|NW", "ORC|CA").replace(
        "|ORM^O01|{id}|", "|ORM^O01|C|"
    )
    values = {"patient_class": "O", "site": "INF", "urgency": "R", "code": "CTC"}
    siu(world, cancelled.format(id="3", orderer="", **values))
    assert unmapped(world) == []


# Rooms and machines of a kept diary -------------------------------------------------

DIARY = PROFILE + "diary: {resources: {MR-A: R0A02-MR1}}\n"
SIU = (
    "MSH|^~\\&|EPR|R0A|||20261130075900||SIU^S12|{control}|P|2.4\r"
    "SCH||{number}|||||||30|min|^^^{start}|||||^Desk||||^Clerk|||||Booked\r"
    "PID|1||X1^^^R0A^MR||Testperson^Una||19800101|F\r"
    "RGS|1|A\rAIG|1|A|{resource}|MR\r"
)


def book_there(world: Any, number: str, resource: str, start: str) -> str:
    return siu(
        world,
        SIU.format(control=number, number=number, resource=resource, start=start),
    )


def test_an_unknown_room_is_found_mapped_and_its_entries_placed(stored_world: Any):
    world = stored_world
    put(world, DIARY)
    assert book_there(world, "D1", "RM9^Room 9", "202612011000") == "AA"
    assert book_there(world, "D2", "RM9^Room 9", "202612011100") == "AA"
    assert book_there(world, "D3", "MR-A", "202612011100") == "AA"

    (room,) = unmapped(world)

    assert (room["table"], room["code"], room["count"]) == ("resource", "rm9", 2)
    assert (room["text"], room["orders"]) == ("Room 9", [])
    assert [(e["number"], e["scanner"]) for e in room["entries"]] == [
        ("D1", None),
        ("D2", None),
    ]
    raw = world.http.get(f"/v1/messages/{room['messages'][0]}").json()["raw"]
    assert "RM9^Room 9" in raw

    wrong = map_code(world, table="resource", code="RM9", target="R0A02-MR2")
    assert wrong.status_code == 422
    assert "R0A02-MR1" in wrong.json()["detail"]
    answer = map_code(world, table="resource", code="RM9", target="R0A02-MR1")

    assert answer.status_code == 201, answer.text
    assert sorted(answer.json()["entries"]) == sorted(e["id"] for e in room["entries"])
    assert unmapped(world) == []
    taken = world.http.get(
        "/v1/closures",
        params={
            "kind": "appointment",
            "scanner": "R0A02-MR1",
            "starts_from": "2026-12-01T00:00:00Z",
        },
    ).json()["items"]
    assert [one["starts_at"][11:16] for one in taken] == ["10:00", "11:00", "11:00"]
    # The next one is read with the mapping.
    assert book_there(world, "D4", "rm9", "202612011130") == "AA"
    assert unmapped(world) == []


def test_a_room_may_be_none_of_our_scanners(world: Any):
    put(world, DIARY)
    book_there(world, "D1", "WAIT^Waiting room", "202612011000")

    answer = map_code(world, table="resource", code="wait", target="none")

    assert answer.status_code == 201, answer.text
    assert unmapped(world) == []
    assert book_there(world, "D2", "WAIT", "202612011100") == "AA"
    assert unmapped(world) == []
    codes = world.http.get("/v1/partners/r0a").json()["codes"]
    assert [
        (one["code"], one["target"]) for one in codes if one["table"] == "resource"
    ] == [("mr-a", "R0A02-MR1"), ("wait", "none")]


def test_a_partner_without_a_diary_has_no_resources(world: Any):
    put(world)

    answer = map_code(world, table="resource", code="RM9", target="R0A02-MR1")

    assert answer.status_code == 422
    assert "diary:" in answer.json()["detail"]


def test_unknown_rooms_raise_the_alert_for_codes(world: Any):
    put(world, DIARY)
    book_there(world, "D1", "RM9", "202612011000")

    watch = Watch(
        world.runtime.dispatcher,
        lambda: {PartnerId("r0a"): Thresholds()},
        AnswerTimes(),
        window=timedelta(minutes=15),
    )
    watch.run_once()

    assert 'hl7_unmapped_entries{partner="r0a"} 1.0' in world.http.get("/metrics").text
    (alert,) = world.http.get("/v1/alerts").json()["items"]
    assert (alert["condition"], alert["value"]) == ("unmapped_codes", 1)
