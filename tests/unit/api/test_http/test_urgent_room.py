"""Routine work stops taking the last urgent room once the engine's history says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from booking_engine.domain.vocabulary import Priority

SCANNER = "R0A02-CT1"
LAST = "2026-12-09T08:00:00+00:00"  # the only room on Wednesday
NEXT = "2026-12-10T08:00:00+00:00"


def close(world: Any, starts_at: str, ends_at: str) -> None:
    answer = world.post(
        "/v1/closures",
        {
            "scanner": SCANNER,
            "starts_at": f"2026-12-{starts_at}:00+00:00",
            "ends_at": f"2026-12-{ends_at}:00+00:00",
            "reason": "service",
        },
    )
    assert answer.status_code == 201, answer.text


@pytest.fixture
def later(stored_world_of: Callable[..., Any]) -> Any:
    """A week of one urgent exam a day, then a week with one gap on Wednesday."""
    world = stored_world_of()
    for _ in range(4):
        world.booked(priority=Priority.URGENT)
        world.clock.advance(timedelta(days=1))
    world.clock.advance(timedelta(days=3))  # Monday 7 December
    close(world, "08T00:00", "09T00:00")
    close(world, "09T08:15", "10T00:00")
    world.runtime.refresh()
    return world


def decision_of(world: Any, appointment: dict[str, Any]) -> dict[str, Any]:
    found = world.http.get(f"/v1/decisions/{appointment['decision_id']}")
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def test_without_history_the_last_room_is_taken_by_whoever_asks(
    stored_world_of: Callable[..., Any],
):
    world = stored_world_of()
    world.clock.advance(timedelta(days=7))
    close(world, "08T00:00", "09T00:00")
    close(world, "09T08:15", "10T00:00")
    world.runtime.refresh()

    assert world.runtime.dispatcher.room_kept is None
    assert world.booked()["starts_at"] == LAST


def test_once_history_says_so_routine_work_leaves_it_to_the_urgent(later: Any):
    routine = later.waiting()
    options = later.search(routine, limit=50)

    assert [(o["starts_at"], o["reserved"]) for o in options[:1]] == [(NEXT, False)]
    kept = [o for o in options if o["reserved"]]
    assert [o["starts_at"] for o in kept] == [LAST]
    assert options[-1] == kept[0]
    assert kept[0]["price"] == kept[0]["to_come"] > 0
    booked = later.post("/v1/appointments", {"order_id": routine}).json()
    assert booked["starts_at"] == NEXT
    assert later.booked(priority=Priority.URGENT)["starts_at"] == LAST


def test_the_decision_says_what_was_protected_and_can_be_checked_again(later: Any):
    decision = decision_of(later, later.booked())

    assert decision["runner_up"]["starts_at"] != LAST
    room = decision["inputs"]["urgent_room"]
    assert room["exams"] == 4
    assert room["days_ahead"] == 3
    assert room["typical_minutes"] == room["kept_minutes"] == 15
    assert room["still_to_come"]["urgent"] == pytest.approx(4 / 5)
    assert room["free_minutes_left"] == 225
    assert decision["chosen"]["reserved"] is False
    assert decision["replay"]["digest_matches"] is True


def test_a_person_takes_kept_room_knowingly(later: Any, slot_of: Any):
    routine = later.waiting()
    option = later.search(routine, limit=50)[-1]
    assert option["reserved"]

    booked = later.post("/v1/appointments", {"order_id": routine, **slot_of(option)})

    decision = decision_of(later, booked.json())
    assert decision["chosen"]["reserved"] is True
    assert decision["chosen"]["to_come"] == option["to_come"]
    assert decision["inputs"]["urgent_room"]["free_minutes_left"] == 0
    assert "takes room that is kept for more urgent patients" in decision["sentence"]


def test_a_hold_on_kept_room_is_explained_as_a_booking_there_is(
    later: Any, slot_of: Any
):
    routine = later.waiting()
    option = later.search(routine, limit=50)[-1]
    hold = later.post("/v1/holds", {"order_id": routine, **slot_of(option)}).json()

    booked = later.post(f"/v1/holds/{hold['id']}/confirm").json()

    chosen = decision_of(later, booked)["chosen"]
    assert (chosen["reserved"], chosen["to_come"]) == (True, option["to_come"])


def test_the_engine_itself_leaves_kept_room_free_for_want_of_any_other(later: Any):
    dispatcher = later.runtime.dispatcher
    dispatcher.policy = replace(dispatcher.policy, horizon_days=3)
    order_id = later.waiting()

    refused = later.post("/v1/appointments", {"order_id": order_id})

    assert refused.json()["code"] == "slot.none"
    assert [o["reserved"] for o in later.search(order_id)] == [True]
    assert later.booked(priority=Priority.URGENT)["starts_at"] == LAST


def test_the_same_question_gets_the_same_answer(later: Any):
    order_id = later.waiting()
    first = later.search(order_id, limit=50)
    later.runtime.dispatcher.room_kept = None
    later.clock.advance(timedelta(hours=1))
    later.runtime.refresh()
    later.clock.advance(timedelta(hours=-1))

    assert later.search(order_id, limit=50) == first


def test_the_switch_of_the_policy_ends_it(later: Any):
    dispatcher = later.runtime.dispatcher
    room = replace(dispatcher.policy.urgent_room, enabled=False)
    dispatcher.policy = replace(dispatcher.policy, version="off", urgent_room=room)
    later.clock.advance(timedelta(hours=1))
    later.runtime.refresh()

    assert dispatcher.room_kept is None
    assert later.booked()["starts_at"] == LAST
