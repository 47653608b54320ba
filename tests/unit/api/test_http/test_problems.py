"""What cannot be done is answered with application/problem+json, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check an answer and return the document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    return body


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders/O1",
        "/v1/appointments/A1",
        "/v1/decisions/D1",
        "/v1/messages/M1",
        "/v1/deliveries/X1",
        "/v1/plan-runs/R1",
        "/problems/nothing",
    ],
)
def test_what_is_not_there_is_not_known(stored_world: Any, path: str):
    problem(stored_world.http.get(path), 404, "known.not")


def test_an_address_that_does_not_exist_and_a_method_that_is_not_taken(world: Any):
    problem(world.http.get("/v1/nothing"), 404, "http.not_found")
    refused = world.http.put("/v1/orders")
    problem(refused, 405, "http.method")
    assert refused.headers["allow"] == "GET"


def test_a_kind_of_problem_can_be_looked_up(world: Any):
    kind = world.http.get("/problems/slot.taken").json()

    assert kind["status"] == 409
    assert "search again" in kind["meaning"]


def test_an_invalid_body_names_its_fields_and_echoes_nothing(world: Any):
    body = problem(
        world.post("/v1/holds", {"order_id": "O1", "starts_at": "Testperson", "x": 1}),
        422,
        "request.invalid",
    )

    fields = {violation["field"] for violation in body["violations"]}
    assert fields == {"body.session_id", "body.starts_at", "body.x"}
    assert "Testperson" not in str(body)


@pytest.mark.parametrize(
    "starts_at",
    [
        0,
        "2026-12-01T09:00:00",
        "2026-12-01",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_not_a_time(world: Any, starts_at: object):
    given = {"order_id": "O1", "session_id": "S1", "starts_at": starts_at}

    problem(world.post("/v1/holds", given), 422, "request.invalid")


def test_a_body_that_is_no_json(world: Any):
    answer = world.http.post(
        "/v1/holds",
        content=b"{",
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )

    problem(answer, 400, "request.unreadable")


def in_pieces() -> Iterator[bytes]:
    for _ in range(11):
        yield b" " * 100_000


@pytest.mark.parametrize("path", ["/v1/slots/search", "/v1/holds"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_body_that_is_too_large(world: Any, path: str, whole: object):
    answer = world.http.post(
        path,
        content=b" " * 1_000_001 if whole else in_pieces(),
        headers={"Content-Type": "application/json", "Idempotency-Key": "k"},
    )

    problem(answer, 413, "request.too_large")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "status=lost"])
def test_a_query_outside_its_bounds(world: Any, query: str):
    problem(world.http.get(f"/v1/orders?{query}"), 422, "request.invalid")


@pytest.mark.parametrize(
    "path", ["/v1/orders", "/v1/worklist", "/v1/messages", "/v1/sites", "/v1/sessions"]
)
def test_a_cursor_that_is_none_of_ours(stored_world: Any, path: str):
    for cursor in ("nonsense", "%FF", "W10"):
        answer = stored_world.http.get(f"{path}?cursor={cursor}")
        if answer.status_code != 200:  # a short list may read any text as a place
            problem(answer, 422, "value.invalid")


def test_a_window_that_is_too_long(world: Any):
    query = "starts_from=2026-12-01T00:00:00Z&starts_to=2027-12-01T00:00:00Z"

    problem(world.http.get(f"/v1/sessions?{query}"), 422, "value.invalid")


def test_states_that_do_not_allow_it(world: Any):
    order_id = world.receive()

    answer = world.post(f"/v1/orders/{order_id}/release")

    body = problem(answer, 409, "order.transition")
    assert "awaiting_vetting" in body["detail"]


def test_an_order_that_nobody_has_vetted(world: Any):
    order_id = world.receive()
    wanted = {"order_id": order_id}

    problem(world.http.post("/v1/slots/search", json=wanted), 409, "order.not_bookable")
    problem(world.post("/v1/appointments", wanted), 409, "order.not_bookable")


def test_an_open_question_must_be_answered_to_release(world: Any):
    order_id = world.receive(procedure=None)

    problem(world.post(f"/v1/orders/{order_id}/release"), 422, "value.invalid")


def test_a_procedure_that_is_not_in_the_catalogue(world: Any):
    order_id = world.receive()

    answer = world.post(f"/v1/orders/{order_id}/vet", {"procedure": "XRAY"})

    problem(answer, 404, "known.not")


def test_a_slot_that_breaks_rules_names_them(world: Any):
    order_id = world.waiting()
    wanted = {
        "order_id": order_id,
        "session_id": "R0A02-MR1-261201-0800",
        "starts_at": "2026-12-01T11:50:00+00:00",
    }

    body = problem(world.post("/v1/holds", wanted), 422, "slot.rules")

    assert [v["rule"] for v in body["violations"]] == ["modality", "length"]
    assert all(v["message"] for v in body["violations"])


def test_a_slot_that_somebody_else_has(stored_world: Any, slot_of: Any):
    world = stored_world
    first, second = world.waiting(), world.waiting()
    option = world.search(first)[0]
    world.post("/v1/holds", {"order_id": first, **slot_of(option)})

    answer = world.post("/v1/holds", {"order_id": second, **slot_of(option)})

    problem(answer, 409, "slot.taken")
    metrics = world.http.get("/metrics").text
    assert 'booking_conflicts_total{code="slot.taken"} 1.0' in metrics


def test_a_patient_in_two_places(world: Any):
    first = world.booked(nhs_number="9990000018")
    second = world.waiting(nhs_number="9990000018", procedure="MRHEAD", implant="no")
    wanted = {
        "order_id": second,
        "session_id": f"RM301-MR1-{first['session_id'][-11:]}",
        "starts_at": first["starts_at"],
    }

    problem(world.post("/v1/appointments", wanted), 409, "patient.busy")


def test_a_hold_that_has_lapsed(world: Any, slot_of: Any):
    order_id = world.waiting()
    option = world.search(order_id)[0]
    hold = world.post("/v1/holds", {"order_id": order_id, **slot_of(option)}).json()
    world.clock.advance(world.runtime.dispatcher.policy.hold_for)

    problem(world.post(f"/v1/holds/{hold['id']}/confirm"), 410, "hold.expired")


def test_no_slot_at_all(world: Any):
    world.runtime.dispatcher.policy = type(world.runtime.dispatcher.policy)(
        horizon_days=1
    )
    order_id = world.waiting()

    problem(world.post("/v1/appointments", {"order_id": order_id}), 409, "slot.none")
    assert world.http.get(f"/v1/orders/{order_id}").json()["status"] == "waiting"


@pytest.mark.parametrize(
    ("action", "body"),
    [
        (
            "reschedule",
            {
                "session_id": "R0A02-CT1-261202-0800",
                "starts_at": "2026-12-02T08:00:00Z",
                "reason": "asked",
            },
        ),
        ("cancel", {"reason": "asked", "by": "patient"}),
        ("outcome", {"outcome": "arrived"}),
        ("entered-in-error", {"reason": "wrong order"}),
    ],
)
def test_a_change_needs_the_version_that_was_seen(
    world: Any, action: str, body: dict[str, str]
):
    booked = world.booked()
    if action == "outcome":
        world.wait_until(booked["starts_at"])
    path = f"/v1/appointments/{booked['id']}/{action}"

    problem(world.post(path, body), 428, "precondition.required")
    problem(world.post(path, body, If_Match='"7"'), 412, "version.stale")
    problem(world.post(path, body, If_Match="*"), 400, "precondition.unreadable")
    assert world.post(path, body, If_Match='"1"').status_code == 200


def test_what_was_not_parked_is_not_sent_again(world: Any):
    order_id = world.booked()["order_id"]
    delivery = world.http.get(f"/v1/deliveries?order_id={order_id}").json()["items"][0]

    answer = world.post(f"/v1/deliveries/{delivery['id']}/retry")

    problem(answer, 409, "order.transition")


def test_a_fault_of_ours_tells_nothing(
    world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Una Testperson 9990000018")

    monkeypatch.setattr(world.runtime.views, "orders", fail)

    body = problem(world.http.get("/v1/orders"), 500, "internal")

    assert "Testperson" not in str(body)
    assert "Testperson" not in caplog.text
    assert "9990000018" not in caplog.text
    [failed] = [r for r in caplog.records if r.message == "request failed"]
    assert failed.error == "RuntimeError"


@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "\ud800", "x" * 201])
def test_a_reason_is_plain_text(world: Any, reason: str):
    order_id = world.receive()

    answer = world.http.post(
        f"/v1/orders/{order_id}/reject",
        content=json.dumps({"reason": reason}),
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )

    problem(answer, 422, "request.invalid")


@pytest.mark.parametrize("path", ["/v1/orders/a%00b", "/v1/orders?partner=%00"])
def test_an_address_with_a_nul(world: Any, path: str):
    problem(world.http.get(path), 400, "request.unreadable")
