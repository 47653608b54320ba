"""A death that a message reported: shown, confirmed or denied by a person."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from booking_engine.application.patient_commands import UpdatePatient
from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.register import PersonDetails, nhs_key

NUMBER = "9990000018"


@pytest.fixture
def mourned(stored_world: Any) -> tuple[Any, dict[str, Any], str]:
    """A world, a booking and a waiting order of a patient who is said to have died."""
    world = stored_world
    booked = world.booked(nhs_number=NUMBER)
    waiting = world.waiting(nhs_number=NUMBER)
    command = UpdatePatient(
        PartnerId("ris-north"),
        (nhs_key(NUMBER),),
        world.clock.now(),
        PersonDetails(birth_date=date(1980, 1, 1)),
        deceased=True,
    )
    world.runtime.dispatcher.handle(command, Actor("interface:ris-north"))
    return world, booked, waiting


def shown(world: Any, order_id: str) -> dict[str, Any]:
    order: dict[str, Any] = world.http.get(f"/v1/orders/{order_id}").json()
    return order


def test_the_orders_show_it_and_the_worklist_has_them(mourned: Any):
    world, booked, waiting = mourned

    assert shown(world, waiting)["contact_stopped"] is True
    assert shown(world, waiting)["status"] == "held"
    assert shown(world, booked["order_id"])["status"] == "booked"
    found = world.http.get("/v1/worklist?hold_code=patient_deceased").json()["items"]
    assert {line["order_id"] for line in found} == {waiting, booked["order_id"]}
    assert world.post(f"/v1/orders/{waiting}/release").status_code == 422


def test_confirmed_it_ends_the_orders_and_frees_the_slot(mourned: Any):
    world, booked, waiting = mourned

    answer = world.post(f"/v1/orders/{waiting}/death", {"deceased": True})

    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert shown(world, booked["order_id"])["status"] == "cancelled"
    assert shown(world, booked["order_id"])["appointment"] is None
    again = world.post(f"/v1/orders/{waiting}/death", {"deceased": True})
    assert again.status_code == 409
    assert again.json()["code"] == "order.transition"


def test_denied_it_lets_the_orders_go_on(mourned: Any):
    world, booked, waiting = mourned

    answer = world.post(
        f"/v1/orders/{booked['order_id']}/death",
        {"deceased": False, "note": "another patient"},
    )

    assert answer.json()["holds"] == []
    assert answer.json()["contact_stopped"] is False
    assert shown(world, waiting)["status"] == "waiting"
