"""The MLLP sender and the stand-in peer on real sockets."""

import contextlib
import logging
import socket
import threading
from datetime import UTC, datetime
from time import monotonic

import pytest

from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.mllp.framing import Deframer, Frame, frame
from hl7_adapters.mllp.sender import DeliveryFailed, MllpSender, Phase
from hl7_adapters.peer import Behaviour, Counts, StandIn, acknowledge

NOW = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


def booking(number, version="2.4"):
    return (
        f"MSH|^~\\&|BOOK|RXX|RIS|RYY|20260303101500+0000||SIU^S12|B{number}|P|{version}"
        f"|||||GBR|UNICODE\r"
        f"SCH||F{number}^BOOK\rPID|1||9990000018^^^NHS^NH||TEST^Siân\r"
    ).encode()


def ack(number, code="AA"):
    return f"MSH|^~\\&|RIS|RYY|BOOK|RXX|||ACK|X|P|2.4\rMSA|{code}|{number}\r".encode()


@contextlib.contextmanager
def scripted(*scripts):
    """Serve one connection after the other; a script gets the message and its socket.

    Each script is called for each message of its connection, until it returns False.
    """
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        for script in scripts:
            connection, _ = server.accept()
            deframer = Deframer()
            with connection:
                going = True
                while going and (data := connection.recv(65536)):
                    for event in deframer.feed(data):
                        assert isinstance(event, Frame)
                        going = script(event.payload, connection) is not False

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()
    finally:
        server.close()
        thread.join(2)


def confirm(payload, connection):
    connection.sendall(frame(ack(decode(payload).control_id)))


def hang_up(payload, connection):
    return False


def test_a_message_is_sent_and_its_acknowledgement_returned():
    with StandIn() as peer, MllpSender(*peer.address) as sender:
        for number in range(3):
            answer = decode(sender.send(booking(number)))
            assert answer.get("MSA-1") == "AA"
            assert answer.get("MSA-2") == f"B{number}"

        assert [message.raw for message in peer.messages] == (
            [booking(number) for number in range(3)]
        )
        assert peer.counts == Counts(received=3, accepted=3)


def test_nobody_there_fails_to_connect():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with MllpSender(*address) as sender, pytest.raises(DeliveryFailed) as caught:
        sender.send(booking(1))

    assert caught.value.phase is Phase.CONNECT
    assert caught.value.peer == f"127.0.0.1:{address[1]}"


def test_no_answer_fails_in_time_and_a_late_one_is_never_taken():
    """The late answer to the first message meets a closed connection."""
    with (
        scripted(lambda payload, connection: None, confirm) as address,
        MllpSender(*address, ack_timeout=0.1) as sender,
    ):
        start = monotonic()
        with pytest.raises(DeliveryFailed) as caught:
            sender.send(booking(1))
        assert caught.value.phase is Phase.AWAIT_ACK
        assert caught.value.reason == "timed out"
        assert monotonic() - start < 8

        assert decode(sender.send(booking(1))).get("MSA-2") == "B1"


def test_a_peer_that_hangs_up_leaves_the_delivery_open_and_is_tried_again():
    with (
        scripted(hang_up, confirm) as address,
        MllpSender(*address, ack_timeout=2) as sender,
    ):
        with pytest.raises(DeliveryFailed) as caught:
            sender.send(booking(1))
        assert caught.value.phase is Phase.AWAIT_ACK

        assert decode(sender.send(booking(1))).get("MSA-1") == "AA"


def test_a_connection_closed_while_idle_is_replaced_before_sending():
    def confirm_and_close(payload, connection):
        confirm(payload, connection)
        return False

    with (
        scripted(confirm_and_close, confirm_and_close) as address,
        MllpSender(*address, ack_timeout=2) as sender,
    ):
        sender.send(booking(1))
        assert sender._socket is not None
        sender._socket.settimeout(2)
        sender._socket.recv(1, socket.MSG_PEEK)  # until the peer has closed

        assert decode(sender.send(booking(2))).get("MSA-2") == "B2"


def test_stale_answers_and_stray_bytes_are_passed_over(caplog):
    def babble(payload, connection):
        connection.sendall(b"\r\nnoise" + frame(ack("B0")) + frame(b"no message"))
        connection.sendall(frame(b"MSH|^~\\&|no MSA\r") + b"\x0b\x06\x1c\r")
        confirm(payload, connection)
        connection.sendall(frame(ack("B1")))  # once more

    with (
        caplog.at_level(logging.WARNING),
        scripted(babble) as address,
        MllpSender(*address, ack_timeout=2) as sender,
    ):
        for number in (1, 2):
            answer = decode(sender.send(booking(number)))
            assert answer.get("MSA-2") == f"B{number}"

    kinds = [record.kind for record in caplog.records]
    assert kinds[:4] == ["Garbage", "Frame", "Frame", "Frame"]


