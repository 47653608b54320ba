"""What room is worth to more urgent orders still to come."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver import (
    DemandToCome,
    InvalidDemand,
    Occupied,
    Protection,
    learnt,
    rank_slots,
    room_prices,
)
from solver.bidprices import expected_excess, quantile_of

UNIT = np.array([30])


def forecast(urgent=1.0, leads=10):
    """One kind of scanner, two classes; the urgent one still asks for so much."""
    mean = np.zeros((1, 2, leads))
    mean[0, 0, 2:] = urgent
    return DemandToCome(mean, UNIT)


def protection(urgent=1.0, *, cost=100.0, today=0, **options):
    prices = room_prices(
        forecast(urgent), displaced_cost=np.array([cost, 1.0]), **options
    )
    return Protection(prices, np.zeros(1, np.int64), today)


def ranked(problem, order=0, *, by, occupied=None, k=9):
    return rank_slots(
        problem,
        order,
        minute_price=np.zeros(len(problem.openings.key), np.int64),
        exam_price=np.zeros(0, np.int64),
        k=k,
        occupied=occupied,
        protection=by,
    )


def test_excess_of_a_poisson_by_hand():
    """E(D) = 1; E(D - 1)+ = P(D = 0); E(D - 2)+ = 2 P(0) + P(1) - 1."""
    e = math.exp(-1)

    assert expected_excess(np.array(1.0), 3) == pytest.approx([1, e, 3 * e - 1])


def test_quantiles_of_a_poisson_by_hand():
    """With mean 1: P(0) = .368, P(<= 1) = .736, P(<= 2) = .920, P(<= 3) = .981."""
    shares = [0.0, 0.36, 0.37, 0.73, 0.75, 0.92, 0.95]

    assert [int(quantile_of(np.array(1.0), s)) for s in shares] == [
        0,
        0,
        1,
        1,
        2,
        3,
        3,
    ]


def test_the_last_slot_costs_what_the_urgent_may_lose(build, order, opening):
    """Room for one exam, Poisson(1) urgent to come at 100 each: 100 (1 - 1/e)."""
    problem = build(
        [order(tier=1, target_day=9), order(tier=0, target_day=9)],
        [opening(day=2, minutes=30)],
    )

    routine, urgent = (ranked(problem, j, by=protection())[0] for j in (0, 1))

    assert routine.to_come == routine.price == round(100_000 * (1 - math.exp(-1)))
    assert (urgent.to_come, urgent.score) == (0, urgent.terms.total * 1000)


def test_half_an_exam_costs_half_a_step(build, order, opening):
    """15 of 30 minutes: half of the way from the loss at no room to that at one."""
    problem = build(
        [order(tier=1, minutes=15, target_day=9)], [opening(day=2, minutes=30)]
    )

    price = ranked(problem, by=protection())[0].to_come

    assert price == pytest.approx(50_000 * (1 - math.exp(-1)), abs=1)


def test_all_lists_of_a_day_are_one_room(build, order, opening):
    """Two half-hours and one taken: room for one is left, as in one opening."""
    halves = [opening(day=2, minutes=30), opening(day=2, begin=600, minutes=30)]
    problem = build([order(tier=1, target_day=9)], halves)
    taken = Occupied.by_bookings(
        problem,
        opening=np.array([0]),
        begin_minute=np.array([540]),
        minutes=np.array([30]),
    )

    both, one = (ranked(problem, by=protection(), occupied=o) for o in (None, taken))

    assert len(both) == 2
    assert both[0].to_come == both[1].to_come < one[0].to_come
    assert one[0].to_come == round(100_000 * (1 - math.exp(-1)))


def test_a_price_never_pushes_an_order_past_its_target(build, order, opening):
    problem = build(
        [order(tier=1, target_day=3, late_cost=1)],
        [opening(day=3, minutes=30), opening(day=4, minutes=360)],
    )

    places = ranked(problem, by=protection(cost=1e6))

    assert [p.opening for p in places] == [0, 1]
    assert places[0].score > places[1].score


def test_kept_room_comes_last_even_when_the_rest_is_late(build, order, opening):
    problem = build(
        [order(tier=1, target_day=3, late_cost=1000), order(tier=0, target_day=3)],
        [opening(day=3, minutes=30), opening(day=4, minutes=360)],
    )
    by = protection(quantile=0.95)

    routine, urgent = ranked(problem, 0, by=by), ranked(problem, 1, by=by)

    assert [(p.opening, p.reserved) for p in routine] == [(1, False), (0, True)]
    assert [(p.opening, p.reserved) for p in urgent] == [(0, False), (1, False)]


def test_the_last_slot_does_not_hang_on_the_forecast(build, order, opening):
    """However small the forecast, one exam's room is kept while any may come."""
    problem = build(
        [order(tier=1, target_day=9)],
        [opening(day=2, minutes=30), opening(day=5, minutes=60)],
    )
    low = 1e-6

    open_ = ranked(problem, by=protection(low, quantile=0.95))
    kept = ranked(problem, by=protection(low, quantile=0.95, least_exams=1))

    assert [(p.opening, p.reserved) for p in open_] == [(0, False), (1, False)]
    assert [(p.opening, p.reserved) for p in kept] == [(1, False), (0, True)]


