"""Problems small enough to solve on paper."""

from __future__ import annotations

import numpy as np
import pytest

from solver import UNPLACED, Limits, Stage, solve, verify, violations

LIMITS = Limits(work=20, seed=1)


def test_no_orders_cost_nothing(build, opening):
    plan = solve(build([], [opening()]), limits=LIMITS)

    assert plan.terms.total == 0
    assert plan.certificate.bound == 0
    assert plan.gap == 0


def test_no_openings_leave_every_order_unplaced(build, order):
    problem = build([order(unplaced_cost=7), order(unplaced_cost=5)], [])

    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist() == [UNPLACED, UNPLACED]
    assert plan.terms.unplaced == plan.certificate.bound == 12
    assert verify(problem, plan).accepted


def test_one_order_takes_the_first_day(build, order, opening):
    problem = build([order(wait_cost=3)], [opening(day=1), opening(day=4)])

    plan = solve(problem, limits=LIMITS)

    # One day of waiting at 3.
    assert plan.terms.total == plan.certificate.bound == 3
    assert plan.start_minute.tolist() == [540]


def test_the_one_for_whom_waiting_is_dear_goes_first(build, order, opening):
    """One opening a day takes two exams of 30 minutes.

    Day 0 holds the two that cost 10 a day, day 1 the one that costs 1: 1 in all.
    """
    problem = build(
        [order(wait_cost=1), order(wait_cost=10), order(wait_cost=10)],
        [opening(day=0), opening(day=1)],
    )

    plan = solve(problem, limits=LIMITS)

    assert plan.terms.total == 1
    assert plan.opening.tolist() == [1, 0, 0]
    assert verify(problem, plan).accepted


def test_lateness_breach_pair_and_opening_costs_add_up(build, order, opening):
    """On day 5, target 2, breach from day 4: 5*1 + 3*10 + 100 + 7 + 2 = 144."""
    problem = build(
        [
            order(
                target_day=2,
                late_cost=10,
                breach_day=4,
                breach_cost=100,
                pair_cost=7,
            )
        ],
        [opening(day=5, cost=2)],
    )

    plan = solve(problem, limits=LIMITS)

    terms = plan.terms
    assert (terms.waiting, terms.lateness, terms.breach) == (5, 30, 100)
    assert (terms.pair, terms.opening, terms.unplaced) == (7, 2, 0)
    assert plan.certificate.bound == 144


def test_a_dear_slot_is_not_taken(build, order, opening):
    problem = build([order(unplaced_cost=50)], [opening(cost=51)])

    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist() == [UNPLACED]
    assert plan.terms.total == plan.certificate.bound == 50


def test_list_types_are_kept_apart(build, order, opening):
    problem = build(
        [order(list_mask=0b10), order(list_mask=0b11)],
        [opening(list_bit=0b01, minutes=30), opening(list_bit=0b10, day=1, minutes=30)],
    )

    assert solve(problem, limits=LIMITS).opening.tolist() == [1, 0]


def test_a_contract_takes_no_more_than_its_ceiling(build, order, opening):
    """Room for two on day 0, but the contract allows one; the other waits a day."""
    problem = build(
        [order(wait_cost=5), order(wait_cost=4)],
        [opening(day=0, contract=0), opening(day=1)],
        ceilings=[1],
    )

    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist() == [0, 1]
    assert plan.terms.total == plan.certificate.bound == 4
    assert verify(problem, plan).accepted


def test_a_contract_that_allows_nothing_is_closed(build, order, opening):
    problem = build([order(unplaced_cost=9)], [opening(contract=0)], ceilings=[0])

    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist() == [UNPLACED]
    assert plan.certificate.bound == 9


def test_an_empty_window_only_leaves_the_order_out(build, order, opening):
    problem = build([order(days=(3, 1)), order(hours=(600, 500))], [opening()])

    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist() == [UNPLACED, UNPLACED]
    assert verify(problem, plan).accepted


def test_the_urgent_come_first_within_an_opening(build, order, opening):
    problem = build([order(tier=2), order(tier=0)], [opening()])

    assert solve(problem, limits=LIMITS).start_minute.tolist() == [570, 540]


