"""TLS both ways, over real sockets: certificates asked for, checked and listed."""

import contextlib
import logging
import socket
import ssl
from dataclasses import replace

import pytest
from certificates import Authority
from wire import PROFILES, order, receiving, wait_until

from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.messages import MessageOutcome
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, ListenerLimits
from hl7_adapters.mllp.sender import DeliveryFailed, MllpSender, Phase
from hl7_adapters.mllp.tls import Identity, TlsError, client_context, server_context
from hl7_adapters.peer import StandIn

NORTH = PartnerId("north")


@pytest.fixture(autouse=True)
def _all_events(caplog):
    caplog.set_level(logging.INFO)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.new(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    return Authority.new(tmp_path_factory.mktemp("strangers"))


def listing(*names):
    """The profiles, the northern one with a list of certificates."""
    north = PROFILES[NORTH].model_copy(update={"certificates": frozenset(names)})
    return {**PROFILES, NORTH: north}


def test_a_sender_with_a_certificate_is_heard(authority):
    tls = authority.client("epr.north.example")
    with (
        receiving(Endpoint(tls=authority.server())) as wire,
        wire.client(tls=tls) as client,
    ):
        for number in (1, 2):
            client.write(frame(order(number)))
            assert client.answer() == ("AA", f"C{number}", "")

    assert {m.certificate_names for m in wire.handled} == {("epr.north.example",)}


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_a_sender_without_a_trusted_certificate_is_turned_away(
    who, authority, strangers, caplog
):
    tls = client_context(
        strangers.issue("epr.north.example") if who == "stranger" else None,
        ca=authority.file,
    )
    with receiving(Endpoint(tls=authority.server())) as wire:
        # In TLS 1.3 the client learns of it only when it reads.
        with (
            contextlib.suppress(OSError),
            wire.client(tls=tls) as client,
        ):
            client.write(frame(order(1)))
            assert client.block() is None
        wait_until(lambda: "mllp.handshake_failed" in events(caplog))
        with wire.client(tls=authority.client("epr.north.example")) as good:
            good.write(frame(order(2)))
            assert good.answer() == ("AA", "C2", "")

    assert [m.control_id for m in wire.messages] == ["C2"]


def test_where_certificates_are_optional_a_sender_may_show_none(authority):
    with (
        receiving(Endpoint(tls=authority.server(required=False))) as wire,
        wire.client(tls=authority.client()) as client,
    ):
        client.write(frame(order(1)))
        assert client.answer() == ("AA", "C1", "")

    assert [m.certificate_names for m in wire.handled] == [()]


def test_plain_text_to_a_secured_port_does_no_harm(authority, caplog):
    with receiving(Endpoint(tls=authority.server())) as wire:
        with wire.client() as client:
            client.write(frame(order(1)))
            assert client.is_closed()
        wait_until(lambda: "mllp.handshake_failed" in events(caplog))

    assert wire.messages == []


def test_old_versions_of_tls_are_refused(authority):
    old = authority.client("epr.north.example")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        receiving(Endpoint(tls=authority.server())) as wire,
        pytest.raises(OSError, match=r"(?i)ssl|version|reset"),
    ):
        wire.client(tls=old)


def test_a_certificate_speaks_only_for_partners_that_list_it(authority, caplog):
    """AR 207, kept and logged; what it claimed to be is never taken for a repeat."""
    with receiving(
        Endpoint(tls=authority.server()), profiles=listing("EPR.north.example")
    ) as wire:
        with wire.client(tls=authority.client("ris.south.example")) as wrong:
            wrong.write(frame(order(1)))
            assert wrong.answer() == ("AR", "C1", "207")
        with wire.client(tls=authority.client("epr.north.example")) as right:
            right.write(frame(order(1)))
            assert right.answer() == ("AA", "C1", "")
        with wire.client(tls=authority.client("ris.south.example")) as wrong:
            wrong.write(frame(order(1)))
            assert wrong.answer() == ("AR", "C1", "207")

    assert [m.outcome for m in wire.messages] == [
        MessageOutcome.REFUSED,
        MessageOutcome.PROCESSED,
        MessageOutcome.REFUSED,
    ]
    assert [m.partner for m in wire.messages] == [None, "north", None]
    assert len(wire.orders) == 1
    record = next(r for r in caplog.records if r.event == "hl7.not_admitted")
    assert (record.partner, record.certificate_names) == (
        "north",
        ("ris.south.example",),
    )
    assert "TESTER" not in caplog.text


def test_several_endpoints_share_one_receiver(authority):
    """Plain on loopback, TLS, and a port of one partner beside each other."""
    with receiving(
        Endpoint(),
        Endpoint(tls=authority.server()),
        Endpoint(partner="south"),
    ) as wire:
        with wire.client(0) as plain, wire.client(2) as south:
            plain.write(frame(order(1)))
            assert plain.answer() == ("AA", "C1", "")
            south.write(frame(order(2)))
            assert south.answer() == ("AR", "C2", "207")
        with wire.client(1, tls=authority.client("epr.north.example")) as secure:
            secure.write(frame(order(3)))
            assert secure.answer() == ("AA", "C3", "")

    assert len({m.port for m in wire.handled}) == 3
    assert len(wire.orders) == 2


