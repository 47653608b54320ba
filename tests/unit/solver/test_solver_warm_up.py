"""What `warm_up` has compiled: with it, no request waits for a plan with rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from unit.solver.compiled_kernels import compiled
from unit.solver.rules_at_random import booked, column

from solver import Limits, solve, warm_up
from solver.instances import Scale, generate
from solver.rules import (
    Changeovers,
    Deliveries,
    Draws,
    Links,
    Needs,
    Rules,
    Shifts,
    Visits,
    Weights,
)

SCALE = Scale(
    orders=300,
    scanners=4,
    days=6,
    window_share=0.5,
    patient_share=0.4,
    contract_share=0.5,
)


def with_every_rule(problem):
    """Return the problem with 20 visits of two, 20 draws, and all other rules."""
    rng = np.random.default_rng(1)
    orders, pairs = len(problem.orders.key), problem.pairs.scanner.shape[0]
    needing = np.flatnonzero(rng.random(pairs) < 0.1)
    days = np.arange(7)

    def all_of(value, rows):
        return np.full(rows, value, np.int64)

    pair = np.arange(40).reshape(20, 2)
    on = all_of(1, 20)
    rules = Rules(
        visits=Visits(column(range(0, 41, 2)), column(pair.ravel()), on, on),
        links=Links(column(pair[:, 0]), column(pair[:, 1]), 0 * on, 60 * on),
        shifts=Shifts(0 * days, days, *(all_of(n, 7) for n in (480, 600, 2))),
        needs=Needs(needing, *(all_of(n, needing.size) for n in (0, 0, 10, 1))),
        changeovers=Changeovers(
            rng.integers(-1, 3, orders), column([0, 10, 10, 10, 0, 10, 10, 10, 0])
        ),
        deliveries=Deliveries(0 * days, 0 * days, days, all_of(500, 7), all_of(400, 7)),
        draws=Draws(np.arange(60, 80), 0 * on, 0 * on, 200 * on, 50 * on, 60 * on),
        weights=Weights(
            journey_cost=5,
            gap_minutes=10,
            gap_cost=1,
            unplaced_days=5,
            unfair_permille=1100,
            unfair_cost=3,
        ),
        scanner_place=column([0, 0, 1, 1]),
        cohort=rng.integers(-1, 2, orders),
        contract_floor=np.ones_like(problem.contract_ceiling),
        contract_price=np.full_like(problem.contract_ceiling, 4),
    )
    return replace(problem, rules=rules)


def test_no_rule_is_left_to_compile_after_the_warm_up():
    """With all rules at once, then with bookings besides, then without what mixes."""
    warm_up()
    before = compiled()
    problem = with_every_rule(generate(SCALE, seed=3))
    limits = Limits(work=20)

    plan = solve(problem, limits=limits)
    bookings = booked(np.random.default_rng(1), problem, plan)
    solve(
        replace(problem, rules=replace(problem.rules, bookings=bookings)), limits=limits
    )
    for alone in ("visits", "changeovers", "weights"):
        rules = Rules(**{alone: getattr(problem.rules, alone)})
        solve(replace(problem, rules=rules), limits=limits)

    assert (plan.opening >= 0).any()
    assert compiled() == before
