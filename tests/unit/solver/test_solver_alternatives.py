"""The five best alternatives of an order, with their terms, prices and room."""

from __future__ import annotations

import numpy as np

from solver import PRICE_SCALE, Limits, explain, solve
from solver.explain import alternatives
from solver.instances import Scale, generate


def test_alternatives_are_the_cheapest_and_apart():
    problem = generate(Scale(orders=120, scanners=4, days=8), seed=2)
    plan = solve(problem, limits=Limits(work=100, seed=1))
    starts = problem.openings.scanner_start
    for j in range(0, 120, 7):
        found = alternatives(problem, plan, j)
        told = explain(problem, plan, j)
        if told.runner_up is None:
            assert found == []
            continue
        assert found[0].reduced_cost == told.runner_up.reduced_cost
        costs = [one.reduced_cost for one in found]
        assert costs == sorted(costs)
        where = [
            (
                int(np.searchsorted(starts, one.opening, side="right")),
                int(problem.openings.day[one.opening]),
            )
            for one in found
        ]
        assert len(set(where)) == len(found) <= 5
        assert plan.opening[j] not in [one.opening for one in found]
        for one in found:
            minutes = int(problem.pairs.minutes[one.pair])
            price = int(plan.certificate.minute_price[one.opening]) * minutes
            contract = int(problem.openings.contract[one.opening])
            if contract >= 0:
                price += int(plan.certificate.exam_price[contract])
            assert one.reduced_cost == one.terms.total * PRICE_SCALE + price


def test_an_alternative_that_is_full_says_so(build, order, opening):
    problem = build(
        [order(minutes=60, wait_cost=5), order(minutes=60)],
        [opening(), opening(day=2), opening(day=4)],
    )
    plan = solve(problem, limits=Limits(work=50, seed=1))
    assert plan.opening.tolist() == [0, 1]

    found = alternatives(problem, plan, 0)

    assert [(one.opening, one.has_room) for one in found] == [(1, False), (2, True)]
    assert [one.terms.waiting for one in found] == [10, 20]
