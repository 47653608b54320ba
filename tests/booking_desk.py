"""Orders placed and looked up, and a day of sessions to book, for tests."""

from datetime import UTC, datetime

import numpy as np
from network import CLERK, FEED, NHS_NUMBERS, NOW, receive

from booking_engine.application.protecting import RoomKept
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import Priority, Sex
from solver.bidprices import DemandToCome, room_prices

WEDNESDAY_9 = datetime(2026, 11, 25, 9, tzinfo=UTC)
MR1_WED = SessionId("MR1-261125-0800")
MR2_WED = SessionId("MR2-261125-0900")
MRX_WED = SessionId("MRX-261125-0900")


def patient(number):
    return Patient(
        NHS_NUMBERS[number], f"X{number}", "RA1", "Test", "Bo", None, Sex.MALE, "M13"
    )


def placed(engine, number="P1", **changes):
    return engine.handle(receive(number, **changes), FEED).order_id


def order_of(engine, order_id):
    with engine.reading(CLERK) as session:
        return session.uow.orders.get(order_id)


def told(engine, order_id):
    with engine.reading(CLERK) as session:
        out = session.uow.outbox
        return [
            (out.event(d.event_id).kind.value, d.destination)
            for d in out.of_order(order_id)
        ]


def urgent_to_come(*scanners):
    """Two urgent exams of 20 minutes still to come on each, for each day ahead."""
    table = np.zeros((2, len(Priority), 29))
    table[0, Priority.URGENT.tier, 1:] = 2.0
    demand = DemandToCome(table, np.array([20, 20]))
    prices = room_prices(demand, displaced_cost=np.full(len(Priority), 500.0))
    return RoomKept(prices, demand, dict.fromkeys(scanners, 0), NOW, NOW, 7)
