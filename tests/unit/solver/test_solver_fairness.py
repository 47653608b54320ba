"""The fairness guard: by hand, in the bound against every plan, and in the search."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from solver import InvalidPrices, Limits, lower_bound, solve, verify
from solver.costs import excess_days, whole_terms
from solver.fair_bound import proven
from solver.fairness import for_search, guard_of, parts_of, priced
from solver.instances import Scale, generate, load_plan, save_plan
from solver.layout import columns
from solver.plan import PRICE_SCALE, Certificate
from solver.rules import Rules, Weights

LIMITS = Limits(work=2)
TINY = 600


def column(values):
    return np.array(list(values), dtype=np.int64)


def guarded(problem, cohort, **weights):
    rules = Rules(cohort=column(cohort), weights=Weights(**weights))
    return replace(problem, rules=rules)


@pytest.fixture(scope="module")
def three(build, order, opening):
    """Three exams of an hour; one place each on days 0, 2 and 4."""
    return build(
        [order(minutes=60, wait_cost=w) for w in (12, 10, 9)],
        [opening(day=d) for d in (0, 2, 4)],
    )


# --- the price of a day --------------------------------------------------------------


def test_a_share_is_a_price_on_days_less_a_part_for_all(three):
    """One of three, allowed as much as all: y (w - W / 3), so 40 and -20 at a half.

    Waits are 4 of 6 days: 2 beyond, which cost 120, and at a half of it 60:
    4 x 40 - 2 x 20 - 0 x 20, less 40 for the two others' two days.
    """
    problem = guarded(three, [0, 0, 1], unfair_permille=1000, unfair_cost=60)
    guard = guard_of(problem)
    half = column([0, 500])
    per_day = guard.per_day(half, 1000)

    assert per_day.tolist() == [-10_000, -10_000, 20_000]
    days = column([0, 2, 4])
    assert guard.beyond(days) == [-2 * guard.unit, 2 * guard.unit]
    assert int((per_day * days).sum()) == 60_000
    # The excess is in thirds of a day here: two thirds of a day's half may be lost.
    assert guard.lost(half) == 20_000


def test_prices_of_days_are_rounded_down(three):
    guard = guard_of(guarded(three, [0, 1, 1], unfair_permille=1100, unfair_cost=1))

    # 0.001 (1 - 1.1 / 3) = 0.63 thousandths, and -0.37 for the others.
    assert guard.per_day(column([1, 0]), 1000).tolist() == [0, -1, -1]


def test_who_has_no_cohort_counts_among_nobody(three):
    """The second is left out: of the others' 4 days the last waits all, 2 beyond."""
    problem = guarded(three, [0, -1, 1], unfair_permille=1000, unfair_cost=60)
    guard = guard_of(problem)
    opening = column([0, 1, 2])

    assert guard.beyond(column([0, 2, 4])) == [-2 * guard.unit, 2 * guard.unit]
    assert excess_days(problem, columns(problem), opening).tolist() == [0, 2]
    assert guard.per_day(column([0, 1000]), 1).tolist() == [-30, 0, 30]


def test_no_guard_where_nobody_has_a_cohort_or_it_costs_nothing(three):
    assert guard_of(three) is None
    assert guard_of(guarded(three, [-1, -1, -1], unfair_cost=5)) is None
    assert guard_of(guarded(three, [0, 0, 1], unfair_cost=0)) is None


def test_the_search_takes_a_rewarded_wait_as_free(three):
    problem = guarded(three, [0, 0, 1], unfair_permille=1000, unfair_cost=60)
    at = priced(problem, guard_of(problem), column([0, 1000]), 1)

    assert at.orders.wait_cost.tolist() == [-8, -10, 49]
    assert for_search(at).orders.wait_cost.tolist() == [0, 0, 49]


def test_costs_too_large_to_be_cut_are_searched_without_the_guard(three):
    orders = replace(three.orders, unplaced_cost=column([10**9] * 3))
    large = guarded(replace(three, orders=orders), [0, 0, 1], unfair_cost=7)
    assert parts_of(large, guard_of(large)) == 1
    weights = Weights(unfair_cost=7, unplaced_days=1)
    larger = replace(large, rules=replace(large.rules, weights=weights))
    assert parts_of(larger, guard_of(larger)) == 0

    plan = solve(larger, limits=LIMITS)

    assert verify(larger, plan).accepted
    assert not plan.certificate.excess_share.any()


