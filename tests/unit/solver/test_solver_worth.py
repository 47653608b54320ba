"""One more session is worth what planning again shows, and prices say where to look."""

from __future__ import annotations

import pytest

from solver import Limits, solve
from solver.instances import Scale, generate
from solver.worth import session_values, solved_value


def test_a_session_that_places_an_order_saves_what_it_cost(build, order, opening):
    problem = build(
        [order(minutes=60, unplaced_cost=500) for _ in range(2)],
        [opening(), opening(scanner=1)],
        scanners=2,
    )
    plan = solve(problem, limits=Limits(work=20, seed=1))
    assert plan.terms.unplaced == 500

    values = session_values(problem, plan)
    tested = solved_value(problem, plan, 0, seeds=(1, 2), work=20)

    assert [one.scanner for one in values] == [0, 1]
    assert values[0].minutes == 60
    assert values[0].value == pytest.approx(500, rel=0.01)
    assert values[1].value == 0
    assert tested.savings == (500, 500)
    assert (tested.low, tested.high) == (500, 500)


def test_a_session_where_nobody_waits_saves_nothing(build, order, opening):
    problem = build([order()], [opening(), opening(scanner=1)], scanners=2)
    plan = solve(problem, limits=Limits(work=20, seed=1))

    assert solved_value(problem, plan, 1, seeds=(1, 2), work=20).savings == (0, 0)


def test_the_rest_of_the_plan_stays_and_more_time_helps():
    scale = Scale(orders=200, scanners=6, days=8, load=1.1, contract_share=0.3)
    problem = generate(scale, seed=4)
    plan = solve(problem, limits=Limits(work=300, seed=1))
    dearest = session_values(problem, plan)[0]

    tested = solved_value(problem, plan, dearest.like, seeds=(1, 2, 3), work=200)

    assert dearest.value > 0
    assert min(tested.savings) > 0
    assert tested.low <= sum(tested.savings) / 3 <= tested.high


def test_what_makes_no_sense_is_refused(build, order, opening):
    problem = build([order()], [opening()])
    plan = solve(problem, limits=Limits(work=1, seed=1))
    with pytest.raises(ValueError, match="opening 9"):
        solved_value(problem, plan, 9)
    with pytest.raises(ValueError, match="1 seeds"):
        solved_value(problem, plan, 0, seeds=(1,))
