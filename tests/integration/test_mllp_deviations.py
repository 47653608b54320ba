"""Each deviation from MLLP and ER7 that senders are known for, over a real socket.

One test for each row of the table in the transport reference: what bends is named in
the test, and the order that it carried must come out whole.
"""

import pytest
from wire import coded, order, receiving, wait_until

from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, ListenerLimits

VT, FS, CR = b"\x0b", b"\x1c", b"\r"


def accepted(client, *numbers):
    """Read one acceptance for each number, in order."""
    for number in numbers:
        assert client.answer() == ("AA", f"C{number}", "")


def whole(wire, count=1):
    """Whether so many orders came out with everything that the sample says."""
    assert len(wire.orders) == count
    for found in wire.orders:
        content = found.content
        assert content.patient.family_name.upper() == "TESTER"
        assert content.patient.nhs_number == "9990000018"
        assert content.placer_authority == "RA1"
        assert content.procedure == "MRHEAD"
        assert content.accession == "ACC1001"
    return True


@pytest.mark.parametrize("end", [b"\x0c", b"\n", b" ", b"\x00"], ids=repr)
def test_form_feed_or_another_byte_after_fs(end):
    with receiving() as wire, wire.client() as client:
        client.write(VT + order(1) + FS + end)
        accepted(client, 1)
        client.write(frame(order(2)))
        accepted(client, 2)

    assert whole(wire, 2)


def test_missing_cr_after_fs():
    with receiving() as wire, wire.client() as client:
        client.write(VT + order(1) + FS)
        accepted(client, 1)
        client.write(VT + order(2) + FS + VT + order(3) + FS)
        accepted(client, 2, 3)

    assert whole(wire, 3)


def test_lf_after_the_last_cr():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1)) + b"\n" + frame(order(2)) + b"\r\n")
        accepted(client, 1, 2)

    assert whole(wire, 2)
    assert len(wire.messages) == 2


def test_text_before_vt():
    """The frame is taken; the text is kept, and nobody is answered for it."""
    with receiving() as wire, wire.client() as client:
        client.write(b"Hello from the feed\r\n" + frame(order(1)))
        accepted(client, 1)

    assert whole(wire)
    text, message = wire.messages
    assert (text.outcome, text.ack) == (MessageOutcome.UNREADABLE, b"")
    assert text.raw.startswith(b"Hello from the feed")
    assert message.outcome is MessageOutcome.PROCESSED


def test_text_between_vt_and_the_header():
    with receiving() as wire, wire.client() as client:
        client.write(frame(b"To: booking\r\n" + order(1)))
        accepted(client, 1)

    assert whole(wire)
    assert "text_before_header" in wire.messages[0].warnings


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_lf_and_crlf_segment_ends(end):
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1).replace(CR, end)))
        accepted(client, 1)

    assert whole(wire)


def test_mixed_segment_ends():
    mixed = order(1).replace(CR, b"\n", 2).replace(b"\rORC", b"\r\nORC")
    with receiving() as wire, wire.client() as client:
        client.write(frame(mixed))
        accepted(client, 1)

    assert whole(wire)


def test_missing_cr_on_the_last_segment():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1).rstrip(CR)))
        accepted(client, 1)

    assert whole(wire)


@pytest.mark.parametrize("inside", [b"\r", b"\n", b"\r\n"], ids=repr)
def test_a_line_break_inside_a_field(inside):
    broken = order(1).replace(
        b"Headaches \\T\\ dizziness", b"Headaches" + inside + b"and more"
    )
    with receiving() as wire, wire.client() as client:
        client.write(frame(broken))
        accepted(client, 1)

    assert whole(wire)
    (message,) = wire.messages
    assert decode(message.raw).get("OBR-13").split() == ["Headaches", "and", "more"]
    assert "continued_field" in message.warnings


def test_nul_bytes():
    holed = order(1).replace(b"TESTER", b"TES\0TER") + b"\0\0"
    with receiving() as wire, wire.client() as client:
        client.write(frame(holed))
        accepted(client, 1)

    assert whole(wire)
    assert wire.messages[0].raw == holed


def test_a_byte_order_mark():
    with receiving() as wire, wire.client() as client:
        client.write(frame(b"\xef\xbb\xbf" + order(1)))
        accepted(client, 1)

    assert whole(wire)


def test_trailing_spaces_on_lines():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1).replace(CR, b"   \r")))
        accepted(client, 1)

    assert whole(wire)


def test_blank_lines():
    with receiving() as wire, wire.client() as client:
        client.write(frame(CR + order(1).replace(CR, b"\r\r") + CR))
        accepted(client, 1)

    assert whole(wire)


def test_lower_case_segment_ids():
    lines = [line[:3].lower() + line[3:] for line in order(1).split(CR)]
    with receiving() as wire, wire.client() as client:
        client.write(frame(CR.join(lines)))
        accepted(client, 1)

    assert whole(wire)


def test_vt_inside_an_unfinished_frame():
    """The sender gave up and began again: the half is kept, the whole is answered."""
    with receiving() as wire, wire.client() as client:
        client.write(VT + order(9)[:200] + frame(order(1)))
        accepted(client, 1)

    assert whole(wire)
    half = wire.messages[0]
    assert (half.raw, half.ack) == (order(9)[:200], b"")
    assert half.outcome is MessageOutcome.UNREADABLE


