"""What the day brought: outcomes, errors, and the way back to the list."""

from datetime import timedelta

import pytest
from booking_desk import MR1_WED, MR2_WED, WEDNESDAY_9, order_of, placed, told
from network import CLERK, FEED, NORTH, dispatcher

from booking_engine.application.commands import (
    BookSlot,
    CancelAppointment,
    EnterInError,
    MoveAppointment,
    RecordOutcome,
    RelistOrder,
)
from booking_engine.application.on_arrival import book_best
from booking_engine.domain.errors import InvalidValue, StaleVersion, TransitionRefused
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import AppointmentStatus


@pytest.fixture
def engine():
    return dispatcher()


def test_outcomes_follow_the_day(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    with pytest.raises(InvalidValue, match="arrived, performed"):
        engine.handle(RecordOutcome(booked.id, "lost"), CLERK)
    with pytest.raises(TransitionRefused, match="not come yet"):
        engine.handle(RecordOutcome(booked.id, "performed"), CLERK)
    engine.clock.advance(timedelta(days=1))
    arrived = engine.handle(RecordOutcome(booked.id, "arrived"), CLERK)
    with pytest.raises(TransitionRefused):
        engine.handle(MoveAppointment(booked.id, MR2_WED, WEDNESDAY_9, "x"), CLERK)
    engine.handle(RecordOutcome(booked.id, "performed", arrived.version), CLERK)
    assert order_of(engine, order_id).status is OrderStatus.PERFORMED


def test_a_missed_appointment_restarts_the_clock_and_stays_somebodys(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.clock.advance(timedelta(days=1))
    engine.handle(RecordOutcome(booked.id, "did_not_attend"), CLERK)
    order = order_of(engine, order_id)
    assert order.status is OrderStatus.DID_NOT_ATTEND
    assert order.clock.started_on == WEDNESDAY_9.date()
    assert order.overdue_at is not None
    assert told(engine, order_id)[-1] == ("did_not_attend", NORTH)


def test_what_the_day_brought_is_told_to_those_who_do_not_know_it(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.clock.advance(timedelta(days=1))
    engine.handle(RecordOutcome(booked.id, "arrived"), CLERK)
    engine.handle(RecordOutcome(booked.id, "performed"), FEED)
    assert told(engine, order_id)[1:] == [("arrived", NORTH)]


def test_an_appointment_entered_in_error_frees_its_slot_and_its_order(engine):
    order_id = placed(engine)
    before = order_of(engine, order_id)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    with pytest.raises(StaleVersion):
        engine.handle(EnterInError(booked.id, "wrong order", 7), CLERK)

    ended = engine.handle(EnterInError(booked.id, "wrong order", booked.version), CLERK)

    order = order_of(engine, order_id)
    assert ended.status is AppointmentStatus.ENTERED_IN_ERROR
    assert (order.status, order.clock) == (OrderStatus.WAITING, before.clock)
    assert told(engine, order_id)[-1] == ("entered_in_error", NORTH)
    with pytest.raises(TransitionRefused):
        engine.handle(EnterInError(booked.id, "again"), CLERK)
    again = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    assert again.id != booked.id


def test_who_did_not_attend_is_listed_again_by_a_person(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    with pytest.raises(TransitionRefused):
        engine.handle(RelistOrder(order_id), CLERK)
    engine.clock.advance(timedelta(days=1))
    engine.handle(RecordOutcome(booked.id, "did_not_attend"), CLERK)
    engine.handle(RelistOrder(order_id, "spoken to"), CLERK)
    assert order_of(engine, order_id).status is OrderStatus.WAITING
    assert book_best(engine, order_id, CLERK) is not None


def test_an_outcome_of_a_cancelled_appointment_is_refused(engine):
    order_id = placed(engine)
    first = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.handle(CancelAppointment(first.id, "flu", by_patient=False), CLERK)
    engine.handle(BookSlot(order_id, MR2_WED, WEDNESDAY_9), CLERK)
    engine.clock.advance(timedelta(days=1, hours=1))
    with pytest.raises(TransitionRefused, match="cancelled"):
        engine.handle(RecordOutcome(first.id, "did_not_attend"), CLERK)
    assert order_of(engine, order_id).status is OrderStatus.BOOKED


def test_a_patient_who_arrived_unfit_goes_back_to_the_list(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.clock.advance(timedelta(days=1))
    engine.handle(RecordOutcome(booked.id, "arrived"), CLERK)
    engine.handle(CancelAppointment(booked.id, "unfit", by_patient=False), CLERK)
    assert order_of(engine, order_id).status is OrderStatus.WAITING
