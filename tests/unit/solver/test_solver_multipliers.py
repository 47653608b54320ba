"""Worths of the orders' own: any prove a bound, good ones a better one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from solver import InvalidPrices, Limits, lower_bound, solve, verify
from solver.clock import Clock
from solver.instances import Scale, generate, load_plan, save_plan
from solver.instances.assignment import assignment_problem, generate_assignment
from solver.layout import columns
from solver.multipliers import own_worths
from solver.packing import bound_of_worths, packed_bound, worths
from solver.plan import PRICE_SCALE
from solver.pricing import price_regions
from solver.regions import regions
from solver.shortlist import shortlist

NO_EXAM = np.zeros(0, np.int64)
TINY = 1500
"""Random instances that the exact optimum is held against."""


def found(problem, *, seed=1):
    """Return columns, prices and worths of a problem, without a clock."""
    c = columns(problem)
    prices = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    listed = shortlist(c, prices.minute, prices.exam, width=40)
    own = own_worths(c, listed, prices, seed=seed, clock=Clock(None))
    return c, prices, own


def least_cost(problem):
    """Return the optimum of a problem with one opening a scanner, by HiGHS."""
    highspy = pytest.importorskip("highspy")
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    owner = np.repeat(np.arange(len(orders.key)), np.diff(pairs.start))
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    n = owner.size
    engine.addVars(n, np.zeros(n), np.ones(n))
    every = np.arange(n, dtype=np.int32)
    gain = (orders.unplaced_cost[owner] - pairs.cost).astype(float)
    engine.changeColsCost(n, every, -gain)
    engine.changeColsIntegrality(n, every, np.array([1] * n, np.uint8))
    for j in range(len(orders.key)):
        at = every[owner == j]
        engine.addRow(0.0, 1.0, at.size, at, np.ones(at.size))
    for b in range(len(openings.key)):
        at = every[pairs.scanner == b]
        room = float(openings.minutes[b])
        engine.addRow(0.0, room, at.size, at, pairs.minutes[at].astype(float))
    engine.setOptionValue("mip_rel_gap", 0.0)
    engine.run()
    value = engine.getInfo().objective_function_value
    return round(float(orders.unplaced_cost.sum()) + value)


def tiny(seed):
    """Return a random assignment of few jobs, some of which stay out."""
    rng = np.random.default_rng(seed)
    instance = generate_assignment(
        agents=int(rng.integers(1, 4)), jobs=int(rng.integers(1, 8)), seed=seed
    )
    problem = assignment_problem(instance)
    some = rng.integers(0, int(instance.cost.max()) + 2, instance.cost.shape[1])
    orders = replace(problem.orders, unplaced_cost=some.astype(np.int64))
    return replace(problem, orders=orders)


def test_no_worths_prove_more_than_the_optimum_of_thousands_of_instances():
    gained = 0
    for seed in range(TINY):
        problem = tiny(seed)
        best = least_cost(problem)
        _, prices, own = found(problem)
        rng = np.random.default_rng(seed)
        high = 2 * PRICE_SCALE * int(problem.orders.unplaced_cost.max() + 1)
        wild = rng.integers(-high, high, len(problem.orders.key))

        assert lower_bound(problem, prices.minute, NO_EXAM, wild) <= best, seed
        bound = lower_bound(problem, prices.minute, NO_EXAM, own.worth)
        assert bound <= best, seed
        assert bound == -(-(prices.scaled_bound + own.gain) // PRICE_SCALE)
        gained += own.gain > 0
    assert gained > TINY // 10


@pytest.mark.parametrize("seed", range(4))
def test_worths_prove_more_than_prices_where_openings_hold_few_exams(seed):
    problem = assignment_problem(generate_assignment(agents=5, jobs=60, seed=seed))
    c, prices, own = found(problem)
    optimum = solve(problem, limits=Limits(work=20_000)).terms.total

    before, after = prices.scaled_bound, prices.scaled_bound + own.gain
    assert after == bound_of_worths(c, prices.exam, own.worth)
    assert own.gain > 0.3 * (optimum * PRICE_SCALE - before)
    assert after <= optimum * PRICE_SCALE


def test_the_kernel_and_the_checker_agree_on_any_worths_with_contracts():
    problem = generate(
        Scale(orders=300, scanners=8, days=6, window_share=0.3, contract_share=0.5),
        seed=4,
    )
    c = columns(problem)
    rng = np.random.default_rng(6)
    most = c.unplaced_cost * PRICE_SCALE
    for _ in range(4):
        worth = (most * rng.random(most.shape[0])).astype(np.int64)
        exam = rng.integers(0, 400_000, c.ceiling.shape[0])
        minute = np.zeros(c.day.shape[0], np.int64)
        exact = bound_of_worths(c, exam, worth)

        assert -(-exact // PRICE_SCALE) == lower_bound(problem, minute, exam, worth)


def test_the_worths_of_the_prices_prove_what_the_prices_prove():
    problem = generate(
        Scale(orders=200, scanners=5, days=5, contract_share=0.4), seed=1
    )
    c, prices, _ = found(problem)
    plain = worths(c, prices.minute, prices.exam)

    assert bound_of_worths(c, prices.exam, plain) == packed_bound(
        c, prices.minute, prices.exam
    )
    assert lower_bound(problem, prices.minute, prices.exam, plain) == lower_bound(
        problem, prices.minute, prices.exam
    )


def test_worths_beyond_the_unplaced_cost_and_below_nothing_are_cut(
    build, order, opening
):
    """One stays out: for 100, or for 40, of which the bound knows the cheaper."""
    problem = build(
        [
            order(minutes=30, wait_cost=0, unplaced_cost=100),
            order(minutes=30, wait_cost=0, unplaced_cost=40),
        ],
        [opening(minutes=30)],
    )
    zero, huge = np.zeros(1, np.int64), 2**62

    assert lower_bound(problem, zero, NO_EXAM, np.array([40_000, 40_000])) == 40
    assert lower_bound(problem, zero, NO_EXAM, np.array([huge, huge])) == 40
    assert lower_bound(problem, zero, NO_EXAM, np.array([-huge, huge])) == 0


def test_worths_repeat_themselves():
    problem = generate(Scale(orders=200, scanners=4, days=6), seed=2)
    _, _, one = found(problem)
    _, _, same = found(problem)
    _, _, other = found(problem, seed=2)

    assert one.gain > 0
    assert (one.worth == same.worth).all()
    assert (one.worth != other.worth).any()


@pytest.fixture(scope="module")
def answered():
    problem = assignment_problem(generate_assignment(agents=5, jobs=60, seed=9))
    return problem, solve(problem, limits=Limits(work=50))


@pytest.mark.parametrize("more", [1, -1, 400])
def test_worths_that_were_changed_no_longer_carry_the_claim(answered, more):
    problem, plan = answered
    assert plan.certificate.worth.size
    assert verify(problem, plan).accepted
    worth = plan.certificate.worth + more * PRICE_SCALE
    certificate = replace(plan.certificate, worth=worth)
    verdict = verify(problem, replace(plan, certificate=certificate))

    assert [claim.name for claim in verdict.false_claims] == ["bound"]


def test_worths_of_another_shape_or_type_prove_nothing(answered):
    problem, plan = answered
    for worth in (plan.certificate.worth[:-1], plan.certificate.worth * 1.0):
        certificate = replace(plan.certificate, worth=worth)
        verdict = verify(problem, replace(plan, certificate=certificate))
        assert verdict.bound is None
        assert not verdict.accepted
        with pytest.raises(InvalidPrices, match="worth has shape"):
            lower_bound(
                problem, certificate.minute_price, certificate.exam_price, worth
            )


def test_worths_survive_a_file_and_older_plans_have_none(answered, tmp_path):
    problem, plan = answered
    file = tmp_path / "plan.json"
    save_plan(plan, file)
    assert verify(problem, load_plan(file)).accepted

    document = json.loads(file.read_text())
    assert document["version"] == 4
    document["version"] = 2
    del document["certificate"]["worth"]
    del document["certificate"]["excess_share"]
    prices = plan.certificate.minute_price, plan.certificate.exam_price
    document["certificate"]["bound"] = lower_bound(problem, *prices)
    file.write_text(json.dumps(document))

    older = load_plan(file)
    assert older.certificate.worth.size == 0
    assert verify(problem, older).accepted
