"""A death: contact stops, slots are kept until a person decides, and errors undone."""

from datetime import date

import pytest
from network import CLERK
from patient_desk import N1, SOUTH, X1, Desk, codes

from booking_engine.application.commands import ReleaseOrder, VetOrder
from booking_engine.application.patient_commands import SettleDeath
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.register import OnDeath
from booking_engine.domain.schedule import AppointmentStatus


@pytest.fixture
def desk():
    return Desk()


def test_a_death_holds_every_open_order_and_keeps_the_slot(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))

    desk.adt(X1, N1, deceased=True, deceased_on=date(2026, 11, 23))

    first, second = desk.now(waiting), desk.now(booked)
    assert (first.status, codes(first)) == (
        OrderStatus.HELD,
        [HoldCode.PATIENT_DECEASED],
    )
    assert (second.status, codes(second)) == (
        OrderStatus.BOOKED,
        [HoldCode.PATIENT_DECEASED],
    )
    assert desk.live(booked).status is AppointmentStatus.BOOKED
    assert first.contact_stopped
    assert second.contact_stopped
    assert desk.register(X1)[X1].deceased_on == date(2026, 11, 23)


def test_an_order_that_comes_after_a_death_is_held(desk):
    desk.adt(X1, N1, deceased=True)

    assert codes(desk.order()) == [HoldCode.PATIENT_DECEASED]


def test_nobody_releases_or_vets_the_dead(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))
    desk.adt(X1, deceased=True)

    with pytest.raises(InvalidValue, match="died"):
        desk.do(ReleaseOrder(waiting.id), CLERK)
    with pytest.raises(InvalidValue, match="died"):
        desk.do(VetOrder(booked.id), CLERK)


def test_a_wrong_death_is_taken_back_whole(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))
    unvetted = desk.order("P3", guidelines=frozenset())
    site = HoldReason(HoldCode.UNKNOWN_SITE, "Q")
    held = desk.order("P4", holds=(site,))
    desk.adt(X1, deceased=True)

    desk.adt(X1, deceased=False)

    assert desk.now(waiting).status is OrderStatus.WAITING
    assert desk.now(waiting).vetting == waiting.vetting
    assert desk.now(booked).holds == ()
    assert desk.now(unvetted).status is OrderStatus.AWAITING_VETTING
    assert desk.now(held).holds == (site,)
    assert not desk.register(X1)[X1].deceased


def test_another_partners_routine_no_does_not_raise_the_dead(desk):
    order = desk.order()
    desk.adt(X1, N1, deceased=True)

    desk.adt(N1, deceased=False, partner=SOUTH)

    assert desk.now(order).contact_stopped


def test_an_older_death_counts_unless_it_was_denied_since(desk):
    order = desk.order()
    desk.adt(X1, at=30)
    desk.adt(X1, deceased=True, at=20)
    assert desk.now(order).contact_stopped

    desk.adt(X1, deceased=False, at=40)
    desk.adt(X1, deceased=True, at=35)
    assert not desk.now(order).contact_stopped


def test_slots_are_released_at_once_where_the_partner_says_so(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, deceased=True, on_death=OnDeath.RELEASE)

    assert desk.now(booked).status is OrderStatus.CANCELLED
    assert desk.live(booked) is None
    told = [e for e in desk.events if e.kind is EventKind.APPOINTMENT_CANCELLED]
    assert [(e.reason, e.contact_stopped) for e in told] == [("deceased", True)]


def test_a_person_confirms_a_death_and_all_slots_are_released(desk):
    booked, waiting = desk.book(desk.order()), desk.order("P2")
    desk.adt(X1, N1, deceased=True)

    settled = desk.do(SettleDeath(waiting.id, deceased=True), CLERK)

    assert {order.id for order in settled} == {booked.id, waiting.id}
    assert desk.now(booked).status is OrderStatus.CANCELLED
    assert desk.now(waiting).status is OrderStatus.CANCELLED
    assert desk.live(booked) is None
    assert desk.register(X1)[X1].deceased


def test_a_person_denies_a_death(desk):
    booked, waiting = desk.book(desk.order()), desk.order("P2")
    desk.adt(X1, N1, deceased=True)

    desk.do(SettleDeath(booked.id, deceased=False), CLERK)

    assert desk.now(booked).holds == ()
    assert desk.now(waiting).status is OrderStatus.WAITING
    assert desk.order("P3").status is OrderStatus.WAITING
    with pytest.raises(TransitionRefused):
        desk.do(SettleDeath(booked.id, deceased=True), CLERK)
