"""``hl7 send`` and ``hl7 listen`` over real sockets."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from hl7_adapters.er7 import decode
from hl7_adapters.load import send_all
from hl7_adapters.message_files import Filed
from hl7_adapters.mllp.sender import DeliveryFailed, MllpSender, Phase
from hl7_adapters.peer import Behaviour, Counts, StandIn

MAIN = [sys.executable, "-c", "from api.cli import main; main()"]


def order(number, version="2.4"):
    return (
        f"MSH|^~\\&|EPR|R0A|BOOKING||20261130080000||ORM^O01|M{number}|P|{version}\r"
        f"PID|1||X{number}^^^R0A\rORC|NW|P{number}\rOBR|1|P{number}||MRHEAD\r"
    ).encode()


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def filed(count):
    return [Filed(Path("x.hl7"), n, order(n)) for n in range(1, count + 1)]


# send --------------------------------------------------------------------------------


def test_a_folder_goes_out_in_order_with_counts_and_latency(tmp_path):
    (tmp_path / "1.hl7").write_bytes(order(1) + order(2))
    (tmp_path / "2.hl7").write_bytes(order(3))

    with StandIn() as peer:
        to = f"127.0.0.1:{peer.address[1]}"
        done = run("hl7", "send", tmp_path, "--to", to, "--repeat", 2, "--json")
        came = [message.control_id for message in peer.messages]

    assert done.exit_code == 0, done.output
    assert came == ["M1", "M2", "M3"] * 2
    counts = json.loads(done.stdout)
    assert (counts["sent"], counts["accepted"], counts["not_sent"]) == (6, 6, 0)
    assert counts["answers"] == {"AA": 6}
    assert 0 < counts["p50_ms"] <= counts["p99_ms"] <= counts["slowest_ms"]


def test_what_was_refused_is_named_by_file_and_code(tmp_path):
    (tmp_path / "1.hl7").write_bytes(b"".join(map(order, range(30))))

    with StandIn(behaviour=Behaviour(refuse_share=1.0, refuse_code="AR")) as peer:
        to = f"127.0.0.1:{peer.address[1]}"
        done = run("hl7", "send", tmp_path, "--to", to)

    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[0] == f"{tmp_path / '1.hl7'}:1  AR  refused by behaviour"
    assert lines[20] == "… and 10 more"
    assert "30 of 30 messages were not accepted" in lines[21]
    assert "AR 30" in done.stdout


def test_nobody_there_ends_it_at_once(tmp_path):
    (tmp_path / "1.hl7").write_bytes(b"".join(map(order, range(5))))
    with socket.create_server(("127.0.0.1", 0)) as free:
        to = f"127.0.0.1:{free.getsockname()[1]}"

    done = run("hl7", "send", tmp_path, "--to", to, "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["not_sent"] == 4
    assert "nobody was there" in done.stderr


def test_several_connections_send_each_message_once():
    with StandIn(keep=400) as peer:
        tally = send_all(filed(300), lambda: MllpSender(*peer.address), connections=8)
        came = Counter(message.control_id for message in peer.messages)

    assert tally.accepted == len(tally.latencies) == 300
    assert came == Counter(f"M{n}" for n in range(1, 301))


def test_the_rate_is_kept():
    with StandIn() as peer:
        tally = send_all(
            filed(21), lambda: MllpSender(*peer.address), rate=50.0, connections=4
        )

    assert tally.accepted == 21
    assert tally.seconds >= 20 / 50


def test_a_load_can_be_stopped():
    stop = threading.Event()

    def on_sent(sent):
        if sent == 3:
            stop.set()

    with StandIn() as peer:
        tally = send_all(
            filed(50), lambda: MllpSender(*peer.address), stop=stop, on_sent=on_sent
        )

    assert tally.sent == 3


def test_fresh_numbers_make_load_of_one_message(tmp_path):
    file = tmp_path / "one.hl7"
    file.write_bytes(order(1))

    with StandIn() as peer:
        to = f"127.0.0.1:{peer.address[1]}"
        words = ("--to", to, "--repeat", 5, "--renumber", "--connections", 2)
        done = run("hl7", "send", file, *words)
        came = peer.messages

    assert done.exit_code == 0, done.output
    assert len({m.control_id for m in came}) == 5
    assert len({m.get("ORC-2") for m in came}) == 5
    assert all(m.get("ORC-2") == m.get("OBR-2") for m in came)


# listen ------------------------------------------------------------------------------


def fates(behaviour, count=200):
    with StandIn(behaviour=behaviour) as peer:
        sender = MllpSender(*peer.address, ack_timeout=30)
        found = []
        with sender:
            for number in range(count):
                try:
                    found.append(decode(sender.send(order(number))).get("MSA-1"))
                except DeliveryFailed as error:
                    found.append(error.phase)
        return found, peer.counts


def test_the_seed_decides_which_messages_are_refused_or_dropped():
    behaviour = Behaviour(refuse_share=0.2, drop_share=0.1, seed=7)

    found, counts = fates(behaviour)

    assert fates(behaviour)[0] == found
    assert fates(Behaviour(refuse_share=0.2, drop_share=0.1, seed=8))[0] != found
    assert counts == Counts(
        received=200,
        accepted=found.count("AA"),
        refused=found.count("AE"),
        dropped=found.count(Phase.AWAIT_ACK),
    )
    assert 20 <= counts.refused <= 60
    assert 5 <= counts.dropped <= 40


def test_silence_keeps_the_connection_and_gives_no_answer():
    with (
        StandIn(behaviour=Behaviour(silent_share=1.0)) as peer,
        socket.create_connection(peer.address, 5) as line,
    ):
        line.sendall(b"\x0b" + order(1) + b"\x1c\r")
        assert peer.wait_for(1, 10)
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(1)

    assert peer.counts.silent == 1


@pytest.mark.parametrize("version", ["2.4", "2.5.1"])
def test_a_refusal_carries_its_error_where_the_version_has_it(version):
    behaviour = Behaviour(refuse_share=1, refuse_error="207", mode="enhanced")
    with StandIn(behaviour=behaviour) as peer, MllpSender(*peer.address) as sender:
        answer = decode(sender.send(order(1, version)))

    assert answer.get("MSA-1") == "CE"
    assert answer.get("ERR-3.1" if version == "2.5.1" else "ERR-1.4.1") == "207"


def test_shares_beyond_all_are_refused():
    with pytest.raises(ValueError, match="exceed 1"):
        Behaviour(refuse_share=0.5, drop_share=0.4, silent_share=0.2)


@pytest.mark.parametrize(
    "words",
    [
        ("--delay", "5-10"),
        ("--refuse", "120"),
        ("--refuse", "10:XX"),
        ("--refuse", "60", "--drop", "60"),
        ("--mode", "modern"),
        ("--tls",),
        ("--cert", __file__),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(words):
    assert run("hl7", "listen", *words).exit_code == 2


@contextmanager
def listening(*words):
    with subprocess.Popen(
        [*MAIN, "hl7", "listen", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            yield process, int(line.rsplit(":", 1)[1])
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)


def test_the_command_keeps_each_message_as_a_file_and_sums_up(tmp_path):
    out = tmp_path / "kept"
    words = ("--out", out, "--refuse", "100:AR:207", "--delay", "1..5", "--count", 2)
    with listening(*words) as (process, port):
        with MllpSender("127.0.0.1", port) as sender:
            answers = [decode(sender.send(order(n))) for n in (1, 2)]
        _, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert [(a.get("MSA-1"), a.get("ERR-1.4.1")) for a in answers] == [
        ("AR", "207"),
        ("AR", "207"),
    ]
    files = sorted(out.iterdir())
    assert [file.name for file in files] == ["000001-M1.hl7", "000002-M2.hl7"]
    assert files[0].read_bytes() == order(1)
    assert "received 2: 0 accepted, 2 refused" in err


def certificate(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificates"
)
def test_both_speak_tls_and_want_to_know_each_other(tmp_path):
    (theirs, their_key), (ours, our_key) = (
        certificate(tmp_path, name) for name in ("ris", "engine")
    )
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "1.hl7").write_bytes(order(1) + order(2))
    (folder / "2.hl7").write_bytes(order(3))
    server = ("--tls", "--cert", theirs, "--key", their_key, "--ca", ours)
    with listening(*server, "--count", 3) as (process, port):
        to = ("--to", f"127.0.0.1:{port}", "--timeout", 10)
        stranger = run("hl7", "send", folder, *to, "--tls", "--ca", theirs)
        known = run(
            *("hl7", "send", folder, *to, "--tls", "--ca", theirs),
            *("--cert", ours, "--key", our_key),
        )
        heard, _ = process.communicate(timeout=30)

    assert stranger.exit_code == 1
    assert known.exit_code == 0, known.output
    assert [line.split()[-1] for line in heard.splitlines()] == ["M1", "M2", "M3"]
