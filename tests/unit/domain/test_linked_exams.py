"""Which orders are one visit, and that nothing urgent waits for a sibling."""

from dataclasses import replace
from datetime import timedelta

import pytest
from network import NORTH, NOW, content

from booking_engine.domain.identifiers import OrderId, SiteCode
from booking_engine.domain.linked_exams import (
    MOST_EXAMS,
    SIBLING_WAIT,
    STANDING,
    Beside,
    Member,
    Standing,
    Way,
    arranged,
    group_of,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.policy import Policy
from booking_engine.domain.vocabulary import LinkedOrders, Priority
from booking_engine.domain.waiting import WaitingClock

POLICY = Policy()
R, C, U = Priority.ROUTINE, Priority.SUSPECTED_CANCER, Priority.URGENT


def order(name, priority=R, *, status=OrderStatus.WAITING, asked=5, listed=0, **given):
    """An order asked for and listed so many days ago."""
    requested = NOW - timedelta(days=asked)
    return ImagingOrder(
        id=OrderId(name),
        partner=NORTH,
        content=content(
            name,
            priority=priority,
            group_number="G1",
            requested_at=requested,
            **given,
        ),
        status=status,
        status_since=NOW - timedelta(days=listed),
        clock=WaitingClock.requested(requested),
        received_at=NOW,
        sent_at=NOW,
        linked=LinkedOrders.SAME_VISIT,
    )


def ready(*args, **given):
    return Member(order(*args, **given), ready=True)


def coming(name, priority=R):
    return Member(order(name, priority, status=OrderStatus.HELD))


def booked(name, days):
    one = order(name, status=OrderStatus.BOOKED)
    return Member(one, Beside(one, NOW + timedelta(days=days), SiteCode("RA101")))


CASES = {
    "two that wait are one visit": (
        [ready("A"), ready("B")],
        {"A": ("together", "B", True), "B": ("together", "A", True)},
    ),
    "one by itself": ([ready("A")], {"A": ("alone", "", True)}),
    "a routine exam waits for one that is on its way": (
        [ready("A"), coming("B")],
        {"A": ("waits", "B", True)},
    ),
    "but not for long": (
        [ready("A", listed=3), coming("B")],
        {"A": ("alone", "", False)},
    ),
    "nor once its target is near": (
        [ready("A", asked=33), coming("B")],
        {"A": ("alone", "", False)},
    ),
    "nor beyond what was asked for": (
        [ready("A", latest_on=(NOW + SIBLING_WAIT).date()), coming("B")],
        {"A": ("alone", "", False)},
    ),
    "who cannot wait goes alone, who can waits": (
        [ready("A", listed=9), ready("B"), coming("C")],
        {"A": ("alone", "", False), "B": ("waits", "C", True)},
    ),
    "a suspected cancer never waits": (
        [ready("A", C), coming("B")],
        {"A": ("alone", "", False)},
    ),
    "nor does an urgent one": (
        [ready("A", U), coming("B")],
        {"A": ("alone", "", False)},
    ),
    "the routine exam follows the urgent one": (
        [ready("A", C), ready("B")],
        {"A": ("alone", "", False), "B": ("waits", "A", True)},
    ),
    "two suspected cancers are one visit, in this run or not at all": (
        [ready("A", C), ready("B", C)],
        {"A": ("together", "B", False), "B": ("together", "A", False)},
    ),
    "unless they are late already": (
        [ready("A", C, asked=9), ready("B", C, asked=9)],
        {"A": ("alone", "", False), "B": ("alone", "", False)},
    ),
    "beside the one that is booked": (
        [ready("A"), booked("B", 6)],
        {"A": ("beside", "B", True)},
    ),
    "beside it even while another is on its way": (
        [ready("A"), booked("B", 6), coming("C")],
        {"A": ("beside", "B", True)},
    ),
    "beside the next of two": (
        [ready("A"), booked("B", 9), booked("C", 6)],
        {"A": ("beside", "C", True)},
    ),
    "not beside one that is over": (
        [ready("A"), booked("B", -1)],
        {"A": ("alone", "", True)},
    ),
    "a suspected cancer beside it within its target": (
        [ready("A", C), booked("B", 2)],
        {"A": ("beside", "B", False)},
    ),
    "and never beyond it": (
        [ready("A", C), booked("B", 3)],
        {"A": ("alone", "", False)},
    ),
    "an account number is no visit": (
        [ready(f"A{n}") for n in range(MOST_EXAMS + 1)],
        {f"A{n}": ("alone", "", False) for n in range(MOST_EXAMS + 1)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_how_the_exams_of_a_group_are_planned(case):
    members, expected = CASES[case]
    found = arranged(members, now=NOW, policy=POLICY)
    assert {
        one.order.id: (
            one.way.value,
            ",".join(other.id for other in one.others),
            one.can_wait,
        )
        for one in found
    } == expected
    assert all((one.beside is not None) == (one.way is Way.BESIDE) for one in found)


def test_a_group_is_of_one_partner_one_patient_and_one_number():
    one = order("A")
    assert group_of(one) == group_of(order("B"))
    assert group_of(replace(one, linked=LinkedOrders.SEPARATE)) is None
    assert group_of(replace(one, content=replace(one.content, group_number=""))) is None
    other = replace(one.content.patient, nhs_number="9990000026")
    assert group_of(one) != group_of(
        replace(one, content=replace(one.content, patient=other))
    )
    assert group_of(one) != group_of(replace(one, partner="other"))


def test_every_state_has_a_standing():
    assert set(STANDING) == set(OrderStatus)
    # A booking without an appointment, such as one only offered, is nobody's anchor.
    assert Member(order("A", status=OrderStatus.BOOKED)).standing is Standing.GONE
