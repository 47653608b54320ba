"""Two numbers that are one patient: what moves, and what a person must look at."""

from dataclasses import replace

import pytest
from network import NHS_NUMBERS
from patient_desk import ANN, LOCAL_ANN, N1, N2, NAMED, X1, X2, X3, Desk, codes

from booking_engine.application.received import ReceivedAs
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.register import OnDeath
from booking_engine.domain.schedule import AppointmentStatus


@pytest.fixture
def desk():
    return Desk()


def test_a_merge_moves_orders_and_appointments(desk):
    booked = desk.book(desk.order(patient=LOCAL_ANN))

    result = desk.merge((X2,), (X1,))

    now = desk.now(booked)
    assert (result.kind, result.order_ids) == (ReceivedAs.CHANGED, (booked.id,))
    assert now.content.patient == replace(LOCAL_ANN, local_id="X2")
    assert (now.status, now.holds) == (OrderStatus.BOOKED, ())
    assert desk.live(booked).patient == X2
    assert any(e.kind is EventKind.APPOINTMENT_CHANGED for e in desk.events)


def test_a_merge_repeated_or_older_changes_nothing(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,), at=10)
    version = desk.now(order).version

    assert desk.merge((X2,), (X1,), at=10).kind is ReceivedAs.RECORDED
    assert desk.merge((X3,), (X1,), at=5).kind is ReceivedAs.IGNORED_OLDER
    assert desk.now(order).version == version


def test_an_order_that_comes_under_the_old_number_is_the_survivors(desk):
    assert desk.merge((X2, N1), (X1,)).kind is ReceivedAs.RECORDED

    order = desk.order(patient=LOCAL_ANN)

    assert order.content.patient.local_id == "X2"
    assert order.content.patient.key == N1


def test_chains_lead_to_the_last_number(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))
    desk.merge((X3,), (X2,))

    late = desk.order("P2", patient=replace(LOCAL_ANN, local_id="X1"))

    assert desk.now(order).content.patient.local_id == "X3"
    assert late.content.patient.local_id == "X3"
    assert {one.id for one in desk.register(X1, X2, X3).values()} == {
        desk.register(X3)[X3].id
    }


def test_a_chain_that_comes_backwards_ends_at_the_same_number(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X3,), (X2,), at=20)
    desk.merge((X2,), (X1,), at=10)

    assert desk.now(order).content.patient.local_id == "X3"


def test_a_number_that_survives_again_is_used_again(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))

    desk.merge((X1,), (X2,))

    assert desk.now(order).content.patient.local_id == "X1"
    late = desk.order("P2", patient=replace(LOCAL_ANN, local_id="X2"))
    assert late.content.patient.local_id == "X1"


def test_the_same_patient_twice_is_refused(desk):
    with pytest.raises(InvalidValue, match="MRG-1"):
        desk.merge((X1, N1), (X1,))


def test_the_same_exam_twice_is_put_to_a_person(desk):
    other = replace(ANN, nhs_number=None, local_id="X2")
    mine = desk.book(desk.order(patient=LOCAL_ANN))
    theirs = desk.book(desk.order("P2", patient=other), hour=2)

    desk.merge((X2,), (X1,))

    assert codes(desk.now(mine)) == [HoldCode.DUPLICATE_AFTER_MERGE]
    assert desk.now(mine).status is OrderStatus.BOOKED
    assert desk.now(theirs).holds == ()
    assert desk.live(mine).status is AppointmentStatus.BOOKED


def test_an_nhs_number_that_differs_is_put_to_a_person(desk):
    order = desk.order()

    desk.merge((X2, N2), (X1,))

    now = desk.now(order)
    assert codes(now) == [HoldCode.IDENTITY_CONFLICT]
    assert now.content.patient.nhs_number == NHS_NUMBERS[1]


def test_the_discarded_nhs_number_serves_a_survivor_without_one(desk):
    desk.adt(X1, N1)
    desk.adt(X2, details=replace(NAMED, given_name="Anne"))

    desk.merge((X2,), (X1,))

    known = desk.register(X1, X2, N1)
    assert len({one.id for one in known.values()}) == 1
    assert known[X2].nhs_number == NHS_NUMBERS[0]
    assert known[X2].given_name == "Anne"


def test_closed_orders_are_filed_under_the_survivor(desk):
    booked = desk.book(desk.order(patient=LOCAL_ANN))
    desk.adt(X1, deceased=True, on_death=OnDeath.RELEASE)
    assert desk.now(booked).status is OrderStatus.CANCELLED

    desk.merge((X2,), (X1,))

    assert desk.now(booked).content.patient.local_id == "X2"
    assert desk.now(booked).status is OrderStatus.CANCELLED


def test_a_merge_into_the_dead_stops_contact(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.adt(X2, deceased=True)

    desk.merge((X2,), (X1,))

    assert desk.now(order).contact_stopped
