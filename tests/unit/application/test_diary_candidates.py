"""An appointment without an order's number is proposed for the orders it may be."""

import pytest
from diary_desk import NUMBERS, SOMEBODY, Engine, at, on

from booking_engine.application.commands import ReleaseOrder
from booking_engine.application.diary_candidates import PERHAPS
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.orders import HoldCode, OrderStatus


@pytest.fixture
def engine():
    return Engine()


def perhaps(engine, *stretches, **given):
    """Record an appointment that names its exam and no order."""
    patient = next(iter(engine.tables.orders.values())).content.patient.key
    exam = {"patient": patient, "procedures": frozenset({"MRHEAD"})}
    return engine.record("D1", *stretches, **exam | given)


def test_an_appointment_without_a_number_is_proposed_for_the_orders_it_may_be(engine):
    order_id = engine.place()

    received = perhaps(engine, on(at(10)))

    assert received.kind is ReceivedAs.HELD
    assert received.others == (order_id,)
    order = engine.order(order_id)
    (entry,) = engine.entries
    assert order.status is OrderStatus.HELD
    assert [(h.code, h.detail) for h in order.holds] == [
        (HoldCode.BOOKED_ELSEWHERE, f"{entry.id} {PERHAPS}")
    ]
    assert (entry.status, entry.order_id) == (EntryStatus.TAKING, None)


@pytest.mark.parametrize(
    "given",
    [
        {"procedures": frozenset({"CTHEAD"})},
        {"procedures": frozenset()},
        {"patient": SOMEBODY.key},
        {"patient": None},
        {"kind": EntryKind.CLOSURE},
    ],
    ids=repr,
)
def test_another_exam_or_patient_is_no_candidate(engine, given):
    order_id = engine.place()

    assert perhaps(engine, on(at(10)), **given).kind is ReceivedAs.CREATED

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_an_order_that_is_booked_is_no_candidate(engine):
    order_id = engine.place()
    engine.book(order_id, at(10))

    perhaps(engine, on(at(14)))

    assert engine.holds(order_id) == []


def test_a_proposal_ends_with_its_appointment(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))
    perhaps(engine, on(at(11)))  # moved: the same question, asked once
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    engine.end("D1")

    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.holds(order_id) == []


def test_a_change_of_the_exam_takes_the_proposal_back(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))

    perhaps(engine, on(at(11)), procedures=frozenset({"CTHEAD"}))

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_what_a_person_released_is_not_asked_again_by_a_repeat(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))
    engine.do(ReleaseOrder(order_id))

    assert perhaps(engine, on(at(10))).kind is ReceivedAs.DUPLICATE

    assert engine.holds(order_id) == []


def test_a_number_that_comes_later_links_the_order_that_was_proposed(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))

    received = perhaps(engine, on(at(10)), order=NUMBERS)

    assert received.kind is ReceivedAs.CHANGED
    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert engine.holds(order_id) == []
    assert engine.live(order_id).starts_at == at(10)