def test_who_does_not_finish_the_handshake_is_let_go(authority, caplog):
    limits = ListenerLimits(handshake_seconds=0.2)
    with receiving(Endpoint(limits=limits, tls=authority.server())) as wire:
        with wire.client() as mute:
            assert mute.is_closed()
        wait_until(lambda: not wire.listener._connections)

    assert "mllp.handshake_failed" in events(caplog)


def test_unfinished_handshakes_keep_nobody_out(authority):
    """They count as connections, and the oldest makes room."""
    limits = ListenerLimits(connections=3)
    tls = authority.client("epr.north.example")
    with (
        receiving(Endpoint(limits=limits, tls=authority.server())) as wire,
        contextlib.ExitStack() as mute,
    ):
        for _ in range(6):
            mute.enter_context(wire.client())
        with wire.client(tls=tls) as client:
            client.write(frame(order(1)))
            assert client.answer() == ("AA", "C1", "")
        assert len(wire.listener._connections) <= 3


def test_a_frame_may_come_in_the_same_breath_as_the_handshake(authority):
    """Bytes decrypted before the handshake was reported are not lost."""
    with receiving(Endpoint(tls=authority.server())) as wire:
        for number in range(20):
            tls = authority.client("epr.north.example")
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            with socket.create_connection(wire.listener.address) as plain:
                plain.settimeout(20)
                while True:
                    try:
                        session.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        plain.sendall(outgoing.read())
                        incoming.write(plain.recv(65536))
                session.write(frame(order(number)))
                plain.sendall(outgoing.read())  # finished and message in one
                answer = b""
                while b"\x1c" not in answer:
                    incoming.write(plain.recv(65536))
                    with contextlib.suppress(ssl.SSLWantReadError):
                        answer += session.read(65536)
                assert b"MSA|AA|C%d" % number in answer


def test_stopping_answers_what_was_received_over_tls(authority):
    with (
        receiving(Endpoint(tls=authority.server())) as wire,
        wire.client(tls=authority.client("epr.north.example")) as client,
    ):
        client.write(b"".join(frame(order(number)) for number in range(30)))
        wait_until(lambda: wire.handled)
        read = len(wire.handled)
        wire.listener.stop(20)

        answers = iter(client.answer, None)
        assert sum(answer[0] == "AA" for answer in answers) >= read


def test_our_sender_shows_its_certificate_and_checks_the_name(authority):
    tls = authority.client("booking.example")
    with (
        StandIn(tls=authority.server()) as peer,
        MllpSender(*peer.address, tls=tls) as sender,
        MllpSender(*peer.address, tls=tls, server_name="ris.example") as fooled,
    ):
        assert decode(sender.send(order(1))).get("MSA-1") == "AA"
        with pytest.raises(DeliveryFailed, match="connect") as caught:
            fooled.send(order(2))

    assert caught.value.phase is Phase.CONNECT
    assert peer.counts.received == 1


def test_to_a_receiver_of_another_authority_nothing_is_delivered(authority, strangers):
    tls = client_context(None, ca=strangers.file)
    with (
        StandIn(tls=authority.server()) as peer,
        MllpSender(*peer.address, tls=tls) as sender,
        pytest.raises(DeliveryFailed) as caught,
    ):
        sender.send(order(1))

    assert caught.value.phase is Phase.CONNECT
    assert peer.counts.received == 0


def test_our_sender_may_open_a_connection_for_each_message():
    with StandIn() as peer, MllpSender(*peer.address, keep_open=False) as sender:
        for number in (1, 2):
            assert decode(sender.send(order(number))).get("MSA-2") == f"C{number}"
            assert sender._socket is None


@pytest.mark.parametrize(
    ("changed", "key", "problem"),
    [
        ("certificate", "certificate", "No such file or directory; give a readable"),
        ("key", "key", "No such file or directory; give a readable PEM file"),
        ("pair", "certificate", "give a pair that belongs together"),
        ("password", "key", "has a password; give the key without one"),
        ("ca", "ca", "holds no PEM certificate"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    changed, key, problem, authority, tmp_path
):
    good = authority.issue("a.example")
    ca = authority.file
    if changed in {"certificate", "key"}:
        good = replace(good, **{changed: tmp_path / "missing.pem"})
    elif changed == "pair":
        good = Identity(good.certificate, authority.issue("b.example").key)
    elif changed == "password":
        good = Identity(good.certificate, locked(good.key, tmp_path))
    else:
        ca = tmp_path / "ca.pem"
        ca.write_text("nothing")

    with pytest.raises(TlsError, match=problem) as caught:
        server_context(good, ca=ca, required=True)

    assert caught.value.key == key


def locked(key, folder):
    from cryptography.hazmat.primitives import serialization as of  # noqa: PLC0415

    private = of.load_pem_private_key(key.read_bytes(), None)
    file = folder / "locked.key"
    file.write_bytes(
        private.private_bytes(
            of.Encoding.PEM,
            of.PrivateFormat.PKCS8,
            of.BestAvailableEncryption(b"secret"),
        )
    )
    return file


def events(caplog):
    return {getattr(record, "event", "") for record in caplog.records}
