"""Alerts, metrics and drift, as they are asked for over HTTP and by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner
from watching_post import MINUTE, R0A, Post

from api.answer_times import AnswerTimes
from api.cli import app
from api.watch import Watch
from booking_engine.domain.alerts import Thresholds


def unmapped(world: Any) -> dict[str, Any]:
    """Return the alert of an order that waits for a code."""
    watch = Watch(
        world.runtime.dispatcher,
        lambda: {R0A: Thresholds()},
        AnswerTimes(),
        window=15 * MINUTE,
    )
    world.receive(procedure=None)
    watch.run_once()
    found: dict[str, Any] = world.http.get("/v1/alerts").json()["items"][0]
    return found


def test_alerts_are_listed_acknowledged_and_kept(stored_world: Any):
    world = stored_world
    alert = unmapped(world)

    assert alert["condition"] == "unmapped_codes"
    assert alert["state"] == "raised"
    assert (
        alert["says"]
        == "r0a: orders and diary entries that wait for a code to be mapped: 1"
    )
    path = f"/v1/alerts/{alert['id']}"
    seen = world.post(f"{path}/acknowledge", {"note": "mapping it"}).json()
    assert (seen["state"], seen["note"]) == ("acknowledged", "mapping it")
    assert seen["acknowledged_by"] == "person:clerk"
    assert world.http.get(path).json() == seen
    text = world.http.get("/metrics").text
    assert 'hl7_alerts_open{condition="unmapped_codes",partner="r0a"} 1.0' in text

    Watch(world.runtime.dispatcher, dict, AnswerTimes(), window=15 * MINUTE).run_once()

    def listed(**query: Any) -> list[str]:
        items = world.http.get("/v1/alerts", params=query).json()["items"]
        return [item["state"] for item in items]

    assert listed(is_open=True) == []
    assert listed(is_open=False, partner="r0a") == ["cleared"]
    assert listed(condition="silent_feed") == []
    refused = world.post(f"{path}/acknowledge", {})
    assert refused.status_code == 409
    assert world.http.get("/v1/alerts/W0").status_code == 404


def test_the_metrics_of_each_feed_come_from_the_database(
    sqlite_url: str, make_post: Callable[..., Post]
):
    post = make_post(sqlite_url)
    post.message()
    post.clock.advance(7 * MINUTE)
    text = post.runtime.metrics.exposition().decode()

    assert 'hl7_last_message_age_seconds{partner="r0a"} 420.0' in text
    assert 'hl7_oldest_unsent_seconds{partner="r0a"} 0.0' in text
    assert 'hl7_unmapped_orders{partner="r0a"} 0.0' in text
    assert 'hl7_diary_conflicts{partner="r0a"} 0.0' in text
    assert 'hl7_expired_messages{partner="r0a"} 0.0' in text


def test_the_drift_of_a_partner_is_shown(
    sqlite_url: str, make_post: Callable[..., Post]
):
    post = make_post(sqlite_url)
    for _ in range(3):
        post.message()
    http = TestClient(post.runtime.app, base_url="http://127.0.0.1:8080")
    until = (post.clock.now() + MINUTE).isoformat()

    found = http.get("/v1/partners/r0a/drift", params={"until": until}).json()

    assert (found["partner"], found["messages"], found["sampled"]) == ("r0a", 3, 3)
    assert found["before"] == [0, 0, 0, 0]
    assert found["expected"] is None
    assert http.get("/v1/partners/nobody/drift").status_code == 404
    assert http.get("/v1/partners/r0a/drift?hours=0").status_code == 422


def test_the_command_shows_it_too(
    sqlite_url: str, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch
):
    post = make_post(sqlite_url)
    folder = post.folder
    monkeypatch.setenv("BOOKING_DATABASE__URL", sqlite_url)
    monkeypatch.setenv("BOOKING_PARTNERS", str(folder))

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["hl7", "drift", *words])

    shown, as_json, nobody = run("r0a"), run("r0a", "--json"), run("nobody")

    assert shown.exit_code == 0, shown.output
    assert "nothing differs" in shown.stdout
    assert json.loads(as_json.stdout)["partner"] == "r0a"
    assert nobody.exit_code == 1
    assert "known are r0a" in nobody.stderr
