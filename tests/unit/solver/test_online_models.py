"""The online booking models: small diaries by hand, and rules side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.online_hindsight import hindsight, least_on_time
from benchmarks.online_optimum import average_cost, small_diary
from solver import DemandToCome
from solver.bidprices import expected_excess
from solver.instances.online_models import (
    OnlineModel,
    arrivals_of,
    nhs_like,
    ppq_like,
    simulate,
)
from solver.instances.online_policies import (
    Between,
    BidPrice,
    bid_price,
    earliest_within_target,
    first_come_first_served,
    learnt_bid_price,
    learnt_forecast,
    protection_level,
    published_2008,
)
from solver.tuning import Effort

SHORT = Effort(rounds=8, samples=30, elite=8)


def two_classes(slots=1, horizon=4):
    """Urgent by tomorrow, routine within three days; late 10 and 1 a day."""
    return OnlineModel(
        "two classes",
        slots,
        horizon,
        arrivals=np.array([0.4, 0.4]),
        target=np.array([1, 3]),
        late_cost=np.array([10.0, 1.0]),
        overtime_cost=100.0,
    )


def days(*rows):
    """One replication: how many urgent and routine orders come each day."""
    return np.array([rows], dtype=np.int64)


def unlearnt(model, urgent):
    """A forecast of so many urgent exams for each day more than one day ahead."""
    mean = np.zeros((1, 2, model.horizon + 1))
    mean[0, 0, 2:] = urgent
    return BidPrice(DemandToCome(mean, np.ones(1, np.int64)), 0.001)


def test_first_come_first_served_by_hand():
    """Day 1: two routine on days 1 and 2. Day 2: urgent on day 2, one late: 10."""
    model = two_classes()

    seen = simulate(model, first_come_first_served(model), days((0, 2), (1, 0)))

    assert seen.cost.tolist() == [10 / 2]
    assert seen.mean_wait.tolist() == [2.0, 1.5]
    assert seen.late_share.tolist() == [1.0, 0.0]
    assert not seen.overtime_share.any()


def test_first_come_takes_the_classes_in_turn():
    """Two urgent and one routine for one slot a day: urgent, routine, urgent."""
    model = two_classes()

    seen = simulate(model, first_come_first_served(model), days((2, 1)))

    assert seen.mean_wait.tolist() == [2.0, 2.0]  # urgent on 1 and 3, routine on 2


def test_earliest_within_target_by_hand():
    """The routine take tomorrow and the day after; the urgent goes into overtime."""
    model = two_classes()

    seen = simulate(model, earliest_within_target(model), days((0, 2), (1, 0)))

    assert seen.cost.tolist() == [100 / 2]
    assert seen.overtime_share.tolist() == [1.0, 0.0]


def test_the_policy_of_2008_by_hand():
    """Routine: tomorrow, then from day 3 backwards; so the urgent find tomorrow."""
    model = two_classes()
    rule = published_2008(model, Between.EARLIEST)

    seen = simulate(model, rule, days((0, 2), (1, 0)))

    assert not seen.cost.any()
    assert seen.rates[1].tolist() == [0, 0.5, 0, 0.5, 0]


def test_the_paper_leaves_open_where_the_first_class_goes():
    """Three urgent within three days: tomorrow, then day 2 or day 3."""
    model = replace(two_classes(), target=np.array([3, 3]))

    first, last = (
        simulate(model, published_2008(model, b), days((2, 0))).mean_wait[0]
        for b in (Between.EARLIEST, Between.LATEST)
    )

    assert (first, last) == (1.5, 2.0)


def test_our_price_leaves_the_day_that_the_urgent_need():
    """Nobody is to come for tomorrow: two go there. The third takes half of day 2.

    The other half would now cost the urgent more than the first on day 3 does.
    """
    model = two_classes(slots=2)
    rule = bid_price(model, unlearnt(model, 1.0))

    seen = simulate(model, rule, days((0, 4)))

    assert (2 * seen.rates[1]).tolist() == [0, 4, 2, 2, 0]


def test_without_demand_to_come_ours_is_the_earliest():
    model = ppq_like()
    seen = arrivals_of(model, replications=2, days=200, seed=5)
    none = BidPrice(
        DemandToCome(np.zeros((1, 3, model.horizon + 1)), np.ones(1, np.int64)),
        0.001,
    )

    ours = simulate(model, bid_price(model, none), seen)
    earliest = simulate(model, earliest_within_target(model), seen)

    assert ours.cost.tolist() == earliest.cost.tolist()
    assert ours.rates.tolist() == earliest.rates.tolist()


def test_protection_levels_keep_room_for_the_urgent():
    """0.5 to come: with 95 % no more than 2 come; of three slots one is left over."""
    model = two_classes(slots=3)
    mean = unlearnt(model, 0.5).forecast

    seen = simulate(model, protection_level(model, mean), days((0, 6)))

    assert seen.rates[1].tolist() == [0, 3, 1, 2, 0]


def test_streams_do_not_depend_on_each_other():
    model = ppq_like()
    wide = arrivals_of(model, replications=3, days=50, seed=1)
    busier = replace(model, arrivals=np.array([5.0, 9.0, 2.0]))

    assert (arrivals_of(model, replications=1, days=50, seed=1) == wide[:1]).all()
    assert (
        arrivals_of(busier, replications=3, days=50, seed=1)[..., [0, 2]]
        == wide[..., [0, 2]]
    ).all()
    assert (wide[0] != wide[1]).any()


def test_arrivals_have_the_stated_means():
    seen = arrivals_of(ppq_like(), replications=20, days=500, seed=2)

    assert seen.mean(axis=(0, 1)) == pytest.approx([5, 3, 2], rel=0.03)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), slots=st.integers(1, 6))
def test_everybody_is_booked_once_and_no_day_is_overfull(seed, slots):
    """What is booked is what came; waits within the horizon; cost by its parts."""
    model = two_classes(slots=slots)
    model = replace(model, arrivals=model.arrivals * slots)
    seen = arrivals_of(model, replications=1, days=60, seed=seed)
    for rule in (
        first_come_first_served(model),
        earliest_within_target(model),
        published_2008(model, Between.LATEST),
        bid_price(model, unlearnt(model, 0.4 * slots)),
    ):
        done = simulate(model, rule, seen)
        came = seen.sum(axis=(0, 1))
        outside = done.overtime_share * came
        inside = done.rates.sum(axis=1) * 60

        assert inside + outside == pytest.approx(came)
        assert done.rates.sum() * 60 <= slots * (60 + model.horizon)
        ahead = np.arange(model.horizon + 1)
        beyond = np.maximum(0, ahead - model.target[:, None])
        late = (done.rates * 60 * beyond * model.late_cost[:, None]).sum()
        assert done.cost[0] * 60 == pytest.approx(late + 100 * outside.sum())


def test_hindsight_by_hand():
    """Known ahead, nobody is late; of three urgent two are, by one and two days."""
    model = two_classes()

    assert hindsight(model, days((0, 2), (1, 0))[0]) == 0
    assert hindsight(model, days((3, 0))[0]) == 30


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nobody_beats_hindsight(seed):
    model = replace(two_classes(slots=2), arrivals=np.array([0.8, 1.2]))
    seen = arrivals_of(model, replications=1, days=40, seed=seed)
    least = hindsight(model, seen[0])

    for rule in (
        first_come_first_served(model),
        earliest_within_target(model),
        published_2008(model, Between.EARLIEST),
        bid_price(model, unlearnt(model, 0.8)),
    ):
        assert simulate(model, rule, seen).cost[0] >= least - 1e-9


def test_on_time_by_hand():
    """Four urgent and three routine for one slot a day: three of them are seen."""
    model = two_classes()

    assert least_on_time(model, days((4, 3), (0, 0))).tolist() == [400 / 2]
    assert least_on_time(model, days((1, 2), (0, 0))).tolist() == [0.0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_earliest_due_first_is_the_least_on_time(seed):
    """Where a day late costs more than overtime, hindsight books nobody late."""
    model = replace(
        two_classes(slots=2),
        arrivals=np.array([0.9, 1.3]),
        late_cost=np.array([101.0, 101.0]),
    )
    seen = arrivals_of(model, replications=1, days=40, seed=seed)

    assert least_on_time(model, seen)[0] == pytest.approx(hindsight(model, seen[0]))


def test_the_best_rule_by_hand():
    """One day, one slot: whoever is not first goes outside, whatever the rule."""
    model = replace(two_classes(slots=1, horizon=1), target=np.array([1, 1]))
    excess = expected_excess(np.array(model.arrivals.sum()), 2)[1]

    assert average_cost(model) == pytest.approx(100 * excess)
    rule = earliest_within_target(model)
    assert average_cost(model, rule) == pytest.approx(100 * excess)


def test_the_long_run_is_what_simulation_finds():
    model = small_diary(0.9)
    rule = published_2008(model, Between.EARLIEST)
    seen = arrivals_of(model, replications=20, days=2000, seed=3)

    assert simulate(model, rule, seen).cost.mean() == pytest.approx(
        average_cost(model, rule), rel=0.03
    )


@pytest.mark.parametrize("load", [0.8, 1.0])
def test_ours_is_near_the_best_rule_that_books_nobody_late(load):
    model = small_diary(load)
    history = arrivals_of(model, replications=10, days=1000, seed=1001)
    best = average_cost(model)
    within = average_cost(model, within_target=True)

    ours = average_cost(model, bid_price(model, learnt_bid_price(model, history)))

    assert best <= within <= ours <= 1.01 * within


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_more_slots_cost_no_more(seed):
    """Over many days; single bookings may well turn out worse by chance."""
    model = two_classes(slots=2)
    model = replace(model, arrivals=np.array([0.8, 1.2]))
    wider = replace(model, slots=3)
    seen = arrivals_of(model, replications=4, days=400, seed=seed)

    less, more = (
        simulate(m, bid_price(m, unlearnt(m, 0.8)), seen).cost.mean()
        for m in (model, wider)
    )

    assert more <= less


@pytest.mark.parametrize("model", [ppq_like(), nhs_like(1.0), nhs_like(0.97)])
def test_ours_beats_every_simple_rule_on_arrivals_it_was_not_learnt_on(model):
    history = arrivals_of(model, replications=8, days=600, seed=1000)
    fresh = arrivals_of(model, replications=20, days=600, seed=1)
    published = simulate(model, published_2008(model, Between.EARLIEST), fresh)
    levels = learnt_forecast(model, protection_level, history)
    others = [
        published,
        simulate(model, earliest_within_target(model), fresh),
        simulate(model, first_come_first_served(model), fresh),
        simulate(model, protection_level(model, levels), fresh),
    ]

    learnt = learnt_bid_price(model, history, SHORT)
    ours = simulate(model, bid_price(model, learnt), fresh)

    assert all(ours.cost.mean() < other.cost.mean() for other in others)
    assert not ours.late_share.any()
    assert (ours.mean_wait <= published.mean_wait + 0.02).all()
