"""The batch solve as a run: progress, stopping, starting from yesterday, reruns."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest

from solver import Limits, Stage, carried, solve, verify
from solver.clock import Clock
from solver.instances import Scale, generate
from solver.plan import UNPLACED


@pytest.fixture(scope="module")
def network():
    """Two hundred scanners' worth of shape in small: contracts, hours, patients."""
    return generate(
        Scale(
            orders=2_000,
            scanners=16,
            days=12,
            window_share=0.3,
            patient_share=0.2,
            contract_share=0.3,
        ),
        seed=4,
    )


@pytest.mark.parametrize("workers", [2, 3])
def test_the_plan_does_not_depend_on_the_number_of_threads(network, workers):
    alone = solve(network, limits=Limits(work=300, seed=2, workers=1))
    many = solve(network, limits=Limits(work=300, seed=2, workers=workers))

    assert (alone.opening == many.opening).all()
    assert (alone.start_minute == many.start_minute).all()
    assert (alone.certificate.minute_price == many.certificate.minute_price).all()
    assert alone.certificate.bound == many.certificate.bound


def test_progress_says_where_the_gap_sits(network):
    seen = []

    solve(network, limits=Limits(seconds=4.0, seed=1, workers=2), progress=seen.append)

    parts = [step for step in seen if step.parts is not None]
    assert parts
    for step in parts:
        p = step.parts
        whole = p.regret + p.idle + p.unsold - p.packing
        # The bound is rounded up to a whole unit of cost.
        assert step.cost - step.bound == pytest.approx(whole, abs=1.0)
        assert min(p.regret, p.idle, p.unsold, p.packing) >= 0
    assert [step.cost for step in parts] == sorted(
        (step.cost for step in parts), reverse=True
    )
    used = [step.used for step in seen]
    assert used == sorted(used)
    assert used[-1] == 1.0


@pytest.mark.parametrize("stage", [Stage.PRICES, Stage.CONSTRUCT, Stage.IMPROVE])
def test_a_stopped_solve_ends_soon_with_a_plan_that_holds(network, stage):
    halt = threading.Event()

    def told(step):
        if step.stage is stage:
            halt.set()

    solve(network, limits=Limits(work=1))
    began = time.monotonic()
    plan = solve(
        network,
        limits=Limits(seconds=120.0, workers=2),
        progress=told,
        stop=halt.is_set,
    )

    assert time.monotonic() - began < 60
    assert verify(network, plan).accepted
    assert (plan.opening != UNPLACED).mean() > 0.8


def test_a_solve_without_a_limit_of_time_can_be_stopped_too(network):
    halt = threading.Event()
    threading.Timer(0.5, halt.set).start()

    plan = solve(network, limits=Limits(work=10**7, workers=2), stop=halt.is_set)

    assert plan.seconds < 60
    assert verify(network, plan).accepted


def test_a_clock_that_is_stopped_stops_its_shares():
    halt = threading.Event()
    clock = Clock(1000.0, halt.is_set)
    share = clock.share(0.5).share(0.5)

    assert not share.expired()
    halt.set()
    assert share.expired()
    assert clock.expired()


def test_yesterdays_plan_is_kept_or_bettered(network):
    yesterday = solve(network, limits=Limits(work=2_000, seed=1))

    today = solve(
        network,
        limits=Limits(work=10, seed=9),
        start=carried(network, yesterday, network),
    )

    cold = solve(network, limits=Limits(work=10, seed=9))
    assert verify(network, today).accepted
    assert today.terms.total < cold.terms.total
    assert today.terms.total <= yesterday.terms.total * 1.001


def test_what_is_carried_over_goes_by_keys(build, order, opening):
    earlier = build(
        [order(), order(scanners=(0, 1)), order()],
        [opening(day=0), opening(day=1), opening(scanner=1, day=1, contract=0)],
        ceilings=[5],
        scanners=2,
    )
    plan = dataclasses.replace(
        solve(earlier, limits=Limits(work=1)),
        opening=np.array([0, 2, UNPLACED]),
        pair=np.array([0, 2, UNPLACED]),
        certificate=dataclasses.replace(
            solve(earlier, limits=Limits(work=1)).certificate,
            minute_price=np.array([11, 22, 33]),
            exam_price=np.array([44]),
        ),
    )
    # Today: order o0 and opening b0 have gone, all others are a row earlier; an order
    # and an opening are new.
    today = build(
        [order(scanners=(1, 0)), order(), order()],
        [opening(day=1), opening(scanner=1, day=1, contract=0), opening(scanner=1)],
        ceilings=[4],
        scanners=2,
    )
    today = dataclasses.replace(
        today,
        orders=dataclasses.replace(today.orders, key=("o1", "o2", "new")),
        openings=dataclasses.replace(today.openings, key=("b1", "fresh", "b2")),
    )

    start = carried(earlier, plan, today)

    assert start.minute_price.tolist() == [22, 0, 33]
    assert start.exam_price.tolist() == [44]
    assert start.opening.tolist() == [2, UNPLACED, UNPLACED]
    # o1 was on scanner 1, which is its first pair today.
    assert start.pair.tolist() == [0, UNPLACED, UNPLACED]


def test_a_place_that_breaks_todays_rules_is_not_kept(build, order, opening):
    problem = build(
        [order(minutes=30, days=(1, 9)), order(minutes=40), order(minutes=40)],
        [opening(day=0, minutes=60), opening(day=1, minutes=60)],
    )
    start = carried(problem, solve(problem, limits=Limits(work=1)), problem)
    start.opening[:] = 0
    start.pair[:] = [0, 1, 2]

    plan = solve(problem, limits=Limits(work=1), start=start)

    # The first may not be on day 0, and two exams of 40 do not fit in one hour.
    assert verify(problem, plan).accepted
    assert (plan.opening == 0).sum() == 1


def test_a_start_of_another_problem_is_refused(build, order, opening):
    small = build([order()], [opening()])
    large = build([order(), order()], [opening()])
    start = carried(small, solve(small, limits=Limits(work=1)), small)

    with pytest.raises(ValueError, match=r"start\.opening has shape"):
        solve(large, limits=Limits(work=1), start=start)
