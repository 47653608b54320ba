"""A receiver in memory behind a real listener, and raw clients for it."""

import contextlib
import socket
import threading
from pathlib import Path
from time import monotonic

from network import dispatcher

from hl7_adapters.batches import Batches
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import Deframer, Frame
from hl7_adapters.mllp.listener import Endpoint, MllpListener
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

DATA = Path(__file__).parent / "data"
PROFILES = load_profiles(DATA / "profiles")
SECONDS = 20.0
"""Longest wait for anything; a loaded machine is slow, a broken one never answers."""


def order(number=1, name="orm_nw_24"):
    """A new order with numbers of its own, ready to be framed."""
    raw = (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes().replace(b"\n", b"\r")
    return raw.replace(b"EPR0001", b"C%d" % number).replace(b"PL1001", b"P%d" % number)


class Client:
    """A raw socket that reads acknowledgements."""

    def __init__(self, address, tls=None, server_name="127.0.0.1", source=None):
        self.socket = socket.create_connection(address, SECONDS, source_address=source)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.socket.settimeout(SECONDS)
        self.deframer = Deframer()
        self.pending = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, data):
        self.socket.sendall(data)

    def block(self):
        """Return the payload of the next frame; None at the end of the stream."""
        while not self.pending:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.pending += self.deframer.feed(data)
        event = self.pending.pop(0)
        assert isinstance(event, Frame), event
        return event.payload

    def answer(self):
        """Return MSA-1, MSA-2 and the error code of the next acknowledgement."""
        block = self.block()
        return None if block is None else coded(block)

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


def coded(ack):
    """Return MSA-1, MSA-2 and the code of table 0357 in an acknowledgement."""
    message = decode(ack)
    code = message.get("ERR-3.1") or message.get("ERR-1.4")
    return message.get("MSA-1"), message.get("MSA-2"), code


def wait_until(condition):
    """Poll with short pauses; fail after `SECONDS`."""
    pause = threading.Event()
    end = monotonic() + SECONDS
    while not condition():
        assert monotonic() < end, "waited too long"
        pause.wait(0.005)


class Wire:
    """The parts of a running receiver.

    Attributes
    ----------
    handled
        Every message handed to the receiver, in order.
    """

    def __init__(self, endpoints, profiles, most):
        self.engine = dispatcher()
        self.receiver = Receiver(
            self.engine, profiles.values(), ids=self.engine.ids, clock=self.engine.clock
        )
        self.handled = []
        batches = Batches(
            self._handle, ids=self.engine.ids, clock=self.engine.clock, most=most
        )
        first, *beside = endpoints
        self.listener = MllpListener(
            first, batches, now=self.engine.clock.now, beside=beside
        )

    def _handle(self, batch):
        self.handled += batch
        return self.receiver.handle(batch)

    def client(self, at=0, **how):
        return Client(self.listener.addresses[at], **how)

    @property
    def messages(self):
        return list(self.engine.open_work.published.messages.values())

    @property
    def orders(self):
        return list(self.engine.open_work.published.orders.values())


@contextlib.contextmanager
def receiving(*endpoints, profiles=PROFILES, most=500):
    """Run a receiver; on one plain endpoint unless told otherwise."""
    wire = Wire(endpoints or (Endpoint(),), profiles, most)
    wire.listener.start()
    try:
        yield wire
    finally:
        wire.listener.stop(2)
