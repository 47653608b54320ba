"""Who wants to be told what, and the application answers that go out later."""

from __future__ import annotations

import pytest
from acknowledged import BY_NAME, ENHANCED, OK, SAFE, Hospital, asking, hospital_for
from network import NOW
from stored_orders import NW
from strictly import check

from booking_engine.application.commands import ReceiveOrder
from booking_engine.application.dispatch import HANDLERS
from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.messages import DeliveryStatus
from hl7_adapters.ack import ACCEPTED, INTERNAL_ERROR, Answer, build_ack
from hl7_adapters.acknowledging import plan_ack
from hl7_adapters.conditions import Reply
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode


@pytest.mark.parametrize(
    ("name", "accept", "apply", "expected", "told"),
    [
        ("accepted", "AL", "AL", SAFE, [OK]),
        ("accepted", "AL", "ER", SAFE, []),
        ("accepted", "AL", "SU", SAFE, [OK]),
        ("accepted", "AL", "NE", SAFE, []),
        ("accepted", "AL", "", SAFE, []),
        ("accepted", "ER", "NE", None, []),
        ("accepted", "SU", "NE", SAFE, []),
        ("accepted", "NE", "AL", None, [OK]),
        ("accepted", "", "AL", SAFE, [OK]),
        ("accepted", "??", "NE", SAFE, []),
        ("table value", "AL", "ER", SAFE, [("AE", "103")]),
        ("table value", "AL", "SU", ("CR", "103"), []),
        ("table value", "ER", "NE", ("CR", "103"), []),
        ("table value", "SU", "NE", None, []),
        ("table value", "NE", "NE", None, []),
        ("type not taken", "AL", "AL", ("CR", "200"), []),
        ("type not taken", "SU", "AL", None, []),
    ],
)
def test_each_message_says_what_its_sender_wants_to_be_told(
    name, accept, apply, expected, told
):
    each = BY_NAME[name]
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, accept, apply)) == expected
    assert hospital.told == told
    assert len(hospital.messages) == 1


def test_a_profile_decides_what_is_answered_at_once():
    each = BY_NAME["order not known"]
    hospital = hospital_for(each, ENHANCED, commit={"204": "CE"})

    assert hospital.code(asking(each.raw, "AL", "AL")) == ("CE", "204")
    assert hospital.later == []
    with pytest.raises(ValueError, match="commit"):
        AckOptions.model_validate({"commit": {"204": "CA"}})


@pytest.mark.parametrize("error", ["206", "207"])
def test_what_a_repeat_may_mend_is_not_committed(error):
    request = decode(asking(NW, "AL", "AL"))
    profile = Hospital(ENHANCED).profile

    plan = plan_ack(request, profile, Answer(Reply.AE, error))

    assert (plan.code, plan.later, plan.whole) == ("CE", False, True)


@pytest.mark.parametrize(
    ("apply", "answer", "code", "later"),
    [
        ("AL", Answer(Reply.AE, "207", application="NO_SLOT"), "CA", True),
        ("AL", Answer(Reply.AE, "206"), "CA", True),
        ("NE", Answer(Reply.AE, "207", application="NO_SLOT"), "CR", False),
        ("AL", INTERNAL_ERROR, "CE", False),
    ],
)
def test_that_a_request_is_not_granted_is_an_answer_and_no_fault(
    apply, answer, code, later
):
    request = decode(asking(NW.replace(b"ORM^O01", b"SRM^S01"), "AL", apply))

    plan = plan_ack(request, Hospital(ENHANCED).profile, answer, refused=True)

    assert (plan.code, plan.later) == (code, later)


def test_a_locked_record_is_refused_for_now(monkeypatch):
    hospital = Hospital(ENHANCED)

    def locked(*_):
        raise StaleVersion("somebody else was faster")

    monkeypatch.setitem(HANDLERS, ReceiveOrder, locked)

    assert hospital.code(asking(NW, "AL", "AL")) == ("CE", "206")
    assert hospital.later == []


def test_the_answer_that_goes_out_later_is_a_message_of_its_own():
    hospital = Hospital(ENHANCED)
    commit = hospital.send(asking(NW, "AL", "AL"))
    (delivery,) = hospital.later
    (message,) = hospital.messages
    answer = decode(delivery.payload)

    assert commit.control_id == message.id
    assert answer.control_id == delivery.id
    assert answer.get("MSA-2") == commit.get("MSA-2") == "EPR0001"
    assert (answer.get("MSH-15"), answer.get("MSH-16")) == ("AL", "NE")
    assert (answer.get("MSH-5"), answer.get("MSH-6")) == ("EPR", "RA1")
    assert delivery.destination == "north"
    assert delivery.status is DeliveryStatus.PENDING
    assert (delivery.event_id, delivery.answers) == (None, message.id)
    assert delivery.order_id == message.order_ids[0]


def test_a_repeat_gets_the_same_commit_and_no_second_answer():
    hospital = Hospital(ENHANCED)
    raw = asking(NW, "AL", "AL")
    first, again = hospital.send(raw), hospital.send(raw)

    assert first.raw == again.raw
    assert len(hospital.later) == 1


def test_an_answer_is_never_answered():
    profile = Hospital(ENHANCED).profile
    request = decode(asking(NW.replace(b"ORM^O01", b"ACK^S12"), "AL", "AL"))

    assert plan_ack(request, profile, ACCEPTED).later is False


def test_a_message_that_cannot_be_read_is_refused_in_any_mode():
    hospital = Hospital(ENHANCED)

    assert hospital.code(b"PID|1\r") == ("AR", "100")


TWO_IN_ONE = (
    "ERR|ORC^1^1^103&Table value not found&HL70357~PID^1^7^102&Data type error&HL70357"
)


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        (
            "2.4",
            [TWO_IN_ONE],
        ),
        (
            "2.5.1",
            [
                "ERR||ORC^1^1|103^Table value not found^HL70357|E||||map it",
                "ERR||PID^1^7|102^Data type error^HL70357|E|value.invalid^^L|||no date",
            ],
        ),
    ],
)
def test_several_problems_are_told_one_by_one(version, lines):
    further = Answer(Reply.AE, "102", "PID^1^7", "no date", "value.invalid")
    answer = Answer(Reply.AE, "103", "ORC^1^1", "map it", further=(further,))
    request = decode(NW.replace(b"|P|2.4", f"|P|{version}".encode()))

    raw = build_ack(request, answer, control_id="M1", at=NOW)

    assert raw.decode().split("\r")[2:-1] == lines
    check(raw)
