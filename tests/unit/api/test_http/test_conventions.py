"""Repeats, request ids, who asks, health, and the API's own description."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest

from api import app
from api.idempotency import Answer, InProcessStore
from booking_engine.domain.messages import DeliveryStatus


def test_a_repeat_gets_the_first_answer_and_books_nothing(world: Any):
    order_id = world.waiting()
    first = world.post(
        "/v1/appointments", {"order_id": order_id}, Idempotency_Key="one"
    )
    again = world.post(
        "/v1/appointments", {"order_id": order_id}, Idempotency_Key="one"
    )

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(world.http.get("/v1/appointments").json()["items"]) == 1


def test_a_key_is_needed_and_is_for_one_request_only(world: Any):
    order_id = world.waiting()
    body = {"order_id": order_id}

    missing = world.http.post("/v1/appointments", json=body)
    world.post("/v1/appointments", body, Idempotency_Key="one")
    other = world.post("/v1/appointments", {"order_id": "O2"}, Idempotency_Key="one")

    assert missing.json()["code"] == "idempotency.required"
    assert other.json()["code"] == "idempotency.mismatch"


def test_a_refusal_is_not_kept_and_keys_are_each_senders_own(world: Any):
    order_id = world.receive()
    path, body = "/v1/appointments", {"order_id": order_id}
    refused = world.post(path, body, Idempotency_Key="one")
    world.post(f"/v1/orders/{order_id}/vet")

    booked = world.post(path, body, Idempotency_Key="one")
    other = world.post(path, body, Idempotency_Key="one", X_Actor="person:else")

    assert (refused.status_code, booked.status_code) == (409, 201)
    assert other.json()["code"] == "slot.taken"


def test_a_repeat_while_the_first_runs_is_told_to_wait(
    world: Any, monkeypatch: pytest.MonkeyPatch
):
    inside, go_on = threading.Event(), threading.Event()
    handle = world.runtime.dispatcher.handle

    def slow(*given: Any) -> Any:
        inside.set()
        go_on.wait(5)
        return handle(*given)

    order_id = world.waiting()
    monkeypatch.setattr(world.runtime.dispatcher, "handle", slow)
    body = {"order_id": order_id}
    first = threading.Thread(
        target=world.post,
        args=("/v1/appointments", body),
        kwargs={"Idempotency_Key": "one"},
    )
    first.start()
    assert inside.wait(5)
    second = world.post("/v1/appointments", body, Idempotency_Key="one")
    go_on.set()
    first.join(5)

    assert second.json()["code"] == "idempotency.in_flight"
    assert second.headers["retry-after"] == "1"


def test_the_store_forgets_after_a_day_and_what_is_too_much(
    world: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.idempotency.MOST", 2)
    store = InProcessStore(world.clock)
    for key in "abc":
        assert store.begin(key, key) is None
        store.finish(key, Answer(200, (), b""))

    assert store.begin("a", "a") is None
    assert store.begin("c", "c") is not None
    world.clock.advance(world.clock.now().resolution * 86_400_000_000)
    assert store.begin("c", "c") is None


def test_request_ids_are_mirrored_if_they_are_decent(world: Any):
    mirrored = world.http.get(
        "/livez", headers={"X-Request-Id": "abc-1", "X-Correlation-Id": "c1"}
    )
    replaced = world.http.get("/livez", headers={"X-Request-Id": "a b\x7f"})

    assert mirrored.headers["x-request-id"] == "abc-1"
    assert mirrored.headers["x-correlation-id"] == "c1"
    assert len(replaced.headers["x-request-id"]) == 32
    assert mirrored.headers["cache-control"] == "no-store"
    assert mirrored.headers["x-content-type-options"] == "nosniff"


def test_without_keys_only_this_machines_names_are_served(world: Any):
    borrowed = world.http.get("/v1/orders", headers={"Host": "evil.example"})
    strange = world.http.get("/v1/orders", headers={"X-Actor": "root"})
    nobody = world.http.get("/v1/orders", headers={"Host": "localhost:8080"})

    assert borrowed.json()["code"] == "auth.host"
    assert borrowed.status_code == 421
    assert strange.json()["code"] == "auth.actor"
    assert nobody.status_code == 200


@pytest.fixture
def guarded(make_world: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A world that needs a key."""
    digests = {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("machine", "front-end", "old")
    }
    file = tmp_path / "keys.yaml"
    file.write_text(
        f"""keys:
  - {{actor: "interface:machine", sha256: {digests["machine"]}}}
  - {{actor: "interface:front", sha256: {digests["front-end"]},
      speaks_for_people: true}}
  - {{actor: "interface:old", sha256: {digests["old"]}, expires_on: 2026-11-30}}
"""
    )
    world = make_world(http={"keys": file})
    yield world
    world.runtime.stop()


