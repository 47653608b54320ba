"""The local search: blocks, moves and rounds keep their books and find the best."""

from __future__ import annotations

import numpy as np
import pytest

from solver import Limits, solve
from solver.anneal import HEAT_UNIT, anneal, trail
from solver.block import (
    COST,
    MINUTES,
    OPENING,
    REGRET,
    reach,
)
from solver.chance import exponential_table, seeded
from solver.clock import Clock
from solver.construct import construct
from solver.cut import cut_out, write_back
from solver.gap import Gauge
from solver.improve import costs_at, improve
from solver.instances import Scale, generate
from solver.layout import columns, day_cost, fits
from solver.plan import PRICE_SCALE
from solver.prices import cheapest, proved
from solver.pricing import price_regions
from solver.regions import regions, scanner_of_opening
from solver.search import empty, put, take
from solver.shortlist import shortlist

TABLE = exponential_table().astype(np.int32)


@pytest.fixture(scope="module")
def network():
    return columns(
        generate(
            Scale(
                orders=700,
                scanners=10,
                days=8,
                window_share=0.4,
                contract_share=0.4,
            ),
            seed=6,
        )
    )


def started(c, width=40):
    """Return prices, listed options and a first plan."""
    prices = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    listed = shortlist(c, prices.minute, prices.exam, width=width)
    return prices, listed, construct(c, prices, listed)


def whole(c, prices, listed, opening):
    """Return everything as one block."""
    openings = c.day.shape[0]
    left = c.ceiling.copy()
    contract = c.contract[opening[opening >= 0]]
    left -= np.bincount(contract[contract >= 0], minlength=left.shape[0])
    return cut_out(
        c,
        listed,
        (prices.minute, prices.exam),
        rows=np.arange(c.tier.shape[0]),
        openings=np.arange(openings),
        taken=opening,
        scanner=scanner_of_opening(c),
        block_of=np.zeros(openings, np.int32),
        number=np.arange(openings, dtype=np.int32),
        here=0,
        left=left,
    )


def cost_of(c, k):
    cost = k.unplaced[:, 0].astype(np.int64)
    placed = np.flatnonzero(k.at >= 0)
    cost[placed] = k.option[k.at[placed], COST]
    return int(cost.sum())


def require_books_in_order(c, k):
    """Members, minutes and exams are what the orders' options say."""
    placed = np.flatnonzero(k.at >= 0)
    b, d = k.option[k.at[placed], OPENING], k.option[k.at[placed], MINUTES]
    used = np.bincount(b, weights=d, minlength=c.day.shape[0]).astype(np.int64)
    assert (k.free == c.minutes - used).all()
    assert (k.free >= 0).all()
    assert (k.member_count == np.bincount(b, minlength=c.day.shape[0])).all()
    for j, at in zip(placed, b, strict=True):
        assert k.member[k.member_start[at] + k.slot[j]] == j
    contract = c.contract[b]
    sold = np.bincount(contract[contract >= 0], minlength=c.ceiling.shape[0])
    assert (k.left == c.ceiling - sold).all()
    assert (k.left >= 0).all()


# --- blocks ------------------------------------------------------------------------


def test_a_block_holds_the_plan_and_gives_it_back(network):
    prices, listed, x = started(network)
    k = whole(network, prices, listed, x.opening)

    require_books_in_order(network, k)
    assert cost_of(network, k) == x.cost.sum()
    taken, pair = np.full_like(x.opening, -7), np.full_like(x.pair, -7)
    write_back(k, taken, pair)
    assert (taken == x.opening).all()
    assert (pair == x.pair).all()


