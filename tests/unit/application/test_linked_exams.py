"""Exams of one visit: planned whole, beside each other, and parted only knowingly."""

import gzip
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from network import CLERK, FEED, NOW, dispatcher, no_risk, receive

from booking_engine.application.commands import (
    ApplyPlan,
    BookSlot,
    CancelAppointment,
    CancelOrder,
    MoveAppointment,
    VetOrder,
)
from booking_engine.application.linked_slots import search_linked
from booking_engine.application.on_arrival import book_best
from booking_engine.application.plan_runner import PlanRunner, PlanSettings
from booking_engine.application.planning import bookings_of, snapshot_of, solve_linked
from booking_engine.domain.clock import local_date
from booking_engine.domain.exam_pairs import ExamKind, ExamPair
from booking_engine.domain.identifiers import PlanRunId, ProcedureCode
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.patients import Patient
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import LinkedOrders, Modality, Priority, Sex
from solver import Limits, solve, verify
from solver.instances import plan_from_json, problem_from_json

WORK = PlanSettings(seconds=None, work=50, workers=1)
CT = {
    "procedure": ProcedureCode("CTHEAD"),
    "procedure_as_sent": "CTH",
    "safety": no_risk(Question.PREGNANCY),
}
ASKED = {"requested_at": NOW - timedelta(days=5), "group_number": "G1"}


def patient(number):
    return Patient(None, f"X{number}", "RA1", "Test", "Bo", None, Sex.MALE, "BL4")


def place(engine, number, *, vetted=True, linked=LinkedOrders.SAME_VISIT, **changes):
    """Receive and vet an order of one patient under one group number."""
    asked = {**ASKED, "patient": patient(1), **changes}
    command = receive(number, guidelines=frozenset(), **asked)
    order_id = engine.handle(replace(command, linked=linked), FEED).order_id
    if vetted:
        engine.handle(VetOrder(order_id), CLERK)
    return order_id


def run(engine):
    runner = PlanRunner(engine, WORK)
    done = runner.run(runner.request(CLERK))
    assert done.error in (None, "")
    return done


def read(engine, order_id):
    with engine.reading(CLERK) as session:
        return session.uow.orders.get(order_id)


def booked(engine, *order_ids):
    with engine.reading(CLERK) as session:
        live = session.uow.schedule.live_appointments(order_ids)
    return [live.get(order_id) for order_id in order_ids]


def places(engine, *order_ids):
    """Day and site of each appointment."""
    with engine.reading(CLERK) as session:
        site = session.uow.catalogue().site_of
        return [
            None if one is None else (local_date(one.starts_at), site(one.scanner).code)
            for one in booked(engine, *order_ids)
        ]


def test_a_run_books_the_exams_of_a_visit_on_one_day_at_one_site():
    """MR alone would be nearest at RA102, which has no CT."""
    engine = dispatcher()
    apart = place(engine, "P0", patient=patient(2), group_number="G2")
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    done = run(engine)

    assert (done.orders, done.booked, done.lost) == (3, 3, 0)
    first, second, other = places(engine, mr, ct, apart)
    assert first == second
    assert first[1] == "RA101"
    assert other[1] == "RA102"
    problem = problem_from_json(gzip.decompress(done.problem), Path("problem"))
    plan = plan_from_json(gzip.decompress(done.plan), Path("plan"))
    assert problem.rules.visits.order.tolist() == [1, 2]
    assert verify(problem, plan).accepted


def test_a_decision_on_a_visit_names_the_other_exam():
    engine = dispatcher()
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    done = run(engine)
    with engine.reading(CLERK) as session:
        found = {d.order_id: d for d in session.uow.decisions.of_run(done.id)}
    assert f"In one visit with CT head (order {ct})." in found[mr].sentence
    assert f"In one visit with MR head (order {mr})." in found[ct].sentence
    assert found[mr].inputs["linked"] == {"way": "together", "orders": [ct]}
    assert found[mr].runner_up is None


def test_without_the_partners_word_a_group_number_means_nothing():
    engine = dispatcher()
    separate = LinkedOrders.SEPARATE
    mr = place(engine, "P1", linked=separate)
    ct = place(engine, "P2", linked=separate, **CT)
    done = run(engine)
    assert [site for _, site in places(engine, mr, ct)] == ["RA102", "RA101"]
    problem = problem_from_json(gzip.decompress(done.problem), Path("problem"))
    assert not problem.rules.asked


def test_a_routine_exam_waits_for_one_to_be_vetted_and_then_they_go_together():
    engine = dispatcher()
    mr, ct = place(engine, "P1"), place(engine, "P2", vetted=False, **CT)
    done = run(engine)
    assert (done.orders, places(engine, mr, ct)) == (0, [None, None])

    engine.handle(VetOrder(ct), CLERK)
    run(engine)
    first, second = places(engine, mr, ct)
    assert first == second is not None


