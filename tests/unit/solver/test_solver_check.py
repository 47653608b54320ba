"""The checker refuses every plan that was tampered with."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from solver import (
    UNPLACED,
    Certificate,
    Constraint,
    CostTerms,
    InvalidPrices,
    Limits,
    Plan,
    Term,
    cost_terms,
    lower_bound,
    solve,
    verify,
    violations,
)
from solver.check import CHECKS


@pytest.fixture(scope="module")
def problem(build, order, opening):
    """Two scanners, two days; two patients' orders, a carve-out and a contract."""
    return build(
        [
            order(patient=1, wait_cost=9, minutes=20),
            order(patient=1, scanners=(1,), minutes=30),
            order(scanners=(0, 1), hours=(540, 600), minutes=40),
            order(days=(1, 1), minutes=20),
            order(list_mask=2, scanners=(1,), minutes=20),
        ],
        [
            opening(scanner=0, day=0, minutes=60),
            opening(scanner=0, day=1, minutes=60),
            opening(scanner=1, day=0, minutes=60, contract=0),
            opening(scanner=1, day=1, minutes=60, list_bit=2),
        ],
        ceilings=[1],
        scanners=2,
    )


@pytest.fixture(scope="module")
def plan(problem):
    return solve(problem, limits=Limits(work=5, seed=1))


def moved(problem, plan, **changes):
    """Return the plan with some entries changed and its terms made to agree."""
    columns = {}
    for name, entries in changes.items():
        column = getattr(plan, name).copy()
        for row, value in entries.items():
            column[row] = value
        columns[name] = column
    changed = replace(plan, **columns)
    try:
        return replace(changed, terms=cost_terms(problem, changed))
    except IndexError:
        return changed


def broken(problem, plan):
    return {v.constraint for v in violations(problem, plan)}


def test_registry_equals_the_enumeration():
    assert set(CHECKS) == set(Constraint)


def test_terms_are_the_fields_of_the_cost():
    assert [str(t) for t in Term] == [f.name for f in fields(CostTerms)]


def test_an_honest_plan_is_accepted(problem, plan):
    verdict = verify(problem, plan)

    assert verdict.accepted
    assert verdict.terms == plan.terms
    assert verdict.bound == plan.certificate.bound
    # Everyone has a place: 20 + 40 on scanner 0, 30 on scanner 1, and two on day 1.
    assert plan.opening.tolist() == [0, 2, 0, 1, 3]


def test_a_booking_moved_to_another_opening_is_refused(problem, plan):
    assert broken(problem, moved(problem, plan, opening={0: 2})) >= {
        Constraint.ELIGIBLE_SCANNER,
        Constraint.CONTRACT_CEILING,
    }


def test_an_overfilled_opening_is_refused(problem, plan):
    first = moved(problem, plan, opening={3: 0}, start_minute={3: 540})

    assert broken(problem, first) >= {
        Constraint.CAPACITY,
        Constraint.NO_OVERLAP_ON_SCANNER,
        Constraint.DAY_WINDOW,
    }


def test_swapped_durations_are_refused(problem, plan):
    swapped = moved(problem, plan, pair={0: plan.pair[1], 1: plan.pair[0]})

    assert Constraint.ELIGIBLE_SCANNER in broken(problem, swapped)


def test_an_exam_on_another_ones_pair_is_refused(problem, plan):
    """Order 3 on the pair of order 0: right scanner and minutes, wrong owner."""
    assert broken(problem, moved(problem, plan, pair={3: plan.pair[0]})) == {
        Constraint.ELIGIBLE_SCANNER
    }


def test_a_patient_in_two_places_is_refused(problem, plan):
    both = moved(
        problem, plan, start_minute={0: 540, 1: 550, 2: 560}, opening={0: 0, 1: 2}
    )

    assert Constraint.PATIENT_OVERLAP in broken(problem, both)


def test_an_exam_outside_its_opening_or_hours_is_refused(problem, plan):
    early = moved(problem, plan, start_minute={0: 530})
    late = moved(problem, plan, start_minute={2: 561})

    assert Constraint.INSIDE_OPENING in broken(problem, early)
    assert broken(problem, late) >= {
        Constraint.TIME_WINDOW,
        Constraint.INSIDE_OPENING,
    }


def test_a_start_that_would_overflow_is_refused(problem, plan):
    far = moved(problem, plan, start_minute={2: 2**63 - 1})

    assert Constraint.INSIDE_OPENING in broken(problem, far)


def test_a_list_of_the_wrong_type_is_refused(problem, plan):
    wrong = moved(problem, plan, opening={4: 2}, start_minute={4: 580})

    assert broken(problem, wrong) >= {
        Constraint.LIST_TYPE,
        Constraint.CONTRACT_CEILING,
    }


