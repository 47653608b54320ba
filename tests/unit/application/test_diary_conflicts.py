"""What comes to lie on a booking of ours: both stay, and a person is asked."""

import pytest
from diary_desk import SOMEBODY, Engine, at, on
from network import NOW

from booking_engine.application.commands import CancelOrder, MoveAppointment
from booking_engine.application.diary_commands import Ending, OrderNumbers
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.errors import SlotTaken
from booking_engine.domain.orders import HoldCode, OrderStatus


@pytest.fixture
def engine():
    return Engine()


def test_an_entry_on_a_booking_of_ours_is_a_conflict_for_a_person(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    received = engine.record("D1", on(at(10, 10)), patient="nhs:9990000042")

    assert received.kind is ReceivedAs.HELD
    assert received.others == (order_id,)
    assert engine.live(order_id).starts_at == booked.starts_at
    assert engine.holds(order_id) == [HoldCode.DIARY_CONFLICT]
    assert engine.entries[0].status is EntryStatus.TAKING

    engine.record("D1", on(at(12)))
    assert engine.holds(order_id) == []


def test_the_same_patient_at_the_same_time_is_named_as_such(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    engine.record("D1", on(at(10)), patient=booked.patient)

    (hold,) = engine.order(order_id).holds
    assert "same patient" in hold.detail


def test_moving_the_booking_settles_the_conflict(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))
    engine.record("D1", on(at(10)))

    session = engine.session("MRX", at(11))
    engine.do(MoveAppointment(booked.id, session.id, at(11), "conflict"))

    assert engine.holds(order_id) == []


def test_a_conflict_does_not_cost_the_vetting_when_it_is_cancelled(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))
    engine.record("D1", on(at(10)))

    engine.end("", appointment_id=booked.id)

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_a_move_onto_another_booking_keeps_both_and_asks(engine):
    first, second = engine.place("P1"), engine.place("P2", patient=SOMEBODY)
    engine.record("D1", on(at(10)), order=OrderNumbers("RA1", "P1"))
    engine.book(second, at(11))

    received = engine.record("D1", on(at(11)))

    assert received.kind is ReceivedAs.HELD
    assert engine.live(first).starts_at == at(10)
    assert engine.holds(first) == [HoldCode.BOOKED_ELSEWHERE]
    assert engine.holds(second) == [HoldCode.DIARY_CONFLICT]


def test_a_closure_leaves_bookings_and_puts_each_to_a_person(engine):
    orders = [engine.place(f"P{n}") for n in range(2)]
    for number, order_id in enumerate(orders):
        engine.book(order_id, at(10 + number))

    received = engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)

    assert received.kind is ReceivedAs.HELD
    assert [engine.holds(o) for o in orders] == [[HoldCode.DIARY_CONFLICT]] * 2
    engine.end("B1", Ending.REOPENED)
    assert [engine.holds(o) for o in orders] == [[], []]


def test_time_freed_under_a_closure_is_not_given_away(engine):
    first, second = engine.place("P1"), engine.place("P2")
    engine.book(first, at(10))
    engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)
    engine.do(CancelOrder("gone", NOW, order_id=first))

    with pytest.raises(SlotTaken):
        engine.book(second, at(10))
