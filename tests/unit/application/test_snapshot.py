"""The rules over columns agree with the rules one by one."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from network import NORTH, NOW, catalogue, content, no_risk, sessions

from booking_engine.application.free_time import free_time, session_of, stretch_key
from booking_engine.application.scanner_columns import KeptColumns, columns_of
from booking_engine.application.snapshot import take_snapshot
from booking_engine.domain.costs import pair_cost, wait_curve
from booking_engine.domain.eligibility import (
    SCANNER_RULES,
    broken_scanner_rules,
    broken_session_rules,
    order_facts,
    scanner_facts,
    session_facts,
    travel_km,
)
from booking_engine.domain.identifiers import OrderId, ProcedureCode, SiteCode
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.patients import Needs, Patient
from booking_engine.domain.policy import Policy
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import PatientSetting, Priority, Sex
from booking_engine.domain.waiting import WaitingClock

NETWORK = catalogue()
POLICY = Policy()
TODAY = NOW.date()


@st.composite
def orders(draw):
    needs = Needs(
        weight_kg=draw(st.none() | st.integers(40, 260)),
        hoist=draw(st.booleans()),
        interpreter=draw(st.booleans()),
        travel_cap_km=draw(st.none() | st.integers(0, 40)),
    )
    device = draw(st.sampled_from(Answer))
    day = st.none() | st.dates(TODAY, TODAY + timedelta(days=14))
    asked = content(
        "P1",
        patient=Patient(
            "9990000018",
            "X1",
            "RA1",
            "Test",
            "Ann",
            draw(st.sampled_from([date(1980, 3, 1), date(2015, 3, 1)])),
            Sex.FEMALE,
            draw(st.sampled_from(["M13", "BL4", "ZZ1", ""])),
        ),
        procedure=ProcedureCode(draw(st.sampled_from(list(NETWORK.procedures)))),
        priority=draw(st.sampled_from(Priority)),
        setting=draw(st.sampled_from(PatientSetting)),
        site=draw(st.sampled_from([None, *NETWORK.sites, SiteCode("XX999")][:-1])),
        needs=needs,
        safety=(
            *no_risk(Question.IMPLANT),
            SafetyAnswer(Question.CARDIAC_DEVICE, device, NOW, "OBX"),
        ),
        earliest_on=draw(day),
        latest_on=draw(day),
    )
    return ImagingOrder(
        id=OrderId(f"O{draw(st.integers(0, 10**9))}"),
        partner=NORTH,
        content=asked,
        status=OrderStatus.WAITING,
        status_since=NOW,
        clock=WaitingClock.requested(NOW - timedelta(days=draw(st.integers(0, 80)))),
        received_at=NOW,
        sent_at=NOW,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(orders(), min_size=1, max_size=6, unique_by=lambda o: o.id))
def test_columns_and_single_rules_agree_on_every_pair(many):
    snapshot = take_snapshot(
        many,
        free_time(sessions(NETWORK), []),
        columns_of(NETWORK, TODAY),
        contract_use={},
        now=NOW,
        policy=POLICY,
    )
    pairs = snapshot.problem.pairs
    scanners = list(NETWORK.scanners.values())
    for row, order in enumerate(many):
        facts = order_facts(order, NETWORK, today=TODAY, policy=POLICY)
        counted = np.zeros(len(SCANNER_RULES), dtype=int)
        allowed = []
        for number, scanner in enumerate(scanners):
            travel = travel_km(order, NETWORK.sites[scanner.site], NETWORK)
            broken = broken_scanner_rules(
                facts, scanner_facts(scanner, NETWORK, today=TODAY, travel=travel)
            )
            if broken:
                first = [rule for rule, _ in SCANNER_RULES].index(broken[0])
                counted[first] += 1
            else:
                allowed.append((number, travel))
        span = slice(pairs.start[row], pairs.start[row + 1])
        assert pairs.scanner[span].tolist() == [number for number, _ in allowed]
        assert snapshot.pair_km[span].tolist() == [travel for _, travel in allowed]
        assert snapshot.excluded[row].tolist() == counted.tolist()


@settings(max_examples=60, deadline=None)
@given(orders())
def test_day_windows_and_lists_of_the_columns_are_the_session_rules(order):
    snapshot = take_snapshot(
        [order],
        free_time(sessions(NETWORK), []),
        columns_of(NETWORK, TODAY),
        contract_use={},
        now=NOW,
        policy=POLICY,
    )
    columns, openings = snapshot.problem.orders, snapshot.problem.openings
    facts = order_facts(order, NETWORK, today=TODAY, policy=POLICY)
    for row in range(len(snapshot.free)):
        opening = snapshot.opening(row)
        day = TODAY + timedelta(days=int(openings.day[row]))
        broken = broken_session_rules(
            facts,
            session_facts(
                opening.session, at=opening.session.list_type_at(NOW), day=day
            ),
        )
        by_columns = (
            columns.earliest_day[0] <= openings.day[row] <= columns.latest_day[0]
        ) and bool(columns.list_mask[0] & openings.list_bit[row])
        assert by_columns is not bool(broken)


def test_costs_are_worked_out_by_hand():
    """20 days waited; target 35; exam in 10 days: day 30, in time, 10 x 1 of waiting.

    In 25 days: day 45: 10 late days x 10, breach at day 42 reached, 25 x 1.
    """
    order = ImagingOrder(
        id=OrderId("O1"),
        partner=NORTH,
        content=content(),
        status=OrderStatus.WAITING,
        status_since=NOW,
        clock=WaitingClock.requested(NOW - timedelta(days=20)),
        received_at=NOW,
        sent_at=NOW,
    )
    curve = wait_curve(order, today=TODAY, policy=POLICY)

    assert curve.at(10) == (10, 0, 0)
    assert curve.at(25) == (25, 100, 500)
    # Unplaced: 28 days of waiting, 13 late, the breach, and 1,000 on top.
    assert curve.unplaced == 28 + 130 + 500 + 1000
    # 12 km at 1, another trust at 3, 120 pounds at 0.1: 12 + 3 + 12.
    assert pair_cost(POLICY, travel_km=12, other_trust=1, pounds=120) == 27


def test_todays_time_that_begins_too_soon_is_not_offered():
    """At 09:00 UTC with an hour's lead, MR 1's list from 08:00 opens at 10:00."""
    snapshot = take_snapshot(
        [],
        free_time(sessions(NETWORK), []),
        columns_of(NETWORK, TODAY),
        contract_use={},
        now=NOW,
        policy=POLICY,
    )
    today = [
        (snapshot.opening(row).session.scanner, snapshot.opening(row).starts_at.hour)
        for row in np.flatnonzero(snapshot.problem.openings.day == 0)
    ]
    assert ("MR1", 10) in today
    assert ("CT1", 8) not in today


@given(orders(), st.integers(0, POLICY.horizon_days))
def test_a_slot_in_the_horizon_is_worth_having_however_late_the_patient_is(order, day):
    """Lateness that has happened already must not make a slot look dear (HAZ-9)."""
    curve = wait_curve(order, today=TODAY, policy=POLICY)
    weights = POLICY.weights[order.content.priority]
    assert sum(curve.at(day)) + weights.unplaced <= curve.unplaced
    assert curve.at(0) == (0, 0, 0)


def test_every_stretch_is_named_by_its_list_and_its_start():
    free = free_time(sessions(NETWORK), [])
    first = free.session_of(0)
    soon = first.starts_at + timedelta(minutes=20)
    two = [
        (first.starts_at + timedelta(minutes=5), soon),
        (soon + timedelta(minutes=10), first.ends_at),
    ]

    later = free.from_minute(
        int(free.start[0]) + 20, sessions_before=int(free.start[0]) + 1
    )

    for cut in (free, later, free.within(two)):
        names = cut.key.tolist()
        assert names == [
            stretch_key(cut.session_of(row).id, int(cut.start[row]))
            for row in range(len(cut))
        ]
        assert len(set(names)) == len(names)
        assert session_of(names[0]) == cut.session_of(0).id
    assert int(later.start[0]) == int(free.start[0]) + 20


def test_the_columns_of_scanners_are_made_once_for_a_network_and_a_day():
    columns = KeptColumns()
    known = columns.of(NETWORK, TODAY)

    assert columns.of(NETWORK, TODAY) is known
    assert columns.of(NETWORK, TODAY + timedelta(days=1)).day != known.day
    assert columns.of(replace(NETWORK), TODAY).catalogue is not NETWORK
