"""``/v1/closures``: nothing is booked in closed time, and what lies there is shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

SCANNER = "R0A02-CT1"


def close(world: Any, starts_at: str, ends_at: str, scanner: str = SCANNER) -> Any:
    body = {
        "scanner": scanner,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "reason": "service",
    }
    return world.post("/v1/closures", body)


def test_closed_time_is_offered_to_nobody_until_it_is_opened(world: Any):
    order_id = world.waiting()
    day = "2026-12-02T{}:00:00+00:00"

    answer = close(world, day.format("00"), day.format("23"))

    assert answer.status_code == 201, answer.text
    closure = answer.json()
    assert closure["conflicts"] == []
    assert (closure["kind"], closure["status"]) == ("closure", "taking")
    assert answer.headers["ETag"] == '"1"'
    options = world.search(order_id, limit=50)
    assert options
    assert not any(o["starts_at"].startswith("2026-12-02") for o in options)
    sessions = world.http.get(
        "/v1/sessions",
        params={
            "scanner": SCANNER,
            "starts_from": day.format("00"),
            "starts_to": day.format("23"),
        },
    ).json()["items"]
    assert [one["free_minutes"] for one in sessions] == [0]

    opened = world.post(f"{answer.headers['Location']}/reopen")
    assert opened.json()["status"] == "ended"
    again = world.search(order_id, limit=50)
    assert any(o["starts_at"].startswith("2026-12-02") for o in again)


def test_bookings_in_closed_time_stay_and_go_on_the_worklist(world: Any):
    booked = world.booked()
    starts = datetime.fromisoformat(booked["starts_at"])
    ends = (starts + timedelta(hours=1)).isoformat()

    closed = close(world, booked["starts_at"], ends, booked["scanner"]).json()

    assert closed["conflicts"] == [booked["order_id"]]
    kept = world.http.get(f"/v1/appointments/{booked['id']}").json()
    assert kept["starts_at"] == booked["starts_at"]
    work = world.http.get("/v1/worklist", params={"hold_code": "diary_conflict"})
    assert [one["order_id"] for one in work.json()["items"]] == [booked["order_id"]]
    found = world.http.get(f"/v1/closures/{closed['id']}").json()
    assert found["conflicts"] == [booked["order_id"]]

    world.post(f"/v1/closures/{closed['id']}/reopen")
    work = world.http.get("/v1/worklist", params={"hold_code": "diary_conflict"})
    assert work.json()["items"] == []


def test_a_part_is_opened_and_the_rest_listed(world: Any):
    closed = close(world, "2026-12-02T08:00:00+00:00", "2026-12-02T12:00:00+00:00")

    part = {
        "starts_at": "2026-12-02T09:00:00+00:00",
        "ends_at": "2026-12-02T10:00:00+00:00",
    }
    world.post(f"/v1/closures/{closed.json()['id']}/reopen", part)

    listed = world.http.get("/v1/closures", params={"scanner": SCANNER}).json()
    assert [
        (one["starts_at"][11:16], one["ends_at"][11:16]) for one in listed["items"]
    ] == [
        ("08:00", "09:00"),
        ("10:00", "12:00"),
    ]


def test_what_makes_no_sense_is_refused(world: Any):
    begin, end = "2026-12-02T08:00:00+00:00", "2026-12-02T12:00:00+00:00"

    assert close(world, end, begin).status_code == 422
    assert close(world, begin, end, "NONE").status_code == 404
    closed = close(world, begin, end).json()
    half = world.post(f"/v1/closures/{closed['id']}/reopen", {"starts_at": begin})
    assert half.status_code == 422
    assert world.post("/v1/closures/K-none/reopen").status_code == 404
    far = world.http.get(
        "/v1/closures",
        params={"starts_from": begin, "starts_to": "2027-12-02T08:00:00Z"},
    )
    assert far.json()["code"] == "value.invalid"


def test_a_slip_of_the_pen_closes_nothing(world: Any):
    for starts_at, ends_at, said in (
        ("2026-12-02T08:00:17Z", "2026-12-02T12:00:00Z", "to the minute"),
        ("2026-12-02T08:00:00Z", "2026-12-02T12:00:00.5Z", "to the minute"),
        ("2001-01-01T00:00:00Z", "2001-12-01T00:00:00Z", "which is over"),
        ("2026-12-02T08:00:00Z", "2199-12-02T08:00:00Z", "at most 366"),
    ):
        answer = close(world, starts_at, ends_at)
        assert answer.status_code == 422, answer.text
        assert said in answer.text
    listed = world.http.get("/v1/closures").json()
    assert listed["items"] == []


def test_a_closure_stands_though_no_rebooking_could_be_made(
    world: Any, monkeypatch: Any
):
    booked = world.booked()
    day = booked["starts_at"][:10]

    def failing(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.runtime.rebookings, "make", failing)
    body = {
        "scanner": booked["scanner"],
        "starts_at": f"{day}T00:00:00Z",
        "ends_at": f"{day}T23:00:00Z",
        "reason": "service",
        "propose": True,
    }
    answer = world.post("/v1/closures", body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["rebooking_id"] is None
    assert answer.json()["conflicts"] == [booked["order_id"]]


def test_a_slot_begins_at_a_whole_minute(world: Any):
    order_id = world.waiting()
    option = world.search(order_id)[0]
    slot = {"order_id": order_id, "session_id": option["session_id"]}
    for starts_at in ("2026-12-02T09:20:17Z", "2026-12-02T09:20:00.250Z"):
        for path in ("/v1/holds", "/v1/appointments", "/v1/slots/why-not"):
            answer = world.post(path, {**slot, "starts_at": starts_at})
            assert answer.status_code == 422, answer.text
            assert "to the minute" in answer.text
    booked = world.booked()
    body = {
        "session_id": booked["session_id"],
        "starts_at": "2026-12-02T09:20:17Z",
        "reason": "asked",
    }
    path = f"/v1/appointments/{booked['id']}/reschedule"
    answer = world.post(path, body, if_match='"1"')
    assert answer.status_code == 422, answer.text
