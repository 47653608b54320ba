"""What becomes of our bookings when another diary moves or ends its entries."""

from datetime import timedelta

import pytest
from diary_desk import NUMBERS, Engine, at, on
from network import NORTH

from booking_engine.application.commands import RecordOutcome
from booking_engine.application.diary_commands import Ending
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.errors import (
    InvalidValue,
    NotKnown,
    SlotTaken,
    TransitionRefused,
)
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.waiting import ClockReason


@pytest.fixture
def engine():
    return Engine()


def test_moving_and_cancelling_a_linked_entry_moves_and_frees_the_order(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    booked = engine.live(order_id)

    received = engine.record("D1", on(at(14)), reason="STAFF")

    moved = engine.live(order_id)
    assert received.kind is ReceivedAs.CHANGED
    assert (moved.id, moved.starts_at) == (booked.id, at(14))
    clock = engine.order(order_id).clock

    engine.end("D1", reason="BROKEN")

    assert engine.live(order_id) is None
    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.order(order_id).clock == clock
    log = engine.tables.clock_log[order_id]
    assert log[-1].reason is ClockReason.HOSPITAL_CANCELLED
    assert engine.tables.appointments[booked.id].cancel_reason == "BROKEN"
    assert engine.told == [
        (EventKind.APPOINTMENT_BOOKED, (NORTH,)),
        (EventKind.APPOINTMENT_MOVED, (NORTH,)),
        (EventKind.APPOINTMENT_CANCELLED, (NORTH,)),
    ]
    assert engine.end("D1").kind is ReceivedAs.DUPLICATE


def test_a_cancellation_by_the_patient_resets_the_clock(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)

    engine.end("D1", by_patient=True)

    assert engine.order(order_id).clock.started_on == at(10).date()


def test_the_keeper_of_the_diary_moves_our_own_booking(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    same = engine.record("X7", on(at(10)), appointment_id=booked.id)
    received = engine.record("X7", on(at(15)))

    assert same.kind is ReceivedAs.CHANGED
    assert received.appointment_id == booked.id
    assert engine.live(order_id).starts_at == at(15)
    assert engine.entries[0].status is EntryStatus.LINKED
    assert engine.told[-1] == (EventKind.APPOINTMENT_MOVED, (NORTH,))

    engine.end("", appointment_id=booked.id)
    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.tables.diary[engine.entries[0].id].status is EntryStatus.LINKED


def test_another_partner_has_no_word_on_it(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10), scanner="MR1")

    with pytest.raises(NotKnown):
        engine.end("", appointment_id=booked.id)
    with pytest.raises(InvalidValue, match="kept by north"):
        engine.record("D1", on(at(10), scanner="MR1"))
    with pytest.raises(NotKnown):
        engine.record("D1", on(at(10)), appointment_id=booked.id, may_create=False)


def test_a_patient_who_has_arrived_is_not_moved(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    engine.engine.clock.advance(timedelta(days=2, hours=1))
    engine.do(RecordOutcome(engine.live(order_id).id, "arrived"))

    with pytest.raises(TransitionRefused):
        engine.record("D1", on(at(14)))


def test_who_did_not_attend_is_recorded_on_the_order(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    with pytest.raises(TransitionRefused):
        engine.end("D1", Ending.MISSED)
    engine.engine.clock.advance(timedelta(days=2, hours=2))

    engine.end("D1", Ending.MISSED)

    assert engine.order(order_id).status is OrderStatus.DID_NOT_ATTEND
    assert engine.order(order_id).clock.started_on == at(10).date()


def test_an_exam_broken_off_is_put_to_a_person(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)

    received = engine.end("D1", Ending.DISCONTINUED, reason="UNWELL")

    assert received.kind is ReceivedAs.HELD
    assert engine.holds(order_id) == [HoldCode.DISCONTINUED]
    assert engine.live(order_id).status is AppointmentStatus.BOOKED


def test_a_closure_is_reopened_in_part(engine):
    order_id = engine.place()
    engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)
    with pytest.raises(SlotTaken):
        engine.book(order_id, at(10))

    engine.end("", Ending.REOPENED, stretches=(on(at(10), 60),))

    taking = [e for e in engine.entries if e.status is EntryStatus.TAKING]
    assert [(e.starts_at, e.ends_at) for e in taking] == [
        (at(9), at(10)),
        (at(11), at(13)),
    ]
    engine.book(order_id, at(10))
