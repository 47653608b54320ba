"""``/v1/closures/{id}/rebooking``: nobody moves until a person approves it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.safety import Answer

HEAD = ProcedureCode("MRHEAD")
OURS = "R0A02-MR1"
THEIRS = "RM301-MR1"
DAY = "2026-12-02"


def head(world: Any, starts_at: str, scanner: str = OURS) -> dict[str, Any]:
    """Book an MRI head (30 minutes) at a time of the Wednesday."""
    order_id = world.waiting(procedure=HEAD, implant=Answer.NO)
    body = {
        "order_id": order_id,
        "session_id": session_of(world, scanner),
        "starts_at": at(starts_at),
    }
    answer = world.post("/v1/appointments", body)
    assert answer.status_code == 201, answer.text
    booked: dict[str, Any] = answer.json()
    return booked


def at(time: str) -> str:
    return f"{DAY}T{time}:00+00:00"


def session_of(world: Any, scanner: str) -> str:
    found = world.http.get(
        "/v1/sessions",
        params={
            "scanner": scanner,
            "starts_from": at("00:00"),
            "starts_to": at("23:00"),
        },
    )
    session: str = found.json()["items"][0]["id"]
    return session


def close(world: Any, since: str = "00:00", until: str = "23:00", **more: Any) -> Any:
    body = {
        "scanner": OURS,
        "starts_at": at(since),
        "ends_at": at(until),
        "reason": "helium leak",
        **more,
    }
    answer = world.post("/v1/closures", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def propose(world: Any, closure: Any, **body: Any) -> tuple[str, Any]:
    """Ask for a rebooking; return its address and what is answered."""
    where = f"/v1/closures/{closure['id']}/rebooking"
    return where, world.post(where, body)


def approve(world: Any, where: str, answer: Any, **body: Any) -> Any:
    return world.post(f"{where}/approve", body, if_match=answer.headers["ETag"])


def starts_of(world: Any, booked: dict[str, Any]) -> tuple[str, str]:
    now = world.http.get(f"/v1/appointments/{booked['id']}").json()
    return now["scanner"], now["starts_at"]


def test_a_day_is_lost_and_approving_moves_the_affected_alone(stored_world: Any):
    world = stored_world
    lost = [head(world, "09:00"), head(world, "10:30")]
    other = head(world, "09:00", THEIRS)
    closure = close(world)

    where, answer = propose(world, closure)

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == where
    made = answer.json()
    assert (made["status"], made["affected"], made["making_room"]) == ("proposed", 2, 0)
    assert (made["no_place"], made["breaches"], made["improving"]) == (0, 0, True)
    assert made["frontier"] == [
        {"moved": 0, "breaches": 0, "no_place": 0, "cost": made["cost"]}
    ]
    assert sum(line["to"]["terms"]["total"] for line in made["lines"]) == made["cost"]
    assert [starts_of(world, one) for one in lost] == [
        (OURS, f"{DAY}T09:00:00+00:00"),
        (OURS, f"{DAY}T10:30:00+00:00"),
    ]
    done = approve(world, where, answer, note="rung both").json()

    assert (done["status"], done["decided_by"]) == ("approved", "person:clerk")
    assert done["note"] == "rung both"
    assert [line["outcome"] for line in done["lines"]] == ["moved", "moved"]
    for line in done["lines"]:
        now = world.http.get(f"/v1/appointments/{line['appointment_id']}").json()
        assert (now["scanner"], now["starts_at"]) == (
            line["to"]["scanner"],
            line["to"]["starts_at"],
        )
        assert now["scanner"] != OURS or not now["starts_at"].startswith(DAY)
        decision = world.http.get(f"/v1/decisions/{now['decision_id']}").json()
        assert (decision["kind"], decision["actor"]) == ("rebooked", "person:clerk")
        assert decision["replay"]["digest_matches"]
        assert decision["inputs"]["rebooking"] == {
            "id": done["id"],
            "line": line["number"],
        }
        was = datetime.fromisoformat(line["booked"]["starts_at"])
        assert decision["sentence"].startswith(
            f"Moved from Wed 2 December 2026 at {was:%H:%M} on MRI 1 at Infirmary,"
            " which is closed then (helium leak)."
        )
    assert starts_of(world, other) == (THEIRS, f"{DAY}T09:00:00+00:00")
    for booked in lost:
        kinds = outgoing(world, booked["order_id"])
        assert kinds == ["appointment_booked", "appointment_moved"]
    assert outgoing(world, other["order_id"]) == ["appointment_booked"]
    work = world.http.get("/v1/worklist", params={"hold_code": "diary_conflict"})
    assert work.json()["items"] == []
    assert world.http.get(where).json() == done


def outgoing(world: Any, order_id: str) -> list[str]:
    """Return the kinds of the events of an order that are told, oldest first."""
    with world.runtime.dispatcher.reading("person:test") as session:
        out = session.uow.outbox
        told = out.of_order(order_id)
        return [out.event(delivery.event_id).kind.value for delivery in told]


def test_only_the_lines_that_are_named_are_moved(world: Any):
    first, second = head(world, "09:00"), head(world, "10:00")
    where, answer = propose(world, close(world))
    number = {one["appointment_id"]: one["number"] for one in answer.json()["lines"]}

    chosen = [number[second["id"]]]
    done = approve(world, where, answer, lines=chosen, note="rung one")

    assert done.json()["status"] == "partly_approved"
    outcomes = {o["appointment_id"]: o["outcome"] for o in done.json()["lines"]}
    assert outcomes == {first["id"]: "open", second["id"]: "moved"}
    assert starts_of(world, first) == (OURS, f"{DAY}T09:00:00+00:00")
    rest = approve(world, where, done, note="rung both")
    assert rest.json()["status"] == "approved"
    assert rest.json()["note"] == "rung one; rung both"
    assert starts_of(world, first)[1] != f"{DAY}T09:00:00+00:00"
    assert approve(world, where, rest).json()["code"] == "order.transition"


def test_a_slot_that_was_taken_meanwhile_overtakes_its_line_alone(stored_world: Any):
    world = stored_world
    head(world, "09:00"), head(world, "10:00")
    where, answer = propose(world, close(world))
    taken, free = answer.json()["lines"]
    thief = world.waiting(procedure=HEAD, implant=Answer.NO)
    slot = {name: taken["to"][name] for name in ("session_id", "starts_at")}
    assert world.post("/v1/appointments", {"order_id": thief, **slot}).is_success

    done = approve(world, where, answer).json()

    assert done["status"] == "partly_approved"
    assert [(one["outcome"], one["code"]) for one in done["lines"]] == [
        ("overtaken", "slot.taken"),
        ("moved", ""),
    ]
    assert starts_of(world, {"id": taken["appointment_id"]}) == (
        OURS,
        taken["booked"]["starts_at"],
    )
    assert starts_of(world, {"id": free["appointment_id"]}) == (
        free["to"]["scanner"],
        free["to"]["starts_at"],
    )
    again = propose(world, {"id": done["closure_id"]})[1].json()
    assert [one["order_id"] for one in again["lines"]] == [taken["order_id"]]


def test_what_changed_before_approval_is_overtaken(world: Any):
    moved, cancelled = head(world, "09:00"), head(world, "10:00")
    where, answer = propose(world, close(world))
    where_to = {"session_id": session_of(world, THEIRS), "starts_at": at("11:30")}
    world.post(
        f"/v1/appointments/{moved['id']}/reschedule",
        {**where_to, "reason": "rang"},
        if_match='"1"',
    )
    world.post(
        f"/v1/appointments/{cancelled['id']}/cancel",
        {"reason": "rang", "by": "patient"},
        if_match='"1"',
    )

    done = approve(world, where, answer).json()

    assert done["status"] == "overtaken"
    assert {one["code"] for one in done["lines"]} == {"version.stale"}
    assert starts_of(world, moved) == (THEIRS, f"{DAY}T11:30:00+00:00")


def test_a_scanner_that_is_open_again_moves_nobody(world: Any):
    booked = head(world, "09:00")
    closure = close(world)
    where, answer = propose(world, closure)
    world.post(f"/v1/closures/{closure['id']}/reopen")

    done = approve(world, where, answer).json()

    assert done["status"] == "overtaken"
    assert [one["code"] for one in done["lines"]] == ["closure.over"]
    assert starts_of(world, booked) == (OURS, f"{DAY}T09:00:00+00:00")
    assert propose(world, closure)[1].json()["code"] == "order.transition"


def test_declining_moves_nobody_and_is_final(world: Any):
    booked = head(world, "09:00")
    where, answer = propose(world, close(world))
    seen = answer.headers["ETag"]

    declined = world.post(f"{where}/decline", {"reason": "mended"}, if_match=seen)

    assert declined.json()["status"] == "declined"
    assert (declined.json()["note"], declined.json()["improving"]) == ("mended", False)
    late = approve(world, where, declined)
    assert (late.status_code, late.json()["code"]) == (409, "order.transition")
    assert starts_of(world, booked) == (OURS, f"{DAY}T09:00:00+00:00")


def test_a_newer_proposal_takes_the_place_of_an_older_one(stored_world: Any):
    world = stored_world
    head(world, "09:00")
    closure = close(world, propose=True)
    where = f"/v1/closures/{closure['id']}/rebooking"
    first = world.http.get(where)
    assert first.json()["id"] == closure["rebooking_id"]
    head(world, "09:00", THEIRS)

    again = propose(world, closure, most_moves=0)[1]

    assert again.json()["id"] != first.json()["id"]
    assert again.json()["most_moves"] == 0
    assert world.http.get(where).json()["id"] == again.json()["id"]
    # Who has seen only the older one cannot approve or decline the newer one.
    for answer in (
        approve(world, where, first),
        world.post(
            f"{where}/decline", {"reason": "no"}, if_match=first.headers["ETag"]
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "version.stale")
    assert world.http.get(where).json() == again.json()
    with world.runtime.dispatcher.reading("person:test") as session:
        older = session.uow.rebookings.get(first.json()["id"])
    assert older.status.value == "overtaken"


def test_a_proposal_after_one_that_was_declined_has_an_etag_of_its_own(world: Any):
    booked = head(world, "09:00")
    where, first = propose(world, close(world))
    world.post(f"{where}/decline", {"reason": "no"}, if_match=first.headers["ETag"])

    again = world.http.post(where, headers={"Idempotency-Key": "without-body"})

    assert (again.status_code, again.json()["most_moves"]) == (201, None)
    assert approve(world, where, first).status_code == 412
    assert starts_of(world, booked) == (OURS, f"{DAY}T09:00:00+00:00")
    assert approve(world, where, again).json()["status"] == "approved"


def test_an_improved_proposal_must_be_read_before_it_is_approved(stored_world: Any):
    world = stored_world
    booked = head(world, "09:00")
    where, answer = propose(world, close(world))
    assert answer.headers["Retry-After"]

    assert world.runtime.rebookings.improve_due() == 1

    stale = approve(world, where, answer)
    assert (stale.status_code, stale.json()["code"]) == (412, "version.stale")
    now = world.http.get(where)
    better = now.json()
    assert (better["improving"], "Retry-After" in now.headers) == (False, False)
    assert better["improved_at"] is not None
    assert better["cost"] <= answer.json()["cost"]
    assert better["gap"] <= 0.001
    assert world.runtime.rebookings.improve_due() == 0
    assert approve(world, where, now).json()["status"] == "approved"
    assert starts_of(world, booked)[1] != f"{DAY}T09:00:00+00:00"


def test_a_decided_proposal_is_not_improved(world: Any):
    head(world, "09:00")
    where, answer = propose(world, close(world))
    done = approve(world, where, answer)

    assert world.runtime.rebookings.improve_due() == 0
    assert world.http.get(where).json() == done.json()


def test_without_any_place_it_says_what_stands_in_the_way(world: Any):
    booked = world.booked()
    starts = datetime.fromisoformat(booked["starts_at"])
    body = {
        "scanner": booked["scanner"],
        "starts_at": booked["starts_at"],
        "ends_at": (starts + timedelta(days=61)).isoformat(),
        "reason": "removed",
    }
    closure = world.post("/v1/closures", body).json()

    where, answer = propose(world, closure)

    (line,) = answer.json()["lines"]
    assert (line["to"], line["outcome"], line["breach"]) == (None, "no_place", True)
    # The two MR scanners, and today's list, which is too soon.
    assert line["excluded"] == [
        {"rule": "modality", "count": 2},
        {"rule": "day_window", "count": 1},
    ]
    assert answer.json()["no_place"] == answer.json()["breaches"] == 1
    none = approve(world, where, answer)
    assert (none.status_code, none.json()["code"]) == (409, "order.transition")


def test_a_patient_who_has_arrived_is_listed_and_left_to_a_person(world: Any):
    booked = head(world, "09:00")
    waits = head(world, "11:00")
    world.wait_until(at("08:50"))
    world.post(
        f"/v1/appointments/{booked['id']}/outcome",
        {"outcome": "arrived"},
        if_match='"1"',
    )

    made = propose(world, close(world))[1].json()

    lines = {line["appointment_id"]: line for line in made["lines"]}
    assert lines[booked["id"]]["obstacle"] == "order.transition"
    assert lines[booked["id"]]["outcome"] == "no_place"
    assert lines[waits["id"]]["outcome"] == "open"
    assert not lines[waits["id"]]["to"]["starts_at"].startswith(f"{DAY}T08")


def test_what_cannot_be_is_refused(world: Any):
    head(world, "09:00"), head(world, "10:00")
    closure = close(world)
    empty = close(world, "20:00", "21:00")
    where = f"/v1/closures/{closure['id']}/rebooking"

    assert world.http.get(where).status_code == 404
    assert world.http.get("/v1/closures/K-none/rebooking").status_code == 404
    assert world.post("/v1/closures/K-none/rebooking").status_code == 404
    assert propose(world, empty)[1].json()["code"] == "order.transition"
    assert propose(world, closure, most_moves=-1)[1].status_code == 422
    answer = propose(world, closure)[1]
    assert world.post(f"{where}/approve").json()["code"] == "precondition.required"
    strange = approve(world, where, answer, lines=[1, 99])
    assert (strange.status_code, strange.json()["code"]) == (422, "value.invalid")
    assert "99" in strange.json()["detail"]
    assert world.http.get(where).json()["status"] == "proposed"


def test_a_repeated_approval_is_answered_as_the_first(world: Any):
    head(world, "09:00")
    where, answer = propose(world, close(world))
    headers = {"if_match": answer.headers["ETag"], "Idempotency_Key": "same"}

    first = world.post(f"{where}/approve", {}, **headers)
    again = world.post(f"{where}/approve", {}, **headers)

    assert first.json()["status"] == "approved"
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
