"""The whole life of an order over HTTP, in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from booking_engine.domain.orders import ProcedureStep


def test_an_order_lives_from_held_to_performed(stored_world: Any, slot_of: Any):
    world = stored_world
    order_id = world.receive(procedure=None, priority=None)
    order = world.http.get(f"/v1/orders/{order_id}")
    assert order.json()["status"] == "held"
    assert [hold["code"] for hold in order.json()["holds"]] == [
        "unmapped_procedure",
        "unknown_urgency",
    ]

    released = world.post(
        f"/v1/orders/{order_id}/release",
        {"procedure": "MRHEAD", "priority": "urgent", "note": "asked the ward"},
        If_Match=order.headers["etag"],
    )
    assert released.json()["status"] == "awaiting_vetting"
    assert released.headers["etag"] != order.headers["etag"]

    vetted = world.post(f"/v1/orders/{order_id}/vet")
    assert vetted.json()["status"] == "vetted"  # nobody has said anything of implants
    assert vetted.json()["vetting"]["by"] == "person:clerk"
    answered = world.post(
        f"/v1/orders/{order_id}/answers",
        {"answers": [{"question": "implant", "answer": "no"}]},
    )
    assert answered.json()["status"] == "waiting"
    assert answered.json()["request"]["safety"][0]["source"] == "person:clerk"

    options = world.search(order_id, limit=5, days=14)
    assert len(options) == 5
    assert options[0]["terms"]["total"] <= options[-1]["terms"]["total"]

    held = world.post("/v1/holds", {"order_id": order_id, **slot_of(options[0])})
    assert held.status_code == 201
    assert held.json()["expires_at"] == "2026-11-30T08:05:00+00:00"
    assert held.headers["location"] == f"/v1/appointments/{held.json()['id']}"
    confirmed = world.post(
        f"/v1/holds/{held.json()['id']}/confirm", If_Match=held.headers["etag"]
    )
    assert confirmed.json()["status"] == "booked"

    decision = world.http.get(f"/v1/decisions/{confirmed.json()['decision_id']}").json()
    assert decision["replay"] == {
        "digest_matches": True,
        "inputs_digest": decision["inputs_digest"],
    }
    assert "Chosen by a person" in decision["sentence"]
    assert decision["kind"] == "by_person"
    assert decision["chosen"]["terms"]["total"] >= 0

    other = next(o for o in options if o["scanner"] != options[0]["scanner"])
    moved = world.post(
        f"/v1/appointments/{held.json()['id']}/reschedule",
        {**slot_of(other), "reason": "patient asked"},
        If_Match=confirmed.headers["etag"],
    )
    assert moved.status_code == 200, moved.text
    assert moved.json()["scanner"] == other["scanner"]

    cancelled = world.post(
        f"/v1/appointments/{held.json()['id']}/cancel",
        {"reason": "scanner fault", "by": "hospital"},
        If_Match=moved.headers["etag"],
    )
    assert cancelled.json()["status"] == "cancelled"
    assert world.http.get(f"/v1/orders/{order_id}").json()["status"] == "waiting"

    again = world.post("/v1/appointments", {"order_id": order_id})
    assert again.status_code == 201, again.text
    path = f"/v1/appointments/{again.json()['id']}"
    world.wait_until(again.json()["starts_at"])
    arrived = world.post(
        f"{path}/outcome", {"outcome": "arrived"}, If_Match=again.headers["etag"]
    )
    performed = world.post(
        f"{path}/outcome", {"outcome": "performed"}, If_Match=arrived.headers["etag"]
    )
    assert performed.json()["status"] == "performed"
    assert performed.headers["etag"] == world.http.get(path).headers["etag"]

    order = world.http.get(f"/v1/orders/{order_id}").json()
    assert order["status"] == "performed"
    assert [change["after"] for change in order["history"]] == [
        "held",
        "awaiting_vetting",
        "vetted",
        "waiting",
        "booked",
        "booked",
        "waiting",
        "booked",
        "arrived",
        "performed",
    ]
    assert [event["reason"] for event in order["clock_log"]] == [
        "requested",
        "hospital_cancelled",
        "performed",
    ]
    assert len(order["appointments"]) == 2
    assert [delivery["destination"] for delivery in order["deliveries"]] == ["r0a"] * 6
    assert all(delivery["status"] == "pending" for delivery in order["deliveries"])


def test_what_is_done_beside_the_exam_is_shown_and_decided(stored_world: Any):
    world = stored_world
    steps = (ProcedureStep(None, "CT NECK", "A2", "Neck"),)
    order_id = world.receive(procedure=None, steps=steps)
    path = f"/v1/orders/{order_id}"
    (line,) = world.http.get("/v1/worklist").json()["items"]
    assert line["further_procedures"] == [None]

    given = {"procedure": "CTCHE"}
    open_step = world.post(f"{path}/release", given)
    unknown = world.post(f"{path}/release", {**given, "further_procedures": ["GONE"]})
    apart = world.post(f"{path}/release", {**given, "further_procedures": ["MRHEAD"]})
    assert [a.status_code for a in (open_step, unknown, apart)] == [422, 404, 422]
    assert "further_procedures" in open_step.json()["detail"]
    assert "CT, MR" in apart.json()["detail"]

    released = world.post(f"{path}/release", {**given, "further_procedures": ["CTCHE"]})
    assert released.json()["request"]["further_steps"] == [
        {
            "procedure": "CTCHE",
            "procedure_as_sent": "CT NECK",
            "procedure_text": "Neck",
            "accession": "A2",
        }
    ]
    vetted = world.post(f"{path}/vet", {"further_procedures": ["CTCHE", "CTCHE"]})
    assert vetted.json()["status"] == "waiting"
    (option, *_) = world.search(order_id, limit=1)
    assert option["minutes"] == 3 * 15

    booked = world.post("/v1/appointments", {"order_id": order_id}).json()
    decision = world.http.get(f"/v1/decisions/{booked['decision_id']}").json()
    words = "One slot of 45 minutes for CT chest, CT chest and CT chest."
    assert words in decision["sentence"]


def test_an_order_is_cancelled_only_by_who_has_seen_it(stored_world: Any):
    world = stored_world
    booked = world.booked()
    path = f"/v1/orders/{booked['order_id']}"
    etag = world.http.get(path).headers["etag"]

    absent = world.post(f"{path}/cancel", {"reason": "duplicate"})
    stale = world.post(f"{path}/cancel", {"reason": "duplicate"}, If_Match='"1"')
    done = world.post(f"{path}/cancel", {"reason": "duplicate"}, If_Match=etag)

    assert (absent.status_code, stale.status_code, done.status_code) == (428, 412, 200)
    assert done.json()["status"] == "cancelled"
    assert done.json()["appointment"] is None
    freed = world.http.get(f"/v1/appointments/{booked['id']}").json()
    assert freed["status"] == "cancelled"


def test_a_person_cancels_even_if_the_senders_clock_runs_ahead(world: Any):
    order_id = world.receive()
    world.clock.advance(-world.clock.now().resolution * 10**6 * 3600)
    etag = world.http.get(f"/v1/orders/{order_id}").headers["etag"]

    done = world.post(
        f"/v1/orders/{order_id}/cancel", {"reason": "duplicate"}, If_Match=etag
    )

    assert done.json()["status"] == "cancelled"


def test_a_rejected_order_tells_its_sender(world: Any):
    order_id = world.receive()

    done = world.post(f"/v1/orders/{order_id}/reject", {"reason": "not justified"})

    assert done.json()["status"] == "rejected"
    assert [d["destination"] for d in done.json()["deliveries"]] == ["r0a"]


def test_a_missed_appointment_restarts_the_clock(world: Any):
    booked = world.booked()
    early = world.post(
        f"/v1/appointments/{booked['id']}/outcome",
        {"outcome": "did_not_attend"},
        If_Match='"1"',
    )
    assert early.json()["code"] == "order.transition"
    world.wait_until(booked["starts_at"])
    world.post(
        f"/v1/appointments/{booked['id']}/outcome",
        {"outcome": "did_not_attend"},
        If_Match='"1"',
    )

    clock = world.http.get(f"/v1/orders/{booked['order_id']}").json()["clock"]

    assert clock["started_on"] == booked["starts_at"][:10]
    assert clock["original_request_on"] == "2026-11-27"


def test_an_appointment_entered_in_error_is_ended_and_told(world: Any):
    booked = world.booked()

    ended = world.post(
        f"/v1/appointments/{booked['id']}/entered-in-error",
        {"reason": "wrong order"},
        If_Match='"1"',
    )

    order = world.http.get(f"/v1/orders/{booked['order_id']}").json()
    assert ended.json()["status"] == "entered_in_error"
    assert order["status"] == "waiting"
    assert len(order["deliveries"]) == 2


def test_a_hold_can_be_given_back_twice(world: Any, slot_of: Any):
    order_id = world.waiting()
    option = world.search(order_id)[0]
    hold = world.post("/v1/holds", {"order_id": order_id, **slot_of(option)}).json()

    first = world.http.delete(f"/v1/holds/{hold['id']}")
    second = world.http.delete(f"/v1/holds/{hold['id']}")

    assert (first.status_code, second.status_code) == (204, 204)
    assert world.search(order_id)[0] == option


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/worklist"])
def test_lists_are_walked_by_cursor_without_gaps(stored_world: Any, path: str):
    world = stored_world
    placed = {world.receive() for _ in range(5)}

    seen: list[str] = []
    following: str | None = f"{path}?limit=2&partner=r0a"
    while following is not None:
        page = world.http.get(following)
        seen += [item["order_id"] for item in page.json()["items"]]
        following = page.json()["next"]
        if following is not None:
            assert page.headers["link"] == f'<{following}>; rel="next"'

    assert len(seen) == 5
    assert set(seen) == placed


def test_orders_are_found_by_what_a_person_knows(stored_world: Any):
    world = stored_world
    order_id = world.receive(nhs_number="9990000018")
    world.receive()

    def found(query: str) -> list[str]:
        page = world.http.get(f"/v1/orders?{query}").json()
        return [item["order_id"] for item in page["items"]]

    assert found("nhs_number=9990000018") == [order_id]
    assert found("placer_number=P1") == [order_id]
    assert found("status=cancelled") == []
    assert found("nhs_number=9990000018&partner=nobody") == []


def test_the_worklist_finds_what_one_code_holds_up(stored_world: Any):
    world = stored_world
    held = world.receive(procedure=None)
    world.receive()

    page = world.http.get("/v1/worklist?procedure_as_sent=SCAN OF X").json()

    assert [item["order_id"] for item in page["items"]] == [held]
    assert page["items"][0]["hold_codes"] == ["unmapped_procedure"]
    assert page["items"][0]["patient_name"] == "Testperson, Una"


def test_times_outside_carry_londons_offset(world: Any):
    booked = world.booked()

    sessions = world.http.get(
        "/v1/sessions?starts_from=2026-12-01T00:00:00Z&starts_to=2026-12-02T00:00:00Z"
    ).json()["items"]

    assert booked["starts_at"].endswith("+00:00")
    assert {s["starts_at"] for s in sessions} == {"2026-12-01T08:00:00+00:00"}
    free = {s["scanner"]: s["free_minutes"] for s in sessions}
    assert free == {"R0A02-CT1": 225, "R0A02-MR1": 240, "RM301-MR1": 240}


def test_the_network_can_be_read(world: Any):
    sites = world.http.get("/v1/sites?limit=1").json()
    scanners = world.http.get("/v1/scanners?modality=MR").json()["items"]

    assert sites["items"][0]["organisation_name"] == "Manchester"
    assert world.http.get(sites["next"]).json()["items"][0]["code"] == "RM301"
    assert {scanner["id"] for scanner in scanners} == {"R0A02-MR1", "RM301-MR1"}
    assert world.http.get("/v1/partners").json() == {"items": [], "next": None}
