"""What a hostile or broken sender does harms nobody else, nor the machine's memory.

The receiver is a process of its own. Each test mistreats it and meanwhile sends orders
as a good client does: every one must be answered, and the process must not grow.
"""

import contextlib
import itertools
import json
import resource
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from wire import SECONDS, Client, order, wait_until

from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, ListenerLimits, MllpListener

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TESTS = Path(__file__).parents[1]
MIB = 2**20
LIMITS = {
    "connections": 200,
    "max_bytes": MIB,
    "held_bytes": 20 * MIB,
    "frame_seconds": 2.0,
    "settle_seconds": 0.5,
}
NUMBERS = itertools.count(1)


class Server:
    """The receiver's process."""

    def __init__(self, process):
        self.process = process
        self.address = ("127.0.0.1", int(process.stdout.readline()))

    def peak(self):
        """Return its largest size so far, in MiB."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def client(self):
        return Client(self.address)


@pytest.fixture
def server():
    with subprocess.Popen(
        [sys.executable, str(TESTS / "serving.py"), json.dumps(LIMITS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        served = Server(process)
        with served.client() as client:
            serves(client, 20)
        yield served
        process.stdin.close()
        assert process.wait(SECONDS) == 0


def serves(client, count=10):
    """Whether a good client has every order answered, each within `SECONDS`."""
    for _ in range(count):
        number = next(NUMBERS)
        client.write(frame(order(number)))
        assert client.answer() == ("AA", f"C{number}", "")
    return True


@pytest.fixture
def many_files():
    """Allow this process a thousand sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_connections_keep_nobody_out(server, many_files):
    """Five times as many as are allowed: silent, half a frame, or babble."""
    before = server.peak()
    sayings = itertools.cycle([b"", b"\x0bMSH|^~\\&|", b"GET / HTTP/1.1\r\n"])
    with contextlib.ExitStack() as opened, server.client() as early:
        assert serves(early)
        for saying in itertools.islice(sayings, 1000):
            each = socket.create_connection(server.address, SECONDS)
            opened.enter_context(each)
            with contextlib.suppress(ConnectionError):
                each.sendall(saying)
        assert serves(early)
        with server.client() as late:
            assert serves(late)
        assert serves(early)

    assert server.peak() - before < 60


def test_a_byte_now_and_then_does_not_hold_a_connection_for_ever(server):
    with contextlib.ExitStack() as opened, server.client() as good:
        slow = [opened.enter_context(server.client()) for _ in range(50)]
        message = frame(order(999_999))
        for at, each in itertools.product(range(2), slow):
            each.write(message[at : at + 1])
        gone: set[int] = set()
        pause = threading.Event()
        end = monotonic() + SECONDS
        served = 0
        for at in range(2, len(message) - 2):
            assert monotonic() < end, "the slow were not let go"
            for number, each in enumerate(slow):
                with contextlib.suppress(ConnectionError):
                    if number not in gone:
                        each.write(message[at : at + 1])
                        continue
                gone.add(number)
            served += serves(good, 1)
            if len(gone) == len(slow):
                break
            pause.wait(0.05)

        assert len(gone) == len(slow)
        assert served > 1


def test_a_frame_without_an_end_is_refused_once_and_not_kept(server):
    before = server.peak()
    endless = b"\x0b" + order(999_999) + b"OBX|9|TX|A||"
    filler = b"x" * (MIB // 4)
    with contextlib.ExitStack() as opened, server.client() as good:
        endless_ones = [opened.enter_context(server.client()) for _ in range(5)]
        for each in endless_ones:
            each.write(endless)
        for _ in range(160):  # 40 MiB each, 200 in all
            for each in endless_ones:
                each.write(filler)
        assert serves(good)
        for each in endless_ones:
            assert each.answer() == ("AR", "C999999", "100")
            each.write(b"\x1c\r")  # at last
            assert serves(each, 1)

    assert server.peak() - before < 60


def test_many_large_unfinished_frames_share_a_bounded_room(server):
    """180 of almost the longest size; beyond the room the longest are refused."""
    before = server.peak()
    part = b"\x0b" + order(999_999) + b"OBX|9|TX|A||" + b"x" * (MIB - 5000)
    with contextlib.ExitStack() as opened, server.client() as good:
        large = [opened.enter_context(server.client()) for _ in range(180)]
        for each in large:
            each.write(part)
        assert serves(good)
        refused = 0
        for each in large[:-40]:
            if each.answer() == ("AR", "C999999", "100"):
                refused += 1
        assert refused == 140

    assert server.peak() - before < 100


def test_who_never_reads_its_answers_is_let_go():
    """Answers of a mebibyte, so that few fill every buffer on the way."""
    long_answer = order(1) + b"NTE|1||" + b"x" * MIB + b"\r"
    listener = MllpListener(
        Endpoint(limits=ListenerLimits(frame_seconds=0.5, unanswered=10)),
        lambda batch: [
            long_answer if b"|C1|" in received.frame else b"MSH|^~\\&\rMSA|AA|C2\r"
            for received in batch
        ],
        now=lambda: NOW,
    )
    listener.start()
    try:
        with Client(listener.address) as mute, Client(listener.address) as good:
            mute.write(frame(order(1)) * 40)
            wait_until(
                lambda: any(each._write_blocked for each in listener._connections)
            )
            while len(listener._connections) > 1:
                good.write(frame(order(2)))
                assert good.answer() == ("AA", "C2", "")
    finally:
        listener.stop(1)
