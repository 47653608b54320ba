"""Places for one order, explanations, and what a clerk would do."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from unit.solver.compiled_kernels import compiled

import solver
from solver import (
    UNPLACED,
    Filter,
    Limits,
    Occupied,
    Reason,
    earliest_by_urgency,
    explain,
    explain_all,
    first_come_first_served,
    rank_slots,
    solve,
    verify,
    warm_up,
)
from solver.instances import Scale, generate, load_json, save_json
from solver.losses import Loss, damaged
from solver.repair import frontier, improve_repair, repair_at_once


def ranked(problem, order=0, *, k=3, price=None, exam=(), occupied=None):
    if price is None:
        price = np.zeros(len(problem.openings.key), np.int64)
    return rank_slots(
        problem,
        order,
        minute_price=np.asarray(price),
        exam_price=np.array(exam, np.int64),
        k=k,
        occupied=occupied,
    )


def test_different_days_come_before_further_places_of_one_day(build, order, opening):
    problem = build(
        [order(wait_cost=5)],
        [
            opening(day=0, begin=540),
            opening(day=0, begin=700),
            opening(day=1),
            opening(day=2),
        ],
    )

    assert [o.opening for o in ranked(problem, k=3)] == [0, 2, 3]
    assert [o.opening for o in ranked(problem, k=4)] == [0, 2, 3, 1]


def test_the_price_of_minutes_sends_an_order_to_a_cheaper_day(build, order, opening):
    """30 minutes at 2 a minute cost 60, one day of waiting 50: day 1 is better."""
    problem = build([order(wait_cost=50)], [opening(day=0), opening(day=1)])

    first, second = ranked(problem, price=np.array([2000, 0]))

    assert (first.opening, first.score, first.price) == (1, 50_000, 0)
    assert (second.opening, second.score, second.price) == (0, 60_000, 60_000)
    assert first.terms.waiting == 50


def test_the_price_of_an_exam_counts_too(build, order, opening):
    problem = build(
        [order(wait_cost=1)],
        [opening(day=0, contract=0), opening(day=1)],
        ceilings=[5],
    )

    assert [o.opening for o in ranked(problem, exam=[3000])] == [1, 0]


def test_starts_leave_no_needless_gap(build, order, opening):
    """09:00-10:00 with 09:10-09:30 taken: 30 minutes fit from 09:30.

    With the hours from 09:15 on, an empty opening is filled from its end.
    """
    problem = build([order(), order(hours=(555, 1440))], [opening()])
    taken = Occupied.by_bookings(
        problem,
        opening=np.array([0]),
        begin_minute=np.array([550]),
        minutes=np.array([20]),
    )

    assert ranked(problem, occupied=taken)[0].start_minute == 570
    assert ranked(problem, 1)[0].start_minute == 570


def test_hours_that_touch_neither_end_take_the_first_start(build, order, opening):
    problem = build([order(minutes=10, hours=(555, 585))], [opening()])

    assert ranked(problem)[0].start_minute == 555


def test_full_openings_and_contracts_are_not_offered(build, order, opening):
    problem = build(
        [order(minutes=60)],
        [opening(day=0), opening(day=1, contract=0), opening(day=2)],
        ceilings=[1],
    )
    taken = Occupied.by_bookings(
        problem,
        opening=np.array([0, 1]),
        begin_minute=np.array([580, 540]),
        minutes=np.array([10, 0]),
    )

    assert [o.opening for o in ranked(problem, occupied=taken, exam=[0])] == [2]


def test_an_order_without_places_gets_none(build, order, opening):
    problem = build([order(list_mask=2), order(scanners=())], [opening()])

    assert ranked(problem, 0) == []
    assert ranked(problem, 1) == []


def test_offers_take_under_five_milliseconds():
    warm_up()
    problem = generate(Scale(orders=2000, scanners=350, days=30), seed=1)
    zero = np.zeros(len(problem.openings.key), np.int64)
    none = np.zeros(0, np.int64)
    taken = []
    for j in range(300):
        began = time.perf_counter()
        rank_slots(problem, j, minute_price=zero, exam_price=none, k=5)
        taken.append(time.perf_counter() - began)

    assert np.median(taken) < 0.005  # the median: what else runs does not matter


def test_nothing_is_left_to_compile_after_the_warm_up(tmp_path):
    warm_up()
    before = compiled()
    problem = generate(
        Scale(
            orders=300,
            scanners=4,
            days=6,
            window_share=0.5,
            patient_share=0.4,
            contract_share=0.5,
        ),
        seed=3,
    )
    save_json(problem, tmp_path / "problem.json")
    problem = load_json(tmp_path / "problem.json")
    plan = solve(problem, limits=Limits(work=20))
    solve(problem, limits=Limits(work=1), warm_prices=plan.certificate)
    explain(problem, plan, 0)
    first_come_first_served(problem)
    ranked(
        problem,
        price=plan.certificate.minute_price,
        exam=plan.certificate.exam_price,
        occupied=Occupied.by_plan(problem, plan),
    )

    assert compiled() == before


def test_nothing_of_a_repair_is_left_to_compile_after_the_warm_up():
    """A loss that is not repaired to the proof at once: all of the search is called."""
    warm_up()
    before = compiled()
    problem = generate(Scale(orders=300, scanners=4, days=6), seed=3)
    plan = solve(problem, limits=Limits(work=20))
    fullest = np.bincount(plan.opening[plan.opening >= 0]).argmax()
    damage = damaged(problem, plan, [Loss(int(fullest), 0, 1440)])
    room = np.ones((2, len(damage.problem.openings.key)), np.int64)
    damage = replace(damage, room_price=room)
    first = repair_at_once(damage)
    improve_repair(damage, first, most_movable=20, seconds=0.5)
    frontier(damage, first, steps=(1,), gains_count=False, seconds=0.2)

    assert damage.displaced.size
    assert compiled() == before


def test_unplaced_orders_say_which_filter_emptied(build, order, opening):
    problem = build(
        [
            order(scanners=()),
            order(list_mask=2),
            order(days=(5, 9)),
            order(hours=(0, 540)),
            order(minutes=61),
            order(unplaced_cost=0),
            order(minutes=60),
        ],
        [opening(), opening(day=1, minutes=20)],
    )
    plan = solve(problem, limits=Limits(work=5))

    found = explain_all(problem, plan)

    assert [e.reason for e in found] == [
        Reason.NO_SCANNER,
        Reason.LIST_TYPE,
        Reason.DAY_WINDOW,
        Reason.TIME_WINDOW,
        Reason.LENGTH,
        Reason.PRICED_OUT,
        Reason.PLACED,
    ]
    assert [f for f, _ in found[0].counts] == list(Filter)
    assert dict(found[6].counts) == {
        Filter.SCANNERS: 2,
        Filter.LIST_TYPE: 2,
        Filter.DAY_WINDOW: 2,
        Filter.TIME_WINDOW: 2,
        Filter.LENGTH: 1,
        Filter.ROOM: 0,
    }


def test_the_runner_up_comes_with_its_terms(build, order, opening):
    problem = build([order(wait_cost=4, pair_cost=1)], [opening(), opening(day=3)])
    plan = solve(problem, limits=Limits(work=5))

    told = explain(problem, plan, 0)

    assert told.reason is Reason.PLACED
    assert told.options == 2
    assert told.runner_up is not None
    assert told.runner_up.opening == 1
    assert told.runner_up.terms.waiting == 12
    assert told.runner_up.terms.pair == 1
    assert told.runner_up.has_room
    assert told == explain_all(problem, plan)[0]


def test_no_order_pays_less_than_it_could(build, order, opening):
    """At the certified prices, regret is what is paid above the cheapest option."""
    problem = generate(Scale(orders=300, scanners=4, days=6), seed=1)
    plan = solve(problem, limits=Limits(work=50))

    told = explain_all(problem, plan)

    assert all(e.paid >= 0 for e in told)
    assert sum(e.reason is Reason.PLACED for e in told) == (plan.opening >= 0).sum()


def test_the_clerk_books_the_urgent_first(build, order, opening):
    problem = build(
        [order(tier=2), order(tier=0), order(tier=0, target_day=-1)],
        [opening(day=0, minutes=30), opening(day=1, minutes=30)],
    )

    assert earliest_by_urgency(problem).opening.tolist() == [UNPLACED, 1, 0]
    assert first_come_first_served(problem).opening.tolist() == [0, 1, UNPLACED]


@pytest.mark.parametrize("book", [earliest_by_urgency, first_come_first_served])
def test_what_the_clerk_books_is_accepted(book):
    problem = generate(
        Scale(
            orders=300,
            scanners=4,
            days=6,
            window_share=0.4,
            patient_share=0.4,
            contract_share=0.5,
        ),
        seed=9,
    )

    assert verify(problem, book(problem)).accepted


def test_public_names_exist_and_are_sorted_out():
    assert all(hasattr(solver, name) for name in solver.__all__)
    assert len(set(solver.__all__)) == len(solver.__all__)
