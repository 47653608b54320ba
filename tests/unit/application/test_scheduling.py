"""Slots for people and urgent orders: hold, book, move, cancel, outcomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from network import (
    CLERK,
    FEED,
    GUIDELINES,
    INDIE,
    MR_SAFE,
    NHS_NUMBERS,
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
    EnterInError,
    ExpireHolds,
    HoldSlot,
    MoveAppointment,
    RecordAnswers,
    RecordOutcome,
    ReleaseHold,
    RelistOrder,
    VetOrder,
)
from booking_engine.application.naming import Named
from booking_engine.application.on_arrival import book_best
from booking_engine.application.received import ReceivedAs
from booking_engine.application.slots import search_slots
from booking_engine.domain.errors import (
    HoldExpired,
    InvalidValue,
    NotBookable,
    PatientBusy,
    RulesBroken,
    SlotTaken,
    StaleVersion,
    TransitionRefused,
)
from booking_engine.domain.identifiers import ProcedureCode, SessionId
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.patients import Needs, Patient
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.vocabulary import PatientSetting, Priority, Sex

WEDNESDAY_9 = datetime(2026, 11, 25, 9, tzinfo=UTC)
MR1_WED = SessionId("MR1-261125-0800")
MR2_WED = SessionId("MR2-261125-0900")
MRX_WED = SessionId("MRX-261125-0900")


def patient(number):
    return Patient(
        NHS_NUMBERS[number], f"X{number}", "RA1", "Test", "Bo", None, Sex.MALE, "M13"
    )


@pytest.fixture
def engine():
    return dispatcher()


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


def test_the_best_slot_is_booked_explained_and_told(engine):
    """One day's notice: Wednesday. MR 1 is 5 km away and in the own trust."""
    order_id = placed(engine)
    appointment = book_best(engine, order_id, CLERK)

    assert (appointment.session_id, appointment.starts_at.hour) == (MR1_WED, 8)
    assert order_of(engine, order_id).status is OrderStatus.BOOKED
    assert told(engine, order_id) == [("appointment_booked", NORTH)]
    with engine.reading(CLERK) as session:
        decision = session.uow.decisions.get(appointment.decision_id)
    assert decision.appointment_id == appointment.id
    assert decision.runner_up is not None
    assert decision.options > 1
    assert dict(decision.excluded)["modality"] == 1
    assert decision.sentence.startswith(
        "Wed 25 November 2026 at 08:00 on MR 1 at North A"
    )
    assert "day 21 of the wait, 14 days inside the 35-day target" in decision.sentence


def test_a_booking_elsewhere_is_told_to_both_diary_and_placer(engine):
    order_id = placed(engine)
    engine.handle(BookSlot(order_id, MRX_WED, WEDNESDAY_9), CLERK)
    assert told(engine, order_id) == [
        ("appointment_booked", INDIE),
        ("appointment_booked", NORTH),
    ]


@pytest.mark.parametrize(
    ("changes", "session", "hour", "rule"),
    [
        ({"needs": Needs(hoist=True)}, MRX_WED, 9, "capability"),
        ({"needs": Needs(weight_kg=160)}, MRX_WED, 9, "weight"),
        ({"setting": PatientSetting.INPATIENT}, MR2_WED, 9, "site"),
        ({"needs": Needs(travel_cap_km=3)}, MR2_WED, 9, "travel"),
        ({}, SessionId("CT1-261125-0800"), 8, "modality"),
        ({}, SessionId("MR1-261127-1400"), 14, "list_type"),
        ({}, SessionId("MR1-261124-0800"), 10, "notice"),
        ({}, MR1_WED, 14, "length"),
        (
            {"latest_on": datetime(2026, 11, 24, tzinfo=UTC).date()},
            MR1_WED,
            9,
            "latest",
        ),
    ],
)
def test_a_person_cannot_break_a_hard_rule(engine, changes, session, hour, rule):
    order_id = placed(engine, **changes)
    with engine.reading(CLERK) as reading:
        day = reading.uow.schedule.session(session).starts_at
    with pytest.raises(RulesBroken) as refused:
        engine.handle(BookSlot(order_id, session, day.replace(hour=hour)), CLERK)
    assert rule in refused.value.rules
    assert order_of(engine, order_id).status is OrderStatus.WAITING


