"""Prices, regions and the bound of whole exams, by hand and against the checker."""

from __future__ import annotations

import numpy as np
import pytest

from solver import lower_bound
from solver.clock import Clock
from solver.instances import Scale, generate
from solver.layout import columns
from solver.packing import packed_bound
from solver.plan import PRICE_SCALE
from solver.prices import evaluate, find_prices, proved
from solver.pricing import price_regions, stranded_cost
from solver.regions import (
    draw_map,
    heads,
    neighbourhoods,
    region_columns,
    regions,
    scanner_of_opening,
)
from solver.shortlist import shortlist

NO_EXAM = np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def network():
    return generate(
        Scale(
            orders=900,
            scanners=24,
            days=6,
            window_share=0.3,
            patient_share=0.2,
            contract_share=0.4,
        ),
        seed=3,
    )


# --- the bound of whole exams ------------------------------------------------------


def test_three_exams_of_twenty_minutes_in_forty_five(build, order, opening):
    """Two fit and one stays out for 100; minutes alone would leave 5 for a quarter."""
    problem = build(
        [order(minutes=20, wait_cost=0, unplaced_cost=100) for _ in range(3)],
        [opening(minutes=45)],
    )
    c = columns(problem)
    price = np.array([5 * PRICE_SCALE])

    # Each is worth 100: 300 in all; 45 minutes at 5 would take 225, two exams take 200.
    assert evaluate(c, price, NO_EXAM) == 75 * PRICE_SCALE
    assert packed_bound(c, price, NO_EXAM) == 100 * PRICE_SCALE


def test_the_best_mix_of_lengths_is_found(build, order, opening):
    """In 60 minutes 35 + 25 earn more than the dearest one of 50 by itself."""
    problem = build(
        [
            order(minutes=50, wait_cost=0, unplaced_cost=90),
            order(minutes=35, wait_cost=0, unplaced_cost=60),
            order(minutes=25, wait_cost=0, unplaced_cost=50),
        ],
        [opening(minutes=60)],
    )
    price = np.array([2 * PRICE_SCALE])

    # Prices of 2 make all three worth less than their unplaced cost but the third.
    worth = 90 + 60 + 50
    earned = max(90, 60 + 50)
    assert packed_bound(columns(problem), price, NO_EXAM) == (
        (worth - earned) * PRICE_SCALE
    )


def test_a_contract_is_charged_by_the_exam(build, order, opening):
    problem = build(
        [order(minutes=20, wait_cost=0, unplaced_cost=100) for _ in range(2)],
        [opening(minutes=60, contract=0)],
        ceilings=[1],
    )
    c = columns(problem)
    nothing = np.array([0])

    # Worth 100 each at an exam price of 100; the one exam allowed pays for itself.
    assert packed_bound(c, nothing, nothing) == 0
    assert packed_bound(c, nothing, np.array([100 * PRICE_SCALE])) == 100 * PRICE_SCALE


