"""Sessions and appointments: what may overlap, who may book, and what is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import (
    NotKnown,
    PatientBusy,
    SlotTaken,
    StaleVersion,
)
from booking_engine.domain.schedule import AppointmentStatus, SessionStatus
from booking_engine.persistence.session import Session

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def two(store, make):
    """Two orders and two sessions at the same time, on MR1 and MR2."""
    orders = make.order(), make.order()
    sessions = make.session(), make.session(scanner="MR2")
    with store.units() as uow:
        for order in orders:
            uow.orders.add(order)
        uow.schedule.add_sessions(sessions)
        uow.commit()
    return (*orders, *sessions)


def book(store, *appointments):
    with store.units() as uow:
        for appointment in appointments:
            uow.schedule.add(appointment)
        uow.commit()


def test_every_field_of_a_session_and_an_appointment_comes_back(store, make, two):
    order, _, session, _ = two
    special = make.session(
        release_at=at(-60), contract="C1", status=SessionStatus.CLOSED, version=4
    )
    hold = make.appointment(
        order,
        session,
        status=AppointmentStatus.HELD,
        decision_id="D1",
        told=True,
        expires_at=at(5),
        cancel_reason="x",
        version=7,
    )
    with store.units() as uow:
        uow.schedule.add_sessions([special])
        uow.commit()
    book(store, hold)

    with store.units.reading() as uow:
        assert uow.schedule.session(special.id) == special
        assert uow.schedule.appointment(hold.id) == hold


def test_what_is_not_stored_is_not_known(store):
    with store.units.reading() as uow:
        with pytest.raises(NotKnown):
            uow.schedule.session("S-none")
        with pytest.raises(NotKnown):
            uow.schedule.appointment("A-none")


def test_sessions_that_exist_are_left_as_they_are(store, make, two):
    session = two[2]
    changed, new = replace(session, status=SessionStatus.CLOSED), make.session()
    with store.units() as uow:
        uow.schedule.add_sessions([changed, new])
        assert uow.schedule.session(session.id) == session
        uow.commit()

    with store.units.reading() as uow:
        assert uow.schedule.session(session.id) == session
        assert uow.schedule.session(new.id) == new


def test_a_session_is_saved_under_its_next_version(store, two):
    session = two[2]
    closed = replace(session, status=SessionStatus.CLOSED)
    with store.units() as uow:
        uow.schedule.save_session(closed)
        uow.schedule.save_session(closed)
        uow.commit()

    with store.units() as uow:
        assert uow.schedule.session(session.id) == replace(closed, version=3)
        uow.schedule.save_session(closed)
        with pytest.raises(StaleVersion, match="Session"):
            uow.flush()


def test_sessions_between_are_sorted_by_scanner_then_start(store, make):
    late = make.session(scanner="A", starts_at=at(60), ends_at=at(120))
    early = make.session(scanner="A", starts_at=at(0), ends_at=at(60))
    other = make.session(scanner="B", starts_at=at(0), ends_at=at(120))
    with store.units() as uow:
        uow.schedule.add_sessions([other, late, early])
        between = uow.schedule.sessions_between
        assert between(at(0), at(120)) == [early, late, other]
        assert between(at(60), at(61)) == [late, other]
        assert between(at(59), at(60), scanners=["A"]) == [early]
        assert between(at(0), at(120), scanners=[]) == []
        assert between(at(120), at(180)) == []


def test_an_overlap_on_one_scanner_is_refused(store, make, two):
    one, other, session, _ = two
    book(store, make.appointment(one, session, starts_at=at(0), minutes=30))

    for start, minutes in (
        (-29, 30),
        (0, 30),
        (29, 30),
        (10, 10),
        (-10, 60),
        (0, 1),
        (29, 1),
    ):
        clash = make.appointment(other, session, starts_at=at(start), minutes=minutes)
        with store.units() as uow:
            uow.schedule.add(clash)
            with pytest.raises(SlotTaken) as refused:
                uow.flush()
        assert other.content.patient.key not in str(refused.value)
        assert refused.value.__cause__ is None


def test_touching_appointments_are_allowed(store, make, two):
    one, other, session, _ = two
    book(store, make.appointment(one, session, starts_at=at(0)))
    book(store, make.appointment(other, session, starts_at=at(30)))

    with store.units.reading() as uow:
        assert len(uow.schedule.occupying_between(at(0), at(60))) == 2


@pytest.mark.parametrize("status", sorted(AppointmentStatus))
def test_only_what_occupies_time_keeps_others_out(store, make, two, status):
    one, other, session, _ = two
    book(store, make.appointment(one, session, status=status))
    occupying = status not in (
        AppointmentStatus.CANCELLED,
        AppointmentStatus.DID_NOT_ATTEND,
        AppointmentStatus.ENTERED_IN_ERROR,
    )

    with store.units() as uow:
        uow.schedule.add(make.appointment(other, session))
        if occupying:
            with pytest.raises(SlotTaken):
                uow.commit()
        else:
            uow.commit()


def test_two_appointments_of_one_patient_may_not_overlap(store, make, two):
    one, _, session, elsewhere = two
    second = make.order(content=replace(one.content, placer_number="P-second"))
    book(store, make.appointment(one, session, starts_at=at(0)))
    with store.units() as uow:
        uow.orders.add(second)
        uow.commit()

    with store.units() as uow:
        uow.schedule.add(make.appointment(second, elsewhere, starts_at=at(29)))
        with pytest.raises(PatientBusy) as refused:
            uow.flush()
    assert one.content.patient.key not in str(refused.value)
    book(store, make.appointment(second, elsewhere, starts_at=at(30)))


def test_an_order_has_at_most_one_live_appointment(store, make, two):
    one, _, session, _ = two
    book(store, make.appointment(one, session, starts_at=at(0)))

    with store.units() as uow:
        uow.schedule.add(make.appointment(one, session, starts_at=at(60)))
        with pytest.raises(StaleVersion):
            uow.flush()


def test_moving_into_a_taken_slot_is_refused(store, make, two):
    one, other, session, _ = two
    moving = make.appointment(one, session, starts_at=at(0))
    book(store, moving, make.appointment(other, session, starts_at=at(60)))

    with store.units() as uow:
        read = uow.schedule.appointment(moving.id)
        uow.schedule.save(replace(read, starts_at=at(40), ends_at=at(70)))
        with pytest.raises(SlotTaken):
            uow.flush()


def test_an_appointment_may_move_within_its_own_time(store, make, two):
    one, _, session, _ = two
    moving = make.appointment(one, session, starts_at=at(0))
    book(store, moving)

    with store.units() as uow:
        uow.schedule.save(replace(moving, starts_at=at(10), ends_at=at(40)))
        uow.commit()


def test_a_cancelled_appointment_may_not_come_back_onto_a_taken_slot(store, make, two):
    one, other, session, _ = two
    gone = make.appointment(one, session, status=AppointmentStatus.CANCELLED)
    book(store, gone, make.appointment(other, session))

    with store.units() as uow:
        uow.schedule.save(replace(gone, status=AppointmentStatus.BOOKED))
        with pytest.raises(SlotTaken):
            uow.flush()


def test_a_slot_changes_hands_within_one_unit(store, make, two):
    one, other, session, _ = two
    first = make.appointment(one, session)
    book(store, first)

    with store.units() as uow:
        second = make.appointment(other, session)
        uow.schedule.add(second)
        uow.schedule.save(replace(first, status=AppointmentStatus.CANCELLED))
        uow.commit()

    with store.units.reading() as uow:
        assert uow.schedule.live_appointment(one.id) is None
        assert uow.schedule.live_appointment(other.id) == second


def test_a_stale_appointment_is_refused(store, make, two):
    one, _, session, _ = two
    appointment = make.appointment(one, session)
    book(store, appointment)
    with store.units() as uow:
        uow.schedule.save(replace(appointment, told=True))
        uow.commit()

    with store.units() as uow:
        uow.schedule.save(replace(appointment, status=AppointmentStatus.CANCELLED))
        with pytest.raises(StaleVersion, match=appointment.id):
            uow.commit()


def test_an_appointment_of_nothing_is_refused(store, make, two):
    one, _, session, _ = two
    with store.units() as uow:
        uow.schedule.add(make.appointment(make.order(), session))
        with pytest.raises(NotKnown):
            uow.flush()
    with store.units() as uow:
        uow.schedule.add(make.appointment(one, make.session()))
        with pytest.raises(NotKnown):
            uow.flush()


def test_live_appointments_see_what_is_buffered(store, make, two):
    one, other, session, elsewhere = two
    booked = make.appointment(one, session)
    book(store, booked)

    with store.units() as uow:
        assert uow.schedule.live_appointment(one.id) == booked
        uow.schedule.save(replace(booked, status=AppointmentStatus.CANCELLED))
        assert uow.schedule.live_appointment(one.id) is None
        new = make.appointment(one, elsewhere)
        uow.schedule.add(new)
        held = make.appointment(other, session, status=AppointmentStatus.HELD)
        uow.schedule.add(held)
        found = uow.schedule.live_appointments([one.id, other.id, "O-none"])
        assert found == {one.id: new, other.id: held}
        uow.flush()
        assert uow.schedule.live_appointments([one.id, other.id]) == found
        assert uow.schedule.live_appointments([]) == {}


def test_occupying_between_and_patients(store, make, two):
    one, other, session, elsewhere = two
    late = make.appointment(one, session, starts_at=at(60))
    early = make.appointment(other, elsewhere, starts_at=at(0))
    with store.units() as uow:
        uow.schedule.add(late)
        uow.schedule.add(early)
        between = uow.schedule.occupying_between
        assert between(at(0), at(90)) == [late, early]
        assert between(at(30), at(60)) == []
        assert between(at(0), at(90), scanners=["MR2", "none"]) == [early]
        patients = [one.content.patient.key, other.content.patient.key]
        assert uow.schedule.occupying_patients(patients, at(29)) == [late, early]
        assert uow.schedule.occupying_patients(patients, at(30)) == [late]
        assert uow.schedule.occupying_patients([], at(0)) == []


def test_holds_expire_at_their_instant(store, make, two):
    one, other, session, _ = two
    held = AppointmentStatus.HELD
    first = make.appointment(one, session, status=held, expires_at=at(5))
    second = make.appointment(
        other, session, status=held, expires_at=at(4), starts_at=at(60)
    )
    book(store, first, second)

    with store.units() as uow:
        assert uow.schedule.expired_holds(at(3)) == []
        assert uow.schedule.expired_holds(at(4)) == [second]
        assert uow.schedule.expired_holds(at(5)) == [second, first]
        uow.schedule.save(replace(first, status=AppointmentStatus.BOOKED))
        assert uow.schedule.expired_holds(at(5)) == [second]


def test_contract_use_counts_what_occupies_time(store, make):
    session = make.session(contract="C1")
    orders = [make.order() for _ in range(3)]
    with store.units() as uow:
        uow.schedule.add_sessions([session, make.session(contract="C2")])
        for number, order in enumerate(orders):
            uow.orders.add(order)
            uow.schedule.add(
                make.appointment(order, session, starts_at=at(60 * number))
            )
        gone = uow.schedule.live_appointment(orders[0].id)
        uow.schedule.save(replace(gone, status=AppointmentStatus.CANCELLED))
        assert uow.schedule.contract_use() == {"C1": 2}


def test_what_engages_a_scanner_and_a_patient_is_what_each_query_says(
    store, make, ids, two
):
    one, other, session, _ = two
    here = make.appointment(one, session, starts_at=at(0), minutes=30)
    later = make.appointment(one, session, starts_at=at(30), minutes=30)
    gone = replace(later, status=AppointmentStatus.CANCELLED)
    theirs = make.appointment(other, session, starts_at=at(10), scanner="MR9")
    book(store, here, gone, theirs)
    span = at(0), at(30)
    patient = other.content.patient.key

    with store.units() as uow:
        engaged = uow.engaged(patient, session.scanner, *span)
        assert engaged.on_scanner == [here]
        assert engaged.of_patient == [theirs]
        assert (engaged.entries_on_scanner, engaged.entries_of_patient) == ([], [])
        # What this unit has written counts, and what only touches the time does not.
        uow.schedule.save(replace(here, starts_at=at(30), ends_at=at(60)))
        engaged = uow.engaged(patient, session.scanner, *span)
        assert engaged.on_scanner == []


def test_what_a_booking_asks_for_is_read_ahead_once(store, make, two):
    one, _, session, _ = two
    with store.units() as uow:
        uow.prefetch_booking(one.id, session.id)
        assert uow.orders.get(one.id) == one
        assert uow.schedule.session(session.id) == session
        uow.prefetch_booking("O-none", "S-none")
        with pytest.raises(NotKnown):
            uow.orders.get("O-none")
        with pytest.raises(NotKnown):
            uow.schedule.session("S-none")


def test_what_was_read_ahead_is_not_asked_for_again(sql_store, make, monkeypatch):
    order, session = make.order(), make.session()
    with sql_store.units() as uow:
        uow.orders.add(order)
        uow.schedule.add_sessions([session])
        uow.commit()
    asked = []
    execute = Session.execute

    def counting(self, queries, **first):
        asked.append(len(queries))
        return execute(self, queries, **first)

    monkeypatch.setattr(Session, "execute", counting)
    with sql_store.units.reading() as uow:
        uow.prefetch_booking(order.id, session.id)
        uow.orders.get(order.id)
        uow.schedule.session(session.id)
    assert asked == [3]  # the order, the session, the network's number
