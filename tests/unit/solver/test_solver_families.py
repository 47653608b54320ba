"""Changeovers in the search and in the bound, by hand and against the checker."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from unit.solver.rules_at_random import column

from solver import Limits, lower_bound, solve, verify
from solver.clock import Clock
from solver.families import MOST_CLASSES, NO_CLASS, families_of
from solver.family_packing import family_bound
from solver.family_sets import family_sets, served, serving
from solver.family_worths import family_worths
from solver.instances import Scale, generate
from solver.layout import columns
from solver.packing import bound_of_worths, worths
from solver.plan import PRICE_SCALE
from solver.prices import proved
from solver.rules import Bookings, Changeovers, Rules
from solver.shortlist import shortlist
from solver.subgradient import listed_options
from solver.terms import Constraint

NO_EXAM = np.zeros(0, np.int64)


def with_families(problem, families, *, seed=1, none=0.0):
    """Return the problem with families and changeovers of 5 to 20 minutes at random."""
    rng = np.random.default_rng(seed)
    family = rng.integers(0, families, len(problem.orders.key))
    family[rng.random(family.shape[0]) < none] = -1
    wait = rng.integers(1, 5, (families, families)) * 5
    np.fill_diagonal(wait, 0)
    for k in range(families):
        wait = np.minimum(wait, wait[:, [k]] + wait[[k], :])
    changeovers = Changeovers(column(family), column(wait.ravel()))
    return replace(problem, rules=Rules(changeovers=changeovers))


@pytest.fixture(scope="module")
def network():
    return generate(Scale(orders=300, scanners=6, days=8), seed=3)


# --- the table of paths ------------------------------------------------------------


@pytest.mark.parametrize("families", [1, 4, 5])
def test_a_set_of_families_costs_the_shortest_path_through_it(network, families):
    problem = with_families(network, families)
    at = families_of(problem, columns(problem))
    wait = problem.rules.changeovers.minutes.reshape(families, families)

    for kind, class_of in enumerate(at.class_of):
        here = np.flatnonzero(class_of != NO_CLASS)
        for mask in range(1, 2**here.size):
            chosen = [f for f in here if mask >> class_of[f] & 1]
            ways = [
                sum(wait[f, g] for f, g in pairwise(way))
                for way in permutations(chosen)
            ]
            assert at.path[kind, mask] == min(ways)


def test_families_beyond_the_last_class_share_it(network):
    problem = with_families(network, MOST_CLASSES + 3)
    at = families_of(problem, columns(problem))

    assert at.class_of.max() == MOST_CLASSES - 1


# --- the bound ---------------------------------------------------------------------


def test_a_changeover_is_taken_off_the_opening(build, order, opening):
    """60 minutes hold 30 + 30 of one family; of two, with 10 between, only one."""
    rows = [order(minutes=30, wait_cost=0, unplaced_cost=100) for _ in range(2)]
    price = np.array([4 * PRICE_SCALE])

    for family, bound in (([0, 0], 0), ([0, 1], 100)):
        rules = Rules(changeovers=Changeovers(column(family), column([0, 10, 10, 0])))
        problem = build(rows, [opening(minutes=60)], rules=rules)
        assert lower_bound(problem, price, NO_EXAM, column([100_000] * 2)) == bound


def test_an_exam_without_a_family_may_fill_a_changeover(build, order, opening):
    """0, none, 1 in 70 minutes: the second of 10 keeps 0 and 1 the 10 apart."""
    rows = [
        order(minutes=d, wait_cost=0, unplaced_cost=100, hours=(at, at + d))
        for d, at in ((30, 540), (10, 570), (30, 580))
    ]
    rules = Rules(changeovers=Changeovers(column([0, -1, 1]), column([0, 10, 10, 0])))
    problem = build(rows, [opening(minutes=70)], rules=rules)

    plan = solve(problem, limits=Limits(work=2))

    assert verify(problem, plan).accepted
    assert plan.terms.total == 0 == plan.certificate.bound


@pytest.mark.parametrize(("families", "none"), [(3, 0.0), (4, 0.3), (9, 0.1)])
def test_the_kernel_and_the_checker_prove_the_same(network, families, none):
    problem = with_families(network, families, none=none)
    c = columns(problem)
    at = families_of(problem, c)
    rng = np.random.default_rng(8)
    for high in (20_000, 300_000):
        minute = rng.integers(0, high, c.day.shape[0])
        worth = worths(c, minute, NO_EXAM)
        found = family_bound(c, at, NO_EXAM, worth)

        assert -(-found // PRICE_SCALE) == lower_bound(problem, minute, NO_EXAM)
        assert found >= bound_of_worths(c, NO_EXAM, worth)


def test_worths_of_their_own_prove_more_than_prices(network):
    problem = with_families(network, 4)
    c = columns(problem)
    at = families_of(problem, c)
    prices = proved(c, np.full(c.day.shape[0], 3 * PRICE_SCALE), NO_EXAM)
    listed = shortlist(c, prices.minute, prices.exam, width=40)
    begin = worths(c, prices.minute, prices.exam)

    found = family_worths(c, at, listed, prices, seed=1, clock=Clock(None))

    assert found.gain > 0
    assert found.gain == (
        family_bound(c, at, NO_EXAM, found.worth) - family_bound(c, at, NO_EXAM, begin)
    )


# --- the families that openings serve ----------------------------------------------


def test_each_of_two_openings_serves_one_family(build, order, opening):
    """Two openings of 60 minutes hold two exams of one family, or one exam."""
    rows = [order(minutes=30, wait_cost=0, unplaced_cost=100) for _ in range(4)]
    rules = Rules(changeovers=Changeovers(column([0, 1, 0, 1]), column([0, 10, 10, 0])))
    problem = build(rows, [opening(), opening(day=1)], rules=rules)
    c = columns(problem)
    at = families_of(problem, c)
    nothing = np.zeros(2, np.int64)
    listed = shortlist(c, nothing, NO_EXAM, width=40)
    worth = np.full(4, 50 * PRICE_SCALE)

    sets = family_sets(c, at, listed, NO_EXAM, worth, seed=1, clock=Clock(None))

    assert sorted(sets.tolist()) == [0b01, 0b10]


def test_an_opening_keeps_the_changeovers_of_its_families_back(network):
    problem = with_families(network, 4)
    c = columns(problem)
    at = families_of(problem, c)
    chosen = np.random.default_rng(2).integers(0, 2**4, c.day.shape[0])

    held = serving(c, at, chosen)

    for b, (kind, own) in enumerate(zip(at.kind, chosen, strict=True)):
        whole = at.path[kind, own]
        assert held.minutes[b] == c.minutes[b] - whole
        for come in range(2**4):
            more = at.path[kind, own | come] - whole
            assert held.path[held.kind[b], come] == more


def test_openings_that_do_not_serve_its_family_are_not_listed(network):
    problem = with_families(network, 4, none=0.2)
    c = columns(problem)
    at = families_of(problem, c)
    rng = np.random.default_rng(2)
    chosen = 1 << rng.integers(0, 4, c.day.shape[0])
    held = serving(c, at, chosen)
    nothing = np.zeros(c.day.shape[0], np.int64)

    listed = shortlist(held, nothing, NO_EXAM, width=60, served=served(held))

    j, r = listed_options(listed)
    family = at.family[j]
    own = at.class_of[at.kind[listed.opening[j, r]], family]
    there = chosen[listed.opening[j, r]] >> own & 1 == 1
    assert (there | (family < 0)).all()
    assert (family < 0).any()
    assert there.any()


# --- the search --------------------------------------------------------------------


def test_many_changeovers_leave_a_small_gap(network):
    """Five families on each scanner; 0.5 % measured."""
    scale = Scale(orders=300, scanners=4, days=8, load=0.6)
    problem = with_families(generate(scale, seed=3), 5)

    plan = solve(problem, limits=Limits(work=600, seed=1))

    assert verify(problem, plan).accepted
    assert plan.gap < 0.01


def test_changeovers_that_leave_no_room_to_spare_leave_a_small_gap():
    """Each opening serves few families: 12 % measured, 55 % by single moves alone."""
    scale = Scale(orders=600, scanners=4, days=12, load=0.95)
    problem = with_families(generate(scale, seed=3), 5, seed=3)

    plan = solve(problem, limits=Limits(work=1500, seed=1))

    assert verify(problem, plan).accepted
    assert plan.gap < 0.2


def test_an_exam_without_a_family_cleans_no_scanner(build, order, opening):
    """0, none, 1 back to back: the ten minutes in between are not twenty."""
    rows = [order(minutes=30), order(minutes=10), order(minutes=30)]
    rules = Rules(changeovers=Changeovers(column([0, -1, 1]), column([0, 20, 20, 0])))
    problem = build(rows, [opening(minutes=90)], rules=rules)
    plan = solve(problem, limits=Limits(work=2))
    assert verify(problem, plan).accepted

    changed = replace(plan, start_minute=column([540, 570, 580]))

    broken = {v.constraint for v in verify(problem, changed).violations}
    assert Constraint.CHANGEOVER in broken


def test_what_stands_beside_an_opening_has_its_changeover(build, order, opening):
    """A booking of family 1, then 60 minutes: after 20 of them, one of 30 fits."""
    rows = [order(minutes=30), order(minutes=30), order(minutes=30)]
    rules = Rules(
        changeovers=Changeovers(column([1, 0, 0]), column([0, 20, 20, 0])),
        bookings=Bookings(*(column([n]) for n in (0, 0, 0, 540, 5, 1))),
    )
    problem = build(rows, [opening(minutes=90)], rules=rules)

    plan = solve(problem, limits=Limits(work=2))

    assert verify(problem, plan).accepted
    assert sorted(plan.start_minute[1:].tolist()) == [0, 590]
