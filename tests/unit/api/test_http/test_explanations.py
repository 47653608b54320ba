"""Why orders wait, and what sessions are worth, over HTTP, in each store."""

from __future__ import annotations

import time
from typing import Any

import pytest

from booking_engine.domain.vocabulary import Priority


@pytest.fixture
def planned_world(stored_world_of: Any) -> tuple[Any, str, list[str]]:
    """A world whose lists are too short for its orders, planned once."""
    world = stored_world_of(
        plan={"seconds": None, "work": 20, "workers": 1}, jobs={"diary_days": 3}
    )
    orders = [
        world.waiting(priority=Priority.URGENT if n % 2 else Priority.ROUTINE)
        for n in range(40)
    ]
    run_id = world.post("/v1/plan-runs").json()["id"]
    assert world.runtime.plans.run_due() == 1
    run = world.http.get(f"/v1/plan-runs/{run_id}").json()
    assert run["status"] == "applied", run
    assert 0 < run["placed"] < 40
    return world, run_id, orders


def test_what_a_run_left_is_listed_most_urgent_first_and_paged(planned_world: Any):
    world, run_id, orders = planned_world
    path: str | None = f"/v1/plan-runs/{run_id}/unplaced?limit=3"
    found: list[dict[str, Any]] = []
    while path is not None:
        page = world.http.get(path).json()
        assert len(page["items"]) <= 3
        found += page["items"]
        path = page["next"]

    run = world.http.get(f"/v1/plan-runs/{run_id}").json()
    assert len(found) == run["orders"] - run["placed"]
    assert {one["order_id"] for one in found} <= set(orders)
    ranks = [list(Priority).index(Priority(one["priority"])) for one in found]
    assert ranks == sorted(ranks)
    for one in found:
        assert one["cause"] in {"priced_out", "no_room", "not_found"}
        assert one["sentence"].startswith("It was left out: ")
        assert [step["rule"] for step in one["filters"]] == [
            "scanners",
            "list_type",
            "day_window",
            "time_window",
            "length",
            "room",
        ]


def test_a_waiting_and_a_booked_order_are_explained(planned_world: Any):
    world, run_id, _ = planned_world
    left = world.http.get(f"/v1/plan-runs/{run_id}/unplaced").json()["items"][0]

    answer = world.http.get(f"/v1/orders/{left['order_id']}/explanation")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["status"], found["in_plan"]["run_id"]) == ("waiting", run_id)
    assert found["in_plan"]["cause"] == left["cause"]
    assert {one["kind"] for one in found["changes"]} == {
        "travel",
        "notice",
        "day_window",
        "list_type",
        "another_session",
    }
    helpful = [one for one in found["changes"] if one["helps"]]
    assert found["change"] in helpful
    assert found["sentences"][0].startswith("It waits: ")

    other = world.http.get("/v1/orders", params={"status": "booked", "limit": 1})
    booked = other.json()["items"][0]["order_id"]
    found = world.http.get(f"/v1/orders/{booked}/explanation").json()
    decision = world.http.get(f"/v1/decisions/{found['decision_id']}").json()
    assert found["cause"] == "placed"
    assert found["sentences"][0] == decision["sentence"]
    assert found["appointment"]["order_id"] == booked


def test_sessions_are_valued_at_once_and_tested_aside(planned_world: Any):
    world, run_id, _ = planned_world
    path = f"/v1/plan-runs/{run_id}/session-values"

    first = world.http.get(path)

    assert first.status_code == 200, first.text
    estimates = [one["estimate"] for one in first.json()["values"]]
    assert estimates == sorted(estimates, reverse=True)
    assert estimates[0] > 0
    if not first.json()["complete"]:
        assert first.headers["Retry-After"] == "5"
    deadline = time.monotonic() + 60
    while not (found := world.http.get(path).json())["complete"]:
        assert time.monotonic() < deadline, "the tests did not end"
        time.sleep(0.05)
    assert [one["estimate"] for one in found["values"]] == estimates
    dearest = found["values"][0]
    tested = dearest["tested"]
    assert tested["low"] <= tested["saved"] <= tested["high"]
    assert tested["saved"] > 0
    assert tested["seeds"] == 5
    again = world.http.get(path)
    assert "Retry-After" not in again.headers
    assert again.json() == found


def test_what_has_no_plan_is_refused(world: Any):
    run_id = world.post("/v1/plan-runs").json()["id"]
    for what in ("unplaced", "session-values"):
        early = world.http.get(f"/v1/plan-runs/{run_id}/{what}")
        assert (early.status_code, early.json()["code"]) == (409, "order.transition")
        assert world.http.get(f"/v1/plan-runs/R-none/{what}").status_code == 404
    held = world.receive(procedure=None)
    answer = world.http.get(f"/v1/orders/{held}/explanation")
    assert answer.json()["code"] == "order.not_bookable"
    assert world.http.get("/v1/orders/O-none/explanation").status_code == 404
