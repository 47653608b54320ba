"""The MLLP listener on real sockets: order, group commit, patience and its limits."""

import logging
import socket
import threading

import pytest
from hl7.client import MLLPClient
from mllp_clients import NOW, Client, Recorder, connected, listening, order, wait_until

from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Fault


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