def test_a_suspected_cancer_is_booked_at_once_and_the_routine_exam_beside_it():
    engine = dispatcher()
    urgent = place(engine, "P1", priority=Priority.SUSPECTED_CANCER)
    routine = place(engine, "P2", **CT)
    run(engine)
    first, second = places(engine, urgent, routine)
    assert first is not None
    assert second is None
    assert read(engine, routine).status is OrderStatus.WAITING

    # There is no CT at RA102: whoever moves the first finds both at RA101.
    appointment = booked(engine, urgent)[0]
    at = NOW.replace(hour=8) + timedelta(days=3)
    engine.handle(
        MoveAppointment(appointment.id, "MR1-261127-0800", at, reason="a visit"), CLERK
    )
    done = run(engine)
    assert (done.booked, done.lost) == (1, 0)
    assert places(engine, urgent, routine) == [(date(2026, 11, 27), "RA101")] * 2
    with engine.reading(CLERK) as session:
        decision = session.uow.decisions.get(booked(engine, routine)[0].decision_id)
    assert f"In one visit with MR head (order {urgent})." in decision.sentence


def test_urgent_exams_that_no_visit_holds_in_time_are_planned_apart_in_the_same_run():
    engine = dispatcher()
    cancer = Priority.SUSPECTED_CANCER
    # The days on which the CT is wanted lie beyond the target of both.
    later = (NOW + timedelta(days=4)).date()
    mr = place(engine, "P1", priority=cancer)
    ct = place(engine, "P2", priority=cancer, earliest_on=later, **CT)
    done = run(engine)
    assert (done.orders, done.booked) == (2, 2)
    first, second = places(engine, mr, ct)
    assert first[0] < later <= second[0]


def test_a_visit_that_loses_one_exam_loses_all_and_waits():
    engine = dispatcher()
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    with engine.reading(CLERK) as session:
        snapshot = snapshot_of(session.uow, session.context)
    snapshot, plan = solve_linked(snapshot, limits=Limits(work=50), solve=solve)
    (group,) = bookings_of(snapshot, plan)
    chosen = {b.order_id: b.reasons.chosen for b in group}[ct]
    thief = place(engine, "T1", patient=patient(9), group_number="", **CT)
    engine.handle(BookSlot(thief, chosen.session_id, chosen.starts_at), CLERK)

    applied = engine.handle(ApplyPlan(PlanRunId("R1"), tuple(group), CLERK), CLERK)
    assert applied.booked == ()
    assert dict(applied.lost) == {mr: "visit.lost", ct: "slot.taken"}
    assert places(engine, mr, ct) == [None, None]
    assert read(engine, mr).status is OrderStatus.WAITING
    with engine.reading(CLERK) as session:
        assert session.uow.outbox.of_order(mr) == []

    run(engine)
    first, second = places(engine, mr, ct)
    assert first == second is not None


def test_a_visit_whose_exam_was_withdrawn_meanwhile_is_not_booked():
    engine = dispatcher()
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    with engine.reading(CLERK) as session:
        snapshot = snapshot_of(session.uow, session.context)
    snapshot, plan = solve_linked(snapshot, limits=Limits(work=50), solve=solve)
    (group,) = bookings_of(snapshot, plan)
    engine.handle(CancelOrder("gone", NOW, order_id=ct), CLERK)

    applied = engine.handle(ApplyPlan(PlanRunId("R1"), tuple(group), CLERK), CLERK)
    assert dict(applied.lost) == {mr: "visit.lost", ct: "order.changed"}
    run(engine)
    assert places(engine, mr)[0] is not None


def test_a_search_lists_slots_beside_the_booked_exam_first():
    engine = dispatcher()
    ct = place(engine, "P1", **CT)
    at = NOW.replace(hour=8) + timedelta(days=6)
    engine.handle(BookSlot(ct, "CT1-261130-0800", at), CLERK)
    mr = place(engine, "P2")
    with engine.reading(CLERK) as session:
        order = session.uow.orders.get(mr)
        found = search_linked(order, session.uow, session.context, limit=5)
        scanner = [one.chosen.scanner for one in found.options]
    assert found.beside.order.id == ct
    first = found.options[0].chosen
    assert (local_date(first.starts_at), first.scanner) == (date(2026, 11, 30), "MR1")
    assert first.starts_at >= at + timedelta(minutes=10)
    assert len(found.options) == 5
    assert "MR2" in scanner

    booking = book_best(engine, mr, CLERK)
    assert places(engine, mr) == places(engine, ct)
    with engine.reading(CLERK) as session:
        decision = session.uow.decisions.get(booking.decision_id)
    assert f"In one visit with CT head (order {ct})." in decision.sentence


