"""Numbers that cost least in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from solver.instances.online_models import (
    arrivals_of,
    ppq_like,
    simulate,
)
from solver.instances.online_policies import (
    EARLINESS,
    Between,
    BidPrice,
    bid_price,
    learnt_bid_price,
    learnt_forecast,
    published_2008,
)
from solver.tuning import Effort, tuned


def bowl(numbers):
    """Least, 1.0, at 2 and 30."""
    return 1.0 + float((np.log(numbers / [2.0, 30.0]) ** 2).sum())


def test_the_least_is_found_from_far_away():
    found = tuned(bowl, np.array([1.0, 100.0]), Effort(rounds=40))

    assert found == pytest.approx([2.0, 30.0], rel=0.03)


def test_the_same_seed_finds_the_same():
    start, short = np.array([1.0, 100.0]), Effort(rounds=3)

    assert (tuned(bowl, start, short) == tuned(bowl, start, short)).all()
    other = tuned(bowl, start, Effort(rounds=3, seed=1))
    assert (tuned(bowl, start, short) != other).any()


def test_what_nothing_is_better_than_stays():
    start = np.array([2.0, 30.0])

    assert tuned(bowl, start, Effort(rounds=5)) is start


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_a_start_that_has_no_logarithm_is_refused(wrong):
    with pytest.raises(ValueError, match=r"start\[1\] is .*; give finite numbers"):
        tuned(bowl, np.array([1.0, wrong]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": -1},
        {"elite": 0},
        {"elite": 61},
        {"pace": 0.0},
        {"spread": 0.01},
    ],
)
def test_an_effort_without_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match="give rounds of 0 or more"):
        Effort(**wrong)


def test_tuning_pays_on_arrivals_that_it_has_not_seen():
    """And no class waits longer than under the policy of 2008."""
    model = ppq_like()
    history = arrivals_of(model, replications=10, days=600, seed=1001)
    fresh = arrivals_of(model, replications=20, days=600, seed=1)

    def counted(model, forecast):
        return bid_price(model, BidPrice(forecast, EARLINESS))

    forecast = learnt_forecast(model, counted, history)
    before = simulate(model, counted(model, forecast), fresh)
    learnt = learnt_bid_price(model, history, Effort(rounds=10, samples=40, elite=10))
    after = simulate(model, bid_price(model, learnt), fresh)
    published = simulate(model, published_2008(model, Between.EARLIEST), fresh)

    assert after.cost.mean() < 0.9 * before.cost.mean()
    assert (after.mean_wait <= published.mean_wait).all()
