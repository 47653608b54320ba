"""What is learnt of an order with a slot goes to a person; the slot stays."""

from dataclasses import replace
from datetime import timedelta

import pytest
from booking_desk import (
    MR1_WED,
    MR2_WED,
    MRX_WED,
    WEDNESDAY_9,
    order_of,
    patient,
    placed,
    told,
)
from network import (
    CLERK,
    FEED,
    GUIDELINES,
    INDIE,
    MR_SAFE,
    NORTH,
    NOW,
    content,
    dispatcher,
    no_risk,
    receive,
)

from booking_engine.application.commands import (
    BookSlot,
    CancelAppointment,
    CancelOrder,
    ChangeOrder,
    ConfirmHold,
    HoldSlot,
    MoveAppointment,
    RecordAnswers,
    VetOrder,
)
from booking_engine.application.naming import Named
from booking_engine.application.on_arrival import book_best
from booking_engine.domain.errors import (
    HoldExpired,
    NotBookable,
    RulesBroken,
    TransitionRefused,
)
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import Priority


@pytest.fixture
def engine():
    return dispatcher()


def test_a_changed_request_never_moves_a_patient_who_was_told(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    change = ChangeOrder(
        NORTH,
        content(
            "P1",
            procedure=ProcedureCode("MRLIVER"),
            priority=Priority.URGENT,
            safety=MR_SAFE,
        ),
        NOW + timedelta(minutes=1),
    )
    engine.handle(change, FEED)
    order = order_of(engine, order_id)
    assert order.status is OrderStatus.BOOKED
    assert [h.code for h in order.holds] == [HoldCode.CHANGED_AFTER_BOOKING]
    with engine.reading(CLERK) as session:
        assert session.uow.schedule.live_appointment(order_id).id == booked.id


def changed_after_booking(engine, **changes):
    """A booked order whose sender then changes the request."""
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    asked = content("P1", **{"priority": Priority.URGENT, **changes})
    engine.handle(ChangeOrder(NORTH, asked, NOW + timedelta(minutes=1)), FEED)
    return order_id, booked


def test_a_person_may_let_the_slot_stay_if_the_changed_exam_still_fits(engine):
    order_id, booked = changed_after_booking(engine)
    with pytest.raises(NotBookable):
        engine.handle(MoveAppointment(booked.id, MR2_WED, WEDNESDAY_9, "x"), CLERK)
    engine.handle(VetOrder(order_id), CLERK)
    order = order_of(engine, order_id)
    assert (order.status, order.holds) == (OrderStatus.BOOKED, ())
    assert order.vetting.by == CLERK
    with pytest.raises(TransitionRefused, match="nothing is to be vetted"):
        engine.handle(VetOrder(order_id), CLERK)


def test_that_the_slot_stays_for_a_changed_exam_is_told(engine):
    order_id, _ = changed_after_booking(engine)
    engine.handle(VetOrder(order_id), CLERK)
    assert told(engine, order_id)[1:] == [("appointment_changed", NORTH)]


def test_a_detail_that_changes_no_booking_is_told_to_the_diarys_owner(engine):
    order_id = placed(engine)
    engine.handle(BookSlot(order_id, MRX_WED, WEDNESDAY_9), CLERK)
    asked = content("P1", accession="ACC9")
    engine.handle(ChangeOrder(NORTH, asked, NOW + timedelta(minutes=1)), FEED)
    engine.handle(ChangeOrder(NORTH, asked, NOW + timedelta(minutes=2)), FEED)
    assert order_of(engine, order_id).holds == ()
    assert told(engine, order_id)[2:] == [("appointment_changed", INDIE)]


def test_a_changed_exam_that_no_longer_fits_must_be_moved(engine):
    """A liver scan takes 40 minutes and two days' notice; the slot has 20."""
    order_id, _ = changed_after_booking(
        engine,
        procedure=ProcedureCode("MRLIVER"),
        safety=no_risk(Question.CARDIAC_DEVICE, Question.CONTRAST_ALLERGY),
    )
    with pytest.raises(RulesBroken):
        engine.handle(VetOrder(order_id), CLERK)
    assert order_of(engine, order_id).holds


def test_a_changed_order_whose_slot_is_cancelled_is_vetted_again(engine):
    """What was vetted was another request: it must not be planned as it is."""
    order_id, booked = changed_after_booking(engine)
    engine.handle(CancelAppointment(booked.id, "changed", by_patient=False), CLERK)
    order = order_of(engine, order_id)
    assert order.status is OrderStatus.AWAITING_VETTING
    assert order.vetting is None


def test_a_change_releases_the_slot_that_was_held_for_the_old_request(engine):
    order_id = placed(engine)
    hold = engine.handle(HoldSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    asked = content("P1", priority=Priority.URGENT)
    engine.handle(ChangeOrder(NORTH, asked, NOW + timedelta(minutes=1)), FEED)
    with pytest.raises(HoldExpired):
        engine.handle(ConfirmHold(hold.id), CLERK)
    other = placed(engine, "P2", patient=patient(1))
    engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)


def answered(engine, order_id, question, answer, *, minutes=5):
    given = SafetyAnswer(question, answer, NOW + timedelta(minutes=minutes), "phone")
    engine.handle(RecordAnswers(order_id, (given,)), CLERK)


def test_a_dangerous_answer_on_a_booked_order_asks_a_person(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    answered(engine, order_id, Question.IMPLANT, Answer.YES)
    order = order_of(engine, order_id)
    assert [h.code for h in order.holds] == [HoldCode.SAFETY_ANSWER_AFTER_BOOKING]
    with pytest.raises(NotBookable):
        engine.handle(VetOrder(order_id), CLERK)
    engine.handle(VetOrder(order_id, cleared=frozenset({Question.IMPLANT})), CLERK)
    assert order_of(engine, order_id).holds == ()
    # Cleared was the answer of then: a new one asks again, and unbooking re-vets.
    answered(engine, order_id, Question.IMPLANT, Answer.YES, minutes=6)
    engine.handle(CancelAppointment(booked.id, "unsafe", by_patient=False), CLERK)
    assert order_of(engine, order_id).status is OrderStatus.AWAITING_VETTING


def test_a_senders_change_never_wipes_what_a_person_was_told(engine):
    order_id = placed(engine)
    answered(engine, order_id, Question.IMPLANT, Answer.YES)
    change = ChangeOrder(
        NORTH,
        content("P1", priority=Priority.URGENT),
        NOW + timedelta(minutes=9),
        guidelines=GUIDELINES,
    )
    engine.handle(change, FEED)
    assert order_of(engine, order_id).status is OrderStatus.VETTED
    with pytest.raises(NotBookable, match="implant is yes"):
        book_best(engine, order_id, CLERK)


def test_within_a_minute_what_comes_later_is_later_and_doubt_goes_to_a_person(engine):
    sent_at = NOW + timedelta(seconds=30)
    order_id = engine.handle(replace(receive("P1"), sent_at=sent_at), FEED).order_id
    named = {"named": Named(NORTH, "RA1", "P1")}
    older = CancelOrder("x", NOW - timedelta(minutes=5), **named)
    engine.handle(older, FEED)
    engine.handle(older, FEED)
    order = order_of(engine, order_id)
    assert [h.code for h in order.holds] == [HoldCode.CANCEL_OUT_OF_ORDER]
    engine.handle(CancelOrder("x", NOW, **named), FEED)
    assert order_of(engine, order_id).status is OrderStatus.CANCELLED
