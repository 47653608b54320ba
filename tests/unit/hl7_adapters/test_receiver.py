"""Frames in, acknowledgements out: repeats, refusals, failures, nothing lost."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network import NOW, catalogue, dispatcher

from booking_engine.application.commands import RejectOrder
from booking_engine.application.dispatch import CommandSession, Dispatcher
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.errors import StaleVersion, StoreUnavailable
from booking_engine.domain.identifiers import Actor, TimeOrderedIds
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.policy import Policy
from hl7_adapters.carrying_out import OUTCOMES
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Fault, Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

DATA = Path(__file__).parents[2] / "data"
PROFILES = load_profiles(DATA / "profiles")
ME = Actor("person:tester")


def stored(name):
    raw = (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes()
    return raw.replace(b"\n", b"\r")


NW, XO, CA = stored("orm_nw_24"), stored("orm_xo_24"), stored("orm_ca_24")
OMI = stored("omi_nw_251")


def frame(raw, *, fault=None, at=NOW):
    return Received(raw, "10.0.0.1:4000", 1, at, 2575, fault)


class Hospital:
    """A receiver over a store in memory."""

    def __init__(self):
        self.engine = dispatcher()
        self.clock = self.engine.clock
        self.receiver = Receiver(
            self.engine, PROFILES.values(), ids=self.engine.ids, clock=self.clock
        )

    def send(self, *raws):
        return self.receiver.handle([frame(raw) for raw in raws])

    def answer(self, raw):
        (ack,) = self.send(raw)
        return coded(ack)

    @property
    def tables(self):
        return self.engine.open_work.published

    @property
    def messages(self):
        return list(self.tables.messages.values())

    @property
    def orders(self):
        return list(self.tables.orders.values())


@pytest.fixture
def hospital():
    return Hospital()


def coded(ack):
    """The reply and the code of table 0357 in an acknowledgement."""
    message = decode(ack)
    code = message.get("ERR-3.1") or message.get("ERR-1.4")
    return message.get("MSA-1"), code


def test_every_result_of_a_request_has_an_outcome():
    assert set(OUTCOMES) == set(ReceivedAs)


def test_an_order_is_stored_with_its_message_and_acknowledgement(hospital):
    (ack,) = hospital.send(NW)
    (order,), (message,) = hospital.orders, hospital.messages

    assert decode(ack).get("MSA-1") == "AA"
    assert decode(ack).get("MSA-2") == "EPR0001"
    assert order.status is OrderStatus.WAITING
    assert (message.raw, message.ack) == (NW, ack)
    assert (message.sender, message.control_id) == ("EPR|RA1", "EPR0001")
    assert (message.partner, message.kind) == ("north", "ORM^O01")
    assert message.outcome is MessageOutcome.PROCESSED
    assert message.order_ids == (order.id,)
    assert message.peer == "10.0.0.1:4000"


def test_the_history_names_the_partner_that_sent_it(hospital):
    hospital.send(NW, OMI)

    actors = {
        change.actor
        for order in hospital.orders
        for change in hospital.tables.history[order.id]
    }

    assert {"interface:north", "interface:south"} <= actors


def test_a_repeat_gets_the_stored_bytes_and_nothing_is_done(hospital):
    (first,) = hospital.send(NW)
    hospital.clock.advance(timedelta(hours=1))
    again = hospital.send(NW)

    assert again == [first]
    assert len(hospital.messages) == len(hospital.orders) == 1


def test_a_repeat_within_one_batch_is_seen(hospital):
    first, second = hospital.send(NW, NW)

    assert first == second
    assert len(hospital.messages) == 1


def test_a_number_used_again_for_another_message_is_processed(hospital, caplog):
    other = NW.replace(b"PL1001", b"PL1002")
    hospital.send(NW)

    with caplog.at_level(logging.WARNING):
        assert hospital.answer(other) == ("AA", "")
    assert len(hospital.orders) == 2
    assert "used before" in caplog.text


def test_a_strict_partner_has_a_number_used_again_refused(hospital):
    hospital.send(OMI)

    assert hospital.answer(OMI.replace(b"PL3001", b"PL3002")) == ("AE", "205")
    assert len(hospital.orders) == 1


def test_the_same_order_under_another_number_changes_nothing(hospital):
    hospital.send(NW)

    assert hospital.answer(NW.replace(b"EPR0001", b"EPR0009")) == ("AA", "")
    assert len(hospital.orders) == 1
    assert hospital.messages[1].outcome is MessageOutcome.DUPLICATE


def test_another_order_under_the_same_placer_number_is_refused(hospital):
    hospital.send(NW)
    other = NW.replace(b"EPR0001", b"EPR0009").replace(b"MHEAD^MRI", b"CCHAPC^CT")

    assert hospital.answer(other) == ("AE", "205")
    assert len(hospital.orders) == 1
    assert hospital.messages[1].outcome is MessageOutcome.REFUSED


def test_new_change_and_cancel_in_one_batch(hospital):
    acks = hospital.send(NW, XO, CA.replace(b"20261124082900", b"20261124084500"))

    assert [coded(ack) for ack in acks] == [("AA", "")] * 3
    assert [order.status for order in hospital.orders] == [OrderStatus.CANCELLED]


def test_a_cancel_older_than_the_last_change_is_put_to_a_person(hospital):
    hospital.send(NW, XO)

    assert hospital.answer(CA) == ("AA", "")
    assert hospital.messages[2].outcome is MessageOutcome.HELD
    [order] = hospital.orders
    assert order.status is OrderStatus.HELD
    assert HoldCode.CANCEL_OUT_OF_ORDER in [hold.code for hold in order.holds]


def test_a_cancellation_of_an_unknown_order_can_be_sent_again(hospital):
    """Refused first (204); once the order is there, the same bytes succeed."""
    assert hospital.answer(CA) == ("AE", "204")
    assert hospital.answer(CA) == ("AE", "204")
    assert len(hospital.messages) == 1
    hospital.send(NW)

    assert hospital.answer(CA) == ("AA", "")
    assert hospital.orders[0].status is OrderStatus.CANCELLED
    assert hospital.answer(CA) == ("AA", "")
    assert len(hospital.messages) == 3


def test_a_partner_may_have_unknown_cancellations_accepted(hospital):
    text = CA.replace(b"|EPR|RA1|", b"|RIS|RB2|")

    assert hospital.answer(text)[0] == "AA"
    assert hospital.messages[0].error_code == "204"


def test_a_change_of_an_unknown_order_is_refused(hospital):
    assert hospital.answer(XO) == ("AE", "204")


def test_one_refused_order_undoes_the_whole_message(hospital):
    two = stored("omg_nw_24")
    second = NW.replace(b"PL1001", b"PL2002")
    hospital.send(second)

    assert hospital.answer(two) == ("AE", "205")
    assert [order.content.placer_number for order in hospital.orders] == ["PL2002"]


def test_a_refused_message_leaves_the_rest_of_its_batch_alone(hospital):
    acks = hospital.send(CA, NW, b"garbage", stored("omg_nw_24"))

    assert [coded(ack)[0] for ack in acks] == ["AE", "AA", "AR", "AA"]
    assert len(hospital.orders) == 3
    assert len(hospital.messages) == 4


def test_what_a_rule_refuses_is_accepted_and_shown(hospital):
    hospital.send(NW)
    (order,) = hospital.orders
    with hospital.engine.session(ME) as session:
        session.handle(RejectOrder(order.id, "not justified"))
        session.commit()

    assert hospital.answer(CA.replace(b"082900", b"085900"))[0] == "AA"
    message = hospital.messages[-1]
    assert (message.outcome, message.error_code) == (MessageOutcome.REFUSED, "207")


# Every kind of bad input has one coded answer ----------------------------------------

HELD, REFUSED = MessageOutcome.HELD, MessageOutcome.REFUSED
BAD_INPUT = {
    "garbage": (b"\x00\xff\x1f binary", "AR", "100", "unreadable"),
    "empty": (b"", "AR", "100", "unreadable"),
    "cut in the header": (NW[:30], "AR", "101", "refused"),
    "cut before the order": (NW[: NW.index(b"ORC")], "AE", "100", "refused"),
    "cut in the order": (NW[: NW.index(b"MHEAD")], "AE", "101", "refused"),
    "no segment ends": (NW.replace(b"\r", b""), "AE", "100", "refused"),
    "unknown type": (NW.replace(b"ORM^O01", b"MFN^M02"), "AR", "200", "refused"),
    "unknown event": (NW.replace(b"ORM^O01", b"ORM^O99"), "AR", "201", "refused"),
    "test on live": (NW.replace(b"|P|2.4", b"|T|2.4"), "AR", "202", "refused"),
    "no control id": (NW.replace(b"EPR0001", b""), "AR", "101", "refused"),
    "unknown sender": (NW.replace(b"|EPR|", b"|WHO|"), "AR", "207", "refused"),
    "no PID": (NW.replace(b"\rPID", b"\rZID"), "AE", "100", "refused"),
    "no OBR": (NW.replace(b"\rOBR", b"\rZBR"), "AE", "100", "refused"),
    "order control": (NW.replace(b"ORC|NW", b"ORC|QQ"), "AE", "103", "refused"),
    "cancel unknown": (CA, "AE", "204", "refused"),
    "change unknown": (XO, "AE", "204", "refused"),
    "a part of a message": (NW + b"DSC|1\r", "AR", "207", "refused"),
    "two messages": (NW + NW, "AE", "100", "refused"),
    "unmapped procedure": (NW.replace(b"MHEAD", b"XX"), "AA", "", "held"),
    "unknown urgency": (NW.replace(b"24^R|", b"24^ZZ|"), "AA", "", "held"),
    "March hour": (
        NW.replace(b"^20261201^", b"^202703280130^"),
        "AA",
        "",
        "held",
    ),
    "birth date": (NW.replace(b"19620412", b"19621332"), "AA", "", "held"),
    "no birth date": (NW.replace(b"19620412", b""), "AA", "", "held"),
    "unknown site": (NW.replace(b"RA101", b"RQ199"), "AA", "", "held"),
    "closed provider": (NW.replace(b"RA101", b"RZ901"), "AA", "", "held"),
    "no placer number": (NW.replace(b"PL1001^RA1", b""), "AA", "", "held"),
    "bad NHS number": (NW.replace(b"9990000018", b"9990000019"), "AA", "", "processed"),
    "blood test": (stored("orm_lab_24"), "AA", "", "refused"),
    "LF line ends": (NW.replace(b"\r", b"\n"), "AA", "", "processed"),
    "later version": (NW.replace(b"|2.4", b"|2.9"), "AA", "", "processed"),
    "NUL in a key": (NW.replace(b"EPR0001", b"E\\X00\\1"), "AA", "", "processed"),
}


@pytest.mark.parametrize("name", list(BAD_INPUT))
def test_every_bad_input_has_one_coded_answer_and_is_kept(hospital, name):
    raw, reply, code, outcome = BAD_INPUT[name]

    answers = hospital.send(raw)

    (ack,) = answers
    assert coded(ack) == (reply, code)
    (message,) = hospital.messages
    assert (message.raw, message.ack, message.outcome.value) == (raw, ack, outcome)
    for private in ("TESTER", "Anna", "9990000018", "19620412", "X1234"):
        assert private not in message.error_text
    if outcome == "held":
        assert hospital.orders[0].status is OrderStatus.HELD
    if name == "closed provider":
        assert hospital.orders[0].holds[0].code is HoldCode.CLOSED_PROVIDER


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        (Fault.TOO_LONG, True),
        (Fault.UNFRAMED, True),
        (Fault.BEFORE_FRAME, False),
        (Fault.RESTARTED, False),
    ],
)
def test_what_is_no_frame_is_kept_and_never_carried_out(hospital, fault, answered):
    (ack,) = hospital.receiver.handle([frame(NW, fault=fault)])

    assert (coded(ack) if answered else ack) == (("AR", "100") if answered else b"")
    assert hospital.orders == []
    assert hospital.messages[0].outcome is MessageOutcome.UNREADABLE


def test_a_message_that_follows_its_broken_self_is_no_repeat(hospital):
    """The strict partner would have a number used again refused."""
    half = frame(OMI[:400], fault=Fault.RESTARTED)
    nothing, ack = hospital.receiver.handle([half, frame(OMI)])

    assert (nothing, coded(ack)) == (b"", ("AA", ""))
    assert len(hospital.orders) == 1


# When something of ours fails ---------------------------------------------------------


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


# Whatever comes in --------------------------------------------------------------------

SOURCES = [NW, XO, CA, OMI, stored("omg_nw_24"), stored("orm_three_obr_24")]
PIECES = st.sampled_from(
    [
        *(b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"\\X00\\", b"\\X0D\\"),
        *(b"\xff", b"\xe2\x80\x93", b"\x0b", b"\x1c\r", b"MSH|^~\\&|", b"ORC|CA|"),
        *(b"OBR|", b"9" * 400, b"|||||||||", b"20270328013000", b"2.5.1", b"-1"),
    ]
)


@st.composite
def mutated(draw):
    """A valid message with some bytes cut out, put in, or put elsewhere."""
    raw = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, len(raw)))
        end = min(len(raw), begin + draw(st.integers(0, 40)))
        piece = draw(st.one_of(PIECES, st.binary(max_size=12)))
        raw = raw[:begin] + piece + raw[end:]
    return raw


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=mutated())
def test_any_mutation_has_exactly_one_answer_and_is_kept(hospital, raw):
    before = len(hospital.messages)
    (ack,) = hospital.send(raw)

    message = decode(ack)
    assert message.get("MSA-1") in {"AA", "AE", "AR"}
    assert len(message.all("MSA")) == 1
    assert message.type[0] == "ACK"
    kept = hospital.messages
    assert len(kept) in {before, before + 1}
    assert any(stored.raw == raw for stored in kept)
    assert all(m.outcome is not MessageOutcome.FAILED for m in kept)


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes_have_exactly_one_answer(raw):
    hospital = Hospital()
    (ack,) = hospital.send(raw)

    assert decode(ack).get("MSA-1") in {"AR", "AE"}


def test_one_refused_command_does_not_take_the_other_orders_with_it(hospital):
    """A cancel of a closed order beside a new one: AA, so the new one must be kept."""
    hospital.send(NW)
    order = hospital.orders[0]
    with hospital.engine.session(Actor("person:test")) as session:
        session.uow.orders.save(replace(order, status=OrderStatus.PERFORMED))
        session.commit()
    new = NW.replace(b"PL1001", b"PL7777").split(b"\r")
    first = next(at for at, line in enumerate(new) if line.startswith(b"ORC"))
    cancel = [line for line in CA.split(b"\r") if line.startswith(b"ORC")]
    both = b"\r".join(new[:first] + cancel + new[first:]).replace(b"EPR0001", b"BOTH1")
    code, _ = hospital.answer(both)

    assert code == "AA"
    assert {o.content.placer_number for o in hospital.orders} == {"PL1001", "PL7777"}


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
