"""When something of ours fails, nothing is lost and nobody is told otherwise."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from random import Random

import pytest
from hospital import Hospital, frame
from network import NOW, catalogue
from receiving import coded
from stored_orders import CA, ME, NW, OMI, PROFILES, XO, stored

from booking_engine.application.dispatch import CommandSession, Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.errors import StaleVersion, StoreUnavailable
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.policy import Policy
from hl7_adapters.receiver import Receiver


@pytest.fixture
def hospital():
    return Hospital()


class FailingDispatcher:
    """Breaks as told: while handling, or at the first so many commits."""

    def __init__(self, engine, *, handling=None, commits=(), reason=None):
        self.engine = engine
        self.handling = handling
        self.commits = list(commits)
        self.reason = reason

    @contextmanager
    def session(self, actor):
        with self.engine.session(actor) as session:
            handle, commit = session.handle, session.commit

            def failing_handle(command):
                if self.handling is not None:
                    raise self.handling
                return handle(command)

            def failing_commit():
                if self.commits:
                    error = self.commits.pop(0)
                    if error is not None:
                        raise error
                commit()

            session.handle, session.commit = failing_handle, failing_commit
            yield session


def failing(hospital, **how):
    engine = FailingDispatcher(hospital.engine, **how)
    return Receiver(
        engine, PROFILES.values(), ids=hospital.engine.ids, clock=hospital.clock
    )


def test_what_was_dropped_on_the_way_is_kept_with_the_message(hospital):
    hospital.send(NW.replace(b"9990000018", b"9990000019"))
    (message,) = hospital.messages

    assert message.warnings == ("PID-3: NHS number fails its check digit; dropped",)
    assert message.error_text == ""
    assert message.error_code == ""


def test_a_fault_of_ours_is_answered_207_kept_and_tried_again(hospital, caplog):
    broken = failing(hospital, handling=RuntimeError("TESTER Anna 9990000018"))
    (ack,) = broken.handle([frame(NW)])

    assert coded(ack) == ("AE", "207")
    assert hospital.messages[0].outcome is MessageOutcome.FAILED
    assert "TESTER" not in caplog.text
    assert "TESTER" not in str([record.__dict__ for record in caplog.records])
    assert hospital.answer(NW) == ("AA", "")
    assert len(hospital.orders) == 1


def test_a_failed_batch_is_tried_frame_by_frame(hospital):
    broken = failing(hospital, commits=[StaleVersion("somebody was faster")])
    acks = broken.handle([frame(NW), frame(OMI)])

    assert [coded(ack) for ack in acks] == [("AA", ""), ("AA", "")]
    assert len(hospital.orders) == 2


def test_one_frame_that_cannot_be_committed_does_not_cost_the_others(hospital):
    broken = failing(hospital, commits=[OSError(), StaleVersion("locked"), None, None])
    acks = broken.handle([frame(NW), frame(OMI)])

    assert [coded(ack) for ack in acks] == [("AE", "206"), ("AA", "")]
    assert len(hospital.messages) == 2
    assert [order.partner for order in hospital.orders] == ["south"]


def test_a_version_of_any_length_is_answered_and_costs_no_other_its_answer(hospital):
    odd = NW.replace(b"|P|2.4", b"|P|%s" % (b"9" * 5000))
    assert odd != NW

    assert [ack is not None for ack in hospital.send(odd, OMI)] == [True, True]
    assert len(hospital.messages) == 2


def test_without_a_database_nobody_is_answered(hospital):
    broken = failing(hospital, commits=[OSError()] * 9)

    assert broken.handle([frame(NW), frame(OMI), frame(CA)]) == [None, None, None]
    assert len(broken._dispatcher.commits) == 6
    assert hospital.messages == []
    assert hospital.answer(NW) == ("AA", "")


def test_the_log_says_what_became_of_a_message_and_nothing_of_the_patient(
    hospital, caplog
):
    with caplog.at_level(logging.INFO):
        hospital.send(NW, CA, b"garbage")

    lines = [record.__dict__ for record in caplog.records]
    assert [line["outcome"] for line in lines] == [
        "processed",
        "processed",
        "unreadable",
    ]
    for private in ("TESTER", "Anna", "9990000018", "X1234", "19620412"):
        assert private not in str(lines)


def test_a_mixed_batch_is_the_same_on_a_database(sqlite_store):
    """Savepoints, repeats and refusals, with what a database would refuse."""
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(1))
    engine = Dispatcher(sqlite_store.units, clock=clock, ids=ids, policy=Policy())
    with engine.session(ME) as session:
        session.uow.replace_catalogue(catalogue())
        session.commit()
    receiver = Receiver(engine, PROFILES.values(), ids=ids, clock=clock)
    two = stored("omg_nw_24")
    other = NW.replace(b"PL1001", b"PL2002")
    batch = [CA, NW, b"garbage", NW, other, two, XO, CA]

    acks = receiver.handle([frame(raw) for raw in batch])

    assert [coded(ack) for ack in acks] == [
        *(("AE", "204"), ("AA", ""), ("AR", "100"), ("AA", "")),
        *(("AA", ""), ("AE", "205"), ("AA", ""), ("AA", "")),
    ]
    assert acks[3] == acks[1]
    assert receiver.handle([frame(two)]) == [acks[5]]
    with engine.reading(ME) as session:
        assert sum(session.uow.orders.counts().values()) == 2


def test_while_the_store_is_away_nothing_is_answered_and_a_resend_succeeds(
    hospital, monkeypatch
):
    def away(self):
        raise StoreUnavailable("The database is out of reach.")

    with monkeypatch.context() as broken:
        broken.setattr(CommandSession, "commit", away)
        assert hospital.send(NW) == [None]
    assert hospital.messages == []
    assert hospital.answer(NW) == ("AA", "")
