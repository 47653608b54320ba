"""Everything that decides a booking is published."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from network import NORTH, NOW, catalogue, content, sessions

from booking_engine.application.free_time import free_time
from booking_engine.application.policy_terms import (
    CONSTRAINTS,
    ELIGIBILITY,
    TERMS,
    published_rules,
    published_terms,
)
from booking_engine.application.scanner_columns import columns_of
from booking_engine.application.snapshot import take_snapshot
from booking_engine.domain.clock import local_date
from booking_engine.domain.eligibility import Rule
from booking_engine.domain.fair_waits import FairWaits
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.policy import DEFAULT_WEIGHTS, MOST_DEAREST, Policy
from booking_engine.domain.published_policy import content_of
from booking_engine.domain.unusable_gaps import UnusableGaps
from booking_engine.domain.waiting import WaitingClock
from solver.plan import PRICE_SCALE
from solver.terms import Constraint, Term
from solver.validation import SUM_MAX, faults


def test_no_term_and_no_rule_is_left_out():
    assert set(TERMS) == set(Term)
    assert set(CONSTRAINTS) == set(Constraint)
    assert set(ELIGIBILITY) == set(Rule)
    assert {rule.weight for rule in published_rules()} == {"hard"}
    assert len(published_rules()) == len(Constraint) + len(Rule)


def test_the_weights_of_the_terms_are_those_of_the_policy():
    terms = {t.name: dict(t.weights) for t in published_terms(content_of(Policy()))}

    assert terms["waiting"]["immediate"] == 20
    assert terms["lateness"]["routine"] == 10
    assert terms["breach"]["urgent"] == 1000
    assert terms["unplaced"]["inpatient"] == 8000
    assert terms["pair"] == {
        "travel_per_km": 1,
        "other_trust": 3,
        "price_per_pound": 0.1,
    }
    assert terms["moves"] == terms["gaps"] == {}


def test_what_an_unfair_day_costs_is_published_where_the_policy_says_it():
    policy = Policy(fair_waits=FairWaits(cost_per_day=2))
    terms = {t.name: t.weights for t in published_terms(content_of(policy))}

    assert terms["unfairness"] == {"permille": 1100, "cost_per_day": 2}


def test_what_a_gap_costs_is_published_where_the_policy_says_it():
    policy = Policy(unusable_gaps=UnusableGaps(20, 2))
    terms = {t.name: dict(t.weights) for t in published_terms(content_of(policy))}

    assert terms["gaps"] == {"minutes": 20, "cost_per_minute": 2}


def test_the_dearest_policy_stays_within_the_whole_numbers_of_the_solver():
    dear = {
        priority: replace(
            weights, wait=10_000, late=14_000, breach=10**6, unplaced=2 * 10**5
        )
        for priority, weights in DEFAULT_WEIGHTS.items()
    }
    policy = Policy(
        weights=MappingProxyType(dear),
        travel_per_km=100,
        max_travel_km=1900,
        price_per_pound=1000,
        horizon_days=365,
    )
    network = catalogue()
    order = ImagingOrder(
        id=OrderId("O1"),
        partner=NORTH,
        content=content(),
        status=OrderStatus.WAITING,
        status_since=NOW,
        clock=WaitingClock.requested(NOW - timedelta(days=400)),
        received_at=NOW,
        sent_at=NOW,
    )
    problem = take_snapshot(
        [order],
        free_time(sessions(network), []),
        columns_of(network, local_date(NOW)),
        contract_use={},
        now=NOW,
        policy=policy,
    ).problem

    assert faults(problem) == []
    assert int(problem.orders.unplaced_cost[0]) > MOST_DEAREST * 0.89
    # England: 1.34 million orders, 3,500 scanners, 42 days of 12 hours.
    minutes, orders = 3500 * 42 * 720, 1_340_000
    whole = 5 * MOST_DEAREST * orders + MOST_DEAREST * minutes
    assert whole * PRICE_SCALE < SUM_MAX
