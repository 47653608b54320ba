"""What one frame with several messages is cut into, and how it is answered."""

from datetime import UTC, datetime
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import TimeOrderedIds
from hl7_adapters.batches import Batches
from hl7_adapters.mllp.received import Fault, Received

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ONE = b"MSH|^~\\&|A|B|||||ORM^O01|1|P|2.4\rPID|1\r"
BHS = b"BHS|^~\\&|A|B|C|D\r"


def received(frame, *, connection=1, fault=None):
    return Received(frame, "10.0.0.1:1", connection, NOW, 2575, fault)


def batches(handle, **options):
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(1))
    return Batches(handle, ids=ids, clock=clock, **options)


def numbering():
    numbers = count(1)
    return lambda messages: [b"MSH|%d\r" % next(numbers) for _ in messages]


def test_single_messages_pass_untouched():
    seen = []
    frames = [received(ONE), received(b"junk"), received(ONE)]

    def handle(messages):
        seen.append(list(messages))
        return [b"a", None, b""]

    assert list(batches(handle)(frames)) == [b"a", None, b""]
    assert seen == [frames]


def test_answers_find_their_frames():
    frames = [received(ONE), received(ONE + ONE), received(ONE)]

    assert list(batches(numbering())(frames)) == [
        b"MSH|1\r",
        (b"MSH|2\r", b"MSH|3\r"),
        b"MSH|4\r",
    ]


def test_what_is_no_frame_is_not_cut():
    seen = []

    def handle(messages):
        seen.extend(messages)
        return [b"x"] * len(messages)

    broken = received(ONE + ONE, fault=Fault.TOO_LONG)

    assert list(batches(handle)([broken])) == [b"x"]
    assert seen == [broken]


def test_nobody_waits_for_an_answer():
    replies = batches(lambda messages: [b""] * len(messages))(
        [received(ONE + ONE), received(BHS + ONE + ONE)]
    )

    assert list(replies) == [b"", b""]


def test_one_answer_of_two_needs_no_second_frame():
    (reply,) = batches(lambda messages: [b"", b"MSH|1\r"])([received(ONE + ONE)])

    assert reply == b"MSH|1\r"


def test_a_message_left_unanswered_leaves_its_frame_unanswered_and_ends_its_line():
    """What follows on that connection must not overtake the resend; others go on."""
    handled = []

    def handle(messages):
        handled.append([m.connection_id for m in messages])
        return [
            None if len(handled) == 1 and at == 1 else b"MSH|\r"
            for at, _ in enumerate(messages)
        ]

    frames = [
        received(ONE + ONE, connection=1),
        received(ONE + ONE, connection=1),
        received(ONE, connection=2),
    ]
    replies = list(batches(handle, at_once=2)(frames))

    assert replies == [None, None, b"MSH|\r"]
    assert handled == [[1, 1], [2]]


def test_a_batch_states_the_separators_it_is_read_with():
    other = b"BHS#*~\\&#A#B#C*x#D####N1#B7\r"
    (reply,) = batches(numbering())([received(other + ONE)])

    assert reply.startswith(b"BHS|^~\\&|C^x|D|A|B|20261124090000+0000||||B")
    assert reply.split(b"\r")[0].endswith(b"|B7")


@pytest.mark.parametrize(
    ("footer", "note"),
    [
        (b"BTS|1\r", ""),
        (b"BTS|001\r", ""),
        (b"BTS|\r", ""),
        (b"BTS\r", ""),
        (b"BTS|0\r", "batch: BTS-1 says 0, 1 came"),
        (b"BTS|" + b"9" * 5000 + b"\r", "batch: BTS-1 says 999999999, 1 came"),
        (b"BTS|Anna TESTER\r", "batch: BTS-1 says no number, 1 came"),
    ],
)
def test_the_stated_count_is_compared(footer, note):
    seen = []

    def handle(messages):
        seen.extend(messages)
        return [b"MSH|\r"] * len(messages)

    batches(handle)([received(BHS + ONE + footer)])

    assert [message.note for message in seen] == [note]


@given(
    st.lists(
        st.sampled_from(
            [ONE, BHS, b"FHS|^~\\&|X\r", b"BTS|2\r", b"FTS|1\r", b"\n", b"x"]
        ),
        max_size=12,
    )
)
def test_whatever_the_order_no_byte_is_lost_and_every_frame_is_answered(pieces):
    raw = b"".join(pieces)
    seen = []

    def handle(messages):
        seen.extend(messages)
        return [b"MSH|\r"] * len(messages)

    (reply,) = batches(handle)([received(raw)])

    assert b"".join(message.frame for message in seen) == raw
    told = reply if isinstance(reply, tuple) else (reply,)
    assert sum(block.count(b"MSH|\r") for block in told) == len(seen)
