"""A person answers whether another diary's appointment is for an order."""

import pytest
from diary_desk import Engine, at, on
from network import CLERK

from booking_engine.application.commands import ReleaseOrder, VetOrder
from booking_engine.application.diary_commands import AcceptProposal, DeclineProposal
from booking_engine.application.diary_proposals import proposed_to
from booking_engine.domain.diary_entries import EntryStatus
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.orders import HoldCode, OrderStatus

TEN = at(10)


@pytest.fixture
def engine():
    return Engine()


def propose(engine, start=TEN, number="D1"):
    patient = next(iter(engine.tables.orders.values())).content.patient.key
    exam = {"patient": patient, "procedures": frozenset({"MRHEAD"})}
    engine.record(number, on(start), **exam)
    return next(e for e in engine.entries if e.number == number)


def accept(engine, order_id, entry, reason="asked them"):
    return engine.do(AcceptProposal(order_id, entry.id, reason))


def decline(engine, order_id, entry, reason="another knee"):
    return engine.do(DeclineProposal(order_id, entry.id, reason))


def last(engine, order_id, action):
    return [c for c in engine.tables.history[order_id] if c.action == action][-1]


def test_the_entries_proposed_for_an_order_are_listed(engine):
    order_id = engine.place()
    entry = propose(engine)
    engine.record("D2", on(at(14)), patient=entry.patient)

    with engine.engine.reading(CLERK) as session:
        order = session.uow.orders.get(order_id)
        assert proposed_to(order, session.uow) == [entry]


def test_accepted_it_is_the_orders_booking(engine):
    order_id, other = engine.place(), engine.place("P2")
    entry = propose(engine)
    assert engine.holds(other) == [HoldCode.BOOKED_ELSEWHERE]

    order = accept(engine, order_id, entry)

    assert (order.status, order.holds) == (OrderStatus.BOOKED, ())
    booked = engine.live(order_id)
    assert (booked.scanner, booked.starts_at) == ("MRX", at(10))
    (linked,) = engine.entries
    assert (linked.status, linked.order_id) == (EntryStatus.LINKED, order_id)
    assert linked.appointment_id == booked.id
    line = last(engine, order_id, "accept")
    assert (line.actor, line.note) == (
        CLERK,
        f"{entry.id} is for this order: asked them",
    )
    assert not [
        change.note
        for each in (order_id, other)
        for change in engine.tables.history[each]
        if change.note.endswith("is over")
    ]
    # The other order it might have been for is free.
    assert engine.order(other).status is OrderStatus.WAITING
    assert engine.holds(other) == []


def test_accepted_twice_it_is_accepted_once(engine):
    order_id = engine.place()
    entry = propose(engine)
    accept(engine, order_id, entry)
    lines = len(engine.tables.history[order_id])

    assert accept(engine, order_id, entry).status is OrderStatus.BOOKED

    assert len(engine.tables.history[order_id]) == lines


def test_what_the_diary_does_to_it_then_is_followed(engine):
    order_id = engine.place()
    entry = propose(engine)
    accept(engine, order_id, entry)

    engine.record("D1", on(at(11)))
    assert engine.live(order_id).starts_at == at(11)
    engine.end("D1")
    assert engine.order(order_id).status is OrderStatus.WAITING


def test_an_order_that_nobody_vetted_is_booked_there_once_it_is(engine):
    order_id = engine.place(guidelines=frozenset())
    entry = propose(engine)

    order = accept(engine, order_id, entry)

    assert order.status is OrderStatus.HELD
    assert [h.detail for h in order.holds] == [entry.id]
    assert engine.live(order_id) is None
    engine.do(ReleaseOrder(order_id))
    engine.do(VetOrder(order_id))
    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert engine.live(order_id).starts_at == at(10)


def test_declined_the_order_goes_on_and_is_not_asked_again(engine):
    order_id = engine.place()
    entry = propose(engine)

    order = decline(engine, order_id, entry)

    assert (order.status, order.holds) == (OrderStatus.WAITING, ())
    line = last(engine, order_id, "release")
    assert line.note == f"{entry.id} is for something else: another knee"
    propose(engine, at(11))
    assert engine.order(order_id).status is OrderStatus.WAITING
    assert decline(engine, order_id, entry).version == order.version


def test_one_of_two_proposals_declined_leaves_the_other(engine):
    order_id = engine.place()
    first, second = propose(engine), propose(engine, at(14), "D2")

    order = decline(engine, order_id, first)

    assert order.status is OrderStatus.HELD
    assert accept(engine, order_id, second).status is OrderStatus.BOOKED
    assert engine.live(order_id).starts_at == at(14)


@pytest.mark.parametrize("answer", [accept, decline])
def test_what_is_not_proposed_cannot_be_answered(engine, answer):
    order_id = engine.place()
    entry = propose(engine)
    engine.end("D1")

    with pytest.raises(TransitionRefused, match="not proposed"):
        answer(engine, order_id, entry)

    engine.record("D2", on(at(12)))
    other = next(e for e in engine.entries if e.number == "D2")
    with pytest.raises(TransitionRefused, match="not proposed"):
        answer(engine, order_id, other)