def test_an_unvetted_order_cannot_be_booked(engine):
    order_id = placed(engine, guidelines=frozenset())
    with pytest.raises(NotBookable, match="vet it first"):
        book_best(engine, order_id, CLERK)


def test_a_safety_answer_that_is_missing_blocks_booking(engine):
    order_id = placed(engine, safety=no_risk(Question.IMPLANT))
    with pytest.raises(NotBookable, match="cardiac_device is unknown"):
        book_best(engine, order_id, CLERK)


def test_a_taken_slot_and_a_busy_patient_are_refused(engine):
    first = placed(engine, "P1")
    engine.handle(BookSlot(first, MR1_WED, WEDNESDAY_9), CLERK)

    other = placed(engine, "P2", patient=patient(1))
    with pytest.raises(SlotTaken, match="09:00 to 09:20"):
        engine.handle(
            BookSlot(other, MR1_WED, WEDNESDAY_9 + timedelta(minutes=10)), CLERK
        )
    same_patient = placed(engine, "P3")
    with pytest.raises(PatientBusy):
        engine.handle(BookSlot(same_patient, MR2_WED, WEDNESDAY_9), CLERK)
    touching = WEDNESDAY_9 + timedelta(minutes=20)
    engine.handle(BookSlot(other, MR1_WED, touching), CLERK)


def test_the_search_leaves_out_times_at_which_the_patient_is_elsewhere(engine):
    first = placed(engine, "P1")
    booked = book_best(engine, first, CLERK)
    second = placed(engine, "P2")
    with engine.reading(CLERK) as session:
        found = search_slots(
            session.uow.orders.get(second), session.uow, session.context, limit=10
        )
    assert found.options
    for option in found.options:
        ends_at = option.chosen.starts_at + timedelta(minutes=option.chosen.minutes)
        assert ends_at <= booked.starts_at or option.chosen.starts_at >= booked.ends_at


def test_a_contract_that_is_used_up_takes_no_more(engine):
    """The ceiling is three exams."""
    for number in range(3):
        order_id = placed(engine, f"P{number}", patient=patient(number))
        at = WEDNESDAY_9 + timedelta(minutes=20 * number)
        engine.handle(BookSlot(order_id, MRX_WED, at), CLERK)
    last = placed(engine, "P3", patient=patient(3))
    with pytest.raises(RulesBroken, match="contract_ceiling"):
        engine.handle(BookSlot(last, MRX_WED, WEDNESDAY_9 + timedelta(hours=2)), CLERK)
    with engine.reading(CLERK) as session:
        found = search_slots(
            session.uow.orders.get(last), session.uow, session.context, limit=10
        )
    assert not [o for o in found.options if o.chosen.scanner == "MRX"]


def test_a_hold_keeps_the_slot_until_it_lapses(engine):
    order_id = placed(engine)
    hold = engine.handle(HoldSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    assert hold.status is AppointmentStatus.HELD
    assert order_of(engine, order_id).status is OrderStatus.WAITING
    other = placed(engine, "P2", patient=patient(1))
    with pytest.raises(SlotTaken):
        engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)

    engine.clock.advance(timedelta(minutes=6))
    with pytest.raises(HoldExpired):
        engine.handle(ConfirmHold(hold.id), CLERK)
    assert engine.handle(ExpireHolds(), CLERK) == 1
    engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)


def test_a_cancel_in_doubt_gives_back_a_slot_that_is_only_offered(engine):
    order_id = placed(engine)
    engine.handle(HoldSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    older = engine.clock.now() - timedelta(days=30)
    received = engine.handle(CancelOrder("late", older, order_id=order_id), CLERK)

    assert received.kind is ReceivedAs.HELD
    other = placed(engine, "P2", patient=patient(1))
    engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)