def test_only_stale_answers_run_into_the_time_limit():
    def repeat_another(payload, connection):
        with contextlib.suppress(OSError):
            for _ in range(50):
                connection.sendall(frame(ack("B0")))
                threading.Event().wait(0.01)
        return False

    with (
        scripted(repeat_another) as address,
        MllpSender(*address, ack_timeout=0.1) as sender,
        pytest.raises(DeliveryFailed) as caught,
    ):
        sender.send(booking(1))

    assert caught.value.reason == "timed out"


def test_a_refusal_without_a_control_id_is_an_answer():
    def refuse(payload, connection):
        connection.sendall(frame(ack("", "AR")))

    with scripted(refuse) as address, MllpSender(*address, ack_timeout=2) as sender:
        assert decode(sender.send(booking(1))).get("MSA-1") == "AR"


def test_an_answer_may_lack_the_last_byte_and_come_in_pieces():
    def dribble(payload, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(ack(decode(payload).control_id))[:-1]:
            connection.sendall(bytes([byte]))

    with scripted(dribble) as address, MllpSender(*address, ack_timeout=2) as sender:
        for number in (1, 2):
            assert decode(sender.send(booking(number))).get("MSA-2") == f"B{number}"


def test_what_is_no_message_is_not_sent():
    with MllpSender("127.0.0.1", 1) as sender, pytest.raises(DecodeError):
        sender.send(b"hello")


def test_a_peer_that_does_not_read_fails_the_sending():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        MllpSender(*server.getsockname(), ack_timeout=0.2) as sender,
        pytest.raises(DeliveryFailed) as caught,
    ):
        sender.send(booking(1) + b"NTE|1||" + b"x" * 30_000_000)

    assert caught.value.phase is Phase.SEND


def test_a_stand_in_refuses_and_drops_by_its_seed():
    behaviour = Behaviour(refuse_share=0.3, drop_share=0.2, seed=7)
    runs = []
    for _ in range(2):
        outcomes = []
        with StandIn(behaviour=behaviour) as peer, MllpSender(*peer.address) as sender:
            for number in range(30):
                try:
                    answer = decode(sender.send(booking(number)))
                    outcomes.append(answer.get("MSA-1"))
                except DeliveryFailed:
                    outcomes.append("dropped")
            counts = peer.counts
        runs.append(outcomes)

    assert runs[0] == runs[1]
    assert counts == Counts(
        received=30,
        accepted=runs[0].count("AA"),
        refused=runs[0].count("AE"),
        dropped=runs[0].count("dropped"),
    )
    assert min(counts.accepted, counts.refused, counts.dropped) > 0


def test_a_stand_in_can_be_slow():
    behaviour = Behaviour(delay_seconds=0.05)
    with StandIn(behaviour=behaviour) as peer, MllpSender(*peer.address) as sender:
        start = monotonic()
        sender.send(booking(1))

        assert monotonic() - start >= 0.05


def test_a_stand_in_tells_what_it_received():
    seen = []
    with (
        StandIn(on_message=seen.append, keep=2) as peer,
        MllpSender(*peer.address) as sender,
    ):
        for number in range(3):
            sender.send(booking(number))

        assert peer.wait_for(3, 1)
        assert not peer.wait_for(4, 0.01)
        assert [message.control_id for message in seen] == ["B0", "B1", "B2"]
        assert [message.control_id for message in peer.messages] == ["B1", "B2"]


def test_a_stand_in_refuses_what_it_cannot_read():
    with StandIn(now=lambda: NOW) as peer:
        with socket.create_connection(peer.address, 2) as client:
            client.sendall(frame(b"hello"))
            answer = decode(client.recv(65536).strip(b"\x0b\x1c\r"))

        assert answer.get("MSA-1") == "AR"
        assert answer.get("MSH-10").startswith("PEER")
        assert peer.counts == Counts(received=1, unreadable=1)


@pytest.mark.parametrize("shares", [(-0.1, 0), (0.6, 0.6)])
def test_a_behaviour_needs_sensible_shares(shares):
    with pytest.raises(ValueError, match="shares"):
        Behaviour(*shares)


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("2.3.1", "ACK^S12"),
        ("2.4", "ACK^S12"),
        ("2.5.1", "ACK^S12^ACK"),
        ("", "ACK^S12"),
    ],
)
def test_an_acknowledgement_answers_the_header(version, kind):
    message = decode(booking(1, version))

    answer = decode(acknowledge(message, "AE", control_id="X1", at=NOW, text="no"))

    assert answer.header.field(9) == kind
    assert answer.sender == ("RIS", "RYY")
    assert (answer.get("MSH-5"), answer.get("MSH-6")) == ("BOOK", "RXX")
    assert answer.get("MSH-7") == "20260303101500+0000"
    assert answer.control_id == "X1"
    assert answer.get("MSH-11") == "P"
    assert answer.get("MSH-18") == "UNICODE"
    assert answer.first("MSA").text == "MSA|AE|B1|no"
