"""``/v1/slots/why-not`` over HTTP, in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any


def ask(world: Any, order_id: str, **where: Any) -> Any:
    return world.http.post("/v1/slots/why-not", json={"order_id": order_id, **where})


def test_a_taken_slot_is_answered_as_a_booking_there_is_refused(stored_world: Any):
    world = stored_world
    taken = world.booked()
    order_id = world.waiting()
    slot = {name: taken[name] for name in ("session_id", "starts_at")}

    answer = ask(world, order_id, **slot)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["standing"] == "blocked"
    (blocker,) = found["blockers"]
    assert (blocker["kind"], blocker["name"]) == ("appointment", taken["id"])
    assert (blocker["starts_at"], blocker["ends_at"]) == (
        taken["starts_at"],
        taken["ends_at"],
    )
    assert blocker["remedy"] == "move that appointment, if its patient agrees"
    assert taken["id"] in found["sentence"]
    assert taken["order_id"] not in answer.text
    refused = world.post("/v1/appointments", {"order_id": order_id, **slot})
    assert refused.json()["code"] == "slot.taken"

    cancelled = world.post(
        f"/v1/appointments/{taken['id']}/cancel",
        {"reason": "unwell", "by": "patient"},
        If_Match='"1"',
    )
    assert cancelled.status_code == 200, cancelled.text
    free = ask(world, order_id, **slot).json()
    assert (free["standing"], free["blockers"]) == ("possible", [])
    assert free["costs_more"] == (
        free["there"]["terms"]["total"] - free["best"]["terms"]["total"]
    )
    booked = world.post("/v1/appointments", {"order_id": order_id, **slot})
    assert booked.status_code == 201
    there = ask(world, order_id, **slot).json()
    assert there["standing"] == "there"
    assert there["appointment_id"] == booked.json()["id"]


def test_a_scanner_and_a_time_are_enough_and_closures_are_named(stored_world: Any):
    world = stored_world
    at = "2026-12-01T{}:00:00+00:00"
    closed = world.post(
        "/v1/closures",
        {
            "scanner": "R0A02-CT1",
            "starts_at": at.format("09"),
            "ends_at": at.format("10"),
            "reason": "service",
        },
    ).json()
    order_id = world.waiting()

    found = ask(world, order_id, scanner="R0A02-CT1", starts_at=at.format("09")).json()

    assert [(one["kind"], one["name"]) for one in found["blockers"]] == [
        ("closure", closed["id"])
    ]
    assert found["session_id"] is not None
    late = ask(world, order_id, scanner="R0A02-CT1", starts_at=at.format("20")).json()
    assert [one["kind"] for one in late["blockers"]] == ["no_session"]
    assert (late["session_id"], late["there"]) == (None, None)
    wrong = ask(world, order_id, scanner="R0A02-MR1", starts_at=at.format("09")).json()
    assert wrong["standing"] == "impossible"
    assert [one["lasting"] for one in wrong["blockers"]] == [True]


def test_what_makes_no_sense_is_refused(world: Any):
    order_id = world.waiting()
    at = "2026-12-01T09:00:00+00:00"

    neither = ask(world, order_id, starts_at=at)
    both = ask(world, order_id, starts_at=at, scanner="R0A02-CT1", session_id="S")
    for answer in (neither, both):
        assert answer.status_code == 422
        (violation,) = answer.json()["violations"]
        assert violation["message"] == "give either scanner or session_id"
    assert ask(world, "O-none", starts_at=at, scanner="R0A02-CT1").status_code == 404
    assert ask(world, order_id, starts_at=at, scanner="NONE").status_code == 404
    held = world.receive(procedure=None)
    unknown = ask(world, held, starts_at=at, scanner="R0A02-CT1")
    assert unknown.json()["code"] == "order.not_bookable"