def test_options_of_a_block_cost_what_the_problem_says(network):
    c = network
    prices, listed, x = started(c)
    k = whole(c, prices, listed, x.opening)

    for j in range(0, c.tier.shape[0], 7):
        least = cheapest(c, prices.minute, prices.exam, j)
        for o in range(k.first[j], k.last[j]):
            b, p = k.option[o, OPENING], k.pair[o]
            cost = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
            reduced = cost * PRICE_SCALE + prices.minute[b] * c.pair_minutes[p]
            if c.contract[b] >= 0:
                reduced += prices.exam[c.contract[b]]
            assert fits(c, j, p, b)
            assert k.option[o, COST] == cost
            assert k.option[o, MINUTES] == c.pair_minutes[p]
            assert k.option[o, REGRET] == (reduced - least) // PRICE_SCALE


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        ({}, True),
        ({"days": (1, 9)}, False),
        ({"days": (-3, -1)}, False),
        ({"list_mask": 2}, False),
        ({"hours": (0, 569)}, False),
        ({"hours": (571, 1440)}, False),
        ({"hours": (570, 600)}, True),
        ({"unplaced_cost": 6}, False),
        ({"unplaced_cost": 7}, True),
    ],
)
def test_a_place_that_is_not_listed_is_reached_by_the_same_rules(
    build, order, opening, row, reached
):
    """One opening from 09:00 to 10:00 on day 0; the pair costs 7."""
    problem = build(
        [order(minutes=30, pair_cost=7, **row)],
        [opening()],
    )
    c = columns(problem)
    prices = proved(c, np.zeros(1), np.zeros(0))
    listed = shortlist(c, prices.minute, prices.exam, width=0)
    k = whole(c, prices, listed, np.array([-1]))

    o = reach(k, 0, 0)

    assert (o >= 0) is reached
    if reached:
        assert k.option[o, COST] == 7
        assert k.pair[o] == 0


# --- moves -------------------------------------------------------------------------


@pytest.mark.parametrize("heat", [0, 40 * HEAT_UNIT, 4_000 * HEAT_UNIT])
@pytest.mark.parametrize("width", [4, 40])
def test_moves_keep_the_books_and_say_what_they_change(network, heat, width):
    c = network
    prices, listed, x = started(c, width)
    k = whole(c, prices, listed, x.opening)
    t, rows, random = trail(700), np.arange(700, dtype=np.int64), seeded(3)
    cost, tried = cost_of(c, k), 0

    for _ in range(8):
        change = anneal(k, t, rows, random, TABLE, 4_000, heat, tried)
        tried += 4_000
        require_books_in_order(c, k)
        assert cost_of(c, k) == cost + change
        if heat == 0:
            assert change <= 0
        cost += change

    assert (k.at >= 0).mean() > 0.8


def test_great_heat_moves_most_orders_and_no_heat_few(network):
    c = network
    prices, listed, x = started(c)
    moved = []
    for heat in (0, 2_000 * HEAT_UNIT):
        k = whole(c, prices, listed, x.opening)
        rows = np.arange(700, dtype=np.int64)
        anneal(k, trail(700), rows, seeded(3), TABLE, 30_000, heat, 0)
        taken, pair = x.opening.copy(), x.pair.copy()
        write_back(k, taken, pair)
        moved.append(int((taken != x.opening).sum()))

    assert moved[0] < moved[1]
    assert moved[1] > 300


def test_two_orders_in_each_others_place_are_swapped(build, order, opening):
    """Full openings on both days: only a chain of two mends it."""
    problem = build(
        [order(minutes=60, wait_cost=10), order(minutes=60, wait_cost=1)],
        [opening(day=0), opening(day=1)],
    )
    c = columns(problem)
    prices = proved(c, np.array([9 * PRICE_SCALE / 60, 0.0]), np.zeros(0))
    listed = shortlist(c, prices.minute, prices.exam, width=9)
    k = whole(c, prices, listed, np.array([1, 0]))
    assert cost_of(c, k) == 10

    change = anneal(k, trail(2), np.arange(2), seeded(1), TABLE, 50, 0, 0)

    assert change == -9
    assert k.option[k.at, OPENING].tolist() == [0, 1]


def test_a_long_exam_gets_in_by_ejecting_two_short_ones(build, order, opening):
    """60 minutes for 1,000 against two of 30 that can wait a day for 1 each."""
    problem = build(
        [
            order(minutes=60, days=(0, 0), unplaced_cost=1_000),
            order(minutes=30),
            order(minutes=30),
        ],
        [opening(day=0), opening(day=1)],
    )
    c = columns(problem)
    prices = proved(c, np.array([PRICE_SCALE / 30, 0.0]), np.zeros(0))
    listed = shortlist(c, prices.minute, prices.exam, width=9)
    k = whole(c, prices, listed, np.array([-1, 0, 0]))

    change = anneal(k, trail(3), np.arange(3), seeded(1), TABLE, 50, 0, 0)

    assert change == -998
    assert k.option[k.at, OPENING].tolist() == [0, 1, 1]


