"""What a policy may say, and how it is published."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from booking_engine.domain.fair_waits import FairWaits, Grouping
from booking_engine.domain.policy import (
    DEFAULT_WEIGHTS,
    MOST_DEAREST,
    InvalidPolicy,
    Policy,
)
from booking_engine.domain.published_policy import (
    content_of,
    differences,
    digest_of,
    published,
)
from booking_engine.domain.unusable_gaps import UnusableGaps
from booking_engine.domain.urgent_room import UrgentRoom
from booking_engine.domain.vocabulary import ListType, Priority

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def weighted(priority=Priority.ROUTINE, **changes):
    weights = dict(DEFAULT_WEIGHTS)
    weights[priority] = replace(weights[priority], **changes)
    return MappingProxyType(weights)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"version": ""}, "version"),
        ({"version": "a|b"}, "version"),
        ({"version": "x" * 41}, "version"),
        ({"travel_per_km": -1}, "travel_per_km"),
        ({"travel_per_km": 10**12}, "travel_per_km"),
        ({"other_trust": 10**12}, "other_trust"),
        ({"price_per_pound": float("nan")}, "price_per_pound"),
        ({"price_per_pound": float("inf")}, "price_per_pound"),
        ({"max_travel_km": -1}, "max_travel_km"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"horizon_days": 401}, "horizon_days"),
        ({"hold_minutes": 0}, "hold_minutes"),
        ({"hold_minutes": 10**12}, "hold_minutes"),
        ({"weights": MappingProxyType({})}, "weights"),
        ({"weights": weighted(wait=-1)}, "weights.routine.wait"),
        ({"weights": weighted(late=10**12)}, "weights.routine.late"),
        ({"weights": weighted(breach=-(10**12))}, "weights.routine.breach"),
        ({"weights": weighted(target_days=-1)}, "weights.routine.target_days"),
        ({"weights": weighted(lists=ListType(0))}, "weights.routine.lists"),
        # As dear in sum as no single weight may be.
        ({"weights": weighted(wait=200_000, late=200_000)}, "weights.routine"),
        # The longest journey would cost as much as no slot.
        ({"weights": weighted(unplaced=63)}, "weights.routine.unplaced"),
        ({"fair_waits": FairWaits(permille=999)}, "fair_waits.permille"),
        ({"fair_waits": FairWaits(cost_per_day=-1)}, "fair_waits.cost_per_day"),
        ({"unusable_gaps": UnusableGaps(-1, 1)}, "unusable_gaps.minutes"),
        ({"unusable_gaps": UnusableGaps(241, 1)}, "unusable_gaps.minutes"),
        ({"unusable_gaps": UnusableGaps(0, 1)}, "unusable_gaps.minutes"),
        ({"unusable_gaps": UnusableGaps(9, 1001)}, "unusable_gaps.cost_per_minute"),
        ({"urgent_room": UrgentRoom(quantile=1.0)}, "urgent_room.quantile"),
        ({"urgent_room": UrgentRoom(quantile=float("nan"))}, "urgent_room.quantile"),
        ({"urgent_room": UrgentRoom(history_weeks=0)}, "urgent_room.history_weeks"),
        ({"urgent_room": UrgentRoom(least_exams=-1)}, "urgent_room.least_exams"),
        ({"urgent_room": UrgentRoom(most_in_plans=-1)}, "urgent_room.most_in_plans"),
        ({"urgent_room": UrgentRoom(margin=-0.1)}, "urgent_room.margin"),
        (
            {"urgent_room": UrgentRoom(displaced_cost={Priority.URGENT: 10**12})},
            "urgent_room.displaced_cost.urgent",
        ),
    ],
)
def test_what_a_policy_cannot_be_is_named(changes, key):
    with pytest.raises(InvalidPolicy) as refused:
        Policy(**changes)

    assert ".".join(refused.value.key) == key
    assert refused.value.code == "policy.invalid"
    assert str(refused.value).startswith(f"{key}: ")


def test_the_least_and_the_most_that_it_can_be():
    Policy(weights=weighted(unplaced=64))
    Policy(weights=weighted(wait=0, late=0, breach=0, target_days=0))
    days = Policy().horizon_days
    most = replace(
        DEFAULT_WEIGHTS[Priority.ROUTINE],
        wait=0,
        late=(MOST_DEAREST - 10**6) // days,
        breach=10**6 - 1000,
        unplaced=1000,
    )
    assert most.unplaced + most.breach + days * most.late <= MOST_DEAREST
    with pytest.raises(InvalidPolicy):
        Policy(weights=weighted(late=most.late + 1, breach=10**6))


def test_a_displaced_exam_costs_a_week_beyond_its_target_unless_stated():
    policy = Policy(urgent_room=UrgentRoom(displaced_cost={Priority.URGENT: 5}))

    assert policy.displaced_cost(Priority.URGENT) == 5
    assert policy.displaced_cost(Priority.SUSPECTED_CANCER) == 7 * (6 + 120)


@pytest.mark.parametrize("late", [0, 1, 40])
def test_room_for_one_exam_is_worth_less_than_making_an_urgent_patient_late(late):
    urgent = replace(DEFAULT_WEIGHTS[Priority.URGENT], wait=0, late=late)
    policy = Policy(weights={**DEFAULT_WEIGHTS, Priority.URGENT: urgent})

    assert policy.most_in_plans == max(0, late - 1)
    assert Policy(urgent_room=UrgentRoom(hard_targets=frozenset())).most_in_plans == 0
    assert Policy(urgent_room=UrgentRoom(most_in_plans=7)).most_in_plans == 7


def test_what_is_published_says_everything_and_its_digest_changes_with_it():
    policy = Policy()
    found = published(policy, NOW)

    assert found.content["weights"]["routine"] == {
        "target_days": 35,
        "wait": 1,
        "late": 10,
        "breach": 500,
        "unplaced": 1000,
        "lists": ["general"],
    }
    assert found.content["urgent_room"]["displaced_cost"]["urgent"] == 301
    assert found.digest == digest_of(content_of(Policy(version="other")))
    changed = content_of(Policy(weights=weighted(wait=2), hold_minutes=6))
    assert digest_of(changed) != found.digest
    assert differences(found.content, changed) == [
        "weights.routine.wait was 1 and is 2",
        "hold_minutes was 5 and is 6",
        "urgent_room.displaced_cost.routine was 77 and is 84",
    ]


def test_how_a_number_was_written_makes_no_other_policy():
    one = Policy(price_per_pound=1, urgent_room=UrgentRoom(margin=1))
    other = Policy(price_per_pound=1.0, urgent_room=UrgentRoom(margin=1.0))

    assert digest_of(content_of(one)) == digest_of(content_of(other))


def test_a_policy_that_does_not_price_waits_keeps_the_digest_it_had():
    said = content_of(Policy(fair_waits=FairWaits(Grouping.MOBILITY, 1200, 3)))

    assert "fair_waits" not in content_of(Policy())
    assert said["fair_waits"] == {
        "by": "mobility",
        "permille": 1200,
        "cost_per_day": 3,
    }


def test_a_policy_that_does_not_price_gaps_keeps_the_digest_it_had():
    plain = content_of(Policy())
    said = content_of(Policy(unusable_gaps=UnusableGaps(20, 2)))

    assert "unusable_gaps" not in plain
    assert differences(plain, said) == [
        "unusable_gaps.minutes was not there and is 20",
        "unusable_gaps.cost_per_minute was not there and is 2",
    ]
