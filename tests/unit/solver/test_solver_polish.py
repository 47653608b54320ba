"""The polish never worsens a plan, and the checker accepts what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solver import Limits, solve, verify
from solver.clock import Clock
from solver.construct import construct
from solver.instances import Scale, generate
from solver.instances.assignment import (
    Assignment,
    assignment_problem,
    generate_assignment,
    left_out,
)
from solver.layout import columns
from solver.plan import UNPLACED
from solver.polish import polish
from solver.pricing import price_regions
from solver.regions import regions
from solver.shortlist import shortlist

NO_WORTHS = np.zeros(0, np.int64)


def polished(problem, *, work, workers=1, seed=1):
    """Return the search before and after a polish of the constructed plan."""
    c = columns(problem)
    prices = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    listed = shortlist(c, prices.minute, prices.exam, width=40)
    x = construct(c, prices, listed)
    before = int(x.cost.sum()), x.opening.copy(), x.pair.copy()
    limits = Limits(work=work, seed=seed, workers=workers)
    polish(
        c,
        listed,
        x,
        prices=prices,
        worth=NO_WORTHS,
        limits=limits,
        clock=Clock(None),
    )
    return c, before, x


@pytest.mark.parametrize("seed", range(8))
def test_polish_lowers_the_cost_and_keeps_minutes(seed):
    problem = assignment_problem(generate_assignment(agents=6, jobs=60, seed=seed))
    c, (cost, _, _), x = polished(problem, work=2000)
    assert int(x.cost.sum()) < cost
    placed = x.opening != UNPLACED
    used = np.bincount(
        x.opening[placed], weights=c.pair_minutes[x.pair[placed]], minlength=6
    )
    assert (used <= c.minutes).all()
    assert (x.free == c.minutes - used).all()


@pytest.mark.parametrize("seed", range(4))
def test_polish_never_worsens_problems_with_hours_patients_and_contracts(seed):
    scale = Scale(
        orders=300,
        scanners=4,
        days=6,
        window_share=0.4,
        patient_share=0.3,
        contract_share=0.4,
    )
    problem = generate(scale, seed=seed)
    c, (cost, opening, pair), x = polished(problem, work=500)
    assert int(x.cost.sum()) <= cost
    stays = (c.patient >= 0) & (opening >= 0)
    assert stays.any()
    assert (x.opening[stays] == opening[stays]).all()
    assert (x.pair[stays] == pair[stays]).all()
    contracted = (opening >= 0) & (c.contract[opening] >= 0)
    assert (x.opening[contracted] == opening[contracted]).all()
    entered = (x.opening >= 0) & (c.contract[x.opening] >= 0)
    assert (entered == contracted).all()


def test_polish_does_not_depend_on_the_number_of_threads():
    problem = assignment_problem(generate_assignment(agents=5, jobs=50, seed=3))
    _, _, one = polished(problem, work=1000, workers=1)
    _, _, two = polished(problem, work=1000, workers=2)
    _, _, other = polished(problem, work=1000, workers=1, seed=2)
    assert (one.opening == two.opening).all()
    assert (one.opening != other.opening).any()


def test_polish_finds_the_swap_that_no_single_move_does():
    # Both agents are full; only exchanging the two jobs helps.
    instance = Assignment(
        cost=np.array([[9, 1], [1, 9]]),
        weight=np.array([[4, 4], [4, 4]]),
        capacity=np.array([4, 4]),
    )
    problem = assignment_problem(instance)
    c = columns(problem)
    prices = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    listed = shortlist(c, prices.minute, prices.exam, width=40)
    x = construct(c, prices, listed, opening=np.array([0, 1]), pair=np.array([0, 3]))
    assert int(x.cost.sum()) == 18
    polish(
        c,
        listed,
        x,
        prices=prices,
        worth=NO_WORTHS,
        limits=Limits(work=10),
        clock=Clock(None),
    )
    assert x.opening.tolist() == [1, 0]
    assert x.cost.tolist() == [1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_solved_assignment_is_accepted_and_near_its_bound(seed):
    problem = assignment_problem(generate_assignment(agents=10, jobs=200, seed=seed))
    plan = solve(problem, limits=Limits(work=5_000, seed=1))
    assert verify(problem, plan).accepted
    assert left_out(plan) == 0
    assert plan.gap < 0.002
    worse = replace(plan, terms=replace(plan.terms, pair=plan.terms.pair - 1))
    assert not verify(problem, worse).accepted


def test_polish_ends_as_soon_as_the_plan_is_at_its_bound():
    # Each job is cheapest, alone, with its own agent: 1 + 1 is bound and plan.
    instance = Assignment(
        cost=np.array([[9, 1], [1, 9]]),
        weight=np.array([[4, 4], [4, 4]]),
        capacity=np.array([4, 4]),
    )
    problem = assignment_problem(instance)
    c = columns(problem)
    prices = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    assert prices.bound == 2
    listed = shortlist(c, prices.minute, prices.exam, width=40)
    x = construct(c, prices, listed, opening=np.array([0, 1]), pair=np.array([0, 3]))
    clock = Clock(60.0)
    polish(
        c,
        listed,
        x,
        prices=prices,
        worth=NO_WORTHS,
        limits=Limits(seconds=60.0),
        clock=clock,
    )
    assert int(x.cost.sum()) == 2
    assert clock.elapsed() < 30.0
