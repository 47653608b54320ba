"""MLLP framing: the same bytes give the same frames, however they arrive."""

from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hl7_adapters.mllp.framing import (
    KEPT_BYTES,
    Deframer,
    Frame,
    Garbage,
    Stray,
    TooLong,
    frame,
)


def events_of(*portions, max_bytes=1000, raw_ok=False):
    deframer = Deframer(max_bytes, raw_ok=raw_ok)
    events = [event for portion in portions for event in deframer.feed(portion)]
    return events + deframer.flush()


def frames_of(*portions, **options):
    return [
        event.payload
        for event in events_of(*portions, **options)
        if isinstance(event, Frame)
    ]


def test_a_payload_is_framed():
    assert frame(b"MSH|") == b"\x0bMSH|\x1c\r"


@pytest.mark.parametrize(
    ("stream", "payloads"),
    [
        (b"\x0bA\x1c\r", [b"A"]),
        (b"\x0bA\x1c\r\x0bB\x1c\r", [b"A", b"B"]),
        (b"\x0bA\x1c\x0bB\x1c", [b"A", b"B"]),  # no CR after FS
        (b"\x0bA\x1c\n\x0bB\x1c\r\n\r\n", [b"A", b"B"]),
        (b"\x0bA\x1c\x0c\x0bB\x1c\xff", [b"A", b"B"]),  # another byte after FS
        (b"\r\n\x00 \x0bA\x1c\r\x1c\r", [b"A"]),
        (b"\x0b\x06\x1c\r\x0bA\x1c\r\x0b\x15\x1c\r", [b"A"]),  # release 2 signals
        (b"\x0b\x1c\r", [b""]),
        (b"\x0bA\x1c\r\x0bB", [b"A"]),
    ],
)
def test_deviations_without_a_trace(stream, payloads):
    events = events_of(stream)

    assert events == [Frame(payload) for payload in payloads]


def test_bytes_before_a_frame_are_reported_beside_it():
    assert events_of(b"hello\x0bA\x1c\r") == [
        Garbage(b"hello", 5, Stray.BEFORE_FRAME),
        Frame(b"A"),
    ]


def test_bytes_without_a_frame_are_reported_when_no_more_come():
    deframer = Deframer()

    assert deframer.feed(b"MSH|^~") == []
    assert deframer.has_stray
    assert deframer.flush() == [Garbage(b"MSH|^~", 6, Stray.UNFRAMED)]
    assert deframer.flush() == []
    assert not deframer.has_stray


def test_a_frame_inside_a_frame_restarts_it():
    assert events_of(b"\x0bfirst", b" half\x0bsecond\x1c\r") == [
        Garbage(b"first half", 10, Stray.RESTARTED),
        Frame(b"second"),
    ]
    assert events_of(b"\x0b\x0bA\x1c\r") == [Frame(b"A")]


def test_a_frame_of_just_the_limit_is_taken():
    assert frames_of(frame(b"x" * 1000)) == [b"x" * 1000]


def test_a_long_frame_is_reported_once_and_passed_over():
    long = b"\x0b" + b"x" * 5000 + b"\x1c\r"

    assert events_of(long, b"more\x1c", frame(b"B"), max_bytes=1000) == [
        TooLong(b"x" * 1000),
        Frame(b"B"),
    ]


def test_memory_is_bounded_whatever_arrives():
    outside, inside = Deframer(10_000), Deframer(10_000)
    inside.feed(b"\x0b")
    for _ in range(200):
        outside.feed(b"y" * 1000)
        inside.feed(b"z" * 1000)

    assert len(outside._held) <= KEPT_BYTES
    assert len(inside._held) <= 10_000
    assert outside.flush() == [Garbage(b"y" * KEPT_BYTES, 200_000, Stray.UNFRAMED)]


def test_it_knows_whether_a_frame_is_open():
    deframer = Deframer()

    assert not deframer.in_frame
    deframer.feed(b"\x0bA")
    assert deframer.in_frame
    assert deframer.flush() == []
    deframer.feed(b"\x1c")
    assert not deframer.in_frame


def test_a_message_without_framing_counts_where_agreed():
    assert events_of(b"MSH|^~\\&|A\r", b"PID|1\r", raw_ok=True) == [
        Frame(b"MSH|^~\\&|A\rPID|1\r", framed=False)
    ]
    assert events_of(b"MSH|A\r\x0bB\x1c\rMSH|C\r", raw_ok=True) == [
        Frame(b"MSH|A\r", framed=False),
        Frame(b"B"),
        Frame(b"MSH|C\r", framed=False),
    ]
    assert events_of(b"hello", raw_ok=True) == [Garbage(b"hello", 5, Stray.UNFRAMED)]
    assert events_of(b"MSH" + b"x" * 2000, raw_ok=True) == [
        TooLong(b"MSH" + b"x" * 997)
    ]


STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"\x0b", b"\x1c", b"\r", b"\n", b"\x06", b"MSH|a\r", b"x" * 45]
        ),
        st.binary(max_size=20).map(frame),
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(STREAMS, st.data(), st.booleans())
def test_any_split_gives_the_same_events(stream, data, raw_ok):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    edges = [0, *cuts, len(stream)]
    portions = [stream[a:b] for a, b in pairwise(edges)]
    whole = events_of(stream, max_bytes=40, raw_ok=raw_ok)

    assert events_of(*portions, max_bytes=40, raw_ok=raw_ok) == whole
    single = [bytes([byte]) for byte in stream]
    assert events_of(*single, max_bytes=40, raw_ok=raw_ok) == whole


@given(st.lists(st.binary(max_size=50)))
def test_clean_payloads_come_back(payloads):
    clean = [
        payload.replace(b"\x0b", b"").replace(b"\x1c", b"") for payload in payloads
    ]
    expected = [payload for payload in clean if payload not in {b"\x06", b"\x15"}]

    assert frames_of(b"".join(map(frame, clean))) == expected


def test_many_small_portions_take_linear_time():
    """A megabyte by single bytes, and thousands of frames in one portion."""
    deframer = Deframer()
    start = process_time()
    deframer.feed(b"\x0b")
    for _ in range(300_000):
        deframer.feed(b"x")
    assert len(deframer.feed(b"\x1c")) == 1
    assert len(Deframer().feed(frame(b"A" * 50) * 20_000)) == 20_000
    assert process_time() - start < 6.0  # quadratic would take minutes