def test_overlap_with_an_exam_before_the_neighbour_is_found(build, order, opening):
    """60 minutes, then 10, then 10 at the 40th minute: the third hits the first."""
    problem = build(
        [order(minutes=60), order(minutes=10), order(minutes=10)],
        [opening(minutes=120)],
    )
    zero = np.zeros(3, np.int64)
    plan = Plan(
        opening=zero,
        pair=np.arange(3),
        start_minute=np.array([540, 550, 580]),
        terms=CostTerms(0, 0, 0, 0, 0, 0),
        certificate=Certificate(np.zeros(1, np.int64), np.zeros(0, np.int64), 0),
        seconds=0.0,
    )

    found = [v.keys for v in violations(problem, plan)]

    assert found == [("o0", "o1"), ("o0", "o2")]


@pytest.mark.parametrize(
    "changes",
    [
        {"opening": {0: 99}},
        {"pair": {0: -2}},
        {"opening": {0: UNPLACED}},
    ],
)
def test_rows_that_do_not_exist_are_refused(problem, plan, changes):
    assert broken(problem, moved(problem, plan, **changes)) == {Constraint.KNOWN_ROWS}


@pytest.mark.parametrize(
    "column", [np.zeros(3, np.int64), np.zeros(5), np.zeros((5, 1), np.int64)]
)
def test_columns_of_the_wrong_shape_or_type_are_refused(problem, plan, column):
    verdict = verify(problem, replace(plan, opening=column))

    assert not verdict.accepted
    assert {v.constraint for v in verdict.violations} == {Constraint.PLAN_SHAPE}
    assert verdict.terms is None


def test_a_better_cost_than_the_real_one_is_refused(problem, plan):
    terms = replace(plan.terms, waiting=plan.terms.waiting - 1)

    verdict = verify(problem, replace(plan, terms=terms))

    assert [c.name for c in verdict.false_claims] == ["waiting"]


def test_terms_shifted_from_one_to_another_are_refused(problem, plan):
    terms = replace(plan.terms, waiting=plan.terms.waiting - 1, pair=1)

    assert not verify(problem, replace(plan, terms=terms)).accepted


def test_a_better_bound_than_the_prices_prove_is_refused(problem, plan):
    certificate = replace(plan.certificate, bound=plan.certificate.bound + 1)

    verdict = verify(problem, replace(plan, certificate=certificate))

    assert [c.name for c in verdict.false_claims] == ["bound"]


@pytest.mark.parametrize("change", [-1, 1.5])
def test_prices_that_prove_nothing_are_refused(problem, plan, change):
    price = plan.certificate.minute_price + change

    verdict = verify(
        problem,
        replace(plan, certificate=replace(plan.certificate, minute_price=price)),
    )

    assert not verdict.accepted


def test_negative_prices_have_no_bound(problem):
    price = np.array([0, 0, -1, 0])

    with pytest.raises(InvalidPrices, match=r"minute_price\[2\] is -1"):
        lower_bound(problem, price, np.zeros(1, np.int64))


def test_huge_prices_do_not_wrap_around(problem):
    """Nobody can pay: each order is worth 1000, less what whole exams could earn.

    On scanner 0: 1000 + 1000 on day 0 (20 and 40 minutes), 999 + 999 on day 1; on
    scanner 1: 1000 on day 0, where 30 and 40 do not fit together, 999 on day 1.
    """
    huge = 2**62
    price = np.full(4, huge)

    bound = lower_bound(problem, price, np.zeros(1, np.int64))

    assert bound == 5 * 1000 - 2000 - 1998 - 1000 - 999


def test_the_bound_is_the_formula_worked_by_hand(build, order, opening):
    """Prices 2 a minute on day 0, none on day 1; 30-minute exams, wait 50 a day.

    Day 0 costs 0 + 60, day 1 costs 50, so both are worth 50. One fits in day 0 and
    earns 50 there; in day 1 it earns nothing: 100 - 50, which is the optimum.
    """
    problem = build(
        [order(wait_cost=50), order(wait_cost=50)],
        [opening(day=0, minutes=30), opening(day=1, minutes=30)],
    )

    bound = lower_bound(problem, np.array([2000, 0]), np.zeros(0, np.int64))

    assert bound == 50


def test_minutes_that_no_exam_can_fill_earn_nothing(build, order, opening):
    """40 minutes on day 0 hold one exam of 30; the price is 2 for each minute.

    Both are worth 60: at the price of day 0, or as they wait for day 1. By minutes,
    day 0 would earn 80; one whole exam earns 60, and the bound is 120 - 60.
    """
    problem = build(
        [order(wait_cost=60), order(wait_cost=60)],
        [opening(day=0, minutes=40), opening(day=1, minutes=40)],
    )

    bound = lower_bound(problem, np.array([2000, 0]), np.zeros(0, np.int64))

    assert bound == 60
