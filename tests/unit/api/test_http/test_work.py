"""What runs by itself: urgent booking, lapsed holds, planning runs, the diary."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.diary import extend_diary
from api.runtime import Role
from booking_engine.application.diary_commands import OrderNumbers, RecordEntry
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.fair_waits import FairWaits, Grouping
from booking_engine.domain.identifiers import PartnerId, ProcedureCode, ScannerId
from booking_engine.domain.patients import Needs
from booking_engine.domain.plan_runs import PlanRunStatus
from booking_engine.domain.safety import Answer
from booking_engine.domain.vocabulary import BookingMode, Priority

RIS = PartnerId("r0a")
HEAD = ProcedureCode("MRHEAD")


def status(world: Any, order_id: str) -> str:
    answer: str = world.http.get(f"/v1/orders/{order_id}").json()["status"]
    return answer


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_urgent_orders_are_booked_and_others_left(stored_world: Any):
    world = stored_world
    cancer = world.waiting(priority=Priority.SUSPECTED_CANCER)
    routine = world.waiting(priority=Priority.ROUTINE)
    offered = world.waiting(priority=Priority.SUSPECTED_CANCER, mode=BookingMode.OFFER)

    assert world.runtime.urgent.run_once() == 1

    assert status(world, cancer) == "booked"
    assert status(world, routine) == "waiting"
    assert status(world, offered) == "waiting"
    order = world.http.get(f"/v1/orders/{cancer}").json()
    decision_id = order["appointment"]["decision_id"]
    decision = world.http.get(f"/v1/decisions/{decision_id}").json()
    assert decision["kind"] == "on_arrival"
    assert decision["actor"] == "job:urgent"


def elsewhere(world: Any, number: str, minutes: int) -> datetime:
    """Book in the partner's own diary what it will place as an order; return when."""
    start = world.clock.now() + timedelta(days=1, minutes=minutes)
    stretch = Stretch(ScannerId("R0A02-MR1"), start, start + timedelta(minutes=30))
    world.runtime.dispatcher.handle(
        RecordEntry(
            partner=RIS,
            number=f"D{number}",
            kind=EntryKind.APPOINTMENT,
            stretches=(stretch,),
            sent_at=world.clock.now(),
            order=OrderNumbers("R0A", number),
        ),
        "interface:r0a",
    )
    return start


@pytest.mark.parametrize("urgent_tier", [2, -1])
def test_an_urgent_order_that_a_diary_has_booked_is_linked_when_it_comes(
    make_world: Callable[..., Any], urgent_tier: int
):
    world = make_world(jobs={"urgent_seconds": 60, "urgent_tier": urgent_tier})
    starts = [elsewhere(world, f"P{number}", 45 * number) for number in (1, 2)]
    world.runtime.start({Role.WORK})
    try:
        orders = [
            world.waiting(procedure=HEAD, implant=Answer.NO, priority=priority)
            for priority in (Priority.SUSPECTED_CANCER, Priority.ROUTINE)
        ]
        until(lambda: {status(world, one) for one in orders} == {"booked"})
    finally:
        world.runtime.stop()

    for order_id, start in zip(orders, starts, strict=True):
        booked = world.http.get(f"/v1/orders/{order_id}").json()["appointment"]
        assert datetime.fromisoformat(booked["starts_at"]) == start
        assert booked["decision_id"] is None


def test_an_order_that_comes_while_diaries_are_looked_at_is_left_for_the_next_turn(
    world: Any,
):
    late: list[str] = []
    waits = world.waiting(priority=Priority.SUSPECTED_CANCER)

    def look() -> None:
        late.append(world.waiting(priority=Priority.SUSPECTED_CANCER))
        ended = world.post(
            f"/v1/orders/{waits}/cancel", {"reason": "asked"}, If_Match='"2"'
        )
        assert ended.json()["status"] == "cancelled", ended.text

    assert world.runtime.urgent.run_once(before_booking=look) == 0
    assert status(world, late[0]) == "waiting"
    assert world.runtime.urgent.run_once() == 1


def test_an_urgent_order_without_a_slot_is_tried_again_later(world: Any):
    policy = world.runtime.dispatcher.policy
    world.runtime.dispatcher.policy = replace(policy, horizon_days=1)
    cancer = world.waiting(priority=Priority.SUSPECTED_CANCER)
    assert world.runtime.urgent.run_once() == 0
    world.runtime.dispatcher.policy = policy

    assert world.runtime.urgent.run_once() == 0  # left alone for five minutes
    world.clock.advance(timedelta(minutes=5, seconds=1))
    assert world.runtime.urgent.run_once() == 1

    assert status(world, cancer) == "booked"
    text = world.http.get("/metrics").text
    assert 'urgent_bookings_total{outcome="no_slot"} 1.0' in text


def test_lapsed_holds_are_released(world: Any, slot_of: Any):
    order_id = world.waiting()
    option = world.search(order_id)[0]
    hold = world.post("/v1/holds", {"order_id": order_id, **slot_of(option)}).json()

    assert world.runtime.jobs.expire_holds() == 0
    world.clock.advance(timedelta(minutes=5))
    assert world.runtime.jobs.expire_holds() == 1

    released = world.http.get(f"/v1/appointments/{hold['id']}").json()
    assert released["cancel_reason"] == "hold lapsed"


def test_the_diary_is_extended_once_and_not_twice(world: Any):
    dispatcher = world.runtime.dispatcher
    query = "starts_from=2027-01-11T00:00:00Z&starts_to=2027-01-16T00:00:00Z"

    extend_diary(dispatcher, days=70)
    first = world.http.get(f"/v1/sessions?{query}").json()["items"]
    extend_diary(dispatcher, days=70)

    assert len(first) == 15
    assert world.http.get(f"/v1/sessions?{query}").json()["items"] == first


