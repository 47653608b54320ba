"""Problems that cannot be solved are refused by code, key and remedy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solver import InvalidProblem, Limits, faults, solve
from solver.instances import Scale, generate


@pytest.fixture
def problem(build, order, opening):
    return build(
        [order(), order()],
        [opening(day=0), opening(day=1), opening(scanner=1, day=0, contract=0)],
        ceilings=[1],
        scanners=2,
    )


def altered(problem, column, row, value):
    table, _, name = column.partition(".")
    part = getattr(problem, table)
    values = (getattr(part, name) if name else part).copy()
    values[row] = value
    if not name:
        return replace(problem, **{table: values})
    return replace(problem, **{table: replace(part, **{name: values})})


def test_a_good_problem_has_no_faults(problem):
    assert faults(problem) == []


def test_generated_problems_have_no_faults():
    scale = Scale(orders=300, scanners=7, days=5, window_share=0.5, contract_share=0.5)
    assert faults(generate(scale, seed=1)) == []


@pytest.mark.parametrize(
    "scale",
    [Scale(orders=0), Scale(orders=3, scanners=0), Scale(orders=1, scanners=1, days=1)],
)
def test_generated_problems_may_be_empty(scale):
    assert faults(generate(scale, seed=1)) == []


@pytest.mark.parametrize(
    ("column", "row", "value", "code", "key"),
    [
        ("orders.wait_cost", 1, -1, "cost.negative", "o1"),
        ("orders.unplaced_cost", 0, -5, "cost.negative", "o0"),
        ("orders.late_cost", 0, 10**10, "cost.overflow", "o0"),
        ("orders.target_day", 0, -(2**62), "order.target_day", "o0"),
        ("orders.patient", 1, -2, "order.patient", "o1"),
        ("orders.earliest_minute", 0, -1, "order.minute", "o0"),
        ("orders.latest_minute", 0, 1441, "order.minute", "o0"),
        ("pairs.start", 1, 5, "rows.order", ""),
        ("pairs.start", 2, 1, "rows.order", ""),
        ("pairs.scanner", 1, 2, "pair.scanner", "o1"),
        ("pairs.minutes", 1, 0, "pair.minutes", "o1"),
        ("pairs.minutes", 0, -30, "pair.minutes", "o0"),
        ("pairs.cost", 0, -1, "cost.negative", "o0"),
        ("openings.scanner_start", 0, 1, "rows.order", ""),
        ("openings.day", 0, -1, "opening.day", "b0"),
        ("openings.day", 0, 2, "opening.unsorted", "b1"),
        ("openings.begin_minute", 0, 1400, "opening.inside_day", "b0"),
        ("openings.minutes", 1, 0, "opening.minutes", "b1"),
        ("openings.list_bit", 2, 3, "opening.list_bit", "b2"),
        ("openings.list_bit", 2, 0, "opening.list_bit", "b2"),
        ("openings.cost", 2, -1, "cost.negative", "b2"),
        ("openings.contract", 2, 1, "opening.contract", "b2"),
        ("openings.contract", 2, -2, "opening.contract", "b2"),
        ("contract_ceiling", 0, -1, "contract.ceiling", "row 0"),
    ],
)
def test_each_fault_has_code_key_and_remedy(problem, column, row, value, code, key):
    with pytest.raises(InvalidProblem) as caught:
        solve(altered(problem, column, row, value), limits=Limits(work=1))

    assert (caught.value.code, caught.value.key) == (code, key)
    assert caught.value.remedy.endswith(".")
    assert column.split(".")[0] in str(caught.value)


def test_openings_that_overlap_on_one_scanner_are_refused(build, order, opening):
    problem = build([order()], [opening(begin=540), opening(begin=599)])

    assert [f.code for f in faults(problem)] == ["opening.overlap"]


def test_openings_that_touch_are_allowed(build, order, opening):
    assert faults(build([order()], [opening(begin=540), opening(begin=600)])) == []


def test_keys_are_used_once(problem):
    orders = replace(problem.orders, key=("same", "same"))

    found = faults(replace(problem, orders=orders))

    assert [(f.code, f.key) for f in found] == [("key.duplicate", "same")]


def test_costs_whose_sum_could_overflow_are_refused(build, order, opening):
    problem = build(
        [order(unplaced_cost=10**9)] * 40,
        [opening(day=d, begin=0, minutes=1440) for d in range(3500)],
    )

    assert [f.code for f in faults(problem)] == ["cost.overflow"]


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (np.zeros(1, np.int64), "column.shape"),
        (np.zeros((2, 1), np.int64), "column.shape"),
        (np.zeros(2), "column.type"),
        (np.zeros(2, np.int32), "column.type"),
        ([0, 0], "column.type"),
    ],
)
def test_columns_of_the_wrong_shape_or_type_are_refused(problem, column, code):
    orders = replace(problem.orders, tier=column)

    found = faults(replace(problem, orders=orders))

    assert [(f.code, f.column) for f in found] == [(code, "orders.tier")]


def test_many_faults_are_told_together_but_not_endlessly(build, order, opening):
    problem = build([order(wait_cost=-1, late_cost=-1)] * 50, [opening()])

    with pytest.raises(InvalidProblem, match="more") as caught:
        solve(problem, limits=Limits(work=1))

    assert len(caught.value.faults) == 40