def test_a_confirmed_hold_is_a_booking_with_a_decision(engine):
    order_id = placed(engine)
    hold = engine.handle(HoldSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    with pytest.raises(StaleVersion):
        engine.handle(ConfirmHold(hold.id, version=hold.version + 1), CLERK)
    booked = engine.handle(ConfirmHold(hold.id, version=hold.version), CLERK)
    assert booked.status is AppointmentStatus.BOOKED
    assert booked.decision_id is not None
    assert order_of(engine, order_id).status is OrderStatus.BOOKED
    assert told(engine, order_id) == [("appointment_booked", NORTH)]
    with pytest.raises(TransitionRefused):
        engine.handle(ReleaseHold(hold.id), CLERK)


def test_moving_within_a_diary_is_one_message_and_across_two(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    moved = engine.handle(
        MoveAppointment(booked.id, MR2_WED, WEDNESDAY_9, "asked", booked.version),
        CLERK,
    )
    assert (moved.id, moved.scanner) == (booked.id, "MR2")
    with pytest.raises(StaleVersion):
        engine.handle(
            MoveAppointment(booked.id, MRX_WED, WEDNESDAY_9, "asked", booked.version),
            CLERK,
        )
    engine.handle(
        MoveAppointment(booked.id, MRX_WED, WEDNESDAY_9, "asked", moved.version), CLERK
    )
    assert told(engine, order_id) == [
        ("appointment_booked", NORTH),
        ("appointment_moved", NORTH),
        ("appointment_moved", NORTH),
        ("appointment_booked", INDIE),
    ]
    assert order_of(engine, order_id).clock.started_on == NOW.date() - timedelta(20)


@pytest.mark.parametrize(("by_patient", "days"), [(True, 0), (False, 21)])
def test_only_the_patients_cancellation_restarts_the_clock(engine, by_patient, days):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.handle(CancelAppointment(booked.id, "flu", by_patient), CLERK)
    order = order_of(engine, order_id)
    assert order.status is OrderStatus.WAITING
    assert order.clock.waited_days(WEDNESDAY_9.date()) == days
    assert order.clock.original_request_on == NOW.date() - timedelta(days=20)
    assert told(engine, order_id)[-1] == ("appointment_cancelled", NORTH)


def test_cancelling_a_booked_order_frees_its_slot(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    engine.handle(
        CancelOrder("gone", NOW, named=Named(NORTH, "RA1", "P1")),
        FEED,
    )
    with engine.reading(CLERK) as session:
        after = session.uow.schedule.appointment(booked.id)
    assert after.status is AppointmentStatus.CANCELLED
    other = placed(engine, "P2", patient=patient(1))
    engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)


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


def test_a_hold_that_used_the_last_of_a_contract_can_be_confirmed(engine):
    for number in range(2):
        order_id = placed(engine, f"P{number}", patient=patient(number))
        at = WEDNESDAY_9 + timedelta(minutes=20 * number)
        engine.handle(BookSlot(order_id, MRX_WED, at), CLERK)
    last = placed(engine, "P9", patient=patient(3))
    at = WEDNESDAY_9 + timedelta(hours=1)
    hold = engine.handle(HoldSlot(last, MRX_WED, at), CLERK)
    confirmed = engine.handle(ConfirmHold(hold.id), CLERK)
    assert confirmed.status is AppointmentStatus.BOOKED


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


def test_a_number_used_again_after_its_cancellation_waits_for_a_person(engine):
    first = placed(engine)
    engine.handle(CancelOrder("gone", NOW, order_id=first), CLERK)
    again = replace(receive("P1"), sent_at=NOW + timedelta(minutes=5))
    received = engine.handle(again, FEED)
    order = order_of(engine, received.order_id)
    assert received.order_id != first
    assert [h.code for h in order.holds] == [HoldCode.PLACER_NUMBER_REUSED]
    # A late repeat of the first message is no new wish.
    assert engine.handle(again, FEED).order_id == received.order_id


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


def test_an_opening_is_offered_around_the_patients_other_appointment(engine):
    """Only MR 1 can take an inpatient here; 08:00 to 08:20 on Wednesday is theirs."""
    first = placed(engine, "P1", setting=PatientSetting.INPATIENT)
    at = WEDNESDAY_9.replace(hour=8)
    engine.handle(BookSlot(first, MR1_WED, at), CLERK)
    second = placed(engine, "P2", setting=PatientSetting.INPATIENT)
    with engine.reading(CLERK) as session:
        order = session.uow.orders.get(second)
        found = search_slots(order, session.uow, session.context, limit=50)
    assert MR1_WED in {o.chosen.session_id for o in found.options}
    assert book_best(engine, second, CLERK) is not None


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


def test_an_inpatient_whose_place_is_not_known_is_offered_no_scanner(engine):
    order_id = placed(engine, setting=PatientSetting.INPATIENT, site=None)
    assert book_best(engine, order_id, CLERK) is None
