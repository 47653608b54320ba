"""Whatever comes in has exactly one coded answer, and is kept."""

from __future__ import annotations

import pytest
from hospital import Hospital, frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiving import coded
from stored_orders import CA, NW, OMI, XO, stored

from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode, OrderStatus
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Fault


@pytest.fixture
def hospital():
    return Hospital()


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