def test_kept_room_is_released_as_its_day_comes(build, order, opening):
    """On the eve of the day nobody is to come any more."""
    problem = build([order(tier=1, target_day=9)], [opening(day=2, minutes=30)])

    before, eve = (
        ranked(problem, by=protection(today=t, quantile=0.95))[0] for t in (0, 1)
    )

    assert (before.reserved, eve.reserved) == (True, False)
    assert before.to_come > 0 == eve.to_come


@settings(max_examples=60)
@given(
    mean=st.floats(0, 40),
    quantile=st.floats(0, 0.999),
    least=st.integers(0, 3),
    factor=st.floats(0, 3),
)
def test_room_never_gains_by_shrinking_and_class_0_is_never_kept_out(
    mean, quantile, least, factor
):
    """More room never costs more, what is left of it never gains faster."""
    prices = room_prices(
        forecast(mean),
        displaced_cost=np.array([100.0, 3.0]),
        quantile=quantile,
        least_exams=least,
        margin=factor,
    )
    step = -np.diff(prices.lost, axis=3)

    assert (prices.lost >= 0).all()
    assert (step >= 0).all()
    assert (np.diff(step, axis=3) <= 1).all()  # each entry is rounded
    assert prices.lost[..., -1].max() == 0
    assert not prices.lost[:, 0].any()
    assert not prices.reserve[:, 0].any()


def test_a_low_forecast_is_made_good_by_the_margin():
    wide = room_prices(forecast(2.0), displaced_cost=np.ones(2) * 100, margin=1.5)
    high = room_prices(forecast(3.0), displaced_cost=np.ones(2) * 100)

    assert (wide.lost == high.lost).all()


def test_several_classes_count_with_the_mean_of_their_costs():
    """One at 90 and two at 30: 50 each, three to come, with no room 150 lost."""
    mean = np.tile(np.array([1.0, 2.0, 0.0])[None, :, None], (1, 1, 3))

    prices = room_prices(
        DemandToCome(mean, UNIT), displaced_cost=np.array([90.0, 30.0, 7.0])
    )

    assert prices.lost[0, :, 1, 0].tolist() == [0, 90_000, 150_000]


def test_history_by_hand():
    """Four bookings on two scanner-days, 20 minutes on average.

    The urgent 10 + 30 minutes, one day ahead, are two typical exams in two days. Those
    asked for three days ahead count from day 4 on.
    """
    demand = DemandToCome.by_history(
        kind=np.array([0, 0, 0, 0]),
        tier=np.array([0, 0, 1, 1]),
        lead_days=np.array([1, 1, 3, 99]),
        minutes=np.array([10, 30, 20, 20]),
        scanner_days=np.array([2, 0]),
        classes=2,
        leads=6,
    )

    assert demand.unit_minutes.tolist() == [20, 1]
    assert demand.mean[0].tolist() == [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0.5, 0.5]]
    assert not demand.mean[1].any()


