"""Rules that make no sense are refused by code, key and remedy, before solving."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from unit.solver.rules_at_random import column

from solver import InvalidProblem, Limits, faults, solve, verify
from solver.instances import (
    InvalidInstance,
    load_columns,
    load_json,
    save_columns,
    save_json,
)
from solver.rules import (
    Bookings,
    Changeovers,
    Deliveries,
    Draws,
    Links,
    Needs,
    Rules,
    Shifts,
    Visits,
    Weights,
)


@pytest.fixture
def rules():
    """Something of everything, for three orders and two scanners."""
    return Rules(
        visits=Visits(column([0, 2]), column([0, 1]), column([1]), column([0])),
        links=Links(column([0]), column([1]), column([0]), column([30])),
        bookings=Bookings(
            column([2]),
            column([1]),
            column([2]),
            column([540]),
            column([5]),
            column([0]),
        ),
        shifts=Shifts(
            column([0]), column([0]), column([540]), column([60]), column([1])
        ),
        needs=Needs(column([0]), column([0]), column([0]), column([10]), column([1])),
        changeovers=Changeovers(column([0, 1, -1]), column([0, 5, 5, 0])),
        deliveries=Deliveries(
            column([0]), column([0]), column([0]), column([530]), column([9])
        ),
        draws=Draws(
            column([0]),
            column([0]),
            column([0]),
            column([60]),
            column([2]),
            column([30]),
        ),
        scanner_place=column([0, 0]),
        cohort=column([0, 1, -1]),
        contract_floor=column([1]),
        contract_price=column([3]),
        weights=Weights(most_moves=1, journey_cost=2, gap_minutes=10, gap_cost=1),
    )


@pytest.fixture
def problem(build, order, opening, rules):
    return build(
        [order(minutes=10), order(minutes=10), order(minutes=10, scanners=(1,))],
        [opening(day=0), opening(scanner=1, day=0)],
        ceilings=[1],
        scanners=2,
        rules=rules,
    )


def altered(problem, name, row, value):
    table, _, column_name = name.partition(".")
    part = getattr(problem.rules, table)
    values = (getattr(part, column_name) if column_name else part).copy()
    values[row] = value
    changed = replace(part, **{column_name: values}) if column_name else values
    return replace(problem, rules=replace(problem.rules, **{table: changed}))


def test_good_rules_have_no_faults_and_a_plan(problem):
    assert faults(problem) == []
    assert verify(problem, solve(problem, limits=Limits(work=2))).accepted


@pytest.mark.parametrize(
    ("name", "row", "value", "code", "key"),
    [
        ("visits.start", 1, 1, "rows.order", ""),
        ("visits.order", 1, 3, "row.unknown", "row 1"),
        ("visits.order", 1, 0, "row.twice", "o0"),
        ("visits.same_day", 0, 2, "rule.visits_same_day", "row 0"),
        ("links.second", 0, 0, "link.self", "o0"),
        ("links.second", 0, 2, "link.visit", "o0"),
        ("links.least_gap", 0, -1, "link.gap", "o0"),
        ("links.least_gap", 0, 31, "link.gap", "o0"),
        ("bookings.order", 0, -1, "row.unknown", "row 0"),
        ("bookings.opening", 0, 9, "row.unknown", "row 0"),
        ("bookings.opening", 0, 0, "booking.impossible", "o2"),
        ("bookings.pair", 0, 0, "booking.impossible", "o2"),
        ("bookings.start_minute", 0, 530, "booking.impossible", "o2"),
        ("bookings.start_minute", 0, 591, "booking.impossible", "o2"),
        ("bookings.move_cost", 0, -1, "cost.negative", "o2"),
        ("bookings.frozen", 0, 7, "rule.bookings_frozen", "o2"),
        ("shifts.begin_minute", 0, 1400, "rule.shift_inside_day", "row 0"),
        ("shifts.units", 0, -1, "rule.shifts_units", "row 0"),
        ("needs.minutes", 0, 0, "rule.needs_minutes", "row 0"),
        ("needs.units", 0, 0, "rule.needs_units", "row 0"),
        ("needs.offset", 0, 10_000, "rule.needs_offset", "row 0"),
        ("changeovers.family", 1, 2, "rule.changeovers_family", "o1"),
        ("changeovers.minutes", 0, -1, "rule.changeovers_minutes", "row 0"),
        ("deliveries.scanner", 0, 2, "row.unknown", "row 0"),
        ("draws.most_age", 0, -1, "rule.draws_most_age", "o0"),
        ("draws.least_age", 0, 61, "draw.ages", "o0"),
        ("draws.half_life", 0, 1, "draw.decay", "o0"),
        ("scanner_place", 0, -1, "rule.scanner_place", "row 0"),
        ("cohort", 1, -2, "rule.cohort", "o1"),
        ("contract_floor", 0, -1, "rule.contract_floor", "row 0"),
        ("contract_price", 0, 10**12, "cost.overflow", "row 0"),
    ],
)
def test_each_fault_has_code_key_and_remedy(problem, name, row, value, code, key):
    with pytest.raises(InvalidProblem) as caught:
        solve(altered(problem, name, row, value), limits=Limits(work=1))

    found = caught.value.faults[0]
    assert (found.code, found.remedy[-1]) == (code, ".")
    assert found.key in {key, "s0"} if name == "scanner_place" else found.key == key
    assert found.column.startswith("rules.")


def test_links_that_run_in_a_circle_are_refused(problem):
    round_and_round = Links(
        column([0, 1]), column([1, 0]), column([0, 0]), column([-1, -1])
    )

    found = faults(
        replace(problem, rules=replace(problem.rules, links=round_and_round))
    )

    assert [(f.code, f.key) for f in found] == [("link.cycle", "o0")]
    assert "o1" in found[0].value


def test_a_matrix_with_a_shorter_way_round_is_refused(problem):
    wanted = Changeovers(column([0, 1, 2]), column([0, 5, 30, 5, 0, 5, 5, 5, 0]))

    found = faults(replace(problem, rules=replace(problem.rules, changeovers=wanted)))

    assert [(f.code, f.key) for f in found] == [("changeover.triangle", "0 to 2")]


def test_two_bookings_of_one_minute_are_refused(problem, rules):
    twice = Bookings(
        column([0, 1]),
        column([0, 0]),
        column([0, 1]),
        column([540, 545]),
        column([0, 0]),
        column([1, 1]),
    )

    found = faults(replace(problem, rules=replace(rules, bookings=twice)))

    assert {f.code for f in found} == {"booking.impossible"}
    assert any("scanner.overlap" in f.value for f in found)


@pytest.mark.parametrize(
    ("weight", "value"),
    [
        ("most_moves", -2),
        ("journey_cost", 10**12),
        ("gap_cost", -1),
        ("gap_minutes", 1.5),
        ("unfair_permille", True),
    ],
)
def test_weights_without_meaning_are_refused(problem, weight, value):
    weights = replace(problem.rules.weights, **{weight: value})

    found = faults(replace(problem, rules=replace(problem.rules, weights=weights)))

    assert [f.code for f in found] == ["weights.value"]


@pytest.mark.parametrize(
    ("column_", "code"),
    [
        (np.zeros(2, np.int32), "column.type"),
        (np.zeros((1, 1), np.int64), "column.shape"),
        ([0], "column.type"),
    ],
)
def test_columns_of_the_wrong_shape_or_type_are_refused(problem, column_, code):
    links = replace(problem.rules.links, second=column_)

    found = faults(replace(problem, rules=replace(problem.rules, links=links)))

    assert [f.code for f in found] == [code]


def same(left, right):
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if hasattr(left, "__dataclass_fields__"):
        return all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left)
        )
    return left == right


def test_both_formats_give_the_rules_back(problem, tmp_path):
    save_json(problem, tmp_path / "a.json")
    save_columns(problem, tmp_path / "a")

    assert same(problem, load_json(tmp_path / "a.json"))
    assert same(problem, load_columns(tmp_path / "a"))


def test_a_file_whose_rules_are_refused_names_the_row(problem, tmp_path):
    bad = altered(problem, "bookings.start_minute", 0, 530)
    save_json(bad, tmp_path / "a.json")

    with pytest.raises(InvalidInstance, match=r"o2.*booking\.impossible"):
        load_json(tmp_path / "a.json")


@pytest.mark.parametrize("weight", [0, 10**9])
def test_weights_of_nothing_and_of_the_most_are_solved(build, order, opening, weight):
    row = order(
        wait_cost=weight, late_cost=weight, breach_cost=weight, unplaced_cost=weight
    )
    problem = build([row] * 5, [opening(day=0), opening(day=1)])

    plan = solve(problem, limits=Limits(work=2))

    assert verify(problem, plan).accepted
    assert plan.certificate.bound <= plan.terms.total


def test_ten_times_more_than_there_is_room_for(build, order, opening):
    """Two of twenty equal orders fit; the bound says that no more can."""
    problem = build([order(minutes=30)] * 20, [opening()])

    plan = solve(problem, limits=Limits(work=2))

    assert verify(problem, plan).accepted
    assert (plan.opening >= 0).sum() == 2
    assert plan.certificate.bound == plan.terms.total == 18_000