def test_a_contract_that_is_used_up_is_not_overdrawn(build, order, opening):
    problem = build(
        [order(minutes=10, unplaced_cost=50 + j) for j in range(4)],
        [opening(contract=0), opening(day=1, contract=0)],
        ceilings=[2],
    )
    c = columns(problem)
    prices = proved(c, np.zeros(2), np.zeros(1))
    listed = shortlist(c, prices.minute, prices.exam, width=9)
    k = whole(c, prices, listed, np.full(4, -1))

    anneal(k, trail(4), np.arange(4), seeded(1), TABLE, 400, 0, 0)

    # The two dearest are in, on day 0; the others wait for the next plan.
    assert (k.at >= 0).tolist() == [False, False, True, True]
    assert k.option[k.at[2:], OPENING].tolist() == [0, 0]


# --- rounds ------------------------------------------------------------------------


def test_improve_never_returns_a_worse_plan(network):
    c = network
    prices, listed, x = started(c)
    for work in (0, 1, 3, 200):
        before = int(x.cost.sum())
        improve(
            c,
            listed,
            x,
            prices=prices,
            limits=Limits(work=work),
            clock=Clock(None),
            bound=prices.bound,
        )
        assert x.cost.sum() <= before
        assert (x.cost == costs_at(c, x.opening, x.pair)).all()
        assert x.cost.sum() >= prices.bound


def test_a_gap_that_is_good_enough_ends_the_search(network):
    c = network
    prices, listed, x = started(c)
    before = x.opening.copy()
    improve(
        c,
        listed,
        x,
        prices=prices,
        limits=Limits(work=10**9, target_gap=50.0),
        clock=Clock(None),
        bound=prices.bound,
    )

    assert (x.opening == before).all()


def test_the_parts_of_a_gap_by_hand(build, order, opening):
    """At 1 a minute: 15 minutes idle; the second order pays 2 more than it need."""
    problem = build(
        [order(minutes=30, wait_cost=2), order(minutes=15, wait_cost=2)],
        [opening(day=0), opening(day=1, minutes=30)],
    )
    c = columns(problem)
    prices = proved(c, np.array([PRICE_SCALE, PRICE_SCALE]), np.zeros(0))
    listed = shortlist(c, prices.minute, prices.exam, width=9)

    parts = Gauge(c, prices, listed).parts(2, np.array([0, 1]), np.array([0, 1]))

    assert (parts.regret, parts.idle, parts.unsold, parts.packing) == (2, 45, 0, 0)
    # Cheapest: 30 and 15; less 90 minutes at 1 each: the bound is -45, the cost 2.
    assert prices.scaled_bound == -45 * PRICE_SCALE


def test_put_and_take_are_each_others_undoing(network):
    c = network
    _, _, x = started(c)
    before = [column.copy() for column in (x.free, x.left, x.member_count)]
    rows = np.flatnonzero(x.opening >= 0)[::3]
    kept = [(int(j), int(x.opening[j]), int(x.pair[j]), int(x.cost[j])) for j in rows]
    for j, *_ in kept:
        take(c, x, j)
    assert (x.cost[rows] == c.unplaced_cost[rows]).all()
    for j, b, p, cost in kept:
        put(c, x, j, b, p, cost)

    for now, then in zip((x.free, x.left, x.member_count), before, strict=True):
        assert (now == then).all()
    assert (empty(c).free == c.minutes).all()


def test_small_problems_are_solved_to_the_end(build, order, opening):
    """Eight exams of 20 in four openings of 45: two each, the dear ones first."""
    problem = build(
        [order(minutes=20, wait_cost=j + 1) for j in range(8)],
        [opening(day=d, minutes=45) for d in range(4)],
    )

    plan = solve(problem, limits=Limits(work=20))

    assert plan.opening.tolist() == [3, 3, 2, 2, 1, 1, 0, 0]
    assert plan.terms.total == 3 * (1 + 2) + 2 * (3 + 4) + 1 * (5 + 6)
