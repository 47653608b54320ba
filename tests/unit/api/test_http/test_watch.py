"""Alerts begin once and end once, whatever happens in between."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.answer_times import AnswerTimes
from api.bootstrap import build
from api.cli import app
from api.watch import Watch
from api.webhook import Webhook
from booking_engine.domain.alerts import Condition, Thresholds
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAttempt
from booking_engine.domain.identifiers import DeliveryId, MessageId, PartnerId
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
    MessageOutcome,
)
from booking_engine.domain.quiet_times import ALWAYS_AWAKE
from booking_engine.settings import Settings, SettingsError, load_settings
from hl7_adapters.profile_files import load_profiles

R0A = PartnerId("r0a")
MINUTE = timedelta(minutes=1)
PROFILE = """
id: r0a
name: Manchester
senders: [{application: EPR, facility: R0A}]
watch: {silent_after_minutes: 30, quiet: {night: , days: [], bank_holidays: no}}
"""


class Post:
    """A process on a store: it watches when told, and keeps what changed."""

    def __init__(self, url: str, start: datetime, folder: Path, **watch: Any) -> None:
        (folder / "r0a.yaml").write_text(PROFILE)
        self.clock = FixedClock(start)
        self.folder = folder
        settings = Settings(database={"url": url}, watch=watch)
        self.runtime = build(
            settings, clock=self.clock, profiles=load_profiles(folder), region=None
        )
        self.changes: list[tuple[str, str]] = []
        self._number = 0

    def tick(self, minutes: int = 1) -> None:
        for _ in range(minutes):
            for alert in self.runtime.watch.run_once():
                change = "raised" if alert.is_open else "cleared"
                self.changes.append((alert.condition.value, change))
            self.clock.advance(MINUTE)

    def message(
        self,
        outcome: MessageOutcome = MessageOutcome.PROCESSED,
        replay_of: MessageId | None = None,
    ) -> MessageId:
        now = self.clock.now()
        self._number += 1
        reply = b"AA" if outcome is MessageOutcome.PROCESSED else b"AE"
        with self.runtime.dispatcher.session("job:test") as session:
            name = MessageId(self.runtime.dispatcher.ids("M"))
            session.uow.messages.add(
                InboundMessage(
                    id=name,
                    received_at=now,
                    peer="10.0.0.1:1",
                    partner=R0A,
                    sender="EPR|R0A",
                    control_id=f"C{self._number}",
                    kind="ORM^O01",
                    digest="0" * 64,
                    raw=b"MSH|",
                    ack=b"MSH|^~\\&|X\rMSA|" + reply + b"|1\r",
                    outcome=outcome,
                    replay_of=replay_of,
                )
            )
            session.commit()
        return name

    def answered(self, *attempts: tuple[int, AttemptOutcome]) -> None:
        """File how the partner answered: seconds and outcome of each attempt."""
        now, units = self.clock.now(), self.runtime.dispatcher
        with units.session("job:test") as session:
            outbox = session.uow.outbox
            sent = DeliveryId(units.ids("X"))
            outbox.queue(Delivery(sent, None, None, R0A, DeliveryStatus.DELIVERED, now))
            outbox.record(
                [
                    DeliveryAttempt(sent, now, seconds * 1_000_000, outcome)
                    for seconds, outcome in attempts
                ]
            )
            session.commit()


@pytest.fixture
def make_post(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    made: list[Post] = []

    def make(url: str, start: datetime = MONDAY, **watch: Any) -> Post:
        made.append(Post(url, start, tmp_path, **watch))
        return made[-1]

    yield make
    for post in made:
        post.runtime.stop()


MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SILENT_ONCE = [("silent_feed", "raised")]
AND_CLEARED = [*SILENT_ONCE, ("silent_feed", "cleared")]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


def test_a_silent_feed_is_told_once_in_hours_and_cleared_once(
    any_url: str, make_post: Callable[..., Post], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "api.watch")
    post = make_post(any_url)
    post.tick(60)
    assert post.changes == [], "nothing ever came: it is not connected yet"

    post.message()
    post.tick(180)
    assert post.changes == SILENT_ONCE
    post.message()
    post.tick(20)
    assert post.changes == AND_CLEARED

    told = [(r.event, r.condition) for r in caplog.records if r.name == "api.watch"]
    assert told == [
        ("alert.raised", "silent_feed"),
        ("alert.cleared", "silent_feed"),
    ]


def test_a_restart_neither_tells_again_nor_forgets(
    any_url: str, make_post: Callable[..., Post]
):
    first = make_post(any_url)
    first.message()
    first.tick(40)
    first.runtime.stop()

    second = make_post(any_url, first.clock.now())
    second.tick(60)
    assert (first.changes, second.changes) == (SILENT_ONCE, [])
    second.message()
    second.tick()
    assert second.changes == [("silent_feed", "cleared")]


def test_of_two_processes_only_one_tells(any_url: str, make_post: Callable[..., Post]):
    posts = [make_post(any_url) for _ in range(2)]
    posts[0].message()
    for post in posts:
        post.clock.advance(40 * MINUTE)
    barrier = threading.Barrier(2)

    def work(post: Post) -> None:
        barrier.wait(10)
        post.tick(5)

    for _ in range(2):
        threads = [threading.Thread(target=work, args=(post,)) for post in posts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        posts[1].clock.advance(posts[0].clock.now() - posts[1].clock.now())
        posts[0].message()

    assert sorted(posts[0].changes + posts[1].changes, reverse=True) == AND_CLEARED


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_the_night_on_which_clocks_change_tells_once(
    day: str, sqlite_url: str, make_post: Callable[..., Post]
):
    """Ten minutes before midnight until seven: the feed falls silent at once."""
    start = datetime.fromisoformat(f"{day}T23:50:00+00:00")
    post = make_post(sqlite_url, start)
    post.message()
    post.tick(29)
    assert post.changes == []
    post.tick(7 * 60)
    assert post.changes == SILENT_ONCE
    post.message()
    post.tick()
    assert post.changes == AND_CLEARED


def test_a_value_that_swings_about_its_threshold_is_one_alert(
    sqlite_url: str, make_post: Callable[..., Post]
):
    post = make_post(sqlite_url)
    for turn in range(240):
        post.message()  # one of ten is refused, more or less
        if turn % 9 == 0 or turn % 11 == 0:
            post.message(MessageOutcome.REFUSED)
        post.tick()
    assert post.changes == [("refused_by_us", "raised")]
    for _ in range(40):
        post.message()
        post.tick()
    assert post.changes[1:] == [("refused_by_us", "cleared")]


def test_slow_and_refused_answers_are_seen(
    sqlite_url: str, make_post: Callable[..., Post]
):
    post = make_post(sqlite_url)
    metrics, now = post.runtime.metrics, post.clock.now()
    for _ in range(40):
        post.message()
        metrics.message_received("r0a", "ORM^O01", "AA", now, 6.0)
    post.answered(*[(7, AttemptOutcome.REFUSED), (1, AttemptOutcome.ACCEPTED)] * 20)
    post.tick(2)

    assert sorted(post.changes) == [
        ("refused_by_them", "raised"),
        ("slow_acknowledgements", "raised"),
        ("slow_answers", "raised"),
    ]


def test_messages_that_waited_in_vain_are_one_alert_until_replayed(
    any_url: str, make_post: Callable[..., Post]
):
    post = make_post(any_url)
    lost = [post.message(MessageOutcome.EXPIRED) for _ in range(2)]
    post.tick(5)
    assert post.changes == [("expired_messages", "raised")]
    text = post.runtime.metrics.exposition().decode()
    assert 'hl7_expired_messages{partner="r0a"} 2.0' in text

    post.message(replay_of=lost[0])
    post.tick(5)
    assert len(post.changes) == 1, "one of them still waits for a person"
    post.message(replay_of=lost[1])
    post.tick(5)
    assert post.changes[1:] == [("expired_messages", "cleared")]


def test_a_process_that_only_watches_sees_how_partners_answer(
    sqlite_url: str, make_post: Callable[..., Post]
):
    sends, watches = make_post(sqlite_url), make_post(sqlite_url)
    sends.answered(*[(1, AttemptOutcome.BUSY)] * 3, (9, AttemptOutcome.FAILED))
    watches.tick()

    assert watches.changes == [("refused_by_them", "raised")]


def test_memory_is_bounded_and_only_the_window_counts():
    times = AnswerTimes()
    for second in range(20_000):
        times.add("a", MONDAY + timedelta(seconds=second), second / 1000)

    assert times.p99_since("a", MONDAY + timedelta(seconds=19_900)) == 19.998
    assert times.p99_since("a", MONDAY) == 19.949  # of the newest 5,000
    assert times.p99_since("a", MONDAY + timedelta(days=1)) is None
    assert times.p99_since("b", MONDAY) is None


def test_an_alert_of_a_partner_that_is_gone_is_cleared(world: Any):
    thresholds = {R0A: Thresholds(quiet=ALWAYS_AWAKE)}
    watch = Watch(
        world.runtime.dispatcher,
        lambda: thresholds,
        AnswerTimes(),
        window=15 * MINUTE,
    )
    world.receive(procedure=None)
    assert [a.condition for a in watch.run_once()] == [Condition.UNMAPPED_CODES]
    thresholds.clear()
    assert [a.is_open for a in watch.run_once()] == [False]


# Over HTTP ---------------------------------------------------------------------------


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
    assert alert["says"] == "r0a: orders that wait for a code to be mapped: 1"
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


# The webhook -------------------------------------------------------------------------


@contextmanager
def receiving(statuses: list[int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve an address that answers with these statuses, then with 204."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = statuses.pop(0) if statuses else 204
            if status == 204:
                came.append(json.loads(body))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?key=secret", came
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_the_webhook_is_told_once_and_again_until_it_takes_it(
    sqlite_url: str, make_post: Callable[..., Post], caplog: pytest.LogCaptureFixture
):
    with receiving([500, 302]) as (hook, came):
        post = make_post(sqlite_url, webhook=hook)
        post.message()
        post.tick(31)
        assert came == []
        post.tick()
        assert came == []
        post.tick(60)
        post.message()
        post.tick(10)

    assert [one["event"] for one in came] == ["raised", "cleared"]
    raised, cleared = came
    assert raised["alert"] == cleared["alert"]
    assert raised["condition"] == "silent_feed"
    assert raised["cleared_at"] is None
    assert cleared["cleared_at"] is not None
    assert "secret" not in caplog.text


def test_nobody_behind_the_webhook_is_no_fault():
    assert not Webhook("http://127.0.0.1:9/x", timeout=0.5).post({"a": 1})


@pytest.mark.parametrize(
    "url", ["http://example.test/x", "ftp://127.0.0.1/x", "nonsense", "https://"]
)
def test_only_an_address_that_can_be_trusted_is_called(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BOOKING_WATCH__WEBHOOK", url)
    with pytest.raises(SettingsError, match="https"):
        load_settings()


# Drift -------------------------------------------------------------------------------


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
