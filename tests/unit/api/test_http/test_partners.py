"""Profiles and mappings over the API, and messages read with them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from partner_feed import PROFILE, map_code, order_of, put, send, unmapped


def test_a_profile_over_the_api_counts_for_the_next_message(stored_world: Any):
    world = stored_world
    assert send(world, "1") == "AR"

    answer = put(world)

    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == '"1"'
    body = answer.json()
    assert (body["source"], body["text"]) == ("stored", PROFILE)
    assert [(v["version"], v["made_by"], v["why"]) for v in body["versions"]] == [
        (1, "person:clerk", "new feed")
    ]
    assert send(world, "1b") == "AA"
    assert order_of(world, "1b")["procedure"] == "CTCHE"
    assert [one["id"] for one in world.http.get("/v1/partners").json()["items"]] == [
        "r0a"
    ]


def test_a_profile_is_replaced_by_who_has_seen_it(world: Any):
    put(world)
    changed = PROFILE.replace("CTC:", "CTCH:")

    blind = put(world, changed)
    assert blind.status_code == 428
    assert "in If-Match" in blind.json()["detail"]
    assert put(world, changed, If_Match='"7"').status_code == 412
    answer = put(world, changed, If_Match='"1"')

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert send(world, "1") == "AA"
    assert order_of(world, "1")["status"] == "held"
    assert send(world, "2", code="CTCH") == "AA"
    assert order_of(world, "2")["procedure"] == "CTCHE"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (
            PROFILE.replace("routine", "soon"),
            (5, 14),
            ["urgency.R", "suspected_cancer"],
        ),
        (PROFILE.replace("CTCHE", "CTX"), (7, 8), ["procedures.ctc", "catalogue"]),
        (PROFILE.replace("id: r0a", "id: rm3"), (1, 5), ["the address says r0a"]),
        ("id: r0a\nname: [x\n", (3, 1), ["expected"]),
        ("id: r0a\nname: X\ncolour: red\n", (3, 9), ["colour", "not known"]),
    ],
)
def test_a_bad_profile_is_refused_with_line_column_and_remedy(
    world: Any, text: str, where: tuple[int, int], words: list[str]
):
    answer = put(world, text)

    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "profile.invalid"
    (violation,) = problem["violations"]
    assert (violation["line"], violation["column"]) == where
    for word in words:
        assert word in f"{violation['field']} {violation['message']}"
    assert world.http.get("/v1/partners/r0a").status_code == 404


def test_one_sender_has_one_profile(world: Any):
    put(world)

    answer = put(world, PROFILE.replace("id: r0a", "id: other"), partner="other")

    assert answer.status_code == 422
    assert "belongs to profile r0a" in answer.json()["detail"]


def test_a_file_is_not_replaced_over_the_api(make_world: Any, tmp_path: Any):
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "r0a.yaml").write_text(PROFILE)
    world = make_world(partners=folder)
    try:
        answer = put(world, PROFILE.replace("EPR", "EPR2"))
        found = world.http.get("/v1/partners/r0a")
    finally:
        world.runtime.stop()

    assert (answer.status_code, answer.json()["code"]) == (409, "mapping.conflict")
    assert "file" in answer.json()["detail"]
    assert found.json()["source"] == "file"
    assert found.json()["text"] == PROFILE
    assert "ETag" not in found.headers


# Mappings -------------------------------------------------------------------------


def test_an_unmapped_code_is_found_mapped_and_its_orders_released(stored_world: Any):
    world = stored_world
    put(world)
    code = "XXCHEST^CT thorax^L"
    assert send(world, "1", code=code) == "AA"
    world.clock.advance(timedelta(minutes=5))
    assert send(world, "2", code=code, site="WARD9") == "AA"
    assert send(world, "3") == "AA"

    chest, ward = unmapped(world)
    assert (chest["table"], chest["code"], chest["count"]) == (
        "procedure",
        "xxchest^l",
        2,
    )
    assert (chest["text"], len(chest["messages"])) == ("CT thorax", 2)
    assert chest["first_seen"] < chest["last_seen"]
    assert chest["orders"] == [order_of(world, n)["id"] for n in ("1", "2")]
    assert (ward["table"], ward["code"], ward["count"]) == ("site", "ward9", 1)
    raw = world.http.get(f"/v1/messages/{chest['messages'][0]}").json()["raw"]
    assert "XXCHEST" in raw

    answer = map_code(world)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["released"] == [order_of(world, "1")["id"]]
    assert body["still_held"] == [order_of(world, "2")["id"]]
    first, second = order_of(world, "1"), order_of(world, "2")
    assert (first["status"], first["procedure"]) == ("awaiting_vetting", "CTCHE")
    last = first["history"][-1]
    assert (last["action"], last["actor"]) == ("release", "person:clerk")
    assert "xxchest means CTCHE" in last["note"]
    assert body["id"] in last["note"]
    assert (second["status"], second["procedure"]) == ("held", "CTCHE")
    assert [hold["code"] for hold in second["holds"]] == ["unknown_site"]
    assert [one["code"] for one in unmapped(world, partner="r0a")] == ["ward9"]

    map_code(world, table="site", code="ward9", target="RM301")
    assert order_of(world, "2")["status"] == "awaiting_vetting"
    assert unmapped(world) == []
    assert send(world, "4", code=code, site="WARD9") == "AA"
    assert order_of(world, "4")["status"] == "awaiting_vetting"


def test_urgency_mapped_is_urgency_set(world: Any):
    put(world)
    send(world, "1", urgency="SOON")

    assert unmapped(world)[0]["table"] == "urgency"
    map_code(world, table="urgency", code="soon", target="urgent")

    order = order_of(world, "1")
    assert (order["status"], order["priority"]) == ("awaiting_vetting", "urgent")


def test_a_patient_class_mapped_is_the_setting_set(world: Any):
    put(world)
    send(world, "1", patient_class="DAYWARD")

    (code,) = unmapped(world)
    assert (code["table"], code["code"]) == ("patient_class", "dayward")
    map_code(world, table="patient_class", code="DAYWARD", target="inpatient")

    order = order_of(world, "1")
    assert (order["status"], order["holds"]) == ("awaiting_vetting", [])
    assert order["request"]["setting"] == "inpatient"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"target": "CTCHEE"}, 422, ["CTCHE (CT chest)"]),
        ({"partner": "nobody"}, 422, ["no profile", "r0a"]),
        ({"code": "60027008^SCT"}, 422, ["check digit"]),
        ({"table": "safety", "code": "PACE", "target": "yes"}, 422, ["PACE=Y"]),
        ({"table": "safety", "code": "X=Y", "target": "yes"}, 422, ["'X'"]),
        ({"valid_to": "2020-01-01T00:00:00Z"}, 422, ["valid_to"]),
        ({"code": "a\nb"}, 422, []),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    world: Any, body: dict[str, str], status: int, words: list[str]
):
    put(world)

    answer = map_code(world, **body)

    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.json()["detail"]
    assert world.http.get("/v1/mappings").json()["items"] == []


def test_a_mapping_ends_and_another_takes_its_place(world: Any):
    put(world)
    first = map_code(world).json()
    assert map_code(world, code="xxchest", target="MRHEAD").status_code == 409

    second = map_code(world, target="MRHEAD", replaces=first["id"])
    assert second.status_code == 201, second.text
    found = world.http.get(f"/v1/mappings/{first['id']}")
    assert found.json()["valid_to"] == second.json()["valid_from"]
    assert found.headers["ETag"] == '"2"'
    send(world, "1", code="XXCHEST")
    assert order_of(world, "1")["procedure"] == "MRHEAD"

    path = f"/v1/mappings/{second.json()['id']}/end"
    assert world.post(path, {"why": "wrong"}, If_Match='"9"').status_code == 412
    ended = world.post(path, {"why": "wrong"}, If_Match='"1"').json()
    assert (ended["ended_by"], ended["ended_why"]) == ("person:clerk", "wrong")
    send(world, "2", code="XXCHEST")
    assert order_of(world, "2")["status"] == "held"
    items = world.http.get("/v1/mappings", params={"in_force": True}).json()["items"]
    assert items == []
    assert len(world.http.get("/v1/mappings?code=XXChest").json()["items"]) == 2


def test_a_mapping_that_begins_later_settles_orders_then(world: Any):
    put(world)
    begins = world.clock.now() + timedelta(hours=1)
    send(world, "1", code="XXCHEST")
    answer = map_code(world, valid_from=begins.isoformat())
    assert answer.json()["released"] == []
    profile = world.http.get("/v1/partners/r0a").json()
    assert profile["next_change"] is not None

    world.clock.advance(timedelta(minutes=59, seconds=59))
    world.runtime.mapped.run_once()
    assert order_of(world, "1")["status"] == "held"

    world.clock.advance(timedelta(seconds=1))
    world.runtime.mapped.run_once()
    order = order_of(world, "1")
    assert order["status"] == "awaiting_vetting"
    assert order["history"][-1]["actor"] == "job:mappings"
    assert send(world, "2", code="XXCHEST") == "AA"
    assert order_of(world, "2")["procedure"] == "CTCHE"


def test_the_effective_profile_says_who_decides_each_code(world: Any):
    put(world)
    mapping = map_code(world, code="CTC", target="MRHEAD").json()

    body = world.http.get("/v1/partners/r0a").json()

    codes = {(c["table"], c["code"]): c for c in body["codes"]}
    assert codes["procedure", "ctc"]["target"] == "MRHEAD"
    assert codes["procedure", "ctc"]["mapping_id"] == mapping["id"]
    assert codes["urgency", "r"]["origin"] == "profile"


def test_a_replaced_profile_releases_what_waited_for_its_codes(world: Any):
    put(world)
    send(world, "1", code="XXCHEST")

    put(world, PROFILE.replace("CTC:", "XXCHEST:"), If_Match='"1"')

    assert order_of(world, "1")["status"] == "awaiting_vetting"


def test_another_process_takes_changes_over(make_world: Any, sqlite_url: str):
    """Both have the database in common, and nothing else."""
    one, other = (make_world(database={"url": sqlite_url}) for _ in range(2))
    try:
        put(one)
        assert send(other, "1") == "AR"
        other.runtime.mapped.run_once()
        assert send(other, "2", code="XXCHEST") == "AA"
        map_code(one)
        # Read before the other process had heard of the mapping.
        assert send(other, "3", code="XXCHEST") == "AA"
        other.runtime.mapped.run_once()
        assert send(other, "4", code="XXCHEST") == "AA"
        statuses = {order_of(one, n)["status"] for n in ("2", "3", "4")}
    finally:
        one.runtime.stop()
        other.runtime.stop()
    assert statuses == {"awaiting_vetting"}
