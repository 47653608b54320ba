"""A planning run: snapshot, checked plan, application that loses cleanly."""

import gzip
import json
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from booking_desk import urgent_to_come
from network import CLERK, FEED, NOW, dispatcher, receive

from booking_engine.application import plan_runner
from booking_engine.application.commands import ApplyPlan, BookSlot, CancelOrder
from booking_engine.application.free_time import session_of
from booking_engine.application.plan_runner import (
    PlanRunner,
    PlanSettings,
    latest_prices,
)
from booking_engine.application.planning import bookings_of, snapshot_of, solve_checked
from booking_engine.application.stored_plans import StoredPlans
from booking_engine.domain.decisions import DecisionKind
from booking_engine.domain.fair_waits import GROUPS, FairWaits, Grouping
from booking_engine.domain.group_waits import WaitsByGroup
from booking_engine.domain.identifiers import PlanRunId
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.patients import Needs, Patient
from booking_engine.domain.plan_runs import PlanRunStatus
from booking_engine.domain.unusable_gaps import UnusableGaps
from booking_engine.domain.vocabulary import BookingMode, Priority, Sex
from solver import Limits, solve

WORK = PlanSettings(seconds=None, work=50, workers=1)


def patient(number):
    return Patient(None, f"X{number}", "RA1", "Test", "Bo", None, Sex.MALE, "M13")


def fill(engine, count, **changes):
    return [
        engine.handle(receive(f"P{n}", patient=patient(n), **changes), FEED).order_id
        for n in range(count)
    ]


def run(engine, settings=WORK):
    runner = PlanRunner(engine, settings)
    return runner.run(runner.request(CLERK))


def statuses(engine, order_ids):
    with engine.reading(CLERK) as session:
        found = session.uow.orders.get_many(order_ids)
    return [found[i].status for i in order_ids]


def test_a_run_books_everyone_there_is_room_for_and_explains_each():
    engine = dispatcher()
    orders = fill(engine, 30)
    done = run(engine)

    assert done.status is PlanRunStatus.APPLIED
    assert (done.orders, done.placed, done.booked, done.lost) == (30, 30, 30, 0)
    assert done.bound <= done.cost
    assert statuses(engine, orders) == [OrderStatus.BOOKED] * 30
    with engine.reading(CLERK) as session:
        decisions = session.uow.decisions.of_run(done.id)
    assert {d.order_id for d in decisions} == set(orders)
    for decision in decisions:
        assert decision.kind is DecisionKind.PLANNED
        assert "Chosen from" in decision.sentence
        assert decision.chosen.terms.total >= 0
        assert decision.inputs["order"]["id"] == decision.order_id


def test_the_stored_files_are_the_documented_formats_and_give_the_prices():
    engine = dispatcher()
    fill(engine, 5)
    done = run(engine)

    assert gzip.decompress(done.problem).startswith(b'{"format":')
    assert latest_prices(engine) == engine.prices
    assert set(engine.prices.minute) >= {"MR1-261125-0800"}
    assert set(engine.prices.exam) == {"K1"}


def on_mr1_tomorrow(engine, orders):
    with engine.reading(CLERK) as session:
        found = session.uow.schedule.live_appointments(orders).values()
    return sum(a.session_id == "MR1-261125-0800" for a in found)


def test_a_run_leaves_room_for_urgent_orders_to_come():
    booked = {}
    for most in (0, None):
        engine = dispatcher()
        room = replace(engine.policy.urgent_room, most_in_plans=most)
        engine.policy = replace(engine.policy, version=f"m{most}", urgent_room=room)
        engine.room_kept = urgent_to_come("MR1")
        orders = fill(engine, 60)
        done = run(engine)
        assert (done.orders, done.placed, done.booked) == (60, 60, 60)
        assert done.bound <= done.cost
        assert latest_prices(engine) == engine.prices
        booked[most] = on_mr1_tomorrow(engine, orders)
        # Beside the routine orders' own, the cost holds that of those left no room.
        assert (done.room_kept > 0) == (most is None)
        assert 0 <= done.to_come_cost < done.cost
        with engine.reading(CLERK) as session:
            assert session.uow.plan_runs.get(done.id).room_kept == done.room_kept

    assert booked[None] < booked[0]


