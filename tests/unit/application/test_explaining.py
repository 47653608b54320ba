"""Why an order waits: counts, slots, whom a price protects, what would change it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from booking_desk import (
    MR1_WED,
    MR2_WED,
    WEDNESDAY_9,
    order_of,
    patient,
    placed,
    urgent_to_come,
)
from network import CLERK, NOW, catalogue, dispatcher

from booking_engine.application.commands import BookSlot, CancelOrder
from booking_engine.application.explaining import explain_order
from booking_engine.application.plan_runner import PlanRunner, PlanSettings
from booking_engine.application.slots import search_slots
from booking_engine.application.stored_plans import StoredPlans, unplaced_orders
from booking_engine.domain.errors import NotBookable, NotKnown, TransitionRefused
from booking_engine.domain.explanation_sentences import (
    CAUSE_WORDS,
    CHANGE_WORDS,
    LEFT_WORDS,
    explanation_sentences,
)
from booking_engine.domain.explanations import Cause, RelaxationKind
from booking_engine.domain.orders import HoldCode, HoldReason
from booking_engine.domain.patients import Needs
from booking_engine.domain.prices import PriceBook
from booking_engine.domain.schedule import SessionStatus
from booking_engine.domain.vocabulary import PatientSetting, Priority
from solver.explain import Filter, Reason

K = RelaxationKind
SOON = (NOW + timedelta(days=1)).date()


@pytest.fixture
def engine():
    return dispatcher()


def somebody(number):
    return replace(patient(1), nhs_number=None, local_id=f"S{number}")


def explained(engine, order_id, plan=None):
    with engine.reading(CLERK) as session:
        return explain_order(order_id, plan, session.uow, session.context)


def close_all_but(engine, *kept):
    """Close every list but these."""
    with engine.session(CLERK) as session:
        schedule = session.uow.schedule
        for one in schedule.sessions_between(NOW, NOW + timedelta(days=20)):
            if one.id not in kept:
                schedule.save_session(replace(one, status=SessionStatus.CLOSED))
        session.commit()


def planned(engine):
    """Run a plan and return it as stored."""
    runner = PlanRunner(engine, PlanSettings(seconds=None, work=20, workers=1))
    run = runner.run(runner.request(CLERK))
    assert run.status == "applied", run.error
    return StoredPlans(engine).get(run.id, CLERK)


def test_an_order_with_free_slots_is_told_the_best_five_of_a_search(engine):
    order_id = placed(engine)
    found = explained(engine, order_id)

    assert found.cause is Cause.OPEN
    assert [
        (one.rule, one.out, one.left) for one in found.steps if one.of_scanners
    ] == [("modality", 1, 3)]
    counts = [one.left for one in found.steps if not one.of_scanners]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0
    with engine.reading(CLERK) as session:
        order = session.uow.orders.get(order_id)
        searched = search_slots(order, session.uow, session.context, limit=5)
    assert [one.choice for one in found.alternatives] == [
        one.chosen for one in searched.options
    ]
    sentences = explanation_sentences(found, catalogue())
    assert sentences[0] == "It waits: a slot is free for it."
    assert sentences[1] == (
        "Of 4 scanners 3 will do; ruled out: scanners of another modality (1)."
    )
    assert sentences[3].startswith(
        "The best that is free is Wed 25 November 2026 at 08:00 on MR 1 at North A"
    )


@pytest.mark.parametrize(
    ("changes", "kept", "cause", "helps"),
    [
        # Nothing within 3 km has a list.
        (
            {"needs": Needs(travel_cap_km=3)},
            ("MR2-261125-0900",),
            Cause.NO_SCANNER,
            {K.TRAVEL, K.ANOTHER_SESSION},
        ),
        # The only list is today's: too soon to prepare for.
        ({}, ("MR1-261124-0800",), Cause.DAY_WINDOW, {K.NOTICE, K.ANOTHER_SESSION}),
        # The only list is kept for cancer.
        ({}, ("MR1-261127-1400",), Cause.LIST_TYPE, {K.LIST_TYPE, K.ANOTHER_SESSION}),
        # The sender's last day is before the only list.
        (
            {"latest_on": SOON},
            ("MR1-261126-0800",),
            Cause.DAY_WINDOW,
            {K.DAY_WINDOW, K.ANOTHER_SESSION},
        ),
    ],
)
def test_what_would_change_it_is_found_by_searching_again(
    engine, changes, kept, cause, helps
):
    order_id = placed(engine, **changes)
    close_all_but(engine, *kept)
    found = explained(engine, order_id)

    assert (found.cause, found.alternatives) == (cause, ())
    assert {one.kind for one in found.changes if one.best is not None} == helps
    assert [one.kind for one in found.changes] == list(RelaxationKind)
    assert [found.change.kind] == sorted(helps - {K.ANOTHER_SESSION})
    last = explanation_sentences(found, catalogue())[-1]
    assert last.startswith(
        f"What would change it for the least: {CHANGE_WORDS[found.change.kind]}"
    )


def test_lifting_the_cap_in_the_order_gives_the_slot_that_was_said(engine):
    order_id = placed(engine, needs=Needs(travel_cap_km=3))
    close_all_but(engine, "MR2-261125-0900")
    said = explained(engine, order_id).change.best

    with engine.session(CLERK) as session:
        order = session.uow.orders.get(order_id)
        needs = replace(order.content.needs, travel_cap_km=said.travel_km)
        session.uow.orders.save(
            replace(order, content=replace(order.content, needs=needs))
        )
        session.commit()
    engine.handle(BookSlot(order_id, said.session_id, said.starts_at), CLERK)
    assert order_of(engine, order_id).status == "booked"


def test_a_further_list_is_named_where_nothing_else_helps(engine):
    order_id = placed(engine)
    close_all_but(engine)
    found = explained(engine, order_id)
    assert [one.kind for one in found.changes if one.best] == [K.ANOTHER_SESSION]
    assert found.change.best.session_id == "further-MR1"
    assert (
        "in a further list, Wed 25 November 2026 at 18:00 on MR 1"
        in (explanation_sentences(found, catalogue())[-1])
    )


def test_where_nothing_helps_that_is_said(engine):
    """An inpatient whose place is not known can go nowhere, whatever is lifted."""
    order_id = placed(engine, setting=PatientSetting.INPATIENT, site=None)
    found = explained(engine, order_id)
    assert (found.cause, found.change) == (Cause.NO_SCANNER, None)
    assert explanation_sentences(found, catalogue())[-1] == (
        "Lifting no single rule would give a better slot."
    )


def test_time_that_is_worth_more_to_others_prices_an_order_out(engine):
    order_id = placed(engine)
    close_all_but(engine, MR1_WED)
    engine.prices = PriceBook(minute={MR1_WED: 10**6})
    found = explained(engine, order_id)
    assert found.cause is Cause.PRICED_OUT
    # It is free all the same, and a person may decide for it.
    assert [one.choice.session_id for one in found.alternatives] == [MR1_WED]


def test_a_patient_who_is_elsewhere_at_every_free_time_is_said_to_be(engine):
    close_all_but(engine, MR1_WED, "MR2-261125-0900")
    for number in range(17):
        other = placed(engine, f"F{number}", patient=somebody(number))
        at = WEDNESDAY_9.replace(hour=8) + timedelta(minutes=20 * number)
        if not 60 <= 20 * number < 80:
            engine.handle(BookSlot(other, MR1_WED, at), CLERK)
    last = placed(engine, "F20", patient=somebody(20))
    engine.handle(
        BookSlot(last, MR1_WED, WEDNESDAY_9.replace(hour=13, minute=40)), CLERK
    )
    mine = placed(engine, "P1")
    engine.handle(BookSlot(mine, "MR2-261125-0900", WEDNESDAY_9), CLERK)
    close_all_but(engine, MR1_WED)
    found = explained(engine, placed(engine, "P2"))
    assert (found.cause, found.options) == (Cause.PATIENT_BUSY, found.options)
    assert found.alternatives == ()


def test_a_booked_order_is_told_its_decision_and_what_is_free_now(engine):
    order_id = placed(engine)
    booked = engine.handle(BookSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    found = explained(engine, order_id)
    assert (found.cause, found.changes) == (Cause.PLACED, ())
    assert found.decision.id == booked.decision_id
    assert found.appointment.id == booked.id
    assert len(found.alternatives) == 5
    sentences = explanation_sentences(found, catalogue())
    assert sentences[0] == found.decision.sentence


def test_what_neither_waits_nor_is_booked_is_refused(engine):
    unvetted = placed(engine, "P1", guidelines=frozenset())
    with pytest.raises(NotBookable, match="vet it first"):
        explained(engine, unvetted)
    held = placed(
        engine,
        "P3",
        priority=None,
        holds=(HoldReason(HoldCode.UNKNOWN_URGENCY, "9"),),
    )
    with pytest.raises(NotBookable, match=r"held \(unknown_urgency\): settle"):
        explained(engine, held)
    gone = placed(engine, "P2")
    engine.handle(CancelOrder("gone", NOW, order_id=gone), CLERK)
    with pytest.raises(TransitionRefused, match="cancelled"):
        explained(engine, gone)
    with pytest.raises(NotKnown):
        explained(engine, "O-none")


def test_the_last_plan_is_told_and_whom_its_prices_protect(engine):
    """Nine exams fit into three hours; the urgent ones push routine ones out."""
    close_all_but(engine, "MR2-261125-0900")
    for number in range(9):
        placed(
            engine,
            f"U{number}",
            priority=Priority.URGENT,
            patient=somebody(100 + number),
        )
    waiting = [
        placed(
            engine,
            f"R{number}",
            patient=somebody(200 + number),
        )
        for number in range(3)
    ]
    stored = planned(engine)
    left = unplaced_orders(stored)

    assert {one.order_id for one in left} == set(waiting)
    assert {one.priority for one in left} == {Priority.ROUTINE}
    assert {one.cause for one in left} <= {Cause.PRICED_OUT, Cause.NO_ROOM}
    found = explained(engine, waiting[0], stored)
    assert found.in_plan.run_id == stored.run_id
    assert found.in_plan.cause is left[0].cause
    assert "The last plan" in " ".join(explanation_sentences(found, catalogue()))
    # One urgent patient cancels: the free time is still priced, for the like of them.
    booked = stored.problem.orders.key[0]
    engine.handle(CancelOrder("gone", NOW, order_id=booked), CLERK)
    engine.prices = PriceBook(minute={"MR2-261125-0900": 5000})
    found = explained(engine, waiting[0], stored)
    (protects,) = found.alternatives[0].protects
    assert protects == (Priority.URGENT, 180)
    assert "mainly urgent, patients" in " ".join(
        explanation_sentences(found, catalogue())
    )


def test_nobody_is_told_of_those_who_stand_in_for_orders_to_come(engine):
    """A list of three hours holds five of them beside four orders."""
    close_all_but(engine, MR2_WED)
    engine.room_kept = urgent_to_come("MR2")
    orders = [placed(engine, f"R{n}", patient=somebody(n)) for n in range(4)]
    stored = planned(engine)

    assert len(stored.problem.orders.key) > len(orders)
    assert set(stored.rows) == set(orders)
    assert [one.order for one in stored.explained] == [0, 1, 2, 3]
    assert unplaced_orders(stored) == []
    assert stored.minutes_by_class == {MR2_WED: {Priority.ROUTINE: 80}}
    assert explained(engine, orders[0], stored).cause is Cause.PLACED
    later = {placed(engine, f"R{n}", patient=somebody(n)) for n in range(4, 12)}
    left = unplaced_orders(planned(engine))
    assert len(left) == 3  # five more fill the list, and nobody to come has a place
    assert {one.order_id for one in left} < later


def test_an_order_that_no_plan_has_is_told_of_none(engine):
    placed(engine, "P1")
    stored = planned(engine)
    later = placed(engine, "P2")
    assert explained(engine, later, stored).in_plan is None


def test_stored_plans_are_kept_and_a_run_without_one_is_refused(engine):
    placed(engine)
    stored = planned(engine)
    plans = StoredPlans(engine)
    first = plans.newest(CLERK)
    assert first.run_id == stored.run_id
    assert plans.get(stored.run_id, CLERK) is first
    queued = PlanRunner(engine, PlanSettings()).request(CLERK)
    with pytest.raises(TransitionRefused, match="queued"):
        plans.get(queued, CLERK)
    with pytest.raises(NotKnown):
        plans.get("R-none", CLERK)
    assert StoredPlans(dispatcher()).newest(CLERK) is None


def test_every_cause_and_filter_of_the_solver_has_words():
    assert set(CAUSE_WORDS) == set(Cause)
    assert {reason.value for reason in Reason} <= {cause.value for cause in Cause}
    assert set(CHANGE_WORDS) == set(RelaxationKind)
    assert set(LEFT_WORDS) == {str(one) for one in Filter}