def test_hours_of_the_day_overrule_urgency(build, order, opening):
    """09:00-10:00; the routine exam must end by 09:30, so the urgent one follows."""
    problem = build([order(tier=2, hours=(540, 570)), order(tier=0)], [opening()])

    plan = solve(problem, limits=LIMITS)

    assert plan.start_minute.tolist() == [540, 570]


def test_an_order_of_exams_that_only_the_exact_method_finds(build, order, opening):
    """09:00-10:40: 20 minutes within 09:20-09:40, 60 and 20 minutes at any time.

    Only 20, then the fixed one, then 60 fills the opening. By tier the 60 goes first
    and by deadline the fixed one waits behind the first to start.
    """
    problem = build(
        [
            order(minutes=20, hours=(560, 580), tier=1),
            order(minutes=60, tier=0),
            order(minutes=20, tier=1),
        ],
        [opening(minutes=100)],
    )

    plan = solve(problem, limits=LIMITS)

    assert plan.start_minute.tolist() == [560, 580, 540]
    assert verify(problem, plan).accepted


def test_an_opening_that_cannot_be_sequenced_gives_up_the_cheapest(
    build, order, opening
):
    """Two want 09:00-09:30; the one of 80 goes to the next day."""
    problem = build(
        [order(hours=(540, 570), unplaced_cost=90), order(hours=(540, 570))],
        [opening(day=0), opening(day=1)],
    )

    plan = solve(problem, limits=LIMITS)

    assert sorted(plan.opening.tolist()) == [0, 1]
    assert verify(problem, plan).accepted


def test_a_patient_is_not_in_two_places(build, order, opening):
    problem = build(
        [order(patient=4, scanners=(0,)), order(patient=4, scanners=(1,))],
        [opening(scanner=0), opening(scanner=1)],
        scanners=2,
    )

    plan = solve(problem, limits=LIMITS)

    assert sorted(plan.start_minute.tolist()) == [540, 570]
    assert violations(problem, plan) == []


def test_a_patient_who_would_be_in_two_places_loses_one(build, order, opening):
    problem = build(
        [order(patient=4, scanners=(0,)), order(patient=4, scanners=(1,))],
        [opening(scanner=0, minutes=30), opening(scanner=1, minutes=30)],
        scanners=2,
    )

    plan = solve(problem, limits=LIMITS)

    assert (plan.opening == UNPLACED).sum() == 1
    assert violations(problem, plan) == []


def test_progress_tells_the_stages_in_order(build, order, opening):
    told = []

    solve(build([order()], [opening()]), limits=LIMITS, progress=told.append)

    stages = [p.stage for p in told]
    assert stages[0] is Stage.PRICES
    assert stages[-1] is Stage.DONE
    assert stages == sorted(stages, key=list(Stage).index)
    assert told[-1].gap == 0


def test_warm_prices_give_the_same_certified_bound(build, order, opening):
    problem = build(
        [order(wait_cost=w) for w in (1, 5, 9)], [opening(day=0), opening(day=1)]
    )
    cold = solve(problem, limits=LIMITS)

    warm = solve(problem, limits=LIMITS, warm_prices=cold.certificate)

    assert warm.certificate.bound >= cold.certificate.bound
    assert verify(problem, warm).accepted


def test_warm_prices_of_another_problem_are_refused(build, order, opening):
    small = solve(build([order()], [opening()]), limits=LIMITS)
    large = build([order()], [opening(day=0), opening(day=1)])

    with pytest.raises(ValueError, match="Match the rows by key"):
        solve(large, limits=LIMITS, warm_prices=small.certificate)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"seconds": 0},
        {"work": -1},
        {"work": 1, "target_gap": -1.0},
        {"work": 1, "workers": 0},
    ],
)
def test_limits_that_limit_nothing_are_refused(bad):
    with pytest.raises(ValueError, match="give"):
        Limits(**bad)


def test_a_gap_that_is_good_enough_ends_the_search(build, order, opening):
    problem = build(
        [order(wait_cost=w) for w in range(1, 20)],
        [opening(day=d) for d in range(10)],
    )

    plan = solve(problem, limits=Limits(seconds=20, target_gap=0.5, seed=1))

    assert plan.seconds < 10
    assert plan.gap <= 0.5
    assert np.all(plan.opening >= 0)
