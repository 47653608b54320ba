"""The MLLP listener on real sockets: order, group commit, patience and its limits."""

import contextlib
import logging
import socket
import threading
from datetime import UTC, datetime
from time import monotonic

import pytest
from hl7.client import MLLPClient

from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.mllp.framing import Deframer, Frame, frame
from hl7_adapters.mllp.listener import Endpoint, Fault, ListenerLimits, MllpListener
from hl7_adapters.peer import acknowledge

NOW = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


def order(number):
    return (
        f"MSH|^~\\&|EPR|RXX|RIS|RXX|20260303101500||ORM^O01|M{number}|P|2.4\r"
        f"PID|1||9990000018^^^NHS^NH||TEST^Case\r"
        f"ORC|NW|P{number}^EPR\r"
    ).encode()


class Recorder:
    """Answers AA, and AR where it cannot read; keeps every batch."""

    def __init__(self):
        self.entered = 0
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch):
        self.entered += 1
        self.gate.wait(5)
        self.batches.append(list(batch))
        return [self.answer(received) for received in batch]

    def answer(self, received):
        try:
            message = decode(received.frame)
        except DecodeError:
            return b"MSH|^~\\&\rMSA|AR|\r"
        code = "AA" if received.fault is None else "AR"
        return acknowledge(message, code, control_id="A1", at=NOW)

    @property
    def received(self):
        return [received for batch in self.batches for received in batch]


