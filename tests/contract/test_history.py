"""Past bookings, counted alike by every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.application.ports import BookedExams
from booking_engine.domain.decisions import Choice, Decision, DecisionKind, Terms
from booking_engine.domain.schedule import AppointmentStatus, SessionStatus
from booking_engine.domain.vocabulary import Priority

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
SINCE, UNTIL = NOON, NOON + timedelta(days=7)


def booking(uow, make, session, *, at, minutes=30, lead=2, priority=Priority.URGENT):
    """Store an order's booking that was decided so many days before."""
    order = make.order(priority=priority)
    appointment = make.appointment(
        order,
        session,
        starts_at=at,
        minutes=minutes,
        decision_id=f"D{make.next():014}",
    )
    uow.orders.add(order)
    uow.decisions.add(
        Decision(
            id=appointment.decision_id,
            order_id=order.id,
            appointment_id=appointment.id,
            kind=DecisionKind.ON_ARRIVAL,
            made_at=at - timedelta(days=lead),
            actor="job:x",
            policy_version="p1",
            rules_version="r1",
            inputs_digest="",
            inputs={},
            chosen=Choice("MR1", session.id, at, minutes, 0, Terms(0, 0, 0, 0, 0)),
            options=1,
            excluded=(),
            runner_up=None,
            plan_run_id=None,
            sentence="",
        )
    )
    return appointment


@pytest.fixture
def counted(store, make):
    """Three exams that are alike, one of each other kind, others not to count."""

    def session(day, hours=0, **given):
        begin = NOON + timedelta(days=day, hours=hours)
        return make.session(
            starts_at=begin, ends_at=begin + timedelta(hours=2), **given
        )

    days = [session(day) for day in range(-1, 9)]
    more = [
        session(0, hours=3, scanner="MR2"),
        session(0, hours=6, scanner="MR2"),
        session(0, scanner="MR3", status=SessionStatus.CLOSED),
    ]
    with store.units() as uow:
        uow.schedule.add_sessions([*days, *more])
        kinds = (
            (1, {}),
            (2, {}),
            (3, {"status": AppointmentStatus.DID_NOT_ATTEND}),
            (4, {"lead": 3}),
            (5, {"minutes": 45}),
            (6, {"priority": Priority.ROUTINE}),
            (0, {"status": AppointmentStatus.CANCELLED}),
            (-1, {}),
            (7, {}),
        )
        for day, given in kinds:
            status = given.pop("status", AppointmentStatus.BOOKED)
            at = NOON + timedelta(days=day)
            one = booking(uow, make, days[day + 1], at=at, **given)
            uow.schedule.add(replace(one, status=status))
        uow.commit()
    return store


def test_exams_that_are_alike_are_counted_together(counted):
    with counted.units.reading() as uow:
        assert uow.history.booked_exams(SINCE, UNTIL) == [
            BookedExams("MR1", Priority.URGENT.tier, 2, 30, 3),
            BookedExams("MR1", Priority.URGENT.tier, 2, 45, 1),
            BookedExams("MR1", Priority.URGENT.tier, 3, 30, 1),
            BookedExams("MR1", Priority.ROUTINE.tier, 2, 30, 1),
        ]


def test_days_with_an_open_session_are_counted_once(counted):
    with counted.units.reading() as uow:
        assert uow.history.open_days(SINCE, UNTIL) == {"MR1": 7, "MR2": 1}
        assert uow.history.open_days(UNTIL, UNTIL) == {}
