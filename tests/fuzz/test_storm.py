"""Broken messages by the thousand: one coded answer each, all kept, nothing escapes.

The same storm with a million messages is ``python -m benchmarks.fuzz``; with damage
that the code's own branches choose, ``python -m benchmarks.fuzz_coverage``.
"""

from __future__ import annotations

import logging
from random import Random

import pytest

from benchmarks.fuzz import Broken, Target, storm
from hl7_adapters.receiver import Receiver


@pytest.fixture
def target(tmp_path):
    logging.disable(logging.CRITICAL)
    target = Target(tmp_path, seed=1)
    yield target
    target.close()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", [11, 12])
def test_every_broken_message_is_answered_once_and_kept(target, seed):
    storm(target, 1200, Random(seed))

    assert target.tally.messages == 1200
    assert target.tally.good >= 12
    assert min(target.tally.answers[code] for code in ("AA", "AE", "AR")) > 50
    assert target.tally.outcomes["failed"] == 0


def test_the_storm_notices_a_frame_that_is_not_answered(target, monkeypatch):
    handle = Receiver.handle
    monkeypatch.setattr(
        Receiver, "handle", lambda self, batch: [*handle(self, batch)[:-1], None]
    )

    with pytest.raises(Broken, match="unanswered"):
        storm(target, 10, Random(1))


def test_the_storm_notices_a_fault_of_ours(target, monkeypatch):
    def fails(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(
        "booking_engine.application.dispatch.CommandSession.handle", fails
    )

    with pytest.raises(Broken):
        storm(target, 10, Random(1))
