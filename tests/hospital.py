"""A receiver over a store in memory, and orders to send it, for tests."""

from __future__ import annotations

from pathlib import Path

from network import NOW, dispatcher

from booking_engine.domain.identifiers import Actor
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

DATA = Path(__file__).parent / "data"
PROFILES = load_profiles(DATA / "profiles")
ME = Actor("person:tester")


def stored(name):
    raw = (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes()
    return raw.replace(b"\n", b"\r")


NW, XO, CA = stored("orm_nw_24"), stored("orm_xo_24"), stored("orm_ca_24")
OMI = stored("omi_nw_251")


def frame(raw, *, fault=None, at=NOW):
    return Received(raw, "10.0.0.1:4000", 1, at, 2575, fault)


class Hospital:
    """A receiver over a store in memory."""

    def __init__(self):
        self.engine = dispatcher()
        self.clock = self.engine.clock
        self.receiver = Receiver(
            self.engine, PROFILES.values(), ids=self.engine.ids, clock=self.clock
        )

    def send(self, *raws):
        return self.receiver.handle([frame(raw) for raw in raws])

    def answer(self, raw):
        (ack,) = self.send(raw)
        return coded(ack)

    @property
    def tables(self):
        return self.engine.open_work.published

    @property
    def messages(self):
        return list(self.tables.messages.values())

    @property
    def orders(self):
        return list(self.tables.orders.values())


def coded(ack):
    """The reply and the code of table 0357 in an acknowledgement."""
    message = decode(ack)
    code = message.get("ERR-3.1") or message.get("ERR-1.4")
    return message.get("MSA-1"), code
