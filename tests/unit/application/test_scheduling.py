"""Slots for people and urgent orders: hold, book, move, cancel, outcomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
from network import CLERK, FEED, INDIE, NORTH, NOW, dispatcher, no_risk, receive

from booking_engine.application.commands import (
    BookSlot,
    CancelAppointment,
    CancelOrder,
    ConfirmHold,
    ExpireHolds,
    HoldSlot,
    MoveAppointment,
    ReleaseHold,
)
from booking_engine.application.naming import Named
from booking_engine.application.on_arrival import book_best
from booking_engine.application.received import ReceivedAs
from booking_engine.application.slots import search_slots
from booking_engine.domain.errors import (
    HoldExpired,
    NotBookable,
    PatientBusy,
    RulesBroken,
    SlotTaken,
    StaleVersion,
    TransitionRefused,
)
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.patients import Needs
from booking_engine.domain.safety import Question
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.vocabulary import PatientSetting


@pytest.fixture
def engine():
    return dispatcher()


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


def test_an_inpatient_whose_place_is_not_known_is_offered_no_scanner(engine):
    order_id = placed(engine, setting=PatientSetting.INPATIENT, site=None)
    assert book_best(engine, order_id, CLERK) is None
