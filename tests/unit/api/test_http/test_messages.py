"""The message store over HTTP: search, one message, replay."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest
from network import catalogue

from hl7_adapters.mllp.received import Fault, Received

DATA = Path(__file__).parents[3] / "data"
NW = (DATA / "hl7" / "orders" / "orm_nw_24.er7").read_bytes().replace(b"\n", b"\r")
OTHER = NW.replace(b"EPR0001", b"EPR0002").replace(b"PL1001", b"PL2002")
OTHER = OTHER.replace(b"9990000018", b"9990000026").replace(b"ACC1001", b"ACC2002")
BAD = NW.replace(b"EPR0001", b"EPR0003").replace(b"ORC|NW", b"ORC|QQ")
BAD = BAD.replace(b"PL1001", b"PL3003")


class Feed:
    """A world whose partners are those of the test data."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.http = world.http
        self.post = world.post
        with world.runtime.dispatcher.session("person:tester") as session:
            session.uow.replace_catalogue(catalogue())
            session.commit()
        world.runtime.jobs.extend_diary()

    def came(self, *raws: bytes, fault: Fault | None = None) -> list[str]:
        """Let messages come in, a second apart; return their ids."""
        known = set(self.ids())
        for raw in raws:
            now = self.world.clock.now()
            self.world.runtime.receiver.handle(
                [Received(raw, "10.0.0.1:4000", 1, now, 2575, fault)]
            )
            self.world.wait_until(now.replace(second=(now.second + 1) % 60).isoformat())
        return [one for one in reversed(self.ids()) if one not in known]

    def ids(self, **filters: Any) -> list[str]:
        answer = self.http.get("/v1/messages", params=filters)
        assert answer.status_code == 200, answer.text
        return [line["id"] for line in answer.json()["items"]]

    def search(self, **filters: Any) -> list[str]:
        answer = self.http.post("/v1/messages/search", json=filters)
        assert answer.status_code == 200, answer.text
        return [line["id"] for line in answer.json()["items"]]

    def message(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/v1/messages/{name}").json()
        return found


@pytest.fixture
def feed(stored_world_of: Any) -> Feed:
    return Feed(stored_world_of(partners=DATA / "profiles"))


def test_messages_are_found_by_what_they_name(feed: Feed):
    one, other, bad = feed.came(NW, OTHER, BAD)

    assert feed.search(nhs_number="999 000 0018") == [bad, one]
    assert feed.search(nhs_number="9990000026") == [other]
    assert feed.search(accession="ACC2002") == [other]
    assert feed.search(placer_number="PL1001") == [one]
    assert feed.search(hospital_number="X1234", outcome="refused") == [bad]
    assert feed.search(filler_number="F1") == []
    assert feed.ids(error_code="103") == [bad]
    assert feed.ids(outcome="processed") == [other, one]
    assert feed.ids(kind="ORM^O01", partner="north") == [bad, other, one]
    assert feed.ids(control_id="EPR0002") == [other]


def test_a_search_leads_from_page_to_page(feed: Feed):
    names = feed.came(NW, BAD)
    first = feed.http.post(
        "/v1/messages/search", json={"nhs_number": "9990000018", "limit": 1}
    ).json()
    second = feed.http.post(
        "/v1/messages/search",
        json={
            "nhs_number": "9990000018",
            "limit": 1,
            "cursor": first["next_cursor"],
        },
    ).json()

    assert [line["id"] for line in first["items"] + second["items"]] == names[::-1]
    assert second["next_cursor"] is None


def test_numbers_of_patients_are_in_no_address_and_no_log(
    feed: Feed, caplog: pytest.LogCaptureFixture
):
    feed.came(NW)
    with caplog.at_level(logging.DEBUG):
        feed.search(nhs_number="9990000018", limit=1)
        feed.search(placer_number="PL1001", limit=1)
    assert "9990000018" not in caplog.text
    assert "PL1001" not in caplog.text


def test_one_message_is_shown_with_all_that_is_known_of_it(feed: Feed):
    (name,) = feed.came(NW)
    shown = feed.message(name)

    assert shown["raw"] == NW.decode()
    assert base64.b64decode(shown["raw_base64"]) == NW
    assert shown["sent_at"] == "2026-11-24T08:15:00+00:00"
    assert shown["order_control"] == "NW"
    assert {"kind": "accession", "value": "ACC1001"} in shown["keys"]
    segments = [segment["id"] for segment in shown["tree"]["segments"]]
    assert segments[:3] == ["MSH", "NTE", "PID"]
    pid = shown["tree"]["segments"][2]["fields"]
    assert pid[1] == {
        "number": 3,
        "is_null": False,
        "repetitions": [
            [["9990000018"], [""], [""], ["NHS"], ["NH"]],
            [["X1234"], [""], [""], ["RA1"], ["MR"]],
        ],
    }
    assert len(shown["order_ids"]) == 1
    assert shown["latency_us"] >= 0
    assert (shown["deliveries"], shown["replays"]) == ([], [])


def test_what_a_message_led_to_is_shown_with_it(feed: Feed):
    (name,) = feed.came(NW)
    (order_id,) = feed.message(name)["order_ids"]
    booked = feed.post("/v1/appointments", {"order_id": order_id})
    assert booked.status_code == 201, booked.text

    deliveries = feed.message(name)["deliveries"]
    assert [one["destination"] for one in deliveries] == ["north"]
    assert deliveries[0]["order_id"] == order_id


def test_bytes_that_are_no_message_are_shown_as_they_came(feed: Feed):
    (name,) = feed.came(b"\x00noise\xff", fault=Fault.UNFRAMED)
    assert feed.ids(outcome="unreadable") == [name]
    shown = feed.message(name)

    assert shown["tree"] is None
    assert shown["fault"] == "unframed"
    assert base64.b64decode(shown["raw_base64"]) == b"\x00noise\xff"


def test_a_message_is_edited_and_replayed(feed: Feed):
    (name,) = feed.came(BAD)
    text = feed.message(name)["raw"].replace("ORC|QQ", "ORC|NW")
    answer = feed.post(
        f"/v1/messages/{name}/replay", {"reason": "control corrected", "text": text}
    )

    assert answer.status_code == 201, answer.text
    replay = answer.json()
    assert answer.headers["Location"] == f"/v1/messages/{replay['id']}"
    assert replay["outcome"] == "processed"
    assert replay["edited"] is True
    assert replay["replay_of"] == name
    assert replay["replayed_by"] == "person:clerk"
    assert replay["replay_reason"] == "control corrected"
    assert "MSA|AA|EPR0003" in replay["ack"]
    original = feed.message(name)
    assert "ORC|QQ" in original["raw"]
    assert [line["id"] for line in original["replays"]] == [replay["id"]]
    assert feed.ids(replay_of=name) == [replay["id"]]


def test_a_repeated_request_replays_once(feed: Feed):
    (name,) = feed.came(NW)
    body = {"reason": "again"}
    for _ in range(2):
        answer = feed.post(
            f"/v1/messages/{name}/replay", body, Idempotency_Key="the-same"
        )
        assert answer.status_code == 201
    assert len(feed.ids()) == 2


def test_a_broken_frame_is_not_replayed_as_it_is(feed: Feed):
    (name,) = feed.came(NW[:300], fault=Fault.TOO_LONG)
    answer = feed.post(f"/v1/messages/{name}/replay", {"reason": "again"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "order.transition"


def test_a_replay_needs_a_reason_and_a_message(feed: Feed):
    (name,) = feed.came(NW)
    assert feed.post(f"/v1/messages/{name}/replay", {}).status_code == 422
    missing = feed.post("/v1/messages/M0/replay", {"reason": "x"})
    assert missing.status_code == 404


def test_all_that_match_are_replayed_oldest_first_and_once(feed: Feed):
    feed.came(NW)
    bad = feed.came(*(BAD.replace(b"EPR0003", b"EPR1%02d" % n) for n in range(4)))
    wanted = {"error_code": "103", "reason": "control mapped", "limit": 3}
    trial = feed.post("/v1/messages/replay", {**wanted, "dry_run": True}).json()

    assert trial == {"matching": 4, "originals": bad[:3], "replayed": []}
    assert len(feed.ids()) == 5
    first = feed.post("/v1/messages/replay", wanted).json()
    assert [one["original"] for one in first["replayed"]] == bad[:3]
    assert {one["message"]["error_code"] for one in first["replayed"]} == {"103"}
    second = feed.post("/v1/messages/replay", wanted).json()
    assert [one["original"] for one in second["replayed"]] == bad[3:]
    third = feed.post("/v1/messages/replay", wanted).json()
    assert third == {"matching": 0, "originals": [], "replayed": []}


def test_nobody_replays_everything_by_mistake(feed: Feed):
    answer = feed.post("/v1/messages/replay", {"reason": "oops"})

    assert answer.status_code == 422
    assert "filter" in answer.text


def test_old_messages_are_deleted_at_night_only_if_that_is_wanted(make_world: Any):
    quiet = make_world()
    keeping = make_world(retention={"messages_days": 365})

    assert "retention" not in quiet.runtime.jobs.schedule
    assert "retention" in keeping.runtime.jobs.schedule
    with pytest.raises(ValueError, match="greater than or equal to 30"):
        make_world(retention={"messages_days_by_outcome": {"duplicate": 7}})
