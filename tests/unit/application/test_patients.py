"""Patient administration: whose orders change, what is held, what is taken back."""

from dataclasses import replace
from datetime import date

import pytest
from network import NHS_NUMBERS, NORTH, NOW, receive
from patient_desk import ANN, LOCAL_ANN, N1, N2, NAMED, X1, X2, Desk, codes

from booking_engine.application.patient_commands import (
    QuestionIdentity,
    RecordPatientAnswers,
    TakeBackPatientAnswers,
)
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.register import PersonDetails, local_key
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import Sex


@pytest.fixture
def desk():
    return Desk()


def test_details_reach_open_orders_and_leave_the_vetting(desk):
    order = desk.order()
    details = PersonDetails(family_name="Married", outward_code="BL4")

    result = desk.adt(X1, details=details)

    now = desk.now(order)
    assert result.kind is ReceivedAs.CHANGED
    assert result.order_ids == (order.id,)
    patient = now.content.patient
    assert (patient.family_name, patient.outward_code) == ("Married", "BL4")
    assert (patient.given_name, patient.birth_date) == ("Ann", date(1980, 3, 1))
    assert now.status is OrderStatus.WAITING
    assert now.vetting == order.vetting


def test_a_repeat_changes_no_order(desk):
    order = desk.order()
    desk.adt(X1, N1)
    version = desk.now(order).version

    assert desk.adt(X1, N1).kind is ReceivedAs.RECORDED
    assert desk.now(order).version == version


def test_orders_of_others_are_left_alone(desk):
    other = replace(ANN, nhs_number=NHS_NUMBERS[1], local_id="X2")
    same_number_elsewhere = replace(LOCAL_ANN, local_authority="RB2")
    orders = [
        desk.order("P2", patient=other),
        desk.order("P3", patient=same_number_elsewhere),
    ]

    assert desk.adt(X1, N1).kind is ReceivedAs.RECORDED
    assert [desk.now(order).version for order in orders] == [1, 1]


def test_an_nhs_number_reaches_other_hospitals_orders_with_the_birth_date(desk):
    elsewhere = replace(ANN, local_id="9", local_authority="RB2")
    theirs = desk.order("P2", patient=elsewhere)
    twin = desk.order("P3", patient=replace(elsewhere, birth_date=date(1980, 3, 2)))
    details = replace(NAMED, family_name="Married")

    desk.adt(X1, N1, details=details)

    assert desk.now(theirs).content.patient.family_name == "Married"
    assert desk.now(theirs).content.patient.local_id == "9"
    assert desk.now(twin).content.patient.family_name == "Test"


def test_older_news_is_ignored(desk):
    order = desk.order()
    desk.adt(X1, details=replace(NAMED, family_name="New"), at=10)

    old = desk.adt(X1, details=replace(NAMED, family_name="Old"), at=5)

    assert old.kind is ReceivedAs.IGNORED_OLDER
    assert desk.now(order).content.patient.family_name == "New"


def test_an_nhs_number_is_added_to_orders_that_lack_it(desk):
    order = desk.order(patient=LOCAL_ANN)
    booked = desk.book(order)

    desk.adt(X1, N1)

    assert desk.now(booked).content.patient.key == N1
    assert desk.live(order).patient == N1


def test_another_nhs_number_for_a_known_number_is_held_not_applied(desk):
    order = desk.order()
    desk.adt(X1, N1)

    result = desk.adt(X1, N2, details=replace(NAMED, family_name="Other"))

    now = desk.now(order)
    assert result.kind is ReceivedAs.HELD
    assert result.order_ids == (order.id,)
    assert codes(now) == [HoldCode.IDENTITY_CONFLICT]
    assert now.content.patient.family_name == "Test"
    assert N2 not in desk.register(X1, N2)