def test_the_prices_of_a_run_are_without_what_searches_charge_for_those_to_come():
    engine = dispatcher()
    engine.room_kept = urgent_to_come("MR1")
    fill(engine, 60)
    plan = StoredPlans(engine).get(run(engine).id, CLERK)
    dearest = defaultdict(int)
    prices = plan.plan.certificate.minute_price.tolist()
    for key, price in zip(plan.problem.openings.key, prices, strict=True):
        session = session_of(key)
        dearest[session] = max(dearest[session], price)

    told = engine.prices.minute
    assert all(told[session] <= price for session, price in dearest.items())
    assert any(told[session] < price for session, price in dearest.items())


def test_a_run_pays_for_gaps_where_the_policy_says_what_they_cost():
    weights = {}
    for gaps in (UnusableGaps(), UnusableGaps(20, 3)):
        engine = dispatcher()
        engine.policy = replace(
            engine.policy, version=f"g{gaps.minutes}", unusable_gaps=gaps
        )
        orders = fill(engine, 30)
        done = run(engine)
        assert (done.status, done.booked) == (PlanRunStatus.APPLIED, 30)
        assert statuses(engine, orders) == [OrderStatus.BOOKED] * 30
        stored = json.loads(gzip.decompress(done.problem))
        weights[gaps.minutes] = stored["rules"]["weights"]

    assert (weights[0]["gap_minutes"], weights[0]["gap_cost"]) == (0, 0)
    assert (weights[20]["gap_minutes"], weights[20]["gap_cost"]) == (20, 3)


def test_a_run_tells_groups_apart_where_the_policy_prices_their_waits(caplog):
    engine = dispatcher()
    fair = FairWaits(Grouping.MOBILITY, 1000, 3)
    engine.policy = replace(engine.policy, version="fair", fair_waits=fair)
    fill(engine, 30)
    engine.handle(receive("H", patient=patient(99), needs=Needs(hoist=True)), FEED)
    caplog.set_level("INFO", "booking_engine")
    done = run(engine)

    assert (done.status, done.booked) == (PlanRunStatus.APPLIED, 31)
    stored = json.loads(gzip.decompress(done.problem))["rules"]
    assert sorted(stored["cohort"]) == [0] * 30 + [1]
    assert stored["weights"]["unfair_permille"] == 1000
    assert stored["weights"]["unfair_cost"] == 3
    told = [r for r in caplog.records if getattr(r, "event", "") == "plan.group_waits"]
    # One order alone is not told: it would say how long somebody waits.
    assert [(r.group, r.orders) for r in told] == [("no_hoist", 30)]
    waits = done.waits_by_group
    assert (waits.by, waits.orders_in_small_groups) == (Grouping.MOBILITY, 1)
    assert [(w.group, w.orders) for w in waits.groups] == [("no_hoist", 30)]
    with engine.reading(CLERK) as session:
        assert session.uow.plan_runs.get(done.id).waits_by_group == waits


def test_a_run_over_nobody_and_one_that_does_not_ask_say_so_of_groups():
    engine = dispatcher()
    assert run(engine).waits_by_group is None
    fair = FairWaits(Grouping.AGE, 1000, 3)
    engine.policy = replace(engine.policy, version="fair", fair_waits=fair)
    assert run(engine).waits_by_group == WaitsByGroup(Grouping.AGE, (), 0)


@pytest.mark.parametrize(
    ("by", "age", "needs", "group"),
    [
        (Grouping.AGE, 17, Needs(), "under_18"),
        (Grouping.AGE, 18, Needs(), "from_18_to_64"),
        (Grouping.AGE, 65, Needs(), "from_65_to_79"),
        (Grouping.AGE, 80, Needs(), "from_80"),
        (Grouping.AGE, None, Needs(), "not_known"),
        (Grouping.LANGUAGE, 40, Needs(interpreter=True), "interpreter"),
        (Grouping.MOBILITY, 40, Needs(interpreter=True), "no_hoist"),
    ],
)
def test_which_group_an_order_is_in(by, age, needs, group):
    day = date(2026, 3, 2)
    born = None if age is None else date(2026 - age, 3, 2)
    who = replace(patient(1), birth_date=born)

    assert GROUPS[by][FairWaits(by).group(who, needs, day)] == group


def test_a_run_plans_only_vetted_automatic_orders_without_a_slot():
    engine = dispatcher()
    booked = fill(engine, 1)[0]
    engine.handle(BookSlot(booked, "MR1-261125-0800", NOW + timedelta(days=1)), CLERK)

    manual = replace(receive("M1", patient=patient(50)), mode=BookingMode.MANUAL)
    engine.handle(manual, FEED)
    engine.handle(receive("U1", patient=patient(51), guidelines=frozenset()), FEED)
    wanted = engine.handle(receive("W1", patient=patient(52)), FEED).order_id
    with engine.reading(CLERK) as session:
        snapshot = snapshot_of(session.uow, session.context)

    assert [order.id for order in snapshot.orders] == [wanted]
    taken = NOW + timedelta(days=1)
    of_mr1 = [
        o.starts_at
        for o in map(snapshot.opening, range(len(snapshot.free)))
        if o.session.scanner == "MR1"
    ]
    assert taken + timedelta(minutes=20) in of_mr1
    assert taken not in of_mr1


