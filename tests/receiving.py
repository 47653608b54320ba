"""A receiver over a database with the small network, and what messages leave there."""

from datetime import timedelta
from random import Random

from network import CLERK, NOW, catalogue, receive, sessions

from booking_engine.application.commands import BookSlot
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import Actor, TimeOrderedIds
from booking_engine.domain.policy import Policy
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.receiver import Receiver


class Feed:
    """The receiver over a database, and what it left there."""

    def __init__(self, store, *profiles):
        self.clock = FixedClock(NOW + timedelta(minutes=5))
        ids = TimeOrderedIds(self.clock, Random(1))
        self.engine = Dispatcher(
            store.units, clock=self.clock, ids=ids, policy=Policy()
        )
        network = catalogue()
        with self.engine.session(CLERK) as session:
            session.uow.replace_catalogue(network)
            session.uow.schedule.add_sessions(sessions(network))
            session.commit()
        self.receiver = Receiver(self.engine, profiles, ids=ids, clock=self.clock)

    def send(self, *raws):
        """Send messages in one batch; return code and error of each answer."""
        batch = [
            Received(raw, "10.0.0.1:4000", 1, self.clock.now(), 2575, None)
            for raw in raws
        ]
        return [coded(ack) for ack in self.receiver.handle(batch)]

    def answer(self, raw):
        """Send one message; return the whole answer."""
        received = Received(raw, "10.0.0.1:4000", 1, self.clock.now(), 2575, None)
        (ack,) = self.receiver.handle([received])
        return ack

    def place(self, number="P1", **given):
        return self.engine.handle(receive(number, **given), CLERK).order_id

    def book(self, order_id, start, scanner="MRX"):
        with self.engine.reading(CLERK) as reading:
            (session,) = reading.uow.schedule.sessions_between(
                start, start + timedelta(minutes=1), scanners=[scanner]
            )
        return self.engine.handle(BookSlot(order_id, session.id, start), CLERK)

    def read(self, question):
        with self.engine.reading(Actor("person:test")) as reading:
            return question(reading.uow)

    def order(self, order_id):
        return self.read(lambda uow: uow.orders.get(order_id))

    def live(self, order_id):
        return self.read(lambda uow: uow.schedule.live_appointment(order_id))

    def entries(self, number):
        return self.read(lambda uow: uow.diary.numbered("indie", number))


def coded(ack):
    """The reply and the code of table 0357 in an acknowledgement."""
    message = decode(ack)
    return message.get("MSA-1"), message.get("ERR-3.1") or message.get("ERR-1.4")
