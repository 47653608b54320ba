"""The blockers of a slot are those that a plain reading of the rules finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solver import Constraint, Limits, solve, violations
from solver.whynot import Blocker, Slot, Standing, shrunk, why_not


def asked(build, orders, openings, slot, **more):
    problem = build(orders, openings, **more)
    plan = solve(problem, limits=Limits(work=50, seed=1))
    return plan, why_not(problem, plan, slot)


def test_where_it_is_nothing_stands_in_the_way(build, order, opening):
    _, answer = asked(build, [order()], [opening()], Slot(0, 0, 540))

    assert (answer.standing, answer.blockers) == (Standing.THERE, ())


def test_a_free_slot_says_what_it_would_cost(build, order, opening):
    orders, openings = [order(wait_cost=7)], [opening(), opening(day=3)]
    _, answer = asked(build, orders, openings, Slot(0, 1, 550))

    assert (answer.standing, answer.blockers) == (Standing.POSSIBLE, ())
    assert (answer.present.waiting, answer.terms.waiting) == (0, 21)


def test_the_exams_in_the_way_are_named_and_no_others(build, order, opening):
    orders = [order(minutes=20, wait_cost=9) for _ in range(3)]
    orders.append(order(minutes=30))
    openings = [opening(minutes=60), opening(day=2, minutes=60)]
    plan, answer = asked(build, orders, openings, Slot(3, 0, 570))

    late = [j for j in range(3) if plan.start_minute[j] in (560, 580)]
    assert answer.standing is Standing.BLOCKED
    assert answer.blockers == tuple(
        Blocker(Constraint.NO_OVERLAP_ON_SCANNER, j) for j in late
    )


def test_each_rule_is_lifted(build, order, opening):
    orders = [order(scanners=(1,), list_mask=2, days=(3, 5), hours=(800, 900))]
    _, answer = asked(build, orders, [opening()], Slot(0, 0, 580), scanners=2)

    assert {one.constraint for one in answer.blockers} == {
        Constraint.ELIGIBLE_SCANNER,
        Constraint.LIST_TYPE,
        Constraint.DAY_WINDOW,
        Constraint.TIME_WINDOW,
        Constraint.INSIDE_OPENING,
    }
    assert answer.terms is not None


def test_without_a_scanner_nothing_helps(build, order, opening):
    _, answer = asked(build, [order(scanners=())], [opening()], Slot(0, 0, 540))

    assert answer.standing is Standing.IMPOSSIBLE
    assert answer.terms is None


def test_deletion_leaves_what_cannot_be_spared():
    def feasible(lifted):
        return {"a", "c"} <= lifted or {"b"} <= lifted

    assert shrunk(["b", "a", "c"], feasible) == ["a", "c"]
    assert shrunk(["a", "c", "b"], feasible) == ["b"]
    assert shrunk([], lambda lifted: not lifted) == []


def test_rows_that_are_not_there_are_refused(build, order, opening):
    with pytest.raises(ValueError, match="order 4"):
        asked(build, [order()], [opening()], Slot(4, 0, 540))


def by_hand(problem, plan, slot):
    """Return rules and exams in the way, read off the problem one by one."""
    o, b, j, at = problem.orders, slot.opening, slot.order, slot.start_minute
    pairs, openings = problem.pairs, problem.openings
    scanner = np.repeat(
        np.arange(len(problem.scanner_key)), np.diff(openings.scanner_start)
    )
    mine = range(pairs.start[j], pairs.start[j + 1])
    own = [p for p in mine if pairs.scanner[p] == scanner[b]]
    d = int(pairs.minutes[own[0] if own else mine[0]])
    rules, exams = set(), set()
    if not own:
        rules.add(Constraint.ELIGIBLE_SCANNER)
    if not o.list_mask[j] & openings.list_bit[b]:
        rules.add(Constraint.LIST_TYPE)
    if not o.earliest_day[j] <= openings.day[b] <= o.latest_day[j]:
        rules.add(Constraint.DAY_WINDOW)
    if at < o.earliest_minute[j] or at + d > o.latest_minute[j]:
        rules.add(Constraint.TIME_WINDOW)
    begin = openings.begin_minute[b]
    if at < begin or at + d > begin + openings.minutes[b]:
        rules.add(Constraint.INSIDE_OPENING)
    used = 0
    for i in range(len(o.key)):
        where = plan.opening[i]
        if i == j or where < 0:
            continue
        since = plan.start_minute[i]
        until = since + pairs.minutes[plan.pair[i]]
        kin = o.patient[j] >= 0 and o.patient[i] == o.patient[j]
        same = openings.day[where] == openings.day[b]
        there = kin or scanner[where] == scanner[b]
        if same and there and since < at + d and at < until:
            exams.add(i)
            continue
        used += openings.contract[where] == openings.contract[b] >= 0
    if openings.contract[b] >= 0 and used >= problem.contract_ceiling[0]:
        rules.add(Constraint.CONTRACT_CEILING)
    return rules, exams


@pytest.mark.parametrize("seed", range(12))
def test_blockers_are_minimal_and_suffice(build, order, opening, seed):
    chance = np.random.default_rng(seed)
    pick = chance.choice
    problem = build(
        [
            order(
                minutes=int(pick([15, 20, 35])),
                scanners=((0,), (1,), (0, 1))[chance.integers(3)],
                patient=int(chance.integers(-1, 2)),
                days=(int(chance.integers(0, 2)), int(chance.integers(1, 3))),
                hours=((0, 1440), (560, 620))[chance.integers(2)],
                list_mask=int(pick([1, 3])),
            )
            for _ in range(7)
        ],
        [
            opening(
                scanner=s,
                day=day,
                minutes=50,
                list_bit=int(pick([1, 2])),
                contract=int(pick([-1, 0])),
            )
            for s in (0, 1)
            for day in (0, 1, 2)
        ],
        ceilings=[2],
        scanners=2,
    )
    plan = solve(problem, limits=Limits(work=20, seed=1))
    for j in range(7):
        for b in range(6):
            for at in (530, 545, 570, 580):
                answer = why_not(problem, plan, Slot(j, b, at))
                if answer.standing is Standing.THERE:
                    continue
                rules, exams = by_hand(problem, plan, Slot(j, b, at))
                assert {x.constraint for x in answer.blockers if x.exam < 0} == rules
                assert {x.exam for x in answer.blockers if x.exam >= 0} == exams
                assert len(answer.blockers) == len(rules) + len(exams)
                blocked = answer.standing is Standing.BLOCKED
                assert blocked == bool(rules or exams)
                if not blocked:
                    assert not violations(problem, forced(problem, plan, j, b, at))


def forced(problem, plan, j, b, at):
    """Return the whole plan with the order in the slot."""
    opening, start, pair = (
        x.copy() for x in (plan.opening, plan.start_minute, plan.pair)
    )
    scanner = int(np.searchsorted(problem.openings.scanner_start, b, side="right")) - 1
    pairs = problem.pairs
    opening[j], start[j] = b, at
    pair[j] = next(
        p
        for p in range(pairs.start[j], pairs.start[j + 1])
        if pairs.scanner[p] == scanner
    )
    return replace(plan, opening=opening, start_minute=start, pair=pair)
