"""Use cases of another system's diary with short names, for tests."""

from datetime import UTC, date, datetime, timedelta

from network import CLERK, FEED, INDIE, NHS_NUMBERS, NOW, dispatcher, receive

from booking_engine.application.commands import BookSlot
from booking_engine.application.diary_commands import (
    EndEntry,
    Ending,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import Sex

RIS = Actor("interface:indie")
DAY = datetime(2026, 11, 26, tzinfo=UTC)  # a Thursday, two days ahead


def at(hour, minute=0):
    return DAY + timedelta(hours=hour, minutes=minute)


def on(start, minutes=30, scanner="MRX"):
    return Stretch(scanner, start, start + timedelta(minutes=minutes))


class Engine:
    """The use cases, with short names."""

    def __init__(self):
        self.engine = dispatcher()
        self.sent = NOW

    def do(self, command, actor=CLERK):
        return self.engine.handle(command, actor)

    def place(self, number="P1", **given):
        return self.do(receive(number, **given), FEED).order_id

    def record(self, number="D1", *stretches, partner=INDIE, **given):
        self.sent += timedelta(minutes=1)
        values = {
            "kind": EntryKind.APPOINTMENT,
            "sent_at": self.sent,
        } | given
        return self.do(RecordEntry(partner, number, stretches=stretches, **values), RIS)

    def end(self, number="D1", ending=Ending.CANCELLED, *, partner=INDIE, **given):
        self.sent += timedelta(minutes=1)
        values = {"sent_at": self.sent} | given
        return self.do(EndEntry(partner, number, ending, **values), RIS)

    def session(self, scanner, start):
        with self.engine.reading(CLERK) as session:
            (found,) = session.uow.schedule.sessions_between(
                start, start + timedelta(minutes=1), scanners=[scanner]
            )
        return found

    def book(self, order_id, start, scanner="MRX"):
        session = self.session(scanner, start)
        return self.do(BookSlot(order_id, session.id, start))

    @property
    def tables(self):
        return self.engine.open_work.published

    def order(self, order_id):
        return self.tables.orders[order_id]

    def holds(self, order_id):
        return [hold.code for hold in self.order(order_id).holds]

    def live(self, order_id):
        return self.tables.live(order_id)

    @property
    def entries(self):
        return list(self.tables.diary.values())

    @property
    def told(self):
        return [(e.kind, e.audience) for e in self.tables.events.values()]


SOMEBODY = Patient(
    NHS_NUMBERS[1], "X2", "RA1", "Test", "Bob", date(1970, 1, 1), Sex.MALE, "M13"
)
NUMBERS = OrderNumbers("RA1", "P1")
