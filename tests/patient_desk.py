"""A desk at which patient administration tells of patients, for tests."""

from dataclasses import replace
from datetime import date, timedelta

from network import CLERK, FEED, NHS_NUMBERS, NORTH, NOW, content, dispatcher, receive

from booking_engine.application.commands import BookSlot
from booking_engine.application.patient_commands import MergePatients, UpdatePatient
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.register import PersonDetails, local_key, nhs_key
from booking_engine.domain.vocabulary import Sex

ANN = content().patient
X1, X2, X3 = (local_key("RA1", f"X{n}") for n in (1, 2, 3))
N1, N2 = nhs_key(NHS_NUMBERS[0]), nhs_key(NHS_NUMBERS[1])
SOUTH = PartnerId("south")
LOCAL_ANN = replace(ANN, nhs_number=None)
NAMED = PersonDetails("Test", "Ann", date(1980, 3, 1), Sex.FEMALE, "M13")
MINUTE = timedelta(minutes=1)


class Desk:
    """What the tests do to the engine, each in its own transaction."""

    def __init__(self):
        self.engine = dispatcher()
        self.minutes = 0

    def do(self, command, actor=FEED):
        return self.engine.handle(command, actor)

    def order(self, number="P1", **given):
        return self.now(self.do(receive(number, **given)).order_id)

    def now(self, order):
        with self.engine.reading(CLERK) as session:
            return session.uow.orders.get(getattr(order, "id", order))

    def live(self, order):
        with self.engine.reading(CLERK) as session:
            return session.uow.schedule.live_appointment(order.id)

    def register(self, *keys):
        with self.engine.reading(CLERK) as session:
            return session.uow.patients.by_keys(keys)

    def book(self, order, hour=0):
        with self.engine.reading(CLERK) as session:
            free = [
                s
                for s in session.uow.schedule.sessions_between(
                    NOW + timedelta(days=2), NOW + timedelta(days=9)
                )
                if s.scanner == "MR1"
            ]
        chosen = free[0]
        starts_at = chosen.starts_at + timedelta(hours=hour)
        self.do(BookSlot(order.id, chosen.id, starts_at), CLERK)
        return self.now(order)

    def adt(self, *keys, at=None, details=NAMED, partner=NORTH, **given):
        self.minutes += 5
        sent_at = NOW + (self.minutes * MINUTE if at is None else at * MINUTE)
        command = UpdatePatient(
            partner, keys, sent_at, details, given.pop("authority", "RA1"), **given
        )
        return self.do(command)

    def merge(self, survivor, discarded, at=None):
        self.minutes += 5
        sent_at = NOW + (self.minutes * MINUTE if at is None else at * MINUTE)
        return self.do(MergePatients(NORTH, survivor, discarded, sent_at, NAMED))

    @property
    def events(self):
        return list(self.engine.open_work.published.events.values())


def codes(order):
    return [hold.code for hold in order.holds]
