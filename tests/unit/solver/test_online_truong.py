"""Two classes of which one cannot wait: by hand, and beside the best rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.online_queue import least_with_a_queue
from solver import DemandToCome
from solver.bidprices import expected_excess
from solver.instances.online_models import arrivals_of, simulate
from solver.instances.online_truong import (
    as_soon_as_possible,
    by_priced_room,
    truong_like,
    tuned_to_cost_least,
)
from solver.tuning import Effort


def small(slots=1):
    """One slot a day; a regular patient's day of waiting costs 30."""
    model = truong_like(0.9, wait_cost=30.0)
    return replace(model, slots=slots, horizon=6, arrivals=np.array([0.4, 0.3]))


def expecting(model, urgent):
    mean = np.zeros((1, 2, model.horizon + 1))
    mean[0, 0, 2:] = urgent
    return DemandToCome(mean, np.ones(1, np.int64))


def days(*rows):
    return np.array([rows], dtype=np.int64)


def test_the_regular_wait_for_the_day_after_tomorrow():
    """Two regular: days 2 and 3. Two urgent: tomorrow and overtime, 100; 30 waited."""
    model = small()

    seen = simulate(model, as_soon_as_possible(model), days((2, 2)))

    assert seen.cost.tolist() == [100 + 30]
    assert seen.rates[1].tolist() == [0, 0, 1, 1, 0, 0, 0]


def test_a_slot_that_the_urgent_need_costs_more_than_two_days_of_waiting():
    """A first slot of two costs P(D >= 2), a second P(D >= 1): 26 and 63.

    First day 2 at 26; then day 3 at 30 + 26, day 2 at 63, day 4 at 60 + 26.
    """
    model = small(slots=2)
    rule = by_priced_room(model, expecting(model, 1.0))

    seen = simulate(model, rule, days((0, 4)))

    assert seen.rates[1].tolist() == [0, 0, 2, 1, 1, 0, 0]
    assert seen.cost.tolist() == [30 + 60]


def test_nobody_regular_waits_where_waiting_costs_as_much_as_overtime():
    """Then all are seen at once, and what is beyond the slots is known by hand."""
    model = replace(small(slots=2), late_cost=np.array([100.0, 100.0]))
    beyond = expected_excess(np.array(0.7), 3)[2]

    assert least_with_a_queue(model) == pytest.approx(100 * beyond, rel=1e-6)


def test_ours_tuned_is_as_good_as_the_best_rule():
    """Within 1 %; the best is of the long run, so the arrivals are many."""
    model = truong_like(0.9, wait_cost=5.0)
    history = arrivals_of(model, replications=10, days=600, seed=1001)
    fresh = arrivals_of(model, replications=40, days=2000, seed=1)
    best = least_with_a_queue(model)

    tuned = tuned_to_cost_least(model, history, Effort(rounds=12))
    ours = simulate(model, by_priced_room(model, tuned), fresh).cost
    soonest = simulate(model, as_soon_as_possible(model), fresh).cost

    half = 1.96 * ours.std(ddof=1) / ours.shape[0] ** 0.5
    assert best - half < ours.mean() < 1.01 * best
    assert soonest.mean() > 1.2 * best