@pytest.mark.parametrize(
    ("authorization", "actor"),
    [
        ("Bearer machine", "interface:machine"),
        ("bearer front-end", "person:clerk"),
        ("Bearer old", None),
        ("Bearer wrong", None),
        ("Basic machine", None),
        ("", None),
    ],
)
def test_with_keys_the_key_says_who_asks(
    guarded: Any, authorization: str, actor: str | None
):
    order_id = guarded.receive()

    answer = guarded.post(
        f"/v1/orders/{order_id}/reject",
        {"reason": "x"},
        Authorization=authorization,
        Host="elsewhere.example",
    )

    if actor is None:
        assert answer.json()["code"] == "auth.required"
        assert answer.headers["www-authenticate"] == "Bearer"
    else:
        assert answer.json()["history"][-1]["actor"] == actor


def test_readiness_says_what_is_wrong(world: Any):
    world.runtime.checks["listener"] = lambda: 1 / 0

    answer = world.http.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {
            "database": "ok",
            "schema": "ok",
            "outbox": "ok: empty",
            "profiles": "ok",
            "listener": "failed: ZeroDivisionError",
        },
    }
    assert world.http.get("/livez").json()["status"] == "ok"


def test_metrics_mirror_the_database_and_name_nobody(stored_world: Any):
    world = stored_world
    order_id = world.booked(nhs_number="9990000018")["order_id"]
    world.http.get(f"/v1/orders/{order_id}")

    text = world.http.get("/metrics").text

    assert 'orders{state="booked"} 1.0' in text
    assert 'hl7_deliveries{partner="r0a",status="pending"} 1.0' in text
    assert "hl7_queue_oldest_seconds 0.0" in text
    assert 'route="/v1/orders/{order_id}"' in text
    assert order_id not in text
    assert "9990000018" not in text


def test_a_parked_delivery_is_sent_again(world: Any):
    order_id = world.booked()["order_id"]
    with world.runtime.dispatcher.session("job:test") as session:
        [delivery] = session.uow.outbox.of_order(order_id)
        parked = type(delivery)(
            **{
                name: getattr(delivery, name)
                for name in delivery.__slots__
                if name != "status"
            },
            status=DeliveryStatus.PARKED,
        )
        session.uow.outbox.save([parked])
        session.commit()
    counts = world.http.get("/v1/deliveries/counts").json()

    again = world.post(f"/v1/deliveries/{delivery.id}/retry")

    assert counts == [{"destination": "r0a", "status": "parked", "count": 1}]
    assert again.json()["status"] == "pending"
    shown = world.http.get(f"/v1/deliveries/{delivery.id}").json()
    assert again.json().items() <= shown.items()


def test_the_docs_page_needs_no_network_and_shows_every_operation(world: Any):
    page = world.http.get("/docs")
    document = world.http.get("/openapi.json").json()

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    for methods in document["paths"].values():
        for operation in methods.values():
            assert f"id='{operation['operationId']}'" in page.text


def test_what_endpoints_are_given_is_found_without_a_thread():
    """Each thread that is asked for is a place in the queue of those at work."""

    def given(dependant: Any) -> Iterator[Any]:
        for one in dependant.dependencies:
            yield one.call
            yield from given(one)

    found = {
        call
        for router in app._ROUTERS
        for route in router.routes
        for call in given(route.dependant)
    }

    assert found
    assert [call.__name__ for call in found if not iscoroutinefunction(call)] == []
