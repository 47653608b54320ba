"""A receiver over a store in memory, and orders to send it, for tests."""

from __future__ import annotations

from network import NOW, dispatcher
from receiving import coded
from stored_orders import PROFILES

from hl7_adapters.mllp.received import Received
from hl7_adapters.receiver import Receiver


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