def test_what_is_scheduled(world: Any, make_world: Callable[..., Any]):
    assert world.runtime.jobs.schedule == [
        "expire-holds",
        "expire-parked",
        "extend-diary",
        "nightly-plan",
        "watch",
    ]
    by_hand = make_world(plan={"at": None})
    assert by_hand.runtime.jobs.schedule == [
        "expire-holds",
        "expire-parked",
        "extend-diary",
        "watch",
    ]
    by_hand.runtime.stop()


def test_a_planning_run_is_accepted_followed_and_applied(stored_world: Any):
    world = stored_world
    order_ids = [world.waiting() for _ in range(3)]
    accepted = world.post("/v1/plan-runs")
    assert accepted.status_code == 202
    assert accepted.headers["retry-after"]
    path = accepted.headers["location"]
    assert world.http.get(path).json()["status"] == "queued"

    assert world.runtime.plans.run_due() == 1

    run = world.http.get(path).json()
    assert (run["status"], run["orders"], run["booked"]) == ("applied", 3, 3), run
    assert run["requested_by"] == "person:clerk"
    assert run["gap"] >= 0
    assert run["waits_by_group"] is None  # The policy does not ask.
    assert world.http.get("/v1/plan-runs").json()[0]["id"] == run["id"]
    assert {status(world, order_id) for order_id in order_ids} == {"booked"}
    events = world.http.get(f"{path}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    [data] = [li for li in events.text.splitlines() if li.startswith("data: ")]
    assert json.loads(data.removeprefix("data: "))["status"] == "applied"
    text = world.http.get("/metrics").text
    assert "solver_seconds_count 1.0" in text


def test_a_run_says_how_long_groups_wait_where_the_policy_asks(stored_world: Any):
    world = stored_world
    dispatcher = world.runtime.dispatcher
    fair = FairWaits(Grouping.MOBILITY, 1000, 3)
    dispatcher.policy = replace(dispatcher.policy, version="fair", fair_waits=fair)
    for hoist in (False, True):
        for _ in range(5):
            world.waiting(needs=Needs(hoist=hoist))
    path = world.post("/v1/plan-runs").headers["location"]
    assert world.http.get(path).json()["waits_by_group"] is None

    assert world.runtime.plans.run_due() == 1

    run = world.http.get(path).json()
    assert (run["status"], run["placed"]) == ("applied", 5), run
    assert world.http.get("/v1/plan-runs").json()[0] == run
    waits = run["waits_by_group"]
    assert (waits["by"], waits["orders_in_small_groups"]) == ("mobility", 0)
    others, hoist = waits["groups"]
    assert (others["group"], others["orders"]) == ("no_hoist", 5)
    assert (others["mean_wait_days"] < 3, others["days_beyond"]) == (True, 0)
    # No scanner here has a hoist: these wait to the horizon.
    horizon = dispatcher.policy.horizon_days
    mean = (horizon + others["mean_wait_days"]) / 2
    assert hoist == {
        "group": "hoist",
        "orders": 5,
        "mean_wait_days": horizon,
        "days_beyond": pytest.approx(5 * (horizon - mean), abs=0.3),
    }


def test_a_run_that_fails_unexpectedly_says_so(
    world: Any, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    run_id = world.post("/v1/plan-runs").json()["id"]
    monkeypatch.setattr(world.runtime.plan_runner, "run", fail)

    world.runtime.plans.run_due()

    run = world.http.get(f"/v1/plan-runs/{run_id}").json()
    assert run["status"] == "failed"
    assert run["error"] == "failed unexpectedly: RuntimeError"


def test_runs_of_others_are_given_time_to_begin(world: Any):
    world.runtime.plan_runner.request("job:command-line")

    assert world.runtime.plans.run_due() == 0
    world.clock.advance(timedelta(seconds=3))
    assert world.runtime.plans.run_due() == 1


def test_a_run_that_a_stopped_process_left_is_marked(world: Any):
    run_id = world.post("/v1/plan-runs").json()["id"]
    with world.runtime.dispatcher.session("job:test") as session:
        run = session.uow.plan_runs.get(run_id)
        session.uow.plan_runs.save(replace(run, status=PlanRunStatus.SOLVING))
        session.commit()

    assert world.runtime.plans.abandon_interrupted() == 1

    run = world.http.get(f"/v1/plan-runs/{run_id}").json()
    assert (run["status"], run["finished_at"] is not None) == ("failed", True)


def test_a_working_process_books_what_people_list_at_once(
    make_world: Callable[..., Any],
):
    world = make_world(jobs={"urgent_seconds": 60}, plan={"work": 1})
    world.runtime.start({Role.WORK})
    try:
        cancer = world.waiting(priority=Priority.SUSPECTED_CANCER)
        until(lambda: status(world, cancer) == "booked")
        path = world.post("/v1/plan-runs").headers["location"]
        until(lambda: world.http.get(path).json()["status"] == "applied")
    finally:
        world.runtime.stop()


def test_an_address_that_is_taken_stops_what_had_begun(
    make_world: Callable[..., Any],
):
    first = make_world(http={"port": 0}, listener={"port": 0})
    first.runtime.start({Role.API})
    second = make_world(
        http={"port": first.runtime.http_address[1]}, listener={"port": 0}
    )
    try:
        with pytest.raises(OSError, match="in use"):
            second.runtime.start({Role.WORK, Role.API})
    finally:
        second.runtime.stop()
        first.runtime.stop()