def test_an_urgent_exam_is_not_booked_late_for_the_sake_of_the_journey():
    engine = dispatcher()
    ct = place(engine, "P1", **CT)
    at = NOW.replace(hour=8) + timedelta(days=6)
    engine.handle(BookSlot(ct, "CT1-261130-0800", at), CLERK)
    mr = place(engine, "P2", priority=Priority.SUSPECTED_CANCER)
    book_best(engine, mr, CLERK)
    assert places(engine, mr)[0][0] <= (NOW + timedelta(days=2)).date()


@pytest.fixture
def visit():
    engine = dispatcher()
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    run(engine)
    return engine, mr, ct


def move(engine, order_id, session_id, days, *, minute=0):
    at = NOW.replace(hour=8, minute=minute) + timedelta(days=days)
    engine.handle(
        MoveAppointment(
            booked(engine, order_id)[0].id, session_id, at, reason="patient asked"
        ),
        CLERK,
    )


def holds(engine, order_id):
    return [(hold.code, hold.detail) for hold in read(engine, order_id).holds]


def test_moving_one_exam_puts_the_other_to_a_person_and_moves_nothing(visit):
    engine, mr, ct = visit
    before = booked(engine, ct)[0]
    move(engine, mr, "MR1-261204-0800", 10)

    assert holds(engine, ct) == [(HoldCode.LINKED_EXAM_MOVED, mr)]
    assert holds(engine, mr) == []
    assert read(engine, ct).status is OrderStatus.BOOKED
    assert booked(engine, ct)[0].starts_at == before.starts_at

    move(engine, ct, "CT1-261204-0800", 10, minute=30)
    assert holds(engine, ct) == holds(engine, mr) == []
    assert len(set(places(engine, mr, ct))) == 1


def test_moving_it_back_settles_the_question(visit):
    engine, mr, ct = visit
    day = booked(engine, ct)[0].starts_at
    move(engine, mr, "MR1-261204-0800", 10)
    assert holds(engine, ct)
    session = f"MR1-{day:%y%m%d}-0800"
    move(engine, mr, session, (day.date() - NOW.date()).days)
    assert holds(engine, ct) == []


def test_cancelling_one_exam_asks_about_the_other_until_it_is_booked_beside_it(visit):
    engine, mr, ct = visit
    engine.handle(
        CancelAppointment(booked(engine, mr)[0].id, "scanner down", by_patient=False),
        CLERK,
    )
    assert holds(engine, ct) == [(HoldCode.LINKED_EXAM_MOVED, mr)]
    assert read(engine, mr).status is OrderStatus.WAITING

    run(engine)
    assert len(set(places(engine, mr, ct))) == 1
    assert holds(engine, ct) == []


def test_moving_an_exam_within_the_visit_asks_nothing(visit):
    engine, mr, ct = visit
    day = booked(engine, ct)[0].starts_at
    session = f"MR1-{day:%y%m%d}-0800"
    at = NOW.replace(hour=11) + timedelta(days=(day.date() - NOW.date()).days)
    engine.handle(
        MoveAppointment(booked(engine, mr)[0].id, session, at, reason="later"), CLERK
    )
    assert holds(engine, ct) == []


def with_pairs(engine, *rows):
    """Book by a policy that has exams come in an order."""
    engine.policy = replace(engine.policy, exam_pairs=rows)
    return engine


CT_LAST = ExamPair(
    ExamKind(Modality.MR), ExamKind(Modality.CT), 45, 240, "contrast comes last"
)


def test_a_run_keeps_the_order_and_the_gap_that_the_policy_asks_for():
    for row, first in ((CT_LAST, "mr"), (_turned(CT_LAST), "ct")):
        engine = with_pairs(dispatcher(), row)
        made = {"ct": place(engine, "P2", **CT), "mr": place(engine, "P1")}
        run(engine)

        second = "ct" if first == "mr" else "mr"
        one, other = booked(engine, made[first], made[second])
        gap = other.starts_at - one.ends_at
        assert timedelta(minutes=45) <= gap <= timedelta(minutes=240)


def test_slots_beside_a_booked_exam_keep_the_order_and_the_gap():
    engine = with_pairs(dispatcher(), CT_LAST)
    mr, ct = place(engine, "P1"), place(engine, "P2", **CT)
    at = NOW.replace(hour=9, minute=30) + timedelta(days=6)
    engine.handle(BookSlot(ct, "CT1-261130-0800", at), CLERK)
    with engine.reading(CLERK) as session:
        order = session.uow.orders.get(mr)
        found = search_linked(order, session.uow, session.context, limit=200)
    same_day = [
        one.chosen.starts_at
        for one in found.options
        if local_date(one.chosen.starts_at) == local_date(at)
    ]

    assert same_day
    assert max(same_day) <= at - timedelta(minutes=45 + 20)


def _turned(pair):
    return replace(pair, first=pair.second, second=pair.first)
