"""Loops, feeds and the network's diary; the jobs themselves are under `test_http`."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from api.feed import Feed
from api.loops import Loop
from api.metrics import Metrics
from hl7_adapters.mllp.listener import Received
from hl7_adapters.profile import Profile

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


def test_a_loop_goes_on_after_a_failure_and_at_once_when_woken(
    caplog: pytest.LogCaptureFixture,
):
    done = threading.Semaphore(0)

    def work() -> None:
        done.release()
        raise RuntimeError("Una Testperson")

    loop = Loop("trial", work, seconds=60)
    loop.start()
    assert done.acquire(timeout=5)
    loop.wake()
    assert done.acquire(timeout=5)
    loop.stop(5)

    assert "trial failed" in caplog.text
    assert "Testperson" not in caplog.text
    loop.stop(5)  # again, harmless


def a_feed(
    answers: list[bytes | None], metrics: Metrics, committed: list[None]
) -> Feed:
    profile = Profile.model_validate(
        {
            "id": "r0a",
            "name": "Manchester",
            "senders": [{"application": "EPR", "facility": ""}],
        }
    )
    return Feed(
        lambda _: answers,
        [profile],
        metrics=metrics,
        committed=lambda: committed.append(None),
        now=lambda: NOW + timedelta(milliseconds=20),
    )


@pytest.mark.parametrize(
    ("frame", "answer", "sender", "kind", "ack"),
    [
        (
            b"MSH|^~\\&|epr^X|R0A|||||ORM^O01|1|P",
            b"MSH|\rMSA|AA|1\r",
            "r0a",
            "ORM^O01",
            "AA",
        ),
        (
            b"MSH|^~\\&|EPR|R0A|||||odd|1|P\rPID|",
            b"MSH|\rMSA|AE|1\r",
            "r0a",
            "other",
            "AE",
        ),
        (
            b"BHS|^~\\&|EPR\rMSH|^~\\&|EPR|R0A|||||ORM^O01|1|P",
            b"MSH|\rMSA|AA|1\r",
            "r0a",
            "ORM^O01",
            "AA",
        ),
        (b"MSH|^~\\&|NEW|R0A|||||ORM^O01|1|P", b"", "unknown", "other", "none"),
        (b"MSH", None, "unknown", "other", "closed"),
        (b"\xff\x00", b"MSH|\rMSA|zz", "unknown", "other", "none"),
    ],
)
def test_messages_are_counted_by_few_labels(
    frame: bytes, answer: bytes | None, sender: str, kind: str, ack: str
):
    metrics, committed = Metrics(), list[None]()
    feed = a_feed([answer], metrics, committed)

    assert feed([Received(frame, "peer", 1, NOW, 2575)]) == [answer]

    labels = {"sender": sender, "type": kind, "ack": ack}
    assert metrics.registry.get_sample_value("hl7_messages_total", labels) == 1
    assert len(committed) == (0 if answer is None else 1)
    took = {"partner": sender, "direction": "in"}
    assert metrics.registry.get_sample_value("hl7_ack_seconds_count", took) == 1
    assert metrics.registry.get_sample_value("hl7_ack_seconds_sum", took) == 0.02
    assert metrics.answer_times.p99_since(sender, NOW) == 0.02
