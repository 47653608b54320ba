"""What is protected: learnt by kind and site, respected by searches for one order."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from booking_desk import order_of, patient, placed
from network import CLERK, NOW, dispatcher, receive

from booking_engine.application.commands import BookSlot
from booking_engine.application.on_arrival import book_best
from booking_engine.application.protecting import RoomKept, learn, may_take_kept
from booking_engine.application.slots import search_slots
from booking_engine.domain.clock import LONDON
from booking_engine.domain.decisions import DecisionKind
from booking_engine.domain.policy import Policy
from booking_engine.domain.sentences import booking_sentence
from booking_engine.domain.vocabulary import PatientSetting, Priority
from solver.bidprices import DemandToCome, room_prices

CLASSES = len(Priority)


def kept(mean=2.0, *, priority=Priority.URGENT, lead_from=1, **options):
    """Room kept on MR1 alone: so many exams of 20 minutes on each day ahead."""
    table = np.zeros((2, CLASSES, 29))
    table[0, priority.tier, lead_from:] = mean
    demand = DemandToCome(table, np.array([20, 20]))
    prices = room_prices(demand, displaced_cost=np.full(CLASSES, 500.0), **options)
    return RoomKept(prices, demand, {"MR1": 0}, NOW, NOW, 7)


def search(engine, order_id, **how):
    with engine.reading(CLERK) as session:
        order = session.uow.orders.get(order_id)
        return search_slots(order, session.uow, session.context, limit=50, **how)


def waiting(engine, number="P1", **changes):
    return placed(engine, number, **changes)


def test_nothing_is_protected_before_there_is_history():
    engine = dispatcher()
    with engine.reading(CLERK) as session:
        assert learn(session.uow, Policy(), NOW) is None


def test_it_is_learnt_from_what_was_examined_up_to_yesterday():
    engine = dispatcher()
    for number in range(3):
        order_id = waiting(
            engine, f"P{number}", patient=patient(number), priority=Priority.URGENT
        )
        assert book_best(engine, order_id, CLERK) is not None

    def learnt_on(day):
        with engine.reading(CLERK) as session:
            return learn(session.uow, Policy(), NOW + timedelta(days=day))

    # All three are tomorrow, on 25 November; that day counts from the day after on.
    assert learnt_on(1) is None
    found = learnt_on(2)
    assert found.exams == 3
    assert (found.since.date(), found.until.date()) == (
        date(2026, 10, 1),
        date(2026, 11, 26),
    )
    assert found.kind_of["MR1"] != found.kind_of["MR2"] != found.kind_of["MRX"]
    assert found.kind("MR9") == found.demand.mean.shape[0] - 1
    used = {s.scanner for s in engine_appointments(engine)}
    for scanner, kind in found.kind_of.items():
        mean = found.demand.mean[kind, Priority.URGENT.tier]
        assert (mean.sum() > 0) == (scanner in used)
        assert not mean[:2].any()  # booked a day ahead: nobody comes for tomorrow
    assert not found.demand.mean[-1].any()
    assert learnt_on(8 * 7 + 1) is not None
    assert learnt_on(8 * 7 + 2) is None


def engine_appointments(engine):
    with engine.reading(CLERK) as session:
        return session.uow.schedule.occupying_between(NOW, NOW + timedelta(days=30))


def test_the_price_of_a_place_says_what_is_due_to_those_to_come():
    engine = dispatcher()
    order_id = waiting(engine)
    before = {o.chosen.starts_at: o.chosen for o in search(engine, order_id).options}
    engine.room_kept = kept(30.0)

    for option in search(engine, order_id).options:
        chosen = option.chosen
        assert chosen.price - chosen.to_come == before[chosen.starts_at].price
        assert (chosen.to_come > 0) == (chosen.scanner == "MR1")
        room = option.inputs["urgent_room"]
        assert room["still_to_come"]["urgent"] == (30 if chosen.scanner == "MR1" else 0)
        assert option.inputs["chosen"]["to_come"] == chosen.to_come


def test_room_is_that_of_the_whole_day_however_little_of_it_was_asked_for():
    engine = dispatcher()
    engine.room_kept = kept(1.0, quantile=0.9)
    order_id = waiting(engine)
    nine = datetime(2026, 11, 26, 9, tzinfo=LONDON)

    found = search(
        engine, order_id, within=[(nine, nine + timedelta(minutes=20))]
    ).options

    on_mr1 = next(o for o in found if o.chosen.scanner == "MR1")
    assert on_mr1.inputs["urgent_room"]["free_minutes_left"] == 8 * 60 - 20
    assert not on_mr1.chosen.reserved


@pytest.mark.parametrize("priority", list(Priority))
def test_a_place_kept_and_a_slot_chosen_are_priced_alike(priority):
    """By hand and by search: the same order, the same slot, the same words."""
    engine = dispatcher()
    engine.room_kept = kept(40.0, priority=Priority.IMMEDIATE, least_exams=1)
    setting = PatientSetting.OUTPATIENT
    order_id = waiting(engine, priority=priority, setting=setting)
    options = search(engine, order_id).options
    option = next(o for o in options if o.chosen.scanner == "MR1")

    booked = engine.handle(
        BookSlot(order_id, option.chosen.session_id, option.chosen.starts_at), CLERK
    )

    with engine.reading(CLERK) as session:
        decision = session.uow.decisions.get(booked.decision_id)
    assert decision.chosen == option.chosen
    assert decision.inputs["urgent_room"] == option.inputs["urgent_room"]
    assert (option.chosen.to_come > 0) == (priority is not Priority.IMMEDIATE)


def test_a_hard_target_comes_before_what_is_kept():
    """All of MR1 is kept; only there is room before the target of a cancer patient."""
    engine = dispatcher()
    engine.room_kept = kept(
        200.0, priority=Priority.IMMEDIATE, quantile=0.99, least_exams=30
    )
    policy = engine.policy
    order_id = waiting(engine, priority=Priority.SUSPECTED_CANCER)
    only = {"MR1"}

    assert all(
        o.chosen.reserved for o in search(engine, order_id, scanners=only).options
    )
    assert may_take_kept(order_of(engine, order_id), policy)
    booked = book_best(engine, order_id, CLERK)
    assert booked is not None

    soft = replace(policy.urgent_room, hard_targets=frozenset())
    engine.policy = replace(policy, version="soft", urgent_room=soft)
    routine = waiting(engine, "P2", patient=patient(1))
    latest = waiting(
        engine, "P3", patient=patient(2), latest_on=(NOW + timedelta(days=9)).date()
    )
    assert not may_take_kept(order_of(engine, routine), engine.policy)
    assert may_take_kept(order_of(engine, latest), engine.policy)


def test_the_sentence_names_what_was_left_to_those_to_come():
    engine = dispatcher()
    order_id = engine.handle(receive("P1"), CLERK).order_id
    order = order_of(engine, order_id)
    first, *_ = search(engine, order_id).options
    with engine.reading(CLERK) as session:
        network = session.uow.catalogue()

    def sentence(*, chosen=first.chosen, other):
        reasons = replace(first, chosen=chosen, runner_up=other)
        kind = DecisionKind.ON_ARRIVAL
        return booking_sentence(order, reasons, kind, network, Policy())

    dear = replace(first.chosen, price=9000, to_come=4000)
    kept_one = replace(first.chosen, reserved=True)
    assert "need more (worth 9, of it 4 to urgent ones" in sentence(other=dear)
    assert "which takes room kept for more urgent" in sentence(other=kept_one)
    assert "It takes room that is kept" in sentence(chosen=kept_one, other=dear)
