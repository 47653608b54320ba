"""The state table of a rebooking, and which of its lines move together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.decisions import Choice, MoveCause, Reasons, Terms
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.rebookings import (
    TRANSITIONS,
    UNDECIDED,
    Line,
    LineOutcome,
    Rebooking,
    RebookingAction,
    RebookingStatus,
)

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
S, A, L = RebookingStatus, RebookingAction, LineOutcome


def line(number, *needs, outcome=L.OPEN):
    chosen = Choice("MR2", "S2", NOON, 30, 1, Terms(1, 2, 3, 4, 5))
    return Line(
        number=number,
        order_id=f"O{number}",
        appointment_id=f"A{number}",
        appointment_version=1,
        cause=MoveCause.CLOSED,
        scanner="MR1",
        starts_at=NOON,
        ends_at=NOON + timedelta(minutes=30),
        to=None if outcome is L.NO_PLACE else Reasons(chosen, {}, 1, (), None),
        options=1,
        excluded=(),
        breach=False,
        needs=needs,
        outcome=outcome,
    )


def rebooking(*lines, status=S.PROPOSED):
    return Rebooking(
        "B1", "K1", status, NOON, "person:a", "p1", lines, (), 0, 0.0, improving=True
    )


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("action", A)
def test_the_table_is_kept_in_full(status, action):
    one = rebooking(status=status)
    target = TRANSITIONS.get((status, action))
    if target is None:
        with pytest.raises(TransitionRefused, match=f"B1 is {status}"):
            one.after(action)
    else:
        after = one.after(action)
        assert after.status is target
        assert after.improving is (target is S.PROPOSED)


def test_what_was_declined_or_overtaken_stays_so():
    left = {status for status, _ in TRANSITIONS}
    assert set(S) - left == {S.APPROVED, S.DECLINED, S.OVERTAKEN}
    assert all((status, A.APPROVE) in TRANSITIONS for status in UNDECIDED)


def test_lines_that_need_each_other_make_a_group_whoever_makes_room_first():
    one = rebooking(
        line(1, 3), line(2), line(3, 4), line(4), line(5, outcome=L.NO_PLACE)
    )
    numbers = [[each.number for each in group] for group in one.groups()]
    assert numbers == [[4, 3, 1], [2]]


def test_lines_in_a_circle_are_refused():
    with pytest.raises(InvalidValue, match="Lines 1, 2 wait"):
        rebooking(line(1, 2), line(2, 1)).groups()


def test_approving_marks_what_is_open():
    one = rebooking(line(1), line(2, outcome=L.NO_PLACE), line(3, outcome=L.MOVED))

    approved = one.approved(None)

    assert approved.status is S.APPLYING
    outcomes = [each.outcome for each in approved.lines]
    assert outcomes == [L.PENDING, L.NO_PLACE, L.MOVED]
    for number in (2, 3, 4):
        with pytest.raises(InvalidValue, match=f"no open line {number}"):
            one.approved({number})
    with pytest.raises(TransitionRefused, match="no line that can be moved"):
        rebooking(line(1, outcome=L.NO_PLACE)).approved(None)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((L.MOVED, L.NO_PLACE), S.APPROVED),
        ((L.MOVED, L.OVERTAKEN), S.PARTLY_APPROVED),
        ((L.MOVED, L.OPEN), S.PARTLY_APPROVED),
        ((L.OVERTAKEN, L.OVERTAKEN), S.OVERTAKEN),
    ],
)
def test_its_lines_say_how_it_ended(outcomes, status):
    lines = [line(n, outcome=each) for n, each in enumerate(outcomes, 1)]
    assert rebooking(*lines, status=S.APPLYING).finished().status is status


def test_one_that_was_stopped_half_way_goes_on():
    half = replace(
        rebooking(line(1, outcome=L.MOVED), line(2, outcome=L.PENDING)),
        status=S.APPLYING,
    )
    again = half.approved(None)
    assert [each.outcome for each in again.lines] == [L.MOVED, L.PENDING]
