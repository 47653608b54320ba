"""The state table of an order, over the product of both enums."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import OrderId, PartnerId
from booking_engine.domain.orders import (
    DWELL,
    TERMINAL,
    TRANSITIONS,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    OrderStatus,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import (
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from booking_engine.domain.waiting import WaitingClock

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def order_in(status):
    content = OrderContent(
        placer_number="P1",
        placer_authority="R0A",
        patient=Patient("9990000018", "X1", "R0A", "Test", "Ann", None, Sex.FEMALE),
        procedure="MRHEAD",
        procedure_as_sent="MHD",
        priority=Priority.ROUTINE,
        priority_as_sent="1",
        setting=PatientSetting.OUTPATIENT,
        list_type=WaitingListType.ACTIVE,
        requested_at=NOW,
        site=None,
    )
    return ImagingOrder(
        id=OrderId("O1"),
        partner=PartnerId("r0a"),
        content=content,
        status=status,
        status_since=NOW,
        clock=WaitingClock.requested(NOW),
        received_at=NOW,
        sent_at=NOW,
    )


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", OrderStatus)
def test_every_state_and_action_follows_the_table_or_is_refused(status, action):
    order = order_in(status)
    target = TRANSITIONS.get((status, action))
    if target is None:
        with pytest.raises(TransitionRefused, match=order.id):
            order.after(action, LATER)
        return
    after = order.after(action, LATER)
    assert after.status is target
    assert after.status_since == (NOW if target is status else LATER)


def test_states_that_have_ended_allow_nothing():
    ended = {status for status in OrderStatus if status in TERMINAL}
    assert not {status for status, _ in TRANSITIONS} & ended


def test_every_state_that_has_not_ended_has_an_owner_and_a_longest_stay():
    assert set(DWELL) == set(OrderStatus) - TERMINAL
    assert all(dwell.owner and dwell.longest > timedelta() for dwell in DWELL.values())


def test_every_state_but_the_first_two_can_be_reached():
    """Orders are created held, rejected or awaiting vetting; the rest follows."""
    reached = {OrderStatus.HELD, OrderStatus.REJECTED, OrderStatus.AWAITING_VETTING}
    while True:
        more = {t for (s, _), t in TRANSITIONS.items() if s in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(OrderStatus)


def test_an_order_cannot_be_booked_before_it_is_listed():
    for status in (OrderStatus.HELD, OrderStatus.AWAITING_VETTING, OrderStatus.VETTED):
        with pytest.raises(TransitionRefused):
            order_in(status).after(Action.BOOK, LATER)


def test_releasing_clears_the_reasons_and_a_change_keeps_them():
    reasons = (HoldReason(HoldCode.UNKNOWN_URGENCY, "7"),)
    held = order_in(OrderStatus.AWAITING_VETTING).held(reasons, LATER)
    assert held.holds == reasons
    assert held.after(Action.CHANGE, LATER).holds == reasons
    assert held.after(Action.RELEASE, LATER).holds == ()


def test_an_overdue_instant_follows_the_state_and_ends_with_it():
    waiting = order_in(OrderStatus.WAITING)
    assert waiting.overdue_at == NOW + DWELL[OrderStatus.WAITING].longest
    assert replace(waiting, status=OrderStatus.CANCELLED).overdue_at is None
