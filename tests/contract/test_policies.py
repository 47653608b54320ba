"""Versions of the policy that were in force."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.application.policies import bring_into_force
from booking_engine.domain.errors import NotKnown, PolicyConflict
from booking_engine.domain.policy import Policy

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def start(store, policy, hours):
    """Start an engine with a policy; return how it is published."""
    with store.units() as uow:
        found = bring_into_force(policy, uow, NOON + timedelta(hours=hours))
        uow.commit()
    with store.units.reading() as uow:
        assert uow.policies.get(policy.version) == found
    return found


def test_a_version_is_in_force_from_the_start_that_brought_it(store):
    first, second = Policy(version="p1"), Policy(version="p2", hold_minutes=6)

    begun = start(store, first, 0)
    assert begun.first_in_force_at == begun.in_force_since == NOON
    assert start(store, first, 1) == begun
    start(store, second, 2)
    again = start(store, first, 3)

    assert again == replace(begun, in_force_since=NOON + timedelta(hours=3))
    with store.units.reading() as uow:
        assert [one.version for one in uow.policies.all()] == ["p1", "p2"]
        assert uow.policies.get("p2").content["hold_minutes"] == 6


def test_other_values_under_the_same_name_are_refused_and_change_nothing(store):
    begun = start(store, Policy(version="p1"), 0)

    with store.units() as uow, pytest.raises(PolicyConflict) as refused:
        bring_into_force(Policy(version="p1", max_travel_km=50), uow, NOON)

    assert "max_travel_km was 60 and is 50" in str(refused.value)
    assert "a version of its own" in str(refused.value)
    with store.units.reading() as uow:
        assert uow.policies.all() == [begun]


def test_a_version_that_never_was_in_force(store):
    with store.units() as uow:
        with pytest.raises(NotKnown):
            uow.policies.get("p9")
        uow.policies.take_effect("p9", NOON)
        with pytest.raises(NotKnown):
            uow.flush()