def test_release_2_commit_bytes():
    with receiving() as wire, wire.client() as client:
        client.write(frame(b"\x06") + frame(order(1)) + frame(b"\x15"))
        accepted(client, 1)
        client.write(frame(order(2)))
        accepted(client, 2)

    assert whole(wire, 2)
    assert len(wire.messages) == 2


RAW = Endpoint(limits=ListenerLimits(raw_ok=True, settle_seconds=0.05))


def test_raw_text_where_agreed_is_answered_in_the_same_style():
    with receiving(RAW) as wire, wire.client() as client:
        client.write(order(1))
        answer = client.socket.recv(65536)
        assert answer.startswith(b"MSH|")
        assert coded(answer) == ("AA", "C1", "")
        client.write(frame(order(2)))
        accepted(client, 2)

    assert whole(wire, 2)


def test_raw_text_where_not_agreed_is_refused_and_kept():
    strict = Endpoint(limits=ListenerLimits(settle_seconds=0.05))
    with receiving(strict) as wire, wire.client() as client:
        client.write(order(1))
        assert client.answer() == ("AR", "C1", "100")

    assert wire.orders == []
    assert wire.messages[0].outcome is MessageOutcome.UNREADABLE


def test_two_headers_in_one_frame():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1) + order(2)))
        accepted(client, 1, 2)

    assert whole(wire, 2)


def test_two_headers_in_raw_text():
    with receiving(RAW) as wire, wire.client() as client:
        client.write(order(1) + order(2))
        wait_until(lambda: len(wire.messages) == 2)
        answer = b""
        while answer.count(b"MSA|AA") < 2:
            answer += client.socket.recv(65536)
        assert answer.count(b"MSH|") == 2
        assert VT not in answer

    assert whole(wire, 2)


def test_a_message_split_over_many_reads_and_many_in_one():
    stream = b"".join(frame(order(number)) for number in range(1, 6))
    with receiving() as wire, wire.client() as client:
        for at in range(0, len(stream), 97):
            client.write(stream[at : at + 97])
        client.write(stream)
        accepted(client, *range(1, 6), *range(1, 6))

    assert whole(wire, 5)


def test_unknown_and_later_segments_and_extra_fields():
    odd = (
        order(1)
        .replace(b"\rOBX|1|", b"\rZDS|1.2.3\rPRT||UC\rARV|1||A\rIPC|A1\rTQ1|1\rOBX|1|")
        .replace(b"|ORM^O01|", b"|ORM^O01^ORM_O01^X|")
        + b"ZZZ\r"
    )
    with receiving() as wire, wire.client() as client:
        client.write(frame(odd))
        accepted(client, 1)

    assert whole(wire)
    assert wire.messages[0].raw == odd


def test_several_steps_in_one_order():
    """Two that share a slot, and two that need two kinds of scanner."""
    steps = b"IPC|ACC1001|RP|1.2.3|S1|MR|MHEAD\rIPC|ACC1001|RP|1.2.3|S2|MR|NO\r"
    apart = steps.replace(b"S2|MR|NO", b"S2|CT|CCHAPC")
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1) + steps) + frame(order(2) + apart))
        accepted(client, 1, 2)

    assert whole(wire, 2)
    first, second = (found.content for found in wire.orders)
    assert first.procedures == ("MRHEAD", "MRLIVER")
    assert second.procedures == ("MRHEAD", "CTHEAD")
    held = [{hold.code for hold in found.holds} for found in wire.orders]
    assert held == [set(), {HoldCode.SEVERAL_STEPS}]


def test_segments_in_another_order():
    """PV1 after OBR, and PID after the order: found by id, not by place."""
    lines = order(1).rstrip(CR).split(CR)
    visit = next(line for line in lines if line.startswith(b"PV1"))
    patient = next(line for line in lines if line.startswith(b"PID"))
    rest = [line for line in lines if line not in {visit, patient}]
    with receiving() as wire, wire.client() as client:
        client.write(frame(CR.join([*rest, patient, visit]) + CR))
        accepted(client, 1)

    assert whole(wire)


def test_no_segment_ends_at_all_is_refused_and_kept():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1).replace(CR, b"")))
        reply, control, code = client.answer()

    assert (reply in {"AR", "AE"}, control, code) == (True, "C1", "100")
    assert wire.orders == []
    assert len(wire.messages) == 1


def test_smart_quotes_from_a_sender_that_declares_8859_1():
    quoted = order(1).replace(b"|P|2.4", b"|P|2.4||||||8859/1")
    quoted = quoted.replace(b"Headaches \\T\\ dizziness", b"Headaches \x96 \x93new\x94")
    with receiving() as wire, wire.client() as client:
        client.write(frame(quoted))
        block = client.block()

    assert coded(block) == ("AA", "C1", "")
    assert decode(block).get("MSH-18") == "8859/1"
    assert whole(wire)
    read = decode(wire.messages[0].raw).get("OBR-13")
    assert read == "Headaches \u2013 \u201cnew\u201d"
