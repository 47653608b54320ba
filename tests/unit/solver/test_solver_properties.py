"""No plan breaks a rule, and bound <= optimum <= cost, on hundreds of problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver import (
    Limits,
    earliest_by_urgency,
    first_come_first_served,
    lower_bound,
    solve,
    verify,
)
from solver.instances import Scale, generate

MANY = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def cases(draw, *, hours: bool):
    """Rows of up to six orders and four openings on two scanners, tight and odd."""
    small = st.integers(0, 12)
    scanners = st.sampled_from([(0,), (1,), (0, 1)])
    window = st.tuples(st.sampled_from([0, 540, 570]), st.sampled_from([600, 1440]))
    orders = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "minutes": st.sampled_from([10, 15, 20, 35, 60]),
                    "scanners": scanners,
                    "pair_cost": small,
                    "tier": st.integers(0, 2),
                    "patient": st.integers(-1, 1) if hours else st.just(-1),
                    "days": st.tuples(st.integers(0, 2), st.integers(0, 4)),
                    "hours": window if hours else st.just((0, 1440)),
                    "list_mask": st.sampled_from([1, 2, 3]),
                    "wait_cost": small,
                    "target_day": st.integers(-2, 3),
                    "late_cost": small,
                    "breach_day": st.integers(-1, 4),
                    "breach_cost": small,
                    "unplaced_cost": st.integers(0, 90),
                }
            ),
            max_size=6,
        )
    )
    openings = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "scanner": st.integers(0, 1),
                    "day": st.integers(0, 3),
                    "minutes": st.sampled_from([20, 45, 60, 90]),
                    "list_bit": st.sampled_from([1, 1, 2]),
                    "cost": small,
                    "contract": st.integers(-1, 0),
                }
            ),
            max_size=4,
            unique_by=lambda b: (b["scanner"], b["day"]),
        )
    )
    return orders, openings, draw(st.integers(0, 4))


def made(build, order, opening, case):
    orders, openings, ceiling = case
    return build(
        [order(**o) for o in orders],
        [opening(**b) for b in openings],
        ceilings=[ceiling],
        scanners=2,
    )


def optimum(problem):  # noqa: C901
    """Return the least cost, minutes and ceilings kept, by looking at every plan."""
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    options = []
    for j in range(len(orders.key)):
        mine = [(int(orders.unplaced_cost[j]), -1, 0)]
        for p in range(pairs.start[j], pairs.start[j + 1]):
            s = pairs.scanner[p]
            for b in range(openings.scanner_start[s], openings.scanner_start[s + 1]):
                day = int(openings.day[b])
                begin = max(openings.begin_minute[b], orders.earliest_minute[j])
                end = min(
                    openings.begin_minute[b] + openings.minutes[b],
                    orders.latest_minute[j],
                )
                if (
                    orders.list_mask[j] & openings.list_bit[b]
                    and orders.earliest_day[j] <= day <= orders.latest_day[j]
                    and end - begin >= pairs.minutes[p]
                ):
                    late = max(0, day - int(orders.target_day[j]))
                    cost = int(
                        orders.wait_cost[j] * day
                        + orders.late_cost[j] * late
                        + (orders.breach_cost[j] if day >= orders.breach_day[j] else 0)
                        + pairs.cost[p]
                        + openings.cost[b]
                    )
                    mine.append((cost, b, int(pairs.minutes[p])))
        options.append(sorted(mine))
    free = openings.minutes.tolist()
    left = problem.contract_ceiling.tolist()
    hope = [0]
    for mine in reversed(options):
        hope.append(hope[-1] + mine[0][0])
    hope.reverse()
    best = sum(int(u) for u in orders.unplaced_cost)

    def place(j, cost):
        nonlocal best
        if cost + hope[j] >= best and j < len(options):
            return
        if j == len(options):
            best = min(best, cost)
            return
        for extra, b, minutes in options[j]:
            if b < 0:
                place(j + 1, cost + extra)
                continue
            k = openings.contract[b]
            if free[b] < minutes or (k >= 0 and left[k] == 0):
                continue
            free[b] -= minutes
            if k >= 0:
                left[k] -= 1
            place(j + 1, cost + extra)
            free[b] += minutes
            if k >= 0:
                left[k] += 1

    place(0, 0)
    return best


@given(case=cases(hours=False))
@MANY
def test_bound_optimum_and_cost_are_in_order(build, order, opening, case):
    problem = made(build, order, opening, case)
    plan = solve(problem, limits=Limits(work=4, seed=3))

    best = optimum(problem)

    assert verify(problem, plan).accepted
    assert plan.certificate.bound <= best <= plan.terms.total


@given(case=cases(hours=True), more=st.sampled_from(["minutes", "opening", "exams"]))
@MANY
def test_more_capacity_never_costs_more(build, order, opening, case, more):
    """Neither the exact optimum grows, nor does a bound claim that it does."""
    orders, openings, ceiling = case
    if more == "minutes":
        wider = [{**b, "minutes": b["minutes"] + 25} for b in openings]
    elif more == "opening":
        extra = {"scanner": 0, "day": 4, "minutes": 60, "list_bit": 1}
        wider = [*openings, {**extra, "cost": 0, "contract": -1}]
    else:
        wider = openings
    ceiling_then = ceiling + 1 if more == "exams" else ceiling
    before = made(build, order, opening, case)
    after = made(build, order, opening, (orders, wider, ceiling_then))

    best, plan = optimum(before), solve(after, limits=Limits(work=4, seed=3))

    assert optimum(after) <= best
    assert plan.certificate.bound <= best


@given(case=cases(hours=True))
@MANY
def test_no_plan_breaks_a_rule(build, order, opening, case):
    problem = made(build, order, opening, case)
    for plan in (
        solve(problem, limits=Limits(work=4, seed=3)),
        earliest_by_urgency(problem),
        first_come_first_served(problem),
    ):
        assert verify(problem, plan).accepted
        assert plan.certificate.bound <= optimum(problem) <= plan.terms.total


@given(case=cases(hours=True), seed=st.integers(0, 2**32))
@settings(MANY, max_examples=60)
def test_any_prices_prove_a_bound(build, order, opening, case, seed):
    problem = made(build, order, opening, case)
    rng = np.random.default_rng(seed)
    minute = rng.integers(0, 3000, len(problem.openings.key))
    exam = rng.integers(0, 50_000, 1)

    assert lower_bound(problem, minute, exam) <= optimum(problem)


def test_local_search_reaches_most_optima(build, order, opening):
    """On random tight problems of 6 orders and 3 openings, 38 of 40 at least."""
    rng = np.random.default_rng(5)
    reached = 0
    for _ in range(40):
        problem = build(
            [
                order(
                    minutes=int(rng.choice([10, 20, 30])),
                    wait_cost=int(rng.integers(1, 9)),
                    unplaced_cost=60,
                )
                for _ in range(6)
            ],
            [opening(day=d, minutes=45) for d in range(3)],
        )
        plan = solve(problem, limits=Limits(work=20, seed=1))
        reached += plan.terms.total == optimum(problem)
    assert reached >= 38


SCALE = Scale(
    orders=400,
    scanners=6,
    days=8,
    window_share=0.3,
    patient_share=0.3,
    contract_share=0.4,
)


@pytest.fixture(scope="module")
def crowded():
    """400 orders with hours, patients of two orders, and contracts."""
    return generate(SCALE, seed=2)


def same(left, right):
    return (
        left.terms == right.terms
        and left.certificate.bound == right.certificate.bound
        and all(
            np.array_equal(getattr(left, name), getattr(right, name))
            for name in ("opening", "pair", "start_minute")
        )
        and np.array_equal(
            left.certificate.minute_price, right.certificate.minute_price
        )
        and np.array_equal(left.certificate.exam_price, right.certificate.exam_price)
    )


def test_the_same_seed_and_work_give_the_same_plan(crowded):
    once = solve(crowded, limits=Limits(work=100, seed=7))
    twice = solve(crowded, limits=Limits(work=100, seed=7))
    threads = solve(crowded, limits=Limits(work=100, seed=7, workers=2))
    other = solve(crowded, limits=Limits(work=100, seed=8))

    assert same(once, twice)
    assert same(once, threads)
    assert not same(once, other)


def test_a_crowded_plan_is_accepted_and_beats_the_clerk(crowded):
    plan = solve(crowded, limits=Limits(work=100, seed=7))
    clerk = earliest_by_urgency(crowded)

    assert verify(crowded, plan).accepted
    assert verify(crowded, clerk).accepted
    assert plan.terms.total < clerk.terms.total


def test_a_plain_plan_is_close_to_its_bound():
    problem = generate(Scale(orders=600, scanners=4, days=10), seed=3)

    plan = solve(problem, limits=Limits(work=400, seed=1))

    assert verify(problem, plan).accepted
    assert plan.gap < 0.03