def test_the_bound_of_costs_too_large_to_be_cut_does_not_overflow(
    build, order, opening
):
    """10,000 orders without a place, in thousandths of thousandths, pass 2**63."""
    orders = [order(unplaced_cost=10**9)] * 10_000
    cohort = [j % 2 for j in range(len(orders))]
    problem = guarded(
        build(orders, [opening()]), cohort, unfair_cost=1, unplaced_days=1
    )

    plan = solve(problem, limits=LIMITS)

    assert plan.certificate.bound == (len(orders) - 2) * 10**9
    assert verify(problem, plan).accepted


# --- the plan ------------------------------------------------------------------------


def test_the_last_changes_places_with_the_second(three):
    """The last waits 4 of 6 days, 2 beyond the mean. In second place it waits as the
    mean does, for 10 x 4 + 9 x 2 = 58; first come, 10 x 2 + 9 x 4 = 56 and the guard.
    """
    blind = solve(three, limits=LIMITS)
    assert (blind.terms.total, blind.opening.tolist()[2]) == (56, 2)

    problem = guarded(three, [0, 0, 1], unfair_permille=1000, unfair_cost=3)
    plan = solve(problem, limits=LIMITS)

    assert plan.opening.tolist()[2] == 1
    assert (plan.terms.total, plan.terms.unfairness) == (58, 0)
    assert plan.certificate.bound <= 58
    assert verify(problem, plan).accepted


def test_a_guard_that_nobody_passes_costs_nothing(three):
    problem = guarded(three, [0, 0, 1], unfair_permille=3000, unfair_cost=3)

    plan, blind = solve(problem, limits=LIMITS), solve(three, limits=LIMITS)

    assert plan.terms.total == blind.terms.total == 56
    assert plan.certificate.bound == blind.certificate.bound


@pytest.fixture(scope="module")
def network():
    problem = generate(Scale(orders=300, scanners=4, days=12), seed=2)
    has = problem.pairs.start[1:] > problem.pairs.start[:-1]
    minutes = np.where(has, problem.pairs.minutes[problem.pairs.start[:-1]], 0)
    return guarded(
        problem,
        (minutes < 30).astype(np.int64),
        unfair_permille=1100,
        unfair_cost=20,
        unplaced_days=20,
    )


def test_the_search_sees_the_guard(network):
    """Long exams wait: the plan without the guard pays for it, this one hardly."""
    limits = Limits(work=1500)
    blind = solve(replace(network, rules=Rules()), limits=limits)
    c = columns(network)
    unseen = whole_terms(network, c, blind.opening, blind.pair, blind.start_minute)
    told = []

    plan = solve(network, limits=limits, progress=told.append)

    assert verify(network, plan).accepted
    assert unseen.unfairness > 0
    assert plan.terms.unfairness < 0.2 * unseen.unfairness
    assert plan.terms.total < unseen.total
    assert blind.certificate.bound < plan.certificate.bound
    assert plan.gap < 0.5 * (unseen.total / blind.certificate.bound - 1)
    assert told[-1].cost == plan.terms.total
    assert told[-1].bound == plan.certificate.bound
    again = solve(network, limits=limits)
    assert again.opening.tolist() == plan.opening.tolist()
    assert again.certificate.excess_share.tolist() == (
        plan.certificate.excess_share.tolist()
    )


# --- the bound -----------------------------------------------------------------------


def tiny(seed, build, order, opening):
    """Return a problem of up to four orders in two or three cohorts."""
    rng = np.random.default_rng(seed)
    scanners = int(rng.integers(1, 3))
    n = int(rng.integers(1, 5))
    problem = build(
        [
            order(
                minutes=int(rng.choice([20, 30, 50])),
                scanners=(
                    tuple(range(scanners)) if rng.random() < 0.7 else (scanners - 1,)
                ),
                pair_cost=int(rng.integers(0, 4)),
                days=(int(rng.integers(0, 2)), int(rng.integers(1, 6))),
                wait_cost=int(rng.integers(0, 6)),
                target_day=int(rng.integers(-1, 4)),
                late_cost=int(rng.integers(0, 4)),
                unplaced_cost=int(rng.integers(3, 60)),
            )
            for _ in range(n)
        ],
        [
            opening(scanner=s, day=int(d), minutes=60, cost=int(rng.integers(0, 2)))
            for s in range(scanners)
            for d in sorted(rng.choice(6, int(rng.integers(1, 3)), replace=False))
        ],
        scanners=scanners,
    )
    return guarded(
        problem,
        rng.integers(-1, 2, n),
        unfair_permille=int(rng.choice([0, 700, 1000, 1100, 1500])),
        unfair_cost=int(rng.choice([1, 4, 30])),
        unplaced_days=int(rng.choice([0, 7])),
    )