def test_what_changed_after_the_snapshot_loses_and_the_rest_is_booked():
    engine = dispatcher()
    cancelled, robbed, fine = fill(engine, 3)
    with engine.reading(CLERK) as session:
        snapshot = snapshot_of(session.uow, session.context)
    plan = solve_checked(snapshot, limits=Limits(work=50), solve=solve)
    groups = bookings_of(snapshot, plan)
    by_order = {b.order_id: b.reasons.chosen for g in groups for b in g}

    engine.handle(CancelOrder("gone", NOW, order_id=cancelled), CLERK)
    thief = engine.handle(receive("T1", patient=patient(9)), FEED).order_id
    chosen = by_order[robbed]
    engine.handle(BookSlot(thief, chosen.session_id, chosen.starts_at), CLERK)

    results = [
        engine.handle(ApplyPlan(PlanRunId("R1"), tuple(group), CLERK), CLERK)
        for group in groups
    ]
    lost = {order_id: code for r in results for order_id, code in r.lost}
    assert lost == {cancelled: "order.changed", robbed: "slot.taken"}
    assert statuses(engine, [robbed, fine]) == [
        OrderStatus.WAITING,
        OrderStatus.BOOKED,
    ]


def test_two_exams_of_one_patient_never_overlap():
    engine = dispatcher()
    ids = [engine.handle(receive(f"P{n}"), FEED).order_id for n in range(4)]
    done = run(engine)
    assert done.booked == 4
    with engine.reading(CLERK) as session:
        spans = sorted(
            (a.starts_at, a.ends_at)
            for a in session.uow.schedule.live_appointments(ids).values()
        )
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_urgent_patients_are_seen_before_routine_ones_when_room_is_short():
    """One morning and the cancer list; forty routine orders before ten urgent."""
    engine = dispatcher()
    fill(engine, 40)
    urgent = [
        engine.handle(
            receive(f"U{n}", patient=patient(100 + n), priority=Priority.URGENT), FEED
        ).order_id
        for n in range(10)
    ]
    run(engine)
    with engine.reading(CLERK) as session:
        live = session.uow.schedule.live_appointments(urgent)
    assert len(live) == 10
    latest = max(a.starts_at for a in live.values())
    assert latest < NOW + timedelta(days=2)


def test_a_run_without_orders_ends_well_and_a_bad_solver_applies_nothing(monkeypatch):
    engine = dispatcher()
    empty = run(engine)
    assert (empty.status, empty.booked, empty.gap) == (PlanRunStatus.APPLIED, 0, 0.0)

    def cheat(problem, **given):
        plan = solve(problem, **given)
        bound = plan.certificate.bound + 1
        return replace(plan, certificate=replace(plan.certificate, bound=bound))

    order = fill(engine, 1)
    monkeypatch.setattr(plan_runner, "solve", cheat)
    fair = FairWaits(Grouping.AGE, 1000, 3)
    engine.policy = replace(engine.policy, version="fair", fair_waits=fair)
    failed = run(engine)
    assert failed.status is PlanRunStatus.FAILED
    assert "refused by the checker" in failed.error
    assert (failed.cost, failed.waits_by_group) == (None, None)
    assert statuses(engine, order) == [OrderStatus.WAITING]


def test_the_same_orders_and_seed_give_the_same_plan():
    plans = []
    for _ in range(2):
        engine = dispatcher()
        fill(engine, 20)
        plans.append(run(engine).plan)
    first, second = (gzip.decompress(p) for p in plans)
    strip = lambda text: text.split(b'"seconds"')[1].split(b",", 1)[1]  # noqa: E731
    assert strip(first) == strip(second)


def test_those_who_have_waited_longest_are_booked_while_there_is_room():
    """A hundred days late: lateness and breach have happened, and a slot is free."""
    engine = dispatcher()
    long_ago = NOW - timedelta(days=135)
    orders = fill(engine, 10, requested_at=long_ago)
    done = run(engine)
    assert (done.orders, done.booked) == (10, 10)
    assert statuses(engine, orders) == [OrderStatus.BOOKED] * 10
