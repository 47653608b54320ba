"""The peers of the benchmark answer the problem that they are measured on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.solver_peers import NAMES, peers
from solver import CostTerms, Plan, cost_terms, earliest_by_urgency, verify


def plan_of(problem, answer, certificate):
    """Return a peer's answer as a plan: nothing asks for more than back to back."""
    start = np.zeros(len(answer.opening), np.int64)
    for b in set(answer.opening[answer.opening >= 0].tolist()):
        rows = np.flatnonzero(answer.opening == b)
        minutes = problem.pairs.minutes[answer.pair[rows]]
        start[rows] = problem.openings.begin_minute[b] + np.cumsum(minutes) - minutes
    columns = answer.opening, answer.pair, start
    terms = cost_terms(problem, Plan(*columns, CostTerms(*[0] * 6), certificate, 0.0))
    return Plan(*columns, terms, certificate, answer.spent.wall)


@pytest.fixture
def problem(build, order, opening):
    """Day 1 has minutes for two exams; day 3 too, but its contract allows one."""
    waits = [order(wait_cost=9), order(wait_cost=5), order()]
    days = [opening(day=1), opening(day=3, contract=0)]
    return build([*waits, order(unplaced_cost=4)], days, ceilings=[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_keeps_minutes_and_ceilings_at_the_least_cost(problem, name):
    """9 + 5 on day 1, 3 on day 3; the last, 3 there too, is left unplaced at 4."""
    clerk = earliest_by_urgency(problem)

    (answer,) = peers(problem, clerk, names=[name], seconds=10.0, workers=1)

    assert answer.cost == 9 + 5 + 3 + 4
    assert answer.opening.tolist() == [0, 0, 1, -1]
    plan = plan_of(problem, answer, clerk.certificate)
    assert verify(problem, plan).accepted
    assert plan.terms.total == answer.cost


def test_a_peer_that_is_not_there_is_named(problem):
    with pytest.raises(ValueError, match="'cplex'"):
        list(
            peers(
                problem,
                earliest_by_urgency(problem),
                names=["cplex"],
                seconds=1.0,
                workers=1,
            )
        )
