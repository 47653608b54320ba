"""Alerts begin once and end once, whatever happens in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from watching_post import AND_CLEARED, MINUTE, MONDAY, R0A, SILENT_ONCE, Post

from api.answer_times import AnswerTimes
from api.watch import Watch
from booking_engine.domain.alerts import Condition, Thresholds
from booking_engine.domain.delivery_history import AttemptOutcome
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.quiet_times import QuietTimes


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
    always = QuietTimes(night=None, days=frozenset(), bank_holidays=False)
    thresholds = {R0A: Thresholds(quiet=always)}
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