class Client:
    """A raw socket that reads acknowledgements."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, 5)
        self.socket.settimeout(5)
        self.deframer = Deframer()
        self.pending = []

    def write(self, data):
        self.socket.sendall(data)

    def answer(self):
        while not self.pending:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.pending += self.deframer.feed(data)
        event = self.pending.pop(0)
        assert isinstance(event, Frame)
        message = decode(event.payload)
        return message.get("MSA-1"), message.get("MSA-2")

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def listening(handle, **limits):
    listener = MllpListener(
        Endpoint(limits=ListenerLimits(**limits)), handle, now=lambda: NOW
    )
    listener.start()
    try:
        yield listener
    finally:
        listener.stop(1)


@contextlib.contextmanager
def connected(listener, count=1):
    clients = [Client(listener.address) for _ in range(count)]
    try:
        yield clients[0] if count == 1 else clients
    finally:
        for client in clients:
            client.close()


def wait_until(condition, seconds=3):
    """Poll without a long sleep."""
    pause = threading.Event()
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "waited too long"
        pause.wait(0.005)


def test_a_message_is_answered_on_the_same_connection():
    recorder = Recorder()
    with listening(recorder) as listener, connected(listener) as client:
        for number in range(3):
            client.write(frame(order(number)))
            assert client.answer() == ("AA", f"M{number}")

    first = recorder.received[0]
    assert first.frame == order(0)
    assert first.peer.startswith("127.0.0.1:")
    assert first.port == listener.address[1]
    assert first.received_at == NOW
    assert {received.connection_id for received in recorder.received} == {1}


def test_python_hl7_can_talk_to_us():
    with listening(Recorder()) as listener:
        host, port = listener.address
        with MLLPClient(host, port) as client:
            for number in range(3):
                raw = client.send_message(order(number))
                assert f"MSA|AA|M{number}\r".encode() in raw
                assert raw.startswith(b"\x0b")
                assert raw.endswith(b"\x1c\r")


def test_a_message_may_come_byte_by_byte():
    with listening(Recorder()) as listener, connected(listener) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(order(1)):
            client.write(bytes([byte]))

        assert client.answer() == ("AA", "M1")


@pytest.mark.parametrize(
    "stream",
    [
        frame(order(1)) + frame(order(2)),
        frame(order(1).replace(b"\r", b"\n")) + frame(order(2).replace(b"\r", b"\r\n")),
        b"\x0b" + order(1) + b"\x1c\x0b" + order(2) + b"\x1c",
        b"Welcome\r\n" + frame(order(1)) + b"\n" + frame(order(2)),
        b"\x0b" + order(9)[:40] + frame(order(1)) + frame(order(2)),
        b"\x0b\x06\x1c\r" + frame(order(1)) + b"\x0b\x15\x1c\r" + frame(order(2)),
    ],
)
def test_each_message_of_a_sloppy_stream_has_exactly_one_answer(stream):
    with listening(Recorder()) as listener, connected(listener) as client:
        client.write(stream)

        assert client.answer() == ("AA", "M1")
        assert client.answer() == ("AA", "M2")
        client.write(frame(order(3)))
        assert client.answer() == ("AA", "M3")


def test_stray_bytes_are_handed_over_though_not_answered():
    recorder = Recorder()
    with listening(recorder) as listener, connected(listener) as client:
        client.write(b"Welcome" + frame(order(1)))
        assert client.answer() == ("AA", "M1")

    assert [received.fault for received in recorder.received] == (
        [Fault.BEFORE_FRAME, None]
    )


def test_bytes_without_a_frame_are_refused_after_a_silence():
    recorder = Recorder()
    with (
        listening(recorder, settle_seconds=0.05) as listener,
        connected(listener) as client,
    ):
        client.write(b"GET / HTTP/1.1\r\n\r\n")
        assert client.answer() == ("AR", "")

    assert [received.fault for received in recorder.received] == [Fault.UNFRAMED]


def test_a_message_without_framing_is_answered_alike_where_agreed():
    with (
        listening(Recorder(), settle_seconds=0.05, raw_ok=True) as listener,
        connected(listener) as client,
    ):
        client.write(order(1))

        assert client.socket.recv(3) == b"MSH"


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


def test_a_sender_that_closes_its_side_still_gets_its_answers():
    recorder = Recorder()
    recorder.gate.clear()
    with listening(recorder) as listener, connected(listener) as client:
        client.write(frame(order(1)) + frame(order(2)))
        client.socket.shutdown(socket.SHUT_WR)
        recorder.gate.set()

        assert client.answer() == ("AA", "M1")
        assert client.answer() == ("AA", "M2")
        assert client.answer() is None


def test_twenty_connections_of_fifty_messages_are_answered_in_order():
    recorder = Recorder()
    answers = {}

    def talk(address, name):
        client = Client(address)
        client.write(b"".join(frame(order(f"{name}-{n}")) for n in range(50)))
        answers[name] = [client.answer() for _ in range(50)]
        client.close()

    with listening(recorder) as listener:
        threads = [
            threading.Thread(target=talk, args=(listener.address, name))
            for name in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    assert len(recorder.received) == 1000
    for name in range(20):
        assert answers[name] == [("AA", f"M{name}-{n}") for n in range(50)]
    assert len({received.connection_id for received in recorder.received}) == 20


def test_everything_waiting_is_handled_in_one_batch():
    recorder = Recorder()
    recorder.gate.clear()
    with listening(recorder, batch=7) as listener, connected(listener, 9) as clients:
        clients[0].write(frame(order(0)))
        wait_until(lambda: recorder.entered)
        for number, client in enumerate(clients[1:], 1):
            client.write(frame(order(number)))
        wait_until(lambda: len(listener._waiting) == 8)
        recorder.gate.set()
        for number, client in enumerate(clients):
            assert client.answer() == ("AA", f"M{number}")

    assert [len(batch) for batch in recorder.batches] == [1, 7, 1]


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


def test_a_failing_handler_closes_only_its_batch(caplog):
    """Nothing later of that connection is handled: its resend would come too late."""
    recorder = Recorder()

    def handle(batch):
        if any(b"|Mbad|" in received.frame for received in batch):
            raise ValueError("TEST^Case could not be stored")
        return recorder(batch)

    with (
        caplog.at_level(logging.ERROR),
        listening(handle, batch=1) as listener,
        connected(listener, 2) as (bad, good),
    ):
        bad.write(frame(order(1)) + frame(order("bad")) + frame(order(3)))
        assert bad.answer() == ("AA", "M1")
        assert bad.answer() is None
        good.write(frame(order(2)))
        assert good.answer() == ("AA", "M2")

    assert [received.frame for received in recorder.received] == [order(1), order(2)]
    record = next(each for each in caplog.records if each.event == "mllp.intake_failed")
    assert record.problem.startswith("ValueError at handle, line ")
    assert "TEST" not in caplog.text


def test_a_handler_that_forgets_an_answer_closes_its_batch():
    with listening(lambda batch: []) as listener, connected(listener) as client:
        client.write(frame(order(1)))

        assert client.is_closed()


def test_no_answer_means_close_and_an_empty_one_means_silence():
    answers = [[b""], [None]]
    with (
        listening(lambda batch: answers.pop(0)) as listener,
        connected(listener) as client,
    ):
        client.write(frame(order(1)))
        wait_until(lambda: len(answers) == 1)
        client.write(frame(order(2)))

        assert client.is_closed()


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


def test_stopping_answers_what_was_received():
    recorder = Recorder()
    recorder.gate.clear()
    with listening(recorder) as listener, connected(listener) as client:
        client.write(frame(order(1)) + frame(order(2)))
        wait_until(lambda: recorder.entered)
        threading.Timer(0.05, recorder.gate.set).start()
        listener.stop(2)

        assert client.answer() == ("AA", "M1")
        assert client.answer() == ("AA", "M2")
        assert client.answer() is None


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
        second = MllpListener(Endpoint(*listener.address), Recorder(), now=lambda: NOW)
        with pytest.raises(OSError, match="address"):
            second.start()
        second.stop()


def test_limits_that_receive_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ListenerLimits(batch=0)
