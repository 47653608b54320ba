"""What a listener refuses, closes or leaves unread."""

import contextlib
import threading
from time import monotonic

import pytest
from mllp_clients import NOW, Recorder, connected, listening, order, wait_until

from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, Fault, ListenerLimits, MllpListener


def test_a_frame_that_is_too_long_is_refused_and_the_next_is_taken():
    recorder = Recorder()
    with (
        listening(recorder, max_bytes=1000) as listener,
        connected(listener) as client,
    ):
        client.write(frame(order(1) + b"OBX|1|TX|" + b"x" * 5000 + b"\r"))
        assert client.answer() == ("AR", "M1")
        client.write(frame(order(2)))
        assert client.answer() == ("AA", "M2")

    assert recorder.received[0].fault is Fault.TOO_LONG


def test_a_truncated_frame_is_not_handled():
    recorder = Recorder()
    with listening(recorder) as listener:
        with connected(listener) as client:
            client.write(b"\x0b" + order(1)[:30])
        with connected(listener) as client:
            client.write(frame(order(2)))
            assert client.answer() == ("AA", "M2")

    assert [received.frame for received in recorder.received] == [order(2)]


def test_a_sender_far_ahead_is_not_read_further():
    recorder = Recorder()
    recorder.gate.clear()
    message = order(1) + b"NTE|1||" + b"x" * 60_000 + b"\r"
    with listening(recorder, unanswered=5) as listener, connected(listener) as client:
        client.socket.setblocking(False)
        sent = 0
        data = frame(message) * 400
        with contextlib.suppress(BlockingIOError):
            for _ in range(2000):
                sent += client.socket.send(data[sent : sent + 65536])
                if sent >= len(data):
                    break
        # The kernel takes bytes for a connection the listener has not accepted yet.
        wait_until(lambda: listener._connections)
        (connection,) = listener._connections
        wait_until(lambda: connection._unanswered >= 5)
        threading.Event().wait(0.1)

        assert connection._unanswered < 40
        recorder.gate.set()
        client.socket.setblocking(True)
        whole = sent // len(frame(message))
        answers = [client.answer() for _ in range(whole)]
        assert answers == [("AA", "M1")] * whole


def test_a_sender_that_does_not_take_its_answers_is_not_read_further():
    handled = []
    large = order(1) + b"NTE|1||" + b"x" * 1_000_000 + b"\r"

    def handle(batch):
        handled.extend(batch)
        return [large] * len(batch)

    with listening(handle, batch=1) as listener, connected(listener, 2) as (mute, good):
        for _ in range(40):
            mute.write(frame(order(1)))
        good.write(frame(order(2)))
        while not good.deframer.feed(good.socket.recv(1_000_000)):
            pass
        (stuck,) = [each for each in listener._connections if each._number == 1]
        wait_until(lambda: stuck._write_blocked)
        answered = 0
        while answered < 40:
            answered += len(mute.deframer.feed(mute.socket.recv(1_000_000)))

    assert len(handled) == 41


def test_a_slow_sender_does_not_hold_up_the_others():
    """One byte now and then is given up after a while; others are served meanwhile."""
    with (
        listening(Recorder(), frame_seconds=0.2) as listener,
        connected(listener, 2) as (slow, quick),
    ):
        pause = threading.Event()
        slow_bytes = iter(frame(order(1)))
        served = 0
        end = monotonic() + 20
        with contextlib.suppress(ConnectionError):
            while monotonic() < end:
                slow.write(bytes([next(slow_bytes)]))
                quick.write(frame(order(2)))
                assert quick.answer() == ("AA", "M2")
                served += 1
                pause.wait(0.02)

        assert served >= 2
        assert monotonic() < end
        assert slow.is_closed()


def test_an_idle_connection_is_closed():
    with (
        listening(Recorder(), idle_seconds=0.1) as listener,
        connected(listener) as client,
    ):
        start = monotonic()

        assert client.is_closed()
        assert monotonic() - start < 20


def test_a_connection_too_many_is_closed_at_once():
    with listening(Recorder(), connections=2) as listener:
        with connected(listener, 2) as clients:
            for client in clients:
                client.write(frame(order(1)))
                assert client.answer() == ("AA", "M1")
            with connected(listener) as third:
                assert third.is_closed()
        wait_until(lambda: not listener._connections)
        with connected(listener) as later:
            later.write(frame(order(2)))
            assert later.answer() == ("AA", "M2")


def test_stopping_does_not_wait_for_ever():
    recorder = Recorder()
    recorder.gate.clear()
    with listening(recorder) as listener, connected(listener) as client:
        client.write(frame(order(1)))
        wait_until(lambda: recorder.entered)
        start = monotonic()
        listener.stop(0.05)
        assert monotonic() - start < 20
        assert client.is_closed()
        recorder.gate.set()


def test_an_address_in_use_is_reported_to_the_caller():
    with listening(Recorder()) as listener:
        endpoint = Endpoint(*listener.address, setting="listener.port")
        second = MllpListener(endpoint, Recorder(), now=lambda: NOW)
        host, port = listener.address
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its text is compared
            second.start()
        assert str(caught.value) == (
            f"MLLP cannot listen on {host}:{port} (Address already in use); end what"
            " uses it, or set listener.port to another address"
        )
        second.stop()


def test_limits_that_receive_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ListenerLimits(batch=0)
