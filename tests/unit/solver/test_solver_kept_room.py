"""A plan leaves room for urgent orders to come, at their price, and proves it."""

from dataclasses import replace

import numpy as np
import pytest

from solver import Limits, solve, verify
from solver.bidprices import DemandToCome, room_prices
from solver.kept_room import (
    ToCome,
    room_prices_by_class,
    stand_in_prices,
    stand_ins,
    with_stand_ins,
)

UNIT, DAYS = 30, 5


def to_come(mean, *, most=42, displaced=300.0):
    """So many exams of the first class still to come for each day but the first."""
    table = np.zeros((1, 2, DAYS))
    table[0, 0, 1:] = mean
    prices = room_prices(
        DemandToCome(table, np.array([UNIT])), displaced_cost=np.full(2, displaced)
    )
    return ToCome(prices, np.zeros(1, np.int64), tier=1, list_mask=1, most=most)


def backlog(build, order, opening, *, routine):
    """Days of two hours; routine orders wait at 1 a day and may go to any."""
    return build(
        [order(minutes=UNIT, tier=1, unplaced_cost=500) for _ in range(routine)],
        [opening(day=day, minutes=4 * UNIT) for day in range(DAYS)],
    )


def planned(problem):
    plan = solve(problem, limits=Limits(work=200, seed=1))
    assert verify(problem, plan).accepted
    return plan


def test_routine_orders_leave_room_only_while_it_is_worth_it(build, order, opening):
    problem = backlog(build, order, opening, routine=12)
    kept = with_stand_ins(problem, to_come(1.0))
    plan = planned(kept)
    days = kept.openings.day[plan.opening[:12]]

    assert planned(problem).opening.max() == 2  # three days full to the brim
    rows = stand_ins(kept)
    assert rows.min() == 12
    # P(D >= 1..4) is 0.63, 0.26, 0.08, 0.02 of 300, held to 42.
    assert kept.orders.unplaced_cost[rows[:4]].tolist() == [42, 42, 24, 5]
    # Eight stand-ins at 42 keep their room; those at 5 and 24 give way in part.
    assert (np.bincount(days, minlength=DAYS)[1:] <= 2).all()
    # Whoever would have no place at all is worth more than anybody to come.
    full = with_stand_ins(backlog(build, order, opening, routine=20), to_come(1.0))
    assert (planned(full).opening[:20] >= 0).all()


@pytest.mark.parametrize("most", [0, 42])
def test_urgent_orders_after_a_plan_wait_less(build, order, opening, most):
    """Forty futures: one urgent order a day, on average, and no second plan."""
    problem = with_stand_ins(
        backlog(build, order, opening, routine=12), to_come(1.0, most=most)
    )
    plan = planned(problem)
    room = np.full(DAYS, 4)
    np.subtract.at(room, problem.openings.day[plan.opening[:12]], 1)
    chance, waited, came = np.random.default_rng(1), 0, 0
    for _ in range(40):
        left = room.copy()
        for day, number in enumerate(chance.poisson(1.0, DAYS - 1), 1):
            for _ in range(number):
                free = np.flatnonzero(left[day:] > 0)
                wait = int(free[0]) if free.size else DAYS
                if free.size:
                    left[day + wait] -= 1
                waited, came = waited + wait, came + 1

    routine = int(problem.openings.day[plan.opening[:12]].sum())
    # Days of the twelve routine orders in all, and of each urgent one on average.
    assert (routine, round(waited / came, 1)) == ((12, 0.8), (20, 0.4))[most > 0]


def test_the_price_of_those_to_come_can_be_taken_out(build, order, opening):
    problem = with_stand_ins(backlog(build, order, opening, routine=12), to_come(1.0))
    price = stand_in_prices(problem, planned(problem))

    assert price[0] == 0
    assert (price[1:] > 0).all()
    assert (price <= 42 * 1000 // UNIT).all()


def test_in_a_repair_only_those_who_are_not_urgent_pay(build, order, opening):
    problem = backlog(build, order, opening, routine=1)
    taken = np.array([0, 90, 60, 0, 0])
    price = room_prices_by_class(problem, to_come(1.0), taken)

    assert price.shape == (2, DAYS)
    assert not price[0].any()
    # The last exam's room of day 1, the last but one of day 2, the fourth of others.
    assert price[1].tolist() == [0, 42000 // 30, 42000 // 30, 5000 // 30, 5000 // 30]


def test_nothing_to_come_changes_nothing(build, order, opening):
    problem = backlog(build, order, opening, routine=1)
    assert with_stand_ins(problem, to_come(0.0)) is problem
    assert with_stand_ins(problem, replace(to_come(1.0), most=0)) is problem
    assert not stand_in_prices(problem, planned(problem)).any()
