"""A listener, what it hands on, and clients that talk to it as told, for tests."""

import contextlib
import socket
import threading
from datetime import UTC, datetime
from time import monotonic

from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.mllp.framing import Deframer, Frame
from hl7_adapters.mllp.listener import Endpoint, ListenerLimits, MllpListener
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
