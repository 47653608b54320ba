"""After a loss nobody untouched moves, every rule is kept, and the best is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solver import Limits, solve, verify, violations
from solver.instances import Scale, generate
from solver.layout import columns
from solver.losses import Loss, damaged, scanner_losses
from solver.make_room import make_room
from solver.repair import (
    GAP,
    cheapest_of,
    frontier,
    improve_repair,
    repair_at_once,
    repaired_plan,
)
from solver.repair_options import Neighbourhood, Places, moved


@pytest.fixture(scope="module", params=[1, 2])
def case(request):
    scale = Scale(
        orders=150,
        scanners=4,
        days=10,
        load=0.9,
        window_share=0.3,
        patient_share=0.2,
        contract_share=0.5,
    )
    problem = generate(scale, seed=request.param)
    return problem, solve(problem, limits=Limits(work=300, seed=1))


def lost_day(problem, plan):
    """Return the losses of the scanner-day with most exams."""
    scanner = np.repeat(
        np.arange(len(problem.scanner_key)), np.diff(problem.openings.scanner_start)
    )
    b = plan.opening[plan.opening >= 0]
    days, count = np.unique(
        np.stack([scanner[b], problem.openings.day[b]]), axis=1, return_counts=True
    )
    s, day = days[:, int(np.argmax(count))]
    return scanner_losses(problem, int(s), int(day))


def test_only_the_displaced_move_at_once(case):
    problem, plan = case
    damage = damaged(problem, plan, lost_day(problem, plan))
    assert damage.displaced.size > 0

    answer = repair_at_once(damage)

    assert answer.moved.size == 0
    others = np.ones(len(problem.orders.key), bool)
    others[damage.displaced] = False
    for j in np.flatnonzero(others):
        now, before = answer.places.opening[j], plan.opening[j]
        assert (damage.origin[now] if now >= 0 else -1) == before
        if before >= 0:
            assert answer.places.start_minute[j] == plan.start_minute[j]
    assert verify(damage.problem, repaired_plan(damage, answer.places)).accepted


def test_more_time_and_more_moves_never_cost_more(case):
    problem, plan = case
    damage = damaged(problem, plan, lost_day(problem, plan))
    first = repair_at_once(damage)

    still = improve_repair(damage, first, most_moves=0, seconds=1)
    further = improve_repair(damage, still, seconds=1)
    found = improve_repair(damage, first, seconds=1)
    steps = frontier(damage, first, steps=(0, 1, 3), seconds=1)

    assert still.moved.size == 0
    costs = [
        repaired_plan(damage, r.places).terms.total + 40 * r.moved.size
        for r in (first, still, further, found)
    ]
    assert costs[0] >= costs[1] >= costs[2]
    # From the answer at once, it ends when it is proved to be that near to the best.
    assert costs[3] <= min(costs[0], costs[1] * (1 + GAP))
    for repair in (found, further, still, *steps):
        assert verify(damage.problem, repaired_plan(damage, repair.places)).accepted
    plans = [repaired_plan(damage, r.places).terms.total for r in steps]
    assert plans == sorted(set(plans), reverse=True)
    assert [r.moved.size for r in steps] == sorted({r.moved.size for r in steps})
    assert all(r.moved.size <= 3 for r in steps)


def test_only_those_who_may_move_do(case):
    problem, plan = case
    damage = damaged(problem, plan, lost_day(problem, plan))
    may = np.arange(len(problem.orders.key)) % 2 == 0

    found = improve_repair(damage, repair_at_once(damage), may_move=may, seconds=1)

    assert all(may[found.moved])


def one_day_case(build, order, opening, *, routine_cost=1):
    """The urgent exam of day 0 is lost; day 1 is full with a routine one."""
    problem = build(
        [
            order(minutes=60, days=(0, 1), wait_cost=10, unplaced_cost=900),
            order(minutes=60, wait_cost=routine_cost, days=(1, 9)),
        ],
        [opening(day=0), opening(day=1), opening(day=2)],
    )
    return problem, solve(problem, limits=Limits(work=50, seed=1))


def test_a_neighbour_makes_room_where_that_pays(build, order, opening):
    problem, plan = one_day_case(build, order, opening)
    assert plan.opening.tolist() == [0, 1]
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])

    first = repair_at_once(damage)
    found = improve_repair(damage, first, seconds=1)

    assert first.unplaced.tolist() == [0]
    assert found.moved.tolist() == [1]
    assert found.unplaced.size == 0
    assert (found.cost, found.charged, found.bound, found.gap) == (12, 40, 52, 0.0)
    assert damage.problem.openings.key[found.places.opening[0]] == "b1"
    kept = improve_repair(damage, first, move_cost=2000, seconds=1)
    assert kept.moved.size == 0
    assert kept.unplaced.tolist() == [0]


def test_room_is_made_before_any_search(build, order, opening):
    problem, plan = one_day_case(build, order, opening)
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])
    stay = Places(damage.opening, damage.pair, damage.start_minute)
    hood = Neighbourhood(damage.displaced, np.array([1]), stay, 40, None)
    first = repair_at_once(damage).places

    found = make_room(columns(damage.problem), hood, first)
    none = make_room(columns(damage.problem), replace(hood, most_moves=0), first)

    assert found.opening.tolist() == [0, 1]
    assert none.opening.tolist() == first.opening.tolist() == [-1, 0]


def test_whoever_makes_room_may_take_the_time_of_another(build, order, opening):
    """Day 1 is free for the urgent only if two others move on, one after the other."""
    problem = build(
        [
            order(minutes=60, days=(0, 1), wait_cost=10, unplaced_cost=900),
            order(minutes=60, days=(1, 2), wait_cost=2, unplaced_cost=900),
            order(minutes=60, days=(2, 3), unplaced_cost=900),
        ],
        [opening(day=day) for day in range(4)],
    )
    plan = solve(problem, limits=Limits(work=50, seed=1))
    assert plan.opening.tolist() == [0, 1, 2]
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])
    stay = Places(damage.opening, damage.pair, damage.start_minute)
    hood = Neighbourhood(damage.displaced, np.array([1, 2]), stay, 40, None)
    c = columns(damage.problem)
    first = repair_at_once(damage).places

    found = make_room(c, hood, first)
    one = make_room(c, replace(hood, most_moves=1), first)

    assert found.opening.tolist() == [0, 1, 2]
    assert one.opening.tolist() == first.opening.tolist() == [-1, 0, 1]


def test_who_takes_room_that_is_kept_pays_for_it(build, order, opening):
    """Day 1 is kept, at 1 a minute, from those of the second class."""
    problem = build(
        [order(minutes=60, tier=tier, wait_cost=20) for tier in (0, 1)],
        [opening(minutes=120), opening(day=1), opening(day=2)],
    )
    plan = solve(problem, limits=Limits(work=50, seed=1))
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])
    kept = replace(damage, room_price=np.array([[0, 0], [1000, 0]]))

    for urgent in (0, 1):
        one = replace(kept, displaced=np.array([urgent]))
        first = repair_at_once(one)
        assert first.places.opening[urgent] == urgent
        found = improve_repair(one, first, seconds=1)
        assert found.places.opening[urgent] == urgent
        # What is kept is no cost of anybody's, but it is part of what is proved.
        assert (found.cost, found.bound) == (20 * (urgent + 1), 20 * (urgent + 1))
    free = replace(damage, displaced=np.array([1]))
    assert improve_repair(free, repair_at_once(free)).places.opening[1] == 0


def test_a_search_that_may_move_more_is_not_left_behind(build, order, opening):
    problem, plan = one_day_case(build, order, opening)
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])
    first = repair_at_once(damage)
    moving = improve_repair(damage, first, seconds=1)

    assert cheapest_of(damage, [first, moving]).moved.tolist() == [1]
    dear = cheapest_of(damage, [first, moving], move_cost=2000)
    assert (dear.moved.size, dear.charged) == (0, 0)


def test_made_room_keeps_every_rule_and_costs_no_more(case):
    problem, plan = case
    damage = damaged(problem, plan, lost_day(problem, plan))
    stay = Places(damage.opening, damage.pair, damage.start_minute)
    movable = np.flatnonzero(damage.opening >= 0)
    hood = Neighbourhood(damage.displaced, movable, stay, 5, 6)
    first = repaired_plan(damage, repair_at_once(damage).places)

    found = make_room(columns(damage.problem), hood, repair_at_once(damage).places)
    now = repaired_plan(damage, found)

    assert verify(damage.problem, now).accepted
    count = int(moved(hood, found).sum())
    assert count <= 6
    assert now.terms.total + 5 * count <= first.terms.total


def test_a_loss_in_the_middle_leaves_two_openings(build, order, opening):
    problem = build(
        [order(minutes=20, wait_cost=3) for _ in range(3)],
        [opening(minutes=60), opening(day=1, minutes=20)],
    )
    plan = solve(problem, limits=Limits(work=50, seed=1))
    assert sorted(plan.start_minute) == [540, 560, 580]

    damage = damaged(problem, plan, [Loss(0, 565, 575)])
    answer = repair_at_once(damage)

    assert damage.problem.openings.key == ("b0", "b0+575", "b1")
    assert damage.problem.openings.minutes.tolist() == [25, 25, 20]
    assert plan.start_minute[damage.displaced].tolist() == [560]
    assert damage.problem.openings.day[
        answer.places.opening[damage.displaced]
    ].tolist() == [1]
    assert not violations(damage.problem, repaired_plan(damage, answer.places))


def exact_least(damage, move_cost):
    """Return the least cost with moves: every order in every place, by recursion."""
    problem = damage.problem
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    rows = [
        j
        for j in range(len(orders.key))
        if damage.opening[j] >= 0 or j in set(damage.displaced.tolist())
    ]
    nowhere = sum(
        int(orders.unplaced_cost[j])
        for j in range(len(orders.key))
        if j not in set(rows)
    )
    best = [10**9]

    def step(n, spent, taken):
        if spent >= best[0]:
            return
        if n == len(rows):
            best[0] = spent
            return
        j = rows[n]
        stays = damage.opening[j] >= 0
        for p in range(pairs.start[j], pairs.start[j + 1]):
            s, d = pairs.scanner[p], int(pairs.minutes[p])
            for b in range(openings.scanner_start[s], openings.scanner_start[s + 1]):
                day = int(openings.day[b])
                if not orders.earliest_day[j] <= day <= orders.latest_day[j]:
                    continue
                cost = int(orders.wait_cost[j]) * day + int(pairs.cost[p])
                begin = int(openings.begin_minute[b])
                last = begin + int(openings.minutes[b]) - d
                for at in range(begin, last + 1, 10):
                    if any(x == b and at < e and f < at + d for x, f, e in taken):
                        continue
                    moved = stays and (
                        b != damage.opening[j] or at != damage.start_minute[j]
                    )
                    step(
                        n + 1,
                        spent + cost + move_cost * moved,
                        [*taken, (b, at, at + d)],
                    )
        if not stays:
            step(n + 1, spent + int(orders.unplaced_cost[j]), taken)

    step(0, nowhere, [])
    return best[0]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_repair_of_a_small_case_is_found(build, order, opening, seed):
    chance = np.random.default_rng(seed)
    problem = build(
        [
            order(
                minutes=int(chance.choice([20, 30, 40])),
                scanners=(0, 1)
                if chance.random() < 0.5
                else (int(chance.integers(2)),),
                days=(int(chance.integers(0, 2)), 3),
                wait_cost=int(chance.integers(1, 30)),
                unplaced_cost=int(chance.integers(100, 600)),
            )
            for _ in range(4)
        ],
        [opening(scanner=s, day=d, minutes=50) for s in (0, 1) for d in (0, 1, 2)],
        scanners=2,
    )
    plan = solve(problem, limits=Limits(work=50, seed=1))
    damage = damaged(problem, plan, scanner_losses(problem, seed % 2, 0))

    found = improve_repair(damage, repair_at_once(damage), move_cost=15, seconds=10)
    total = repaired_plan(damage, found.places).terms.total + 15 * found.moved.size

    least = exact_least(damage, 15)
    assert total == least
    # Those who had no place before are no part of the neighbourhood.
    lost = np.isin(np.arange(4), damage.displaced)
    nowhere = int(problem.orders.unplaced_cost[(plan.opening < 0) & ~lost].sum())
    assert found.bound <= least - nowhere


def test_what_makes_no_sense_is_refused(build, order, opening):
    problem = build([order()], [opening()])
    plan = solve(problem, limits=Limits(work=1, seed=1))
    with pytest.raises(ValueError, match="opening 7"):
        damaged(problem, plan, [Loss(7, 0, 10)])
    with pytest.raises(ValueError, match="swap"):
        damaged(problem, plan, [Loss(0, 10, 0)])
    weights = replace(problem.rules.weights, gap_cost=1, gap_minutes=10)
    asking = replace(problem, rules=replace(problem.rules, weights=weights))
    with pytest.raises(ValueError, match="solve again"):
        damaged(asking, plan, [Loss(0, 0, 10)])


def test_nothing_lost_changes_nothing(case):
    problem, plan = case
    damage = damaged(problem, plan, [])
    answer = improve_repair(damage, repair_at_once(damage), seconds=1)
    assert np.array_equal(answer.places.opening, plan.opening)
    assert (answer.cost, answer.breaches, answer.moved.size) == (0, 0, 0)


def test_where_no_time_is_left_at_all_nobody_has_a_place(build, order, opening):
    """Both exams are lost with the only opening: they cost what no place costs."""
    problem = build([order(), order()], [opening()])
    plan = solve(problem, limits=Limits(work=5))
    damage = damaged(problem, plan, [Loss(0, 0, 1440)])

    first = repair_at_once(damage)
    better = improve_repair(damage, first, seconds=0.2)

    for answer in (first, better, *frontier(damage, first, steps=(0, 1), seconds=0.2)):
        assert sorted(answer.unplaced.tolist()) == [0, 1]
        assert (answer.breaches, answer.cost, answer.moved.size) == (2, 2000, 0)


def test_with_nothing_lost_nothing_changes(build, order, opening):
    problem = build([order(), order()], [opening()])
    damage = damaged(problem, solve(problem, limits=Limits(work=5)), [])

    first = repair_at_once(damage)
    better = improve_repair(damage, first, seconds=0.2)

    assert (better.cost, better.breaches, better.moved.size) == (0, 0, 0)
    assert (better.places.opening == damage.opening).all()