def least_cost(problem):
    """Return the cost of the best of all plans, each looked at."""
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    n, m = len(orders.key), len(openings.key)
    cost, minutes = np.full((n, m + 1), 10**6), np.zeros((n, m + 1), np.int64)
    cost[:, m] = orders.unplaced_cost
    for j in range(n):
        for p in range(pairs.start[j], pairs.start[j + 1]):
            s = pairs.scanner[p]
            for b in range(openings.scanner_start[s], openings.scanner_start[s + 1]):
                day = int(openings.day[b])
                if not orders.earliest_day[j] <= day <= orders.latest_day[j]:
                    continue
                late = max(0, day - int(orders.target_day[j]))
                cost[j, b] = (
                    orders.wait_cost[j] * day
                    + orders.late_cost[j] * late
                    + pairs.cost[p]
                    + openings.cost[b]
                )
                minutes[j, b] = pairs.minutes[p]
    plans = np.array(list(product(range(m + 1), repeat=n)))
    total = sum(cost[j, plans[:, j]] for j in range(n))
    for b in range(m):
        used = sum(np.where(plans[:, j] == b, minutes[j, b], 0) for j in range(n))
        total = total + np.where(used > openings.minutes[b], 10**6, 0)
    weights, cohort = problem.rules.weights, problem.rules.cohort
    days = np.concatenate([openings.day, [weights.unplaced_days]])[plans]
    known = int((cohort >= 0).sum())
    of_all = days[:, cohort >= 0].sum(axis=1)
    for g in np.unique(cohort[cohort >= 0]):
        mine = days[:, cohort == g].sum(axis=1) * 1000 * known
        allowed = weights.unfair_permille * of_all * (cohort == g).sum()
        total = total + weights.unfair_cost * (
            np.maximum(0, mine - allowed) // (1000 * known)
        )
    return int(total.min())


def test_no_shares_prove_more_than_the_best_of_all_plans(build, order, opening):
    reached = counted = 0
    for seed in range(TINY):
        problem = tiny(seed, build, order, opening)
        best = least_cost(problem)
        rng = np.random.default_rng(seed)
        n, m = len(problem.orders.key), len(problem.openings.key)
        guard = guard_of(problem)
        cohorts = 0 if guard is None else guard.members.shape[0]
        nothing = column([])
        for high in (1, 300):
            minute = rng.integers(0, high * PRICE_SCALE, m)
            share = rng.integers(-300, 1300, cohorts)
            worth = rng.integers(-60, 60, n) * PRICE_SCALE
            for own in (None, worth):
                bound = lower_bound(problem, minute, nothing, own, share)
                assert bound <= best, seed
                cut = np.clip(share, 0, 1000)
                assert bound == lower_bound(problem, minute, nothing, own, cut)
        if guard is None:
            continue
        found = Certificate(minute * 100, nothing, 0)
        kernel = proven(problem, guard, cut, found, 100)
        claimed = lower_bound(
            problem, kernel.minute_price, nothing, kernel.worth, kernel.excess_share
        )
        assert kernel.bound == claimed <= best, seed
        if seed % 10 == 0:
            plan = solve(problem, limits=LIMITS)
            assert verify(problem, plan).accepted, seed
            assert plan.certificate.bound <= best <= plan.terms.total, seed
            reached += plan.terms.total == best
            counted += 1
    assert counted > TINY // 14
    assert reached > 0.9 * counted


def test_the_bound_of_shares_is_refused_where_it_claims_more(network):
    plan = solve(network, limits=Limits(work=100))
    certificate = plan.certificate
    assert certificate.excess_share.any()
    share = certificate.excess_share
    for false in (
        replace(certificate, bound=certificate.bound + 1),
        replace(certificate, excess_share=share + 40),
        replace(certificate, excess_share=np.zeros_like(share)),
        replace(certificate, excess_share=share[:0]),
        replace(certificate, excess_share=share[:1]),
        replace(certificate, excess_share=share * 1.0),
    ):
        assert not verify(network, replace(plan, certificate=false)).accepted
    with pytest.raises(InvalidPrices, match="excess_share has shape"):
        lower_bound(
            network, certificate.minute_price, certificate.exam_price, None, share[:1]
        )


def test_shares_survive_a_file_and_older_plans_have_none(network, tmp_path):
    plan = solve(network, limits=Limits(work=100))
    file = tmp_path / "plan.json"
    save_plan(plan, file)
    assert verify(network, load_plan(file)).accepted

    document = json.loads(file.read_text())
    document["version"] = 3
    del document["certificate"]["excess_share"]
    file.write_text(json.dumps(document))

    assert load_plan(file).certificate.excess_share.size == 0
