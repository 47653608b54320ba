"""Orders coming in: new, repeated, changed, withdrawn, held, refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from network import (
    CLERK,
    FEED,
    MR_SAFE,
    NORTH,
    NOW,
    content,
    dispatcher,
    receive,
)

from booking_engine.application.commands import (
    CancelOrder,
    ChangeOrder,
    RecordAnswers,
    RejectOrder,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.application.naming import Named
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.errors import (
    DuplicateOrder,
    InvalidValue,
    NotKnown,
    TransitionRefused,
)
from booking_engine.domain.identifiers import SiteCode
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import Priority
from booking_engine.domain.waiting import ClockReason


def read(engine, order_id):
    with engine.reading(CLERK) as session:
        return session.uow.orders.get(order_id)


def deliveries(engine, order_id):
    with engine.reading(CLERK) as session:
        out = session.uow.outbox
        return [
            (out.event(d.event_id).kind.value, d.destination)
            for d in out.of_order(order_id)
        ]


def test_an_order_under_a_signed_guideline_is_listed_with_who_authorised_it():
    engine = dispatcher()
    received = engine.handle(receive(), FEED)
    order = read(engine, received.order_id)

    assert received.kind is ReceivedAs.CREATED
    assert order.status is OrderStatus.WAITING
    assert order.vetting.guideline == "head-mr v1"
    with engine.reading(CLERK) as session:
        history = session.uow.orders.history(order.id)
        clock = session.uow.orders.clock_log(order.id)
    assert [h.after for h in history] == ["awaiting_vetting", "vetted", "waiting"]
    assert [c.reason for c in clock] == [ClockReason.REQUESTED]
    assert order.clock.waited_days(NOW.date()) == 20


def test_without_the_partners_guideline_a_person_vets():
    engine = dispatcher()
    received = engine.handle(receive(guidelines=frozenset()), FEED)
    assert read(engine, received.order_id).status is OrderStatus.AWAITING_VETTING

    engine.handle(VetOrder(received.order_id), CLERK)
    order = read(engine, received.order_id)
    assert order.status is OrderStatus.WAITING
    assert order.vetting.by == CLERK


def test_an_unknown_safety_answer_keeps_a_vetted_order_off_the_list():
    engine = dispatcher()
    received = engine.handle(receive(safety=()), FEED)
    assert read(engine, received.order_id).status is OrderStatus.VETTED

    answers = tuple(
        SafetyAnswer(a.question, a.answer, NOW + timedelta(1), "phone") for a in MR_SAFE
    )
    engine.handle(RecordAnswers(received.order_id, answers[:1]), CLERK)
    assert read(engine, received.order_id).status is OrderStatus.VETTED
    engine.handle(RecordAnswers(received.order_id, answers[1:]), CLERK)
    assert read(engine, received.order_id).status is OrderStatus.WAITING

    later = NOW + timedelta(2)
    implant = SafetyAnswer(Question.IMPLANT, Answer.YES, later, "phone")
    engine.handle(RecordAnswers(received.order_id, (implant,)), CLERK)
    assert read(engine, received.order_id).status is OrderStatus.VETTED


def test_the_same_request_again_changes_nothing():
    engine = dispatcher()
    first = engine.handle(receive(), FEED)
    again = engine.handle(receive(requested_at=NOW), FEED)

    assert again.order_id == first.order_id
    assert again.kind is ReceivedAs.DUPLICATE


def test_the_same_placer_number_with_other_content_is_refused():
    engine = dispatcher()
    engine.handle(receive(), FEED)
    with pytest.raises(DuplicateOrder, match="P1"):
        engine.handle(receive(priority=Priority.URGENT), FEED)


def test_what_is_not_settled_holds_the_order_until_a_person_answers():
    engine = dispatcher()
    hold = HoldReason(HoldCode.UNKNOWN_URGENCY, "9")
    received = engine.handle(receive(priority=None, holds=(hold,)), FEED)
    assert received.kind is ReceivedAs.HELD
    assert read(engine, received.order_id).holds == (hold,)

    with pytest.raises(InvalidValue, match="priority"):
        engine.handle(ReleaseOrder(received.order_id), CLERK)
    engine.handle(ReleaseOrder(received.order_id, priority=Priority.URGENT), CLERK)
    order = read(engine, received.order_id)
    assert order.status is OrderStatus.AWAITING_VETTING
    assert order.content.priority is Priority.URGENT
    assert order.holds == ()


@pytest.mark.parametrize(
    ("site", "code"),
    [("RZ901", HoldCode.CLOSED_PROVIDER), ("XX999", HoldCode.UNKNOWN_SITE)],
)
def test_an_order_from_a_closed_or_unknown_provider_is_held(site, code):
    engine = dispatcher()
    received = engine.handle(receive(site=SiteCode(site)), FEED)
    assert [h.code for h in read(engine, received.order_id).holds] == [code]


def test_a_refused_order_is_stored_and_its_sender_told():
    engine = dispatcher()
    received = engine.handle(receive(refusal="not_imaging"), FEED)
    assert received.kind is ReceivedAs.REFUSED
    assert read(engine, received.order_id).status is OrderStatus.REJECTED
    assert deliveries(engine, received.order_id) == [("order_rejected", NORTH)]


def test_a_change_that_matters_is_vetted_again():
    engine = dispatcher()
    received = engine.handle(receive(guidelines=frozenset()), FEED)
    engine.handle(VetOrder(received.order_id), CLERK)

    change = ChangeOrder(
        NORTH, content(priority=Priority.URGENT), NOW + timedelta(minutes=1)
    )
    assert engine.handle(change, FEED).kind is ReceivedAs.CHANGED
    order = read(engine, received.order_id)
    assert order.status is OrderStatus.AWAITING_VETTING
    assert order.vetting is None
    assert order.content.priority is Priority.URGENT


def test_a_change_of_the_local_number_only_keeps_the_state():
    engine = dispatcher()
    received = engine.handle(receive(), FEED)
    change = ChangeOrder(NORTH, content(accession="A77"), NOW + timedelta(minutes=1))
    engine.handle(change, FEED)
    order = read(engine, received.order_id)
    assert (order.status, order.content.accession) == (OrderStatus.WAITING, "A77")


def test_an_older_change_never_overtakes_a_newer_one():
    engine = dispatcher()
    received = engine.handle(receive(), FEED)
    older = ChangeOrder(
        NORTH, content(priority=Priority.URGENT), NOW - timedelta(minutes=1)
    )
    assert engine.handle(older, FEED).kind is ReceivedAs.IGNORED_OLDER
    assert read(engine, received.order_id).content.priority is Priority.ROUTINE


def test_changes_and_cancels_of_unknown_orders_are_refused():
    engine = dispatcher()
    with pytest.raises(NotKnown, match="P9"):
        engine.handle(ChangeOrder(NORTH, content("P9"), NOW), FEED)
    with pytest.raises(NotKnown, match="P9"):
        engine.handle(
            CancelOrder("x", NOW, named=Named(NORTH, "RA1", "P9")),
            FEED,
        )
    with pytest.raises(InvalidValue):
        engine.handle(CancelOrder("x", NOW), FEED)


def test_a_senders_cancel_is_done_once_and_a_persons_is_told_to_the_sender():
    engine = dispatcher()
    first = engine.handle(receive("P1"), FEED)
    cancel = CancelOrder("not needed", NOW, named=Named(NORTH, "RA1", "P1"))
    assert engine.handle(cancel, FEED).kind is ReceivedAs.CANCELLED
    assert engine.handle(cancel, FEED).kind is ReceivedAs.CANCELLED
    assert deliveries(engine, first.order_id) == []

    second = engine.handle(receive("P2"), FEED)
    engine.handle(CancelOrder("duplicate", NOW, order_id=second.order_id), CLERK)
    assert deliveries(engine, second.order_id) == [("order_cancelled", NORTH)]
    with pytest.raises(TransitionRefused):
        engine.handle(RejectOrder(second.order_id, "late"), CLERK)


def test_a_rejected_order_sent_anew_waits_for_a_person_and_is_not_forgotten():
    engine = dispatcher()
    first = engine.handle(receive(refusal="not_imaging"), FEED)
    again = engine.handle(replace(receive(), sent_at=NOW + timedelta(hours=1)), FEED)
    assert again.order_id != first.order_id
    assert [h.code for h in read(engine, again.order_id).holds] == [
        HoldCode.PLACER_NUMBER_REUSED
    ]
