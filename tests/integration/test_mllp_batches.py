"""Several messages in one frame, over a real socket to a real receiver."""

import pytest
from wire import Client, order, receiving

from booking_engine.domain.messages import MessageOutcome
from hl7_adapters.mllp.framing import frame

FHS = b"FHS|^~\\&|EPR|RA1|BOOKING|RA1|20261124||||F7|F0\r"
BHS = b"BHS|^~\\&|EPR|RA1|BOOKING|RA1|20261124||||B7|B0\r"
NOBODY = order(9).replace(b"|EPR|", b"|WHO|")


def batch(*messages, count=None, footer=True):
    end = b"BTS|%d\r" % (len(messages) if count is None else count)
    return BHS + b"".join(messages) + (end if footer else b"")


def segments(block):
    return [line.split("|") for line in block.decode().split("\r") if line]


def kinds(block):
    return [segment[0] for segment in segments(block)]


def codes(block):
    return [tuple(s[1:3]) for s in segments(block) if s[0] == "MSA"]


def test_each_message_of_a_batch_has_its_own_record_and_outcome():
    with receiving() as wire, wire.client() as client:
        client.write(frame(batch(order(1), NOBODY, order(2))))
        answer = client.block()

    assert codes(answer) == [("AA", "C1"), ("AR", "C9"), ("AA", "C2")]
    assert [m.outcome for m in wire.messages] == [
        MessageOutcome.PROCESSED,
        MessageOutcome.REFUSED,
        MessageOutcome.PROCESSED,
    ]
    assert len(wire.orders) == 2
    # Every byte that came is kept, what stood around the messages too.
    assert b"".join(m.raw for m in wire.messages) == batch(order(1), NOBODY, order(2))


def test_a_batch_is_answered_by_one_that_mirrors_it():
    with receiving() as wire, wire.client() as client:
        client.write(frame(FHS + batch(order(1), order(2)) + b"FTS|1\r"))
        answer = client.block()

    assert kinds(answer) == (["FHS", "BHS", "MSH", "MSA", "MSH", "MSA", "BTS", "FTS"])
    found = {segment[0]: segment for segment in segments(answer)}
    assert found["BHS"][2:6] == ["BOOKING", "RA1", "EPR", "RA1"]
    assert found["BHS"][10:] == [found["BHS"][10], "B7"]
    assert found["BHS"][10].startswith("B")
    assert found["FHS"][11] == "F7"
    assert (found["BTS"][1], found["FTS"][1]) == ("2", "1")


@pytest.mark.parametrize(
    ("payload", "shape", "note"),
    [
        (batch(order(1), order(2), count=3), "BHS MSH MSA MSH MSA BTS", "3, 2 came"),
        (batch(order(1), order(2), footer=False), "BHS MSH MSA MSH MSA BTS", ""),
        (order(1) + batch(order(2)), "MSH MSA BHS MSH MSA BTS", ""),
        (batch(order(1)) + order(2), "BHS MSH MSA BTS MSH MSA", ""),
        (
            batch(order(1)) + batch(order(2)),
            "BHS MSH MSA BTS BHS MSH MSA BTS",
            "",
        ),
        (b"FTS|1\rBTS|2\r" + batch(order(1), order(2)), "BHS MSH MSA MSH MSA BTS", ""),
        (b"FHS|^~\\&|||||\r" + order(1) + order(2), "FHS MSH MSA MSH MSA FTS", ""),
        (
            batch(order(1), order(2)).replace(b"\r", b"\n"),
            "BHS MSH MSA MSH MSA BTS",
            "",
        ),
        (batch(order(1), order(2)).replace(b"BTS|2", b"BTS|two"), None, "no number"),
        (batch(order(1), order(2)).replace(b"BTS|2", b"BTS"), None, ""),
    ],
    ids=[
        "wrong count",
        "no BTS",
        "message before BHS",
        "message after BTS",
        "two batches",
        "footers first",
        "only FHS",
        "LF line ends",
        "count is text",
        "bare footer",
    ],
)
def test_a_batch_of_any_shape_is_processed(payload, shape, note):
    with receiving() as wire, wire.client() as client:
        client.write(frame(payload))
        answer = client.block()

    assert codes(answer) == [("AA", "C1"), ("AA", "C2")]
    if shape:
        assert " ".join(kinds(answer)) == shape
    assert len(wire.orders) == 2
    assert note in "".join(wire.messages[-1].warnings)
    assert wire.messages[0].warnings == ()
    assert len(wire.messages[-1].warnings) == bool(note)


def test_two_messages_without_a_batch_are_answered_in_a_frame_each():
    with receiving() as wire, wire.client() as client:
        client.write(frame(order(1) + NOBODY + order(2)) + frame(order(3)))

        assert client.answer() == ("AA", "C1", "")
        assert client.answer() == ("AR", "C9", "207")
        assert client.answer() == ("AA", "C2", "")
        assert client.answer() == ("AA", "C3", "")


def test_a_batch_sent_again_changes_nothing():
    with receiving() as wire, wire.client() as client:
        client.write(frame(batch(order(1), order(2))) * 2)
        first, second = client.block(), client.block()

    assert codes(first) == codes(second) == [("AA", "C1"), ("AA", "C2")]
    assert (len(wire.orders), len(wire.messages)) == (2, 2)


def test_a_batch_of_too_many_messages_is_refused_whole():
    with receiving(most=3) as wire, wire.client() as client:
        client.write(frame(batch(*map(order, range(1, 5)))))
        assert client.answer() == ("AR", "C1", "100")
        client.write(frame(batch(*map(order, range(1, 4)))))
        assert len(codes(client.block())) == 3

    assert len(wire.orders) == 3
    assert "batch holds more messages" in wire.messages[0].error_text


def test_an_empty_batch_is_refused_and_kept():
    with receiving() as wire, wire.client() as client:
        client.write(frame(batch()))
        assert client.answer() == ("AR", "", "100")

    assert [m.raw for m in wire.messages] == [batch()]


def test_a_large_batch_leaves_room_for_others():
    """Four hundred messages share transactions of at most two hundred."""
    with receiving() as wire, wire.client() as client:
        client.write(frame(batch(*map(order, range(400)))))
        with Client(wire.listener.address) as other:
            other.write(frame(order(999)))
            assert other.answer() == ("AA", "C999", "")
        assert len(codes(client.block())) == 400

    assert len(wire.orders) == 401


def test_stopping_answers_a_batch_that_was_received():
    with receiving() as wire, wire.client() as client:
        client.write(frame(batch(*map(order, range(50)))))
        while not wire.handled:
            pass
        wire.listener.stop(20)

        assert len(codes(client.block())) == 50
        assert client.block() is None
