"""Deliveries over HTTP: listed, retried, skipped, edited, with their history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAttempt
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.messages import Delivery, DeliveryStatus

ME = Actor("job:relay")


class Outgoing:
    """A world with one order that was booked, and its delivery, parked."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.post = world.post
        self.http = world.http

    def parked(self) -> Delivery:
        """Book an order; return the delivery as a partner's refusal leaves it."""
        order_id = self.world.booked()["order_id"]
        with self.world.runtime.dispatcher.session(ME) as session:
            outbox = session.uow.outbox
            (delivery,) = outbox.of_order(order_id)
            payload = f"MSH|^~\\&|BOOKING|||||S|SIU^S12|{delivery.id}|P|2.4\rSCH|1\r"
            parked = replace(
                delivery,
                status=DeliveryStatus.PARKED,
                payload=payload.encode(),
                attempts=1,
                ack=b"MSH|^~\\&|\rMSA|AE|1\r",
                last_error="AE: no such ward",
            )
            outbox.save([parked])
            now = session.context.now
            outbox.record(
                [
                    DeliveryAttempt(
                        *(parked.id, now, 1500, AttemptOutcome.REFUSED),
                        *("", "AE", "AE: no such ward"),
                    )
                ]
            )
            session.commit()
        return parked

    def listed(self, **wanted: Any) -> list[str]:
        answer = self.http.get("/v1/deliveries", params=wanted)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    def shown(self, delivery: Delivery) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/v1/deliveries/{delivery.id}").json()
        return found


@pytest.fixture
def outgoing(stored_world: Any) -> Outgoing:
    return Outgoing(stored_world)


def test_deliveries_are_listed_by_partner_status_and_order(outgoing: Outgoing):
    first, second = outgoing.parked(), outgoing.parked()

    assert outgoing.listed(status="parked") == [second.id, first.id]
    assert outgoing.listed(status="parked", destination="r0a") == [second.id, first.id]
    assert outgoing.listed(status="pending") == []
    assert outgoing.listed(destination="rm3") == []
    assert outgoing.listed(order_id=first.order_id) == [first.id]
    page = outgoing.http.get("/v1/deliveries?status=parked&limit=1").json()
    following = outgoing.http.get(page["next"]).json()
    assert [one["id"] for one in page["items"] + following["items"]] == [
        second.id,
        first.id,
    ]
    assert following["next"] is None


def test_one_delivery_is_shown_with_every_attempt(outgoing: Outgoing):
    parked = outgoing.parked()
    shown = outgoing.shown(parked)

    assert shown["payload"] == parked.payload.decode()
    assert shown["ack"].startswith("MSH")
    assert shown["history"] == [
        {
            "number": 1,
            "started_at": "2026-11-30T08:00:00+00:00",
            "duration_us": 1500,
            "outcome": "refused",
            "phase": "",
            "code": "AE",
            "text": "AE: no such ward",
        }
    ]
    assert shown["changes"] == []


def test_a_parked_delivery_is_skipped_with_a_reason(outgoing: Outgoing):
    parked = outgoing.parked()
    path = f"/v1/deliveries/{parked.id}/skip"
    assert outgoing.post(path, {}).status_code == 422
    answer = outgoing.post(path, {"reason": "told by telephone"})

    assert answer.json()["status"] == "skipped"
    assert answer.json()["last_error"] == "told by telephone"
    (change,) = outgoing.shown(parked)["changes"]
    assert change["action"] == "skip"
    assert change["actor"] == "person:clerk"
    again = outgoing.post(path, {"reason": "twice"})
    assert (again.status_code, again.json()["code"]) == (409, "order.transition")


def test_a_parked_delivery_is_edited_and_the_old_bytes_are_kept(outgoing: Outgoing):
    parked = outgoing.parked()
    path = f"/v1/deliveries/{parked.id}/edit"
    text = parked.payload.decode().replace("SCH|1", "SCH|2").replace("\r", "\n")
    answer = outgoing.post(path, {"reason": "ward corrected", "text": text})

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "pending"
    shown = outgoing.shown(parked)
    assert shown["payload"] == text.replace("\n", "\r")
    assert shown["changes"][0]["replaced"] == parked.payload.decode()


@pytest.mark.parametrize("text", ["hello", "MSH|^~\\&|BOOKING|||||S|SIU^S12|X0|P|2.4"])
def test_an_edited_delivery_keeps_its_control_id(outgoing: Outgoing, text: str):
    parked = outgoing.parked()
    answer = outgoing.post(
        f"/v1/deliveries/{parked.id}/edit", {"reason": "x", "text": text}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "value.invalid")
    assert outgoing.listed(status="parked") == [parked.id]


def test_all_parked_deliveries_of_a_partner_go_again(outgoing: Outgoing):
    first, second = outgoing.parked(), outgoing.parked()
    answer = outgoing.post(
        "/v1/deliveries/retry", {"destination": "r0a", "reason": "they are back"}
    )

    assert [one["id"] for one in answer.json()] == [first.id, second.id]
    assert outgoing.listed(status="parked") == []
    assert outgoing.shown(first)["changes"][0]["reason"] == "they are back"


def test_a_retry_may_say_why(outgoing: Outgoing):
    parked = outgoing.parked()
    path = f"/v1/deliveries/{parked.id}/retry"
    answer = outgoing.post(path, {"reason": "their table was mended"})

    assert answer.json()["status"] == "pending"
    assert outgoing.shown(parked)["changes"][0]["reason"] == "their table was mended"