def test_an_order_with_another_nhs_number_than_the_first_message_is_held(desk):
    order = desk.order()

    desk.adt(X1, N2, details=replace(NAMED, family_name="Other"))

    assert codes(desk.now(order)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(order).content.patient.family_name == "Test"


@pytest.mark.parametrize("known", [True, False])
def test_a_number_that_names_somebody_else_now_is_held(desk, known):
    order = desk.order(patient=LOCAL_ANN)
    if known:
        desk.adt(X1)

    desk.adt(X1, details=PersonDetails("Else", "Bob", date(1950, 1, 1), Sex.MALE))

    assert codes(desk.now(order)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(order).content.patient == LOCAL_ANN


def test_a_birth_date_corrected_or_a_name_changed_is_no_conflict(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.adt(X1)

    desk.adt(X1, details=replace(NAMED, birth_date=date(1980, 3, 2)))
    desk.adt(X1, details=replace(NAMED, family_name="Wed", birth_date=date(1980, 3, 2)))

    patient = desk.now(order).content.patient
    assert (patient.family_name, patient.birth_date) == ("Wed", date(1980, 3, 2))
    assert desk.now(order).status is OrderStatus.WAITING


def test_a_birth_date_releases_what_waited_for_it_alone(desk):
    missing = HoldReason(HoldCode.MISSING_BIRTH_DATE)
    site = HoldReason(HoldCode.UNKNOWN_SITE, "Q")
    born = replace(ANN, birth_date=None)
    one = desk.order(patient=born, holds=(missing,))
    two = desk.order("P2", patient=born, holds=(missing, site))

    desk.adt(X1, N1)

    assert desk.now(one).status is OrderStatus.AWAITING_VETTING
    assert desk.now(one).content.patient.birth_date == date(1980, 3, 1)
    assert desk.now(two).status is OrderStatus.HELD
    assert desk.now(two).holds == (site,)


def test_a_birth_date_deleted_holds_the_order(desk):
    order = desk.order()

    desk.adt(X1, details=PersonDetails(birth_date=None))

    assert codes(desk.now(order)) == [HoldCode.MISSING_BIRTH_DATE]


def test_an_interpreter_needed_flags_a_booked_order(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, interpreter=True)

    now = desk.now(booked)
    assert now.content.needs.interpreter
    assert (now.status, codes(now)) == (
        OrderStatus.BOOKED,
        [HoldCode.CHANGED_AFTER_BOOKING],
    )


def test_those_who_know_of_a_booking_are_told_of_new_details(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, details=replace(NAMED, family_name="Married"))

    (event,) = (e for e in desk.events if e.kind is EventKind.APPOINTMENT_CHANGED)
    assert (event.order_id, event.audience) == (booked.id, (NORTH,))
    assert event.appointment_id == desk.live(booked).id
    assert not event.contact_stopped


def test_of_ones_own_numbers_what_is_not_listed_is_taken_back(desk):
    desk.adt(X1, X2, N1)
    desk.adt(local_key("RB2", "9"), N1, authority="RB2")

    desk.adt(X1)

    assert set(desk.register(X1, X2, N1, local_key("RB2", "9"))) == {
        X1,
        N1,
        local_key("RB2", "9"),
    }


def test_an_order_without_the_nhs_number_gets_the_one_that_is_known(desk):
    desk.adt(X1, N1)

    order = desk.order(patient=LOCAL_ANN)

    assert order.content.patient.key == N1
    assert order.status is OrderStatus.WAITING


def test_an_order_with_another_nhs_number_is_held(desk):
    desk.adt(X1, N1)

    order = desk.order(patient=replace(ANN, nhs_number=NHS_NUMBERS[1]))

    assert codes(order) == [HoldCode.IDENTITY_CONFLICT]
    assert order.content.patient.nhs_number == NHS_NUMBERS[1]


def test_a_resend_of_an_order_for_a_merged_number_is_a_repeat(desk):
    desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))

    assert desk.do(receive(patient=LOCAL_ANN)).kind is ReceivedAs.DUPLICATE


def test_a_doubt_holds_the_open_orders_of_the_hospitals_number(desk):
    mine = desk.order()
    elsewhere = desk.order("P2", patient=replace(ANN, local_authority="RB2"))

    result = desk.do(QuestionIdentity(NORTH, (X1, N1), "A37: unlink"))

    assert result.order_ids == (mine.id,)
    assert codes(desk.now(mine)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(elsewhere).holds == ()


def test_an_allergy_reaches_every_open_order_once(desk):
    order = desk.order()
    allergy = SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, NOW, "north IAM-3")
    command = RecordPatientAnswers(NORTH, (X1,), (allergy,))

    assert desk.do(command).order_ids == (order.id,)
    assert desk.do(command).kind is ReceivedAs.RECORDED
    assert desk.now(order).content.safety.count(allergy) == 1


def test_an_allergy_taken_back_stands_and_is_noted_once(desk):
    order = desk.order()
    allergy = SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, NOW, "north IAM-3")
    desk.do(RecordPatientAnswers(NORTH, (X1,), (allergy,)))
    other = desk.order("P2")  # came later, without it
    command = TakeBackPatientAnswers(NORTH, (X1,), Question.CONTRAST_ALLERGY)

    first, again = desk.do(command), desk.do(command)

    assert (first.kind, first.order_ids) == (ReceivedAs.HELD, (order.id,))
    assert (again.kind, again.order_ids) == (ReceivedAs.RECORDED, ())
    assert allergy in desk.now(order).content.safety
    with desk.engine.reading("person:test") as session:
        notes = [c.note for c in session.uow.orders.history(order.id)]
        others = [c.note for c in session.uow.orders.history(other.id)]
    assert (
        notes.count("contrast_allergy taken back by north; a clinician clears it") == 1
    )
    assert not any("taken back" in note for note in others)
