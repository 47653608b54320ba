"""Admissions, discharges and transfers: what they change of open orders."""

import pytest
from patient_desk import X1, Desk, codes

from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.register import Visit
from booking_engine.domain.vocabulary import PatientSetting


@pytest.fixture
def desk():
    return Desk()


def test_an_admission_changes_the_setting_and_flags_what_is_booked(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))

    desk.adt(X1, visit=Visit.ADMITTED)

    first, second = desk.now(waiting), desk.now(booked)
    assert first.content.setting is second.content.setting is PatientSetting.INPATIENT
    assert (first.status, first.holds) == (OrderStatus.WAITING, ())
    assert first.vetting == waiting.vetting
    assert (second.status, codes(second)) == (
        OrderStatus.BOOKED,
        [HoldCode.SETTING_CHANGED],
    )


def test_an_admission_that_is_cancelled_is_as_if_it_had_not_been(desk):
    orders = [
        desk.order(),
        desk.book(desk.order("P2")),
        desk.order("P3", setting=PatientSetting.GP),
        desk.order("P4", setting=PatientSetting.INPATIENT),
    ]
    desk.adt(X1, visit=Visit.ADMITTED)

    desk.adt(X1, visit=Visit.ADMISSION_CANCELLED)

    for order in orders:
        now = desk.now(order)
        assert now.content.setting is order.content.setting
        assert (now.status, now.holds) == (order.status, ())


def test_a_discharge_puts_ward_orders_to_a_person(desk):
    ward = desk.order(setting=PatientSetting.INPATIENT)
    booked = desk.book(desk.order("P2", setting=PatientSetting.INPATIENT))
    clinic = desk.order("P3")

    desk.adt(X1, visit=Visit.DISCHARGED)

    assert (desk.now(ward).status, codes(desk.now(ward))) == (
        OrderStatus.HELD,
        [HoldCode.SETTING_CHANGED],
    )
    assert desk.now(booked).status is OrderStatus.BOOKED
    assert codes(desk.now(booked)) == [HoldCode.SETTING_CHANGED]
    assert desk.now(clinic).version == clinic.version

    desk.adt(X1, visit=Visit.DISCHARGE_CANCELLED)

    assert desk.now(ward).status is OrderStatus.WAITING
    assert desk.now(ward).content.setting is PatientSetting.INPATIENT
    assert desk.now(booked).holds == ()


def test_an_older_stay_is_ignored_but_not_its_news_of_the_person(desk):
    order = desk.order()
    desk.adt(X1, visit=Visit.DISCHARGED, at=30)

    desk.adt(X1, visit=Visit.ADMITTED, at=10)

    assert desk.now(order).content.setting is PatientSetting.OUTPATIENT


def test_a_transfer_without_another_setting_changes_nothing(desk):
    order = desk.order()

    desk.adt(X1, visit=Visit.TRANSFERRED)
    assert desk.now(order).version == order.version

    desk.adt(X1, visit=Visit.TRANSFERRED, setting=PatientSetting.INPATIENT)
    assert desk.now(order).content.setting is PatientSetting.INPATIENT
