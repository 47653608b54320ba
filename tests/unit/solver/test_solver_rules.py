"""Each rule beyond one order, one slot: worked by hand, kept, and missed if broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unit.solver.rules_at_random import column

from solver import UNPLACED, Constraint, Limits, cost_terms, solve, verify
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

LIMITS = Limits(work=5, seed=1)


def solved(problem):
    plan = solve(problem, limits=LIMITS)
    verdict = verify(problem, plan)
    assert verdict.accepted, verdict
    assert plan.certificate.bound <= plan.terms.total
    return plan


def tampered(problem, plan, **changes):
    """Return the rules broken by the plan with some entries changed."""
    columns = {}
    for name, entries in changes.items():
        columns[name] = getattr(plan, name).copy()
        for row, value in entries.items():
            columns[name][row] = value
    changed = replace(plan, **columns)
    changed = replace(changed, terms=cost_terms(problem, changed))
    return {v.constraint for v in verify(problem, changed).violations}


def visit(*members, day=1, place=1, links=()):
    return {
        "visits": Visits(
            column([0, len(members)]), column(members), column([day]), column([place])
        ),
        "links": Links(*(column(link[k] for link in links) for k in range(4))),
    }


@pytest.fixture
def linked(build, order, opening):
    """A scan of 20 minutes 30 to 45 minutes after an injection of 10, on scanner 1.

    Alone they would go to 09:00 on day 0; the second waits for 09:40. Its patient has
    no other place on day 1, where there is room for the injection only.
    """
    return build(
        [order(minutes=10, scanners=(0,)), order(minutes=20, scanners=(1,))],
        [
            opening(scanner=0, day=0),
            opening(scanner=0, day=1),
            opening(scanner=1, day=0, minutes=90),
        ],
        scanners=2,
        rules=Rules(
            **visit(0, 1, links=[(0, 1, 30, 45)]), scanner_place=column([0, 0])
        ),
    )


def test_a_linked_exam_follows_in_its_time(linked):
    plan = solved(linked)

    assert plan.start_minute.tolist() == [540, 580]


def test_a_linked_exam_too_soon_or_too_late_is_refused(linked):
    plan = solved(linked)

    for start in (579, 596):
        assert tampered(linked, plan, start_minute={1: start}) == {Constraint.LINK_GAP}


def test_the_first_exam_waits_where_the_second_cannot_come_soon_enough(
    build, order, opening
):
    """The second scanner opens at 11:00, the greatest gap is 20: 10:30 to 10:40."""
    problem = build(
        [order(minutes=10, scanners=(0,)), order(minutes=20, scanners=(1,))],
        [opening(scanner=0, minutes=180), opening(scanner=1, begin=660)],
        scanners=2,
        rules=Rules(**visit(0, 1, place=0, links=[(0, 1, 0, 20)])),
    )

    assert solved(problem).start_minute.tolist() == [630, 660]


def test_a_visit_is_placed_whole_or_not_at_all(build, order, opening):
    """The second exam has no room: the first stays out too, 1000 + 1000."""
    problem = build(
        [order(), order(minutes=90)], [opening()], rules=Rules(**visit(0, 1))
    )

    plan = solved(problem)

    assert plan.opening.tolist() == [UNPLACED, UNPLACED]
    assert tampered(
        problem, plan, opening={0: 0}, pair={0: 0}, start_minute={0: 540}
    ) == {Constraint.VISIT_WHOLE}


def test_a_visit_of_one_day_and_place_is_kept_together(build, order, opening):
    """Day 0 takes one exam, day 1 at the other place takes both: 1 + 1 days."""
    problem = build(
        [order(scanners=(0, 1)), order(scanners=(0, 1))],
        [
            opening(scanner=0, day=0, minutes=30),
            opening(scanner=0, day=1, minutes=30),
            opening(scanner=1, day=1),
        ],
        scanners=2,
        rules=Rules(**visit(0, 1)),
    )

    plan = solved(problem)

    assert plan.opening.tolist() == [2, 2]
    first = {"opening": {0: 0}, "pair": {0: 0}, "start_minute": {0: 540}}
    assert tampered(problem, plan, **first) == {Constraint.VISIT_TOGETHER}


@pytest.fixture
def with_bookings(build, order, opening):
    """Two of 30 minutes have day 1; moving to day 0 saves 9 and costs 4, or 20."""
    return build(
        [order(wait_cost=9), order(wait_cost=9)],
        [opening(day=0), opening(day=1)],
        rules=Rules(
            bookings=Bookings(
                column([0, 1]),
                column([1, 1]),
                column([0, 1]),
                column([540, 570]),
                column([4, 20]),
                column([0, 0]),
            )
        ),
    )


def test_a_booking_is_moved_where_that_pays(with_bookings):
    plan = solved(with_bookings)

    assert plan.opening.tolist() == [0, 1]
    assert (plan.terms.moves, plan.terms.total) == (4, 13)


def with_rules(problem, **changes):
    return replace(problem, rules=replace(problem.rules, **changes))


def test_no_more_bookings_are_moved_than_allowed(with_bookings):
    problem = with_rules(with_bookings, weights=Weights(most_moves=0))

    plan = solved(problem)

    assert plan.opening.tolist() == [1, 1]
    assert tampered(problem, plan, opening={0: 0}) == {Constraint.MOVE_BUDGET}


def test_a_frozen_booking_stays(with_bookings):
    bookings = replace(with_bookings.rules.bookings, frozen=column([1, 0]))
    problem = with_rules(with_bookings, bookings=bookings)

    plan = solved(problem)

    assert plan.opening.tolist() == [1, 1]
    assert tampered(problem, plan, opening={0: 0}) == {Constraint.BOOKING_FROZEN}
    assert Constraint.BOOKING_KEPT in tampered(
        problem, plan, opening={0: UNPLACED}, pair={0: UNPLACED}
    )


@pytest.fixture
def with_team(build, order, opening):
    """One team for two rooms, needed in the first 20 of 30 minutes, from 09:00.

    So the exams start at 09:00 and 09:20, one in each room.
    """
    return build(
        [order(scanners=(0,)), order(scanners=(1,))],
        [opening(scanner=0), opening(scanner=1)],
        scanners=2,
        rules=Rules(
            shifts=Shifts(
                column([0]), column([0]), column([540]), column([60]), column([1])
            ),
            needs=Needs(
                column([0, 1]),
                column([0, 0]),
                column([0, 0]),
                column([20, 20]),
                column([1, 1]),
            ),
        ),
    )


def test_two_rooms_share_one_team(with_team):
    plan = solved(with_team)

    assert sorted(plan.start_minute.tolist()) == [540, 560]
    later = int(np.argmax(plan.start_minute))
    assert tampered(with_team, plan, start_minute={later: 559}) == {
        Constraint.RESOURCE_UNITS
    }


def test_a_bay_is_needed_before_the_exam(with_team):
    """The bay opens at 09:00 and is needed for the 10 minutes before the exam."""
    before = column([-10, -10])
    needs = replace(with_team.rules.needs, offset=before, minutes=-before)

    plan = solved(with_rules(with_team, needs=needs))

    assert sorted(plan.start_minute.tolist()) == [550, 560]


def test_without_a_shift_there_is_no_team(with_team):
    away = replace(with_team.rules.shifts, day=column([1]))

    plan = solved(with_rules(with_team, shifts=away))

    assert plan.opening.tolist() == [UNPLACED, UNPLACED]


@pytest.fixture
def with_families(build, order, opening):
    """Families 0, 1, 0 and 25 minutes between them; 80 minutes for 3 exams of 15.

    Only 0, 0, 1 or 1, 0, 0 fits: 15 + 15 + 25 + 15 = 70.
    """
    return build(
        [order(minutes=15), order(minutes=15), order(minutes=15)],
        [opening(minutes=80)],
        rules=Rules(changeovers=Changeovers(column([0, 1, 0]), column([0, 25, 25, 0]))),
    )


def test_exams_of_one_family_go_together(with_families):
    plan = solved(with_families)

    assert (plan.opening == 0).all()
    assert plan.start_minute.max() == 595
    assert abs(plan.start_minute[0] - plan.start_minute[2]) == 15


def test_a_changeover_cut_short_is_refused(with_families):
    plan = solved(with_families)
    last = int(np.argmax(plan.start_minute))

    assert tampered(with_families, plan, start_minute={last: 594}) == {
        Constraint.CHANGEOVER
    }


def test_a_changeover_crosses_from_one_opening_to_the_next(build, order, opening):
    problem = build(
        [order(hours=(540, 570)), order(hours=(570, 1440))],
        [opening(minutes=30), opening(begin=570, minutes=60)],
        rules=Rules(changeovers=Changeovers(column([0, 1]), column([0, 20, 20, 0]))),
    )

    assert solved(problem).start_minute.tolist() == [540, 590]


@pytest.fixture
def with_supply(build, order, opening):
    """Delivered at 08:30; an exam draws 30 to 90 minutes later, halving in an hour.

    At 09:00, after 30 minutes, it takes ceil(50 * 2 ** 0.5) = 71; at 09:30 it takes
    100. So 171 is enough for two, 170 is not.
    """
    return build(
        [order(), order()],
        [opening(minutes=120)],
        rules=Rules(
            deliveries=Deliveries(
                column([7]), column([0]), column([0]), column([510]), column([171])
            ),
            draws=Draws(
                column([0, 1]),
                column([7, 7]),
                column([30, 30]),
                column([90, 90]),
                column([50, 50]),
                column([60, 60]),
            ),
        ),
    )


def test_a_supply_decays_until_it_is_drawn_on(with_supply):
    plan = solved(with_supply)

    assert sorted(plan.start_minute.tolist()) == [540, 570]
    last = int(np.argmax(plan.start_minute))
    assert tampered(with_supply, plan, start_minute={last: 571}) == {
        Constraint.SUPPLY_AMOUNT
    }
    assert Constraint.SUPPLY_AGE in tampered(
        with_supply, plan, start_minute={last: 601}
    )


def test_a_supply_that_is_too_small_serves_one(with_supply):
    less = replace(with_supply.rules.deliveries, amount=column([170]))

    plan = solved(with_rules(with_supply, deliveries=less))

    assert (plan.opening == UNPLACED).sum() == 1


def test_exams_within_the_floor_cost_nothing_more(build, order, opening):
    """Floor 1, price 5 beyond it; the second exam saves 3 by staying a day out."""
    problem = build(
        [order(wait_cost=3), order(wait_cost=3)],
        [opening(day=0, contract=0), opening(day=1)],
        ceilings=[2],
        rules=Rules(contract_floor=column([1]), contract_price=column([5])),
    )

    plan = solved(problem)

    assert sorted(plan.opening.tolist()) == [0, 1]
    assert plan.terms.total == plan.certificate.bound == 3


def test_an_exam_beyond_the_floor_is_bought_where_it_pays(build, order, opening):
    """Waiting a day costs 9 each and an exam beyond the floor 5."""
    problem = build(
        [order(wait_cost=9), order(wait_cost=9)],
        [opening(day=0, contract=0), opening(day=1)],
        ceilings=[2],
        rules=Rules(contract_floor=column([1]), contract_price=column([5])),
    )

    plan = solved(problem)

    assert plan.opening.tolist() == [0, 0]
    assert plan.terms.contract == plan.terms.total == plan.certificate.bound == 5


def test_a_patient_comes_once_where_that_costs_less(build, order, opening):
    """Day 0 has room for one, day 1 for both: 2 days of waiting, or 1 and a journey."""
    rows = [order(patient=3), order(patient=3)]
    days = [opening(day=0, minutes=30), opening(day=1)]
    cheap = build(rows, days, rules=Rules(weights=Weights(journey_cost=0)))
    dear = build(rows, days, rules=Rules(weights=Weights(journey_cost=5)))

    assert solved(cheap).terms.total == 1
    plan = solved(dear)
    assert plan.opening.tolist() == [1, 1]
    assert (plan.terms.journeys, plan.terms.total) == (0, 2)


def test_gaps_that_no_exam_fits_are_counted(build, order, opening):
    """60 minutes, an exam of 50: the 10 left are too few for anything of 15."""
    problem = build(
        [order(minutes=50)],
        [opening()],
        rules=Rules(weights=Weights(gap_minutes=15, gap_cost=2)),
    )

    plan = solved(problem)

    assert plan.terms.gaps == 20


def test_a_cohort_that_waits_longer_than_allowed_costs(build, order, opening):
    """Days 0 and 4, mean 2; the second cohort of one waits 4, 2 beyond the mean."""
    problem = build(
        [order(), order(days=(4, 4))],
        [opening(day=0), opening(day=4)],
        rules=Rules(
            cohort=column([0, 1]),
            weights=Weights(unfair_permille=1000, unfair_cost=10, unplaced_days=9),
        ),
    )

    assert solved(problem).terms.unfairness == 20