def test_the_kernel_and_the_checker_prove_the_same(network):
    c = columns(network)
    rng = np.random.default_rng(8)
    for high in (1, 20_000, 900_000):
        minute = rng.integers(0, high, c.day.shape[0])
        exam = rng.integers(0, 20 * high, c.ceiling.shape[0])
        packed = packed_bound(c, minute, exam)

        assert -(-packed // PRICE_SCALE) == lower_bound(network, minute, exam)
        assert packed >= evaluate(c, minute, exam)


def test_without_orders_only_the_ceilings_count(build, opening):
    c = columns(build([], [opening(contract=0)], ceilings=[3]))

    assert packed_bound(c, np.array([7]), np.array([11])) == -33


# --- prices ------------------------------------------------------------------------


def test_two_want_one_place(build, order, opening):
    """Any price from 4 / 60 to 10 / 60 a minute proves that one must stay out for 4."""
    problem = build(
        [
            order(minutes=60, wait_cost=0, unplaced_cost=10),
            order(minutes=60, wait_cost=0, unplaced_cost=4),
        ],
        [opening(minutes=60)],
    )
    found = find_prices(columns(problem), seed=1, clock=Clock(None))

    assert found.bound == 4
    assert 4 / 60 - 1e-3 <= found.minute[0] / PRICE_SCALE <= 10 / 60 + 1e-3


def test_room_for_all_has_no_price(build, order, opening):
    problem = build([order(minutes=10), order(minutes=10)], [opening(minutes=60)])

    found = find_prices(columns(problem), seed=1, clock=Clock(None))

    assert found.minute.tolist() == [0]
    assert found.bound == 0


def test_prices_are_near_the_linear_optimum(network):
    """Against the relaxation solved by HiGHS, every option a column."""
    highspy = pytest.importorskip("highspy")
    c = columns(network)
    wide = shortlist_of_everything(c)
    j, r = np.nonzero(np.arange(wide.opening.shape[1])[None, :] < wide.listed[:, None])
    b, d = wide.opening[j, r], c.pair_minutes[wide.pair[j, r]]
    gain = (c.unplaced_cost[j] - wide.cost[j, r]).astype(float)
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    n = j.shape[0]
    engine.addVars(n, np.zeros(n), np.ones(n))
    engine.changeColsCost(n, np.arange(n, dtype=np.int32), -gain)

    def rows(group, limit, weight):
        for g in np.unique(group[group >= 0]):
            at = np.flatnonzero(group == g).astype(np.int32)
            engine.addRow(
                -highspy.kHighsInf, float(limit[g]), at.size, at, weight[at] * 1.0
            )

    rows(j, np.ones(c.tier.shape[0]), np.ones(n))
    rows(b, c.minutes, d)
    rows(c.contract[b], c.ceiling, np.ones(n))
    engine.run()
    linear = c.unplaced_cost.sum() + engine.getInfo().objective_function_value

    found = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    plain = evaluate(c, found.minute, found.exam) / PRICE_SCALE

    assert plain <= linear + 1e-3
    assert plain >= 0.995 * linear


def shortlist_of_everything(c):
    nothing = np.zeros(c.day.shape[0], np.int64)
    return shortlist(c, nothing, np.zeros(c.ceiling.shape[0], np.int64), width=60)


def test_warm_prices_never_prove_less(network):
    c = columns(network)
    cold = find_prices(c, seed=1, clock=Clock(None))
    hurried = find_prices(c, seed=2, clock=Clock(0.0), warm=cold)

    assert hurried.scaled_bound >= cold.scaled_bound


def test_regions_are_priced_alike_by_any_number_of_threads(network):
    c = columns(network)
    one = price_regions(c, regions(c), seed=5, clock=Clock(None), workers=1)
    two = price_regions(c, regions(c), seed=5, clock=Clock(None), workers=2)

    assert (one.minute == two.minute).all()
    assert (one.exam == two.exam).all()
    assert one.scaled_bound == two.scaled_bound
    assert one.scaled_bound == packed_bound(c, one.minute, one.exam)


def test_an_order_without_a_scanner_costs_what_it_costs_unplaced(build, order, opening):
    problem = build(
        [order(scanners=(), unplaced_cost=70), order(unplaced_cost=50)],
        [opening(minutes=60)],
    )
    c = columns(problem)

    assert stranded_cost(c) == 70
    found = price_regions(c, regions(c), seed=1, clock=Clock(None), workers=1)
    assert found.bound == 70


def test_prices_are_rounded_to_whole_numbers_that_are_not_negative(
    build, order, opening
):
    c = columns(build([order()], [opening(), opening(day=1)]))

    found = proved(c, np.array([1.6, -2.0]), np.zeros(0))

    assert found.minute.tolist() == [2, 0]


# --- regions and neighbourhoods ----------------------------------------------------


def test_orders_and_contracts_join_scanners(build, order, opening):
    """0 and 1 share an order, 2 and 3 a contract; 4 has nobody in common with any."""
    problem = build(
        [
            order(scanners=(0, 1)),
            order(scanners=(2,)),
            order(scanners=(3,)),
            order(scanners=(4,)),
            order(scanners=()),
            order(scanners=(1,)),
        ],
        [
            opening(scanner=0),
            opening(scanner=1),
            opening(scanner=2, contract=0),
            opening(scanner=3, contract=0),
            opening(scanner=4, contract=1),
        ],
        ceilings=[9, 9],
        scanners=5,
    )
    c = columns(problem)

    assert heads(c, by_orders=True).tolist() == [0, 0, 2, 2, 4]
    assert heads(c, by_orders=False).tolist() == [0, 1, 2, 2, 4]
    parts = regions(c)
    assert [part.orders.tolist() for part in parts] == [[0, 5], [1, 2], [3]]
    assert [part.openings.tolist() for part in parts] == [[0, 1], [2, 3], [4]]
    assert [part.contracts.tolist() for part in parts] == [[], [0], [1]]


def test_the_regions_bounds_add_up_to_the_whole(network):
    c = columns(network)
    rng = np.random.default_rng(2)
    minute = rng.integers(0, 90_000, c.day.shape[0])
    exam = rng.integers(0, 900_000, c.ceiling.shape[0])
    parts = regions(c)

    assert len(parts) > 1
    total = stranded_cost(c) * PRICE_SCALE - sum(
        int(exam[k] * c.ceiling[k])
        for k in set(range(c.ceiling.shape[0]))
        - {int(k) for part in parts for k in part.contracts}
    )
    for part in parts:
        own = region_columns(c, part)
        total += packed_bound(own, minute[part.openings], exam[part.contracts])
    assert total == packed_bound(c, minute, exam)


@pytest.mark.parametrize("orders", [1, 60, 10**6])
def test_neighbourhoods_cover_all_and_never_part_a_contract(network, orders):
    c = columns(network)
    number = neighbourhoods(draw_map(c), orders=orders, seed=7)

    assert number.shape == (24,)
    assert set(number.tolist()) == set(range(int(number.max()) + 1))
    of_opening = number[scanner_of_opening(c)]
    for k in range(c.ceiling.shape[0]):
        assert len(set(of_opening[c.contract == k].tolist())) <= 1


def test_neighbourhoods_are_cut_elsewhere_each_time_and_alike_by_seed(network):
    c = columns(network)
    drawn = draw_map(c)
    cuts = [neighbourhoods(drawn, orders=100, seed=s).tolist() for s in (1, 1, 2)]

    assert cuts[0] == cuts[1]
    assert cuts[0] != cuts[2]


def test_a_neighbourhood_grows_to_where_most_orders_are_shared(build, order, opening):
    """0 shares three orders with 1 and one with 2, so it takes 2 only if 2 is first."""
    problem = build(
        [
            *(order(scanners=(0, 1)) for _ in range(3)),
            order(scanners=(0, 2)),
            *(order(scanners=(1,)) for _ in range(2)),
            *(order(scanners=(2,)) for _ in range(4)),
        ],
        [opening(scanner=s) for s in range(3)],
        scanners=3,
    )
    drawn = draw_map(columns(problem))

    cuts = {
        tuple(neighbourhoods(drawn, orders=5, seed=seed).tolist()) for seed in range(12)
    }

    # Begun at 0 or 1; begun at 2, which grows to 0.
    assert cuts == {(0, 0, 1), (0, 1, 0)}
