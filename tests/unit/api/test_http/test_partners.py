"""Profiles and mappings over the API, and messages read with them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.answer_times import AnswerTimes
from api.watch import Watch
from booking_engine.domain.alerts import Thresholds
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.mllp.received import Received

PROFILE = """\
id: r0a
name: Manchester
senders:
  - {application: EPR, facility: R0A}
urgency: {R: routine}
procedures:
  CTC: CTCHE
sites: {INF: R0A02}
guidelines: []
"""
ORDER = (
    "MSH|^~\\&|EPR|R0A|||20261130080000||ORM^O01|{id}|P|2.4\r"
    "PID|1||X{id}^^^R0A^MR||Testperson^Una||19800101|F\r"
    "PV1|1|{patient_class}|^^^{site}\r"
    "ORC|NW|{id}|||||^^^^^{urgency}||20261130080000|||{orderer}\r"
    "OBR|1|{id}||{code}\r"
)


def put(world: Any, text: str = PROFILE, partner: str = "r0a", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.http.put(
        f"/v1/partners/{partner}",
        content=text.encode(),
        headers={"Content-Type": "application/yaml", **given},
        params={"why": "new feed"},
    )


def send(world: Any, number: str, **given: str) -> str:
    """Send an order as the listener would hand it over; return what MSA-1 says."""
    values = {
        "id": number,
        "patient_class": "O",
        "site": "INF",
        "urgency": "R",
        "code": "CTC^CT chest^L",
        "orderer": "",
    }
    raw = ORDER.format(**values | given).encode()
    (ack,) = world.runtime.receiver.handle(
        [
            Received(
                raw,
                received_at=world.clock.now(),
                peer="10.0.0.1",
                connection_id=1,
                port=2575,
            )
        ]
    )
    return str(ack.partition(b"\rMSA|")[2][:2].decode())


def order_of(world: Any, number: str) -> dict[str, Any]:
    (line,) = world.http.get("/v1/orders", params={"placer_number": number}).json()[
        "items"
    ]
    found: dict[str, Any] = world.http.get(f"/v1/orders/{line['order_id']}").json()
    return found | {name: found["request"][name] for name in ("procedure", "priority")}


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

    assert put(world, changed).status_code == 428
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


def map_code(world: Any, **body: Any) -> Any:
    given = {
        "partner": "r0a",
        "table": "procedure",
        "code": "XXCHEST",
        "target": "CTCHE",
        "why": "call with the vendor",
    }
    return world.post("/v1/mappings", given | body)


def unmapped(world: Any, **given: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.http.get(
        "/v1/mappings/unmapped", params=given
    ).json()
    return found


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


# Clinicians -------------------------------------------------------------------------


def test_a_clinician_is_found_mapped_and_shown_on_open_orders(stored_world: Any):
    world = stored_world
    put(world)
    send(world, "1", orderer="DR7")
    send(world, "2", orderer="DR8^Lee^Ann^^^Dr")
    before = order_of(world, "1")
    assert before["status"] == "awaiting_vetting"  # it holds nothing up

    (code,) = unmapped(world)
    assert (code["table"], code["code"], code["count"]) == ("clinician", "dr7", 1)
    assert code["orders"] == [before["id"]]
    assert len(code["messages"]) == 1
    wrong = map_code(world, table="clinician", code="dr7", target="Dr B (GMC 12)")
    assert wrong.status_code == 422
    assert "Dr A. Example (GMC 1234567)" in wrong.json()["detail"]
    answer = map_code(
        world, table="clinician", code="dr7", target="Dr Bo  Ray (GMC 1234567)"
    )

    assert answer.status_code == 201, answer.text
    assert answer.json()["target"] == "Dr Bo Ray (GMC 1234567)"
    assert answer.json()["named"] == [before["id"]]
    assert answer.json()["released"] == []
    after = order_of(world, "1")
    assert after["request"]["orderer"] == {
        "code": "DR7",
        "name": "Dr Bo Ray",
        "gmc_number": "1234567",
    }
    assert after["status"] == before["status"]
    assert "clinician dr7 means Dr Bo Ray" in after["history"][-1]["note"]
    assert unmapped(world) == []
    # Now that there is a table, a code that it lacks is to be mapped.
    send(world, "3", orderer="DR9^Fox")
    assert [(c["code"], c["text"]) for c in unmapped(world)] == [("dr9", "Fox")]
    cancelled = ORDER.replace("ORC|NW", "ORC|CA")
    world.runtime.receiver.handle(
        [
            Received(
                cancelled.format(
                    id="3",
                    patient_class="O",
                    site="INF",
                    urgency="R",
                    code="CTC",
                    orderer="",
                )
                .replace("|ORM^O01|3|", "|ORM^O01|3C|")
                .encode(),
                "10.0.0.1:4000",
                1,
                world.clock.now(),
                2575,
                None,
            )
        ]
    )
    assert unmapped(world) == []


# Rooms and machines of a kept diary -------------------------------------------------

DIARY = PROFILE + "diary: {resources: {MR-A: R0A02-MR1}}\n"
SIU = (
    "MSH|^~\\&|EPR|R0A|||20261130075900||SIU^S12|{control}|P|2.4\r"
    "SCH||{number}|||||||30|min|^^^{start}|||||^Desk||||^Clerk|||||Booked\r"
    "PID|1||X1^^^R0A^MR||Testperson^Una||19800101|F\r"
    "RGS|1|A\rAIG|1|A|{resource}|MR\r"
)


def book_there(world: Any, number: str, resource: str, start: str) -> str:
    raw = SIU.format(control=number, number=number, resource=resource, start=start)
    (ack,) = world.runtime.receiver.handle(
        [Received(raw.encode(), "10.0.0.1:4000", 1, world.clock.now(), 2575, None)]
    )
    return str(ack.partition(b"\rMSA|")[2][:2].decode())


def test_an_unknown_room_is_found_mapped_and_its_entries_placed(stored_world: Any):
    world = stored_world
    put(world, DIARY)
    assert book_there(world, "D1", "RM9^Room 9", "202612011000") == "AA"
    assert book_there(world, "D2", "RM9^Room 9", "202612011100") == "AA"
    assert book_there(world, "D3", "MR-A", "202612011100") == "AA"

    (room,) = unmapped(world)

    assert (room["table"], room["code"], room["count"]) == ("resource", "rm9", 2)
    assert (room["text"], room["orders"]) == ("Room 9", [])
    assert [(e["number"], e["scanner"]) for e in room["entries"]] == [
        ("D1", None),
        ("D2", None),
    ]
    raw = world.http.get(f"/v1/messages/{room['messages'][0]}").json()["raw"]
    assert "RM9^Room 9" in raw

    wrong = map_code(world, table="resource", code="RM9", target="R0A02-MR2")
    assert wrong.status_code == 422
    assert "R0A02-MR1" in wrong.json()["detail"]
    answer = map_code(world, table="resource", code="RM9", target="R0A02-MR1")

    assert answer.status_code == 201, answer.text
    assert sorted(answer.json()["entries"]) == sorted(e["id"] for e in room["entries"])
    assert unmapped(world) == []
    taken = world.http.get(
        "/v1/closures",
        params={
            "kind": "appointment",
            "scanner": "R0A02-MR1",
            "starts_from": "2026-12-01T00:00:00Z",
        },
    ).json()["items"]
    assert [one["starts_at"][11:16] for one in taken] == ["10:00", "11:00", "11:00"]
    # The next one is read with the mapping.
    assert book_there(world, "D4", "rm9", "202612011130") == "AA"
    assert unmapped(world) == []


def test_a_room_may_be_none_of_our_scanners(world: Any):
    put(world, DIARY)
    book_there(world, "D1", "WAIT^Waiting room", "202612011000")

    answer = map_code(world, table="resource", code="wait", target="none")

    assert answer.status_code == 201, answer.text
    assert unmapped(world) == []
    assert book_there(world, "D2", "WAIT", "202612011100") == "AA"
    assert unmapped(world) == []
    codes = world.http.get("/v1/partners/r0a").json()["codes"]
    assert [
        (one["code"], one["target"]) for one in codes if one["table"] == "resource"
    ] == [("mr-a", "R0A02-MR1"), ("wait", "none")]


def test_a_partner_without_a_diary_has_no_resources(world: Any):
    put(world)

    answer = map_code(world, table="resource", code="RM9", target="R0A02-MR1")

    assert answer.status_code == 422
    assert "diary:" in answer.json()["detail"]


def test_unknown_rooms_raise_the_alert_for_codes(world: Any):
    put(world, DIARY)
    book_there(world, "D1", "RM9", "202612011000")

    watch = Watch(
        world.runtime.dispatcher,
        lambda: {PartnerId("r0a"): Thresholds()},
        AnswerTimes(),
        window=timedelta(minutes=15),
    )
    watch.run_once()

    assert 'hl7_unmapped_entries{partner="r0a"} 1.0' in world.http.get("/metrics").text
    (alert,) = world.http.get("/v1/alerts").json()["items"]
    assert (alert["condition"], alert["value"]) == ("unmapped_codes", 1)
