"""A hospital's feed for tests: messages in through the receiver, on any store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from network import CLERK, NOW, catalogue, sessions

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.policy import Policy
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

PROFILES = load_profiles(Path(__file__).parent / "data" / "profiles")
SAFE = ("OBX|1|CE|PACE||N", "OBX|2|CE|IMPL||N")
PID = "PID|1||9990000018^^^NHS^NH~X1234^^^RA1^MR||TESTER^Anna||19620412|F|||^^^^M13 9WL"
PV1 = "PV1|1|O|CLINIC4^^^RA101"
MR_HEAD = "OBR|1|||MHEAD^MRI Head"
URGENCY = "^^^^^R"


def at(minutes):
    """The sender's clock, that many minutes after 08:00 on the day of the tests."""
    start = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    return f"{start + timedelta(minutes=minutes):%Y%m%d%H%M%S}"


def orc(control, number="", *, filler="", group="", status="", sent=0, reason=""):
    """An ORC segment: north's number, a filler's, ORC-5, ORC-9, ORC-16."""
    placer = f"{number}^RA1" if number else ""
    return (
        f"ORC|{control}|{placer}|{filler}|{group}|{status}||{URGENCY}||{at(sent)}"
        f"|||||||{reason}"
    )


class Feed:
    """A receiver over a store that holds the small network.

    Parameters
    ----------
    profiles
        Changes to profiles by name, such as ``{"south": {"fills_orders": True}}``.
    """

    def __init__(self, units, profiles=None):
        self.clock = FixedClock(NOW)
        self.ids = TimeOrderedIds(self.clock, Random(1))
        self.engine = Dispatcher(units, clock=self.clock, ids=self.ids, policy=Policy())
        changed = profiles or {}
        self.profiles = [
            profile.model_copy(update=changed.get(profile.id, {}))
            for profile in PROFILES.values()
        ]
        self.receiver = Receiver(
            self.engine, self.profiles, ids=self.ids, clock=self.clock
        )
        self.sent = 0
        with self.engine.session(CLERK) as session:
            session.uow.replace_catalogue(catalogue())
            session.uow.schedule.add_sessions(sessions(catalogue()))
            session.commit()

    def message(self, *lines, sender="EPR|RA1", kind="ORM^O01", version="2.4"):
        """The bytes of a message, each with a control id of its own."""
        self.sent += 1
        head = (
            f"MSH|^~\\&|{sender}|BOOKING|RA1|{at(0)}+0000||{kind}|C{self.sent}|P"
            f"|{version}"
        )
        return "\r".join((head, *lines, "")).encode()

    def frames(self, *raws):
        """Frames as a listener hands them over."""
        return [Received(raw, "10.0.0.1:1", 1, NOW, 2575, None) for raw in raws]

    def answers(self, *raws):
        """Reply, code and text of each answer to a batch."""
        return [coded(ack) for ack in self.receiver.handle(self.frames(*raws))]

    def send(self, *lines, **header):
        """Send one message; return MSA-1 and the code of table 0357."""
        return self.answers(self.message(*lines, **header))[0]

    def ris(self, *lines, **header):
        """Send one as the southern department, which fills orders."""
        return self.send(*lines, sender="RIS|RB2", version="2.5.1", **header)

    def place(self, number="P1", *, sent=0, obr=(MR_HEAD,), filler=""):
        """Place an order that is listed at once, under a guideline."""
        lines = [orc("NW", number, sent=sent, filler=filler)]
        for each in obr:
            lines += [each, *SAFE]
        assert self.send(PID, PV1, *lines) == ("AA", "")
        return self.order(number if len(obr) == 1 else None)

    # What is stored ------------------------------------------------------------------

    def read(self, reading):
        """What a reading of the unit of work gives."""
        with self.engine.reading(CLERK) as session:
            return reading(session.uow)

    def orders(self):
        """All orders, oldest first."""
        found = self.read(lambda uow: uow.orders.with_status(list(OrderStatus)))
        return sorted(found, key=lambda o: o.id)

    def order(self, number=None):
        """The newest order with a placer number, or of all."""
        found = [o for o in self.orders() if number in {None, o.content.placer_number}]
        return found[-1] if found else None

    def history(self, order):
        """Action and note of each line of an order's history."""
        lines = self.read(lambda uow: uow.orders.history(order.id))
        return [(str(line.action), line.note) for line in lines]

    def told(self, order):
        """Kind and destination of what went out about an order."""

        def deliveries(uow):
            return [
                (uow.outbox.event(d.event_id).kind.value, d.destination)
                for d in uow.outbox.of_order(order.id)
                if d.event_id is not None
            ]

        return self.read(deliveries)

    def live(self, order):
        """The order's appointment, if it has one."""
        return self.read(lambda uow: uow.schedule.live_appointment(order.id))


def coded(ack):
    """The reply and the code of table 0357 in an acknowledgement."""
    message = decode(ack)
    code = message.get("ERR-3.1") or message.get("ERR-1.4")
    return message.get("MSA-1"), code
