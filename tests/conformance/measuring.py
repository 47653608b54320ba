"""What the engine does with one message in one state, measured by sending it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from network import CLERK, dispatcher

from booking_engine.application.commands import (
    CancelOrder,
    RecordOutcome,
)
from booking_engine.application.on_arrival import book_best
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile import Profile
from hl7_adapters.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a message.

    Parameters
    ----------
    answer
        MSA-1 with the code of table 0357, if it is no warning; and of an application
        answer its message code (MSH-9.1), ORC-1, SCH-25 and QAK-2.
    filed
        The message's outcome in the store.
    orders
        States of all orders afterwards, with what they are held for, and of what other
        diaries hold.
    told
        Kinds of the events that it caused.
    """

    answer: str
    filed: str
    orders: str
    told: str


class World:
    """A receiver over a store in memory, and one order in a given state."""

    def __init__(self, profiles: dict[str, Profile], order: bytes) -> None:
        self.engine = dispatcher()
        self.receiver = Receiver(
            self.engine,
            profiles.values(),
            ids=self.engine.ids,
            clock=self.engine.clock,
        )
        self._order = order

    @property
    def tables(self):
        """What the store holds."""
        return self.engine.open_work.published

    def send(self, raw: bytes) -> bytes:
        """Send one message; return its answer."""
        received = Received(raw, "10.0.0.1:4000", 1, self.engine.clock.now(), 2575)
        (answer,) = self.receiver.handle([received])
        assert answer, "a message was not answered"
        return answer

    def bring_to(self, state: str) -> None:
        """Bring the order to a state of its life."""
        for step in STATES[state]:
            step(self)
        self.engine.clock.advance(timedelta(minutes=1))

    def place(self) -> None:
        """Send the order."""
        assert decode(self.send(self._order)).get("MSA-1") in {"AA", "CA"}

    def book(self) -> None:
        """Give it the best slot."""
        book_best(self.engine, self.only_order.id, CLERK)

    def arrive(self) -> None:
        """The day comes, and with it the patient."""
        (appointment,) = self.tables.appointments.values()
        self.engine.clock.advance(appointment.starts_at - self.engine.clock.now())
        self.engine.handle(RecordOutcome(appointment.id, "arrived"), CLERK)

    def perform(self) -> None:
        """The patient is scanned."""
        (appointment,) = self.tables.appointments.values()
        self.engine.handle(RecordOutcome(appointment.id, "performed"), CLERK)

    def withdraw(self) -> None:
        """Somebody here cancels the order."""
        self.engine.handle(
            CancelOrder(
                reason="no longer needed",
                sent_at=self.engine.clock.now(),
                order_id=self.only_order.id,
            ),
            CLERK,
        )

    @property
    def only_order(self):
        """The order that was placed."""
        (order,) = self.tables.orders.values()
        return order


ANSWERED_BY = {"ACK": "", **dict.fromkeys(("ORR", "ORG", "ORI"), "ORR/ORG/ORI")}
"""How answers are named: those to orders mirror the message that they answer."""

STATES = {
    "not known": (),
    "waiting": (World.place,),
    "booked": (World.place, World.book),
    "arrived": (World.place, World.book, World.arrive),
    "performed": (World.place, World.book, World.arrive, World.perform),
    "cancelled": (World.place, World.withdraw),
}
"""How an order gets into each state."""


def measure(
    profiles: dict[str, Profile],
    order: bytes,
    state: str,
    message: bytes,
    *,
    first: Sequence[bytes] = (),
) -> Measured:
    """Return what comes of a message while an order is in a state.

    Parameters
    ----------
    first
        Messages sent before it, once the order is in that state.
    """
    world = World(profiles, order)
    world.bring_to(state)
    for each in first:
        world.send(each)
    before = set(world.tables.events)
    known = set(world.tables.messages)
    answer = decode(world.send(message))
    (new,) = set(world.tables.messages) - known
    code = answer.get("ERR-3.1") or answer.get("ERR-1.4")
    control = answer.get("ORC-1")
    reply = answer.get("MSA-1")
    # From HL7 2.5 on a warning has a code too; here it would only hide what is alike.
    parts = (
        reply,
        code if reply not in {"AA", "CA"} else "",
        ANSWERED_BY.get(answer.get("MSH-9.1"), answer.get("MSH-9.1")),
        f"ORC-1 {control}" if control else "",
        answer.get("SCH-25"),
        answer.get("QAK-2"),
    )
    orders = sorted(
        str(each.status) + (f" ({_codes(each)})" if each.holds else "")
        for each in world.tables.orders.values()
    )
    diary = sorted(
        f"{each.kind} {each.status} in the diary"
        for each in world.tables.diary.values()
    )
    told = [
        str(event.kind)
        for name, event in world.tables.events.items()
        if name not in before
    ]
    return Measured(
        " ".join(part for part in parts if part),
        str(world.tables.messages[new].outcome),
        ", ".join(orders + diary) or "none",
        ", ".join(told) or "nobody",
    )


def _codes(order) -> str:
    return ", ".join(dict.fromkeys(hold.code for hold in order.holds))
