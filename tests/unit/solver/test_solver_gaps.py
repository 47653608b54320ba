"""Idle stretches too short for any exam: the search avoids them, unless it pays."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from solver import Limits, solve, verify
from solver.block import rise, sit, tail
from solver.costs import whole_terms
from solver.cut import cut_out
from solver.layout import columns
from solver.prices import proved
from solver.regions import scanner_of_opening
from solver.rules import Bookings, Changeovers, Rules, Weights
from solver.search import empty
from solver.shortlist import shortlist
from solver.ties import ties
from solver.timetable import first_start, paid_in, seat, timetable, unseat
from solver.waste import tails

GAP = 20


def column(values):
    return np.array(list(values), np.int64)


def rules(cost, **others):
    return Rules(weights=Weights(gap_minutes=GAP, gap_cost=cost), **others)


def solved(problem, work=4):
    plan = solve(problem, limits=Limits(work=work, seed=1))
    verdict = verify(problem, plan)
    assert verdict.accepted, verdict
    return plan


@pytest.mark.parametrize(
    ("gap_cost", "day_cost", "days", "gaps", "total"),
    [
        # Idle time is free: whose day costs least waits, and 5 minutes are left over.
        (0, 4, [0, 0, 1], 0, 3),
        # The 25 minutes wait for 4 instead, and day 0 is full: 4 is less than 3 + 5.
        (1, 4, [0, 1, 0], 0, 4),
        # Unless it pays: 9 is more than 3 + 5, so the gap stays.
        (1, 9, [0, 0, 1], 5, 8),
    ],
)
def test_a_gap_is_closed_where_that_pays(
    gap_cost, day_cost, days, gaps, total, build, order, opening
):
    """An hour on day 0 for two of 30, 25 and 30 minutes; a long stretch on day 1."""
    problem = build(
        [
            order(wait_cost=20),
            order(minutes=25, wait_cost=day_cost),
            order(wait_cost=3),
        ],
        [opening(day=0), opening(day=1)],
        rules=rules(gap_cost),
    )

    plan = solved(problem)

    assert plan.opening.tolist() == days
    assert (plan.terms.gaps, plan.terms.total) == (gaps, total)


def test_a_gap_is_left_where_closing_it_costs_more(build, order, opening):
    """One exam of 50 on day 0 leaves 10 idle minutes; on day 1 there is room for it.

    30 minutes of room more, so that no stretch is short there, but a day costs 15.
    """
    rows, days = (
        [order(minutes=50, wait_cost=15)],
        [opening(), opening(day=1, minutes=80)],
    )
    cheap = solved(build(rows, days, rules=rules(1)))
    dear = solved(build(rows, days, rules=rules(2)))

    assert (cheap.opening.tolist(), cheap.terms.gaps, cheap.terms.total) == (
        [0],
        10,
        10,
    )
    assert (dear.opening.tolist(), dear.terms.gaps, dear.terms.total) == ([1], 0, 15)


def test_starts_leave_the_idle_time_in_one_piece(build, order, opening):
    """From 09:00 to 11:00; one exam from 09:10 on, one from 09:50 on, 30 minutes each.

    As soon as they can be they leave 10, 10 and 40 minutes; with the first at 09:20,
    20, 0 and 40, of which none is short.
    """
    problem = build(
        [order(hours=(550, 1440)), order(hours=(590, 1440))],
        [opening(minutes=120)],
        rules=rules(1),
    )

    plan = solved(problem)

    assert plan.start_minute.tolist() == [560, 590]
    assert plan.terms.total == 0


def test_starts_are_chosen_around_what_is_fixed(build, order, opening):
    """A booking at 09:40 that may not move, and an exam of 30 minutes from 09:00 on.

    At 09:00 it would leave 10 minutes before the booking; at 09:10 it leaves 10 before
    itself; behind the booking, at 10:10, 40 and 20 are left.
    """
    booking = Bookings(*(column([v]) for v in (0, 0, 0, 580, 0, 1)))
    problem = build(
        [order(), order()], [opening(minutes=120)], rules=rules(1, bookings=booking)
    )

    plan = solved(problem)

    assert plan.start_minute.tolist() == [580, 610]
    assert plan.terms.total == 0


def test_a_stretch_beside_a_fixed_exam_is_used_even_when_empty(build, order, opening):
    """A fixed exam of 30 leaves 10 minutes, which cost 10 until 10 minutes fill them.

    The order's own day would be free of cost on day 1.
    """
    booking = Bookings(*(column([v]) for v in (0, 0, 0, 540, 0, 1)))
    rows = [order(wait_cost=0), order(minutes=10, wait_cost=0, scanners=(0,))]
    days = [opening(day=0, minutes=40, cost=3), opening(day=1)]
    problem = build(rows, days, rules=rules(1, bookings=booking))

    plan = solved(problem)

    assert plan.opening.tolist() == [0, 0]
    assert (plan.terms.gaps, plan.terms.total) == (0, 6)


def test_what_a_changeover_asks_for_is_no_gap(build, order, opening):
    """30 + 15 of changeover + 30 minutes fill 75: nothing is idle."""
    families = Changeovers(column([0, 1]), column([0, 15, 15, 0]))
    problem = build(
        [order(), order()], [opening(minutes=75)], rules=rules(9, changeovers=families)
    )

    plan = solved(problem)

    assert (plan.terms.gaps, plan.terms.total) == (0, 0)


def test_a_block_keeps_its_books(build, order, opening):
    """Whatever comes and goes, the block knows what its openings pay."""
    rng = np.random.default_rng(1)
    problem = build(
        [order(minutes=int(m)) for m in rng.choice([10, 15, 25, 40], 8)],
        [opening(day=d) for d in range(4)],
        rules=rules(3),
    )
    c = columns(problem)
    prices = proved(c, np.zeros(4), np.zeros(0))
    listed = shortlist(c, prices.minute, prices.exam, width=9)
    here = np.zeros(4, np.int32)
    k = cut_out(
        c,
        listed,
        (prices.minute, prices.exam),
        rows=np.arange(8),
        openings=np.arange(4),
        taken=np.full(8, -1),
        scanner=scanner_of_opening(c),
        block_of=here,
        number=np.arange(4, dtype=np.int32),
        here=0,
        left=c.ceiling.copy(),
    )
    for _ in range(60):
        j = int(rng.integers(8))
        rise(k, j)
        o = int(rng.integers(k.first[j], k.last[j]))
        if k.free[k.option[o, 0]] >= k.option[o, 2]:
            sit(k, j, o)
        assert k.paid[0] == sum(tail(k, b) for b in range(4))
    assert tails(c, empty(c)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_timetable_keeps_its_books(seed, build, order, opening):
    """Whatever is seated and unseated, it knows what short stretches cost."""
    rng = np.random.default_rng(seed)
    setup = column([0, 10, 5, 10, 0, 15, 5, 15, 0])
    problem = build(
        [order(minutes=int(m)) for m in rng.choice([10, 15, 25, 40], 12)],
        [opening(day=d, minutes=90) for d in range(3)],
        rules=rules(7, changeovers=Changeovers(column(rng.integers(-1, 3, 12)), setup)),
    )
    c = columns(problem)
    r, x = ties(problem, c), empty(c)
    t = timetable(problem, r)
    for _ in range(80):
        j, b = int(rng.integers(12)), int(rng.integers(3))
        if x.opening[j] >= 0:
            unseat(c, r, x, t, j)
        else:
            low = int(c.begin[b] + 5 * rng.integers(0, 16))
            at = first_start(c, r, x, t, j, j, b, low, 1440)
            if at >= 0:
                seat(c, r, x, t, j, b, j, at, 0)
        terms = whole_terms(problem, c, x.opening, x.pair, t.start)
        assert t.paid[0] == terms.gaps
        assert t.paid[0] == sum(paid_in(c, r, x, t, k) for k in range(3))


def enumerated(problem):
    """Return the least cost of any plan, by trying all of them on a grid of 5."""
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    n, weights = len(orders.key), problem.rules.weights

    def pays(idle):
        return idle * weights.gap_cost if 0 < idle < weights.gap_minutes else 0

    @cache
    def least(b, left, free):
        """Least cost of the gaps with exams `left` still to come after `free`."""
        close = int(openings.begin_minute[b] + openings.minutes[b])
        if not left:
            return pays(close - free)
        best = float("inf")
        for j in left:
            d = int(pairs.minutes[j])
            early = max(free, int(orders.earliest_minute[j]))
            for at in range(early, min(close, int(orders.latest_minute[j])) - d + 1, 5):
                rest = least(b, left - {j}, at + d)
                best = min(best, pays(at - free) + rest)
        return best

    best = float("inf")
    for where in product(range(-1, len(openings.key)), repeat=n):
        cost = sum(
            int(
                orders.wait_cost[j] * openings.day[b]
                if b >= 0
                else orders.unplaced_cost[j]
            )
            for j, b in enumerate(where)
        )
        for b in set(where) - {-1}:
            mine = frozenset(j for j in range(n) if where[j] == b)
            if sum(int(pairs.minutes[j]) for j in mine) > openings.minutes[b]:
                cost = float("inf")
            if cost < best:
                cost += least(b, mine, int(openings.begin_minute[b]))
        best = min(best, cost)
    return best


def test_small_plans_are_nearly_always_the_best(build, order, opening):
    """Two days of an hour or so, four exams, half of them held to hours."""
    reached, cases = 0, 40
    for seed in range(cases):
        rng = np.random.default_rng(seed)
        begins = 540 + 5 * rng.integers(0, 6, 4) * rng.integers(0, 2, 4)
        rows = [
            order(
                minutes=int(rng.choice([10, 15, 20, 25, 35])),
                wait_cost=int(rng.integers(1, 30)),
                hours=(int(begin), 1440),
                unplaced_cost=300,
            )
            for begin in begins
        ]
        days = [opening(day=d, minutes=int(rng.choice([50, 60, 75]))) for d in range(2)]
        problem = build(rows, days, rules=rules(int(rng.integers(1, 6))))
        plan = solved(problem, work=2)
        best = enumerated(problem)
        assert plan.certificate.bound <= best <= plan.terms.total, seed
        reached += plan.terms.total == best
    assert reached >= 0.9 * cases, reached


def test_where_gaps_cost_nothing_the_plan_is_the_plain_one(build, order, opening):
    rng = np.random.default_rng(3)
    rows = [order(minutes=int(m)) for m in rng.choice([10, 15, 25, 40], 12)]
    problem = build(rows, [opening(day=d) for d in range(5)])
    unpriced = replace(problem, rules=rules(0))

    plain, same = solved(problem), solved(unpriced)

    assert plain.opening.tolist() == same.opening.tolist()
    assert plain.start_minute.tolist() == same.start_minute.tolist()