def test_learning_finds_the_fixed_point_that_undamped_rounds_miss():
    """Rates 2 - m oscillate between 0 and 2 undamped; the fixed point is 1."""

    def booked(demand):
        rates = np.zeros((1, 1, 3))
        rates[0, 0, 1] = max(0.0, 2.0 - demand.mean[0, 0, 2])
        return rates

    damped = learnt(booked, UNIT, shape=(1, 1, 3), rounds=12)
    undamped = learnt(booked, UNIT, shape=(1, 1, 3), rounds=12, damping=0)

    assert damped.mean[0, 0].tolist() == pytest.approx([0, 0, 1])
    assert undamped.mean[0, 0, 2] in {0.0, 2.0}


@pytest.mark.parametrize(
    ("mean", "unit", "says"),
    [
        (np.zeros((1, 0, 3)), UNIT, "at least one class"),
        (np.zeros((1, 2, 3)), np.array([30, 30]), "for each of 1 kinds"),
        (np.zeros((1, 2, 3)), np.array([0]), r"unit_minutes\[0\] is 0"),
        (np.full((1, 2, 3), np.nan), UNIT, r"mean\[0, 0, 0\] is nan"),
        (np.full((1, 2, 3), -1.0), UNIT, r"mean\[0, 0, 0\] is -1"),
        (np.full((1, 2, 3), 1e9), UNIT, "between 0 and 600"),
    ],
)
def test_what_is_no_forecast_is_refused(mean, unit, says):
    with pytest.raises(InvalidDemand, match=says):
        DemandToCome(mean, unit)


@pytest.mark.parametrize(
    "wrong",
    [
        {"displaced_cost": np.array([1.0])},
        {"displaced_cost": np.array([1.0, -1.0])},
        {"displaced_cost": np.array([1.0, np.inf])},
        {"quantile": 1.0},
        {"least_exams": -1},
        {"margin": -0.1},
    ],
)
def test_prices_refuse_what_they_cannot_mean(wrong):
    with pytest.raises(InvalidDemand, match="give"):
        room_prices(forecast(), **{"displaced_cost": np.ones(2), **wrong})


@pytest.mark.parametrize(
    "wrong", [{"kind": 1}, {"tier": 2}, {"lead_days": -1}, {"minutes": 0}]
)
def test_history_outside_the_table_is_refused(wrong):
    row = {"kind": 0, "tier": 0, "lead_days": 1, "minutes": 10, **wrong}

    with pytest.raises(InvalidDemand, match="leave such bookings out"):
        DemandToCome.by_history(
            **{name: np.array([value]) for name, value in row.items()},
            scanner_days=np.array([5]),
            classes=2,
            leads=3,
        )


def test_an_order_whose_target_comes_first_takes_kept_room_rather_than_be_late(
    build, order, opening
):
    problem = build(
        [order(tier=1, target_day=3, late_cost=1000)],
        [
            opening(day=2, minutes=30),
            opening(day=3, minutes=360),
            opening(day=4, minutes=360),
        ],
    )
    by = replace(protection(quantile=0.95), target_first=True)
    cut = replace(problem.openings, minutes=np.array([30, 30, 360]))
    full = replace(problem, openings=cut)

    with_room, without = ranked(problem, by=by), ranked(full, by=by)

    # Not kept and in time, kept and in time, late: a target is no claim to kept room
    # while there is other room in time.
    assert [(p.opening, p.reserved) for p in with_room] == [
        (1, False),
        (0, True),
        (2, False),
    ]
    assert [(p.opening, p.reserved) for p in without][:2] == [(0, True), (1, True)]


def test_room_that_the_openings_do_not_show_is_taken_as_it_is_given(
    build, order, opening
):
    problem = build([order(tier=1, target_day=9)], [opening(day=3, minutes=30)])
    whole = replace(protection(quantile=0.95), room=np.array([300]))

    part = ranked(problem, by=protection(quantile=0.95))[0]
    seen = ranked(problem, by=whole)[0]

    assert (part.reserved, seen.reserved) == (True, False)
    assert part.to_come > seen.to_come
