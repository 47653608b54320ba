"""The rows of the orders decide nothing where a plan is reproducible."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from unit.solver.test_solver_rules_exact import drawn

from solver import Limits, carried, solve, verify
from solver.by_key import by_key
from solver.instances import Scale, generate
from solver.rules import Rules, Weights

SCALE = Scale(
    orders=400,
    scanners=6,
    days=8,
    window_share=0.3,
    patient_share=0.3,
    contract_share=0.4,
)


def shuffled(problem, rows):
    """Return the same problem with the orders in the order of `rows`."""
    start = problem.pairs.start.tolist()
    pairs = [p for j in rows for p in range(start[j], start[j + 1])]
    order_now = np.array([rows.index(j) for j in range(len(rows))], np.int64)
    pair_now = np.array([0] * len(pairs), np.int64)
    for now, was in enumerate(pairs):
        pair_now[was] = now
    orders, rules = problem.orders, problem.rules
    columns = {
        f.name: getattr(orders, f.name)[rows] for f in fields(orders) if f.name != "key"
    }
    family, cohort = rules.changeovers.family, rules.cohort
    return replace(
        problem,
        orders=replace(orders, key=tuple(orders.key[j] for j in rows), **columns),
        pairs=replace(
            problem.pairs,
            start=np.cumsum([0] + [start[j + 1] - start[j] for j in rows]),
            scanner=problem.pairs.scanner[pairs],
            minutes=problem.pairs.minutes[pairs],
            cost=problem.pairs.cost[pairs],
        ),
        rules=replace(
            rules,
            visits=replace(rules.visits, order=order_now[rules.visits.order]),
            links=replace(
                rules.links,
                first=order_now[rules.links.first],
                second=order_now[rules.links.second],
            ),
            bookings=replace(
                rules.bookings,
                order=order_now[rules.bookings.order],
                pair=pair_now[rules.bookings.pair],
            ),
            needs=replace(rules.needs, pair=pair_now[rules.needs.pair]),
            draws=replace(rules.draws, order=order_now[rules.draws.order]),
            changeovers=replace(
                rules.changeovers, family=family[rows] if family.size else family
            ),
            cohort=cohort[rows] if cohort.size else cohort,
        ),
    )


def said(problem, plan):
    """Return what a plan says of each order by its key, and of all together."""
    scanner = np.append(problem.pairs.scanner, -1)[plan.pair]
    minutes = np.append(problem.pairs.minutes, -1)[plan.pair]
    worth = plan.certificate.worth
    columns = [plan.opening, scanner, minutes, plan.start_minute]
    if worth.size:
        columns.append(worth)
    by_order = dict(zip(problem.orders.key, np.stack(columns, 1).tolist(), strict=True))
    proof = plan.certificate
    prices = proof.minute_price.tolist(), proof.exam_price.tolist()
    return by_order, plan.terms, proof.bound, prices


def assert_the_same(problem, rng, limits):
    rows = rng.permutation(len(problem.orders.key)).tolist()
    other = shuffled(problem, rows)
    one, two = solve(problem, limits=limits), solve(other, limits=limits)
    assert verify(other, two).accepted
    assert said(problem, one) == said(other, two)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowded_network(seed):
    problem = generate(SCALE, seed=seed)
    assert_the_same(problem, np.random.default_rng(seed), Limits(work=60, seed=seed))


def test_every_rule(build, order, opening):
    for seed in range(20):
        for problem in drawn(seed, build, order, opening):
            rng = np.random.default_rng(seed)
            assert_the_same(problem, rng, Limits(work=2, seed=1))


def test_a_fairness_guard_and_worths_in_the_certificate():
    plain = generate(Scale(orders=60, scanners=2, days=6), seed=4)
    cohort = np.arange(60, dtype=np.int64) % 3
    weights = Weights(unplaced_days=20, unfair_permille=1000, unfair_cost=30)
    problem = replace(plain, rules=Rules(cohort=cohort, weights=weights))
    assert_the_same(problem, np.random.default_rng(4), Limits(work=30, seed=4))
    assert solve(plain, limits=Limits(work=30)).certificate.worth.size
    assert_the_same(plain, np.random.default_rng(5), Limits(work=30, seed=4))


def test_a_start_from_an_earlier_plan():
    problem = generate(SCALE, seed=3)
    earlier = solve(problem, limits=Limits(work=20, seed=3))
    rows = np.random.default_rng(3).permutation(SCALE.orders).tolist()
    other = shuffled(problem, rows)
    limits = Limits(work=20, seed=9)
    one = solve(problem, limits=limits, start=carried(problem, earlier, problem))
    two = solve(other, limits=limits, start=carried(problem, earlier, other))
    assert said(problem, one) == said(other, two)


def test_what_is_sorted_already_stays_as_it_is():
    problem = generate(SCALE, seed=1)
    assert by_key(problem) is None
    last = [*range(1, SCALE.orders), 0]
    found = by_key(shuffled(problem, last))
    assert found is not None
    assert found.problem.orders.key == problem.orders.key
    assert found.problem.pairs.scanner.tolist() == problem.pairs.scanner.tolist()
