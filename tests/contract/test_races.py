"""Writers that run at the same time: exactly one wins, and nothing is lost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import PatientBusy, SlotTaken, StaleVersion

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


@pytest.mark.parametrize("conflict", ["scanner", "patient", "order"])
def test_of_two_racing_bookings_exactly_one_wins(store, make, two, conflict):
    one, other, session, elsewhere = two
    if conflict == "patient":
        other = make.order(patient=one.content.patient)
        with store.units() as uow:
            uow.orders.add(other)
            uow.commit()
    rivals = {
        "scanner": (make.appointment(one, session), make.appointment(other, session)),
        "patient": (make.appointment(one, session), make.appointment(other, elsewhere)),
        "order": (
            make.appointment(one, session),
            make.appointment(one, session, starts_at=at(90)),
        ),
    }[conflict]
    start = threading.Barrier(2)
    outcomes = []

    def run(units, appointment):
        start.wait()
        try:
            with units() as uow:
                uow.schedule.add(appointment)
                uow.commit()
            outcomes.append("won")
        except (SlotTaken, PatientBusy, StaleVersion):
            outcomes.append("lost")

    threads = [
        threading.Thread(target=run, args=(units, appointment))
        for units, appointment in zip(
            (store.units, store.another_process()), rivals, strict=True
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["lost", "won"]
    with store.units.reading() as uow:
        assert len(uow.schedule.occupying_between(at(-600), at(600))) == 1


def test_no_update_is_lost_between_racing_readers_and_writers(store, make):
    """Four writers raise one counter; each repeats when it was too slow."""
    order = make.order(version=1)
    with store.units() as uow:
        uow.orders.add(order)
        uow.commit()

    def run(units):
        for _ in range(5):
            while True:
                try:
                    with units() as uow:
                        uow.orders.save(uow.orders.get(order.id))
                        uow.commit()
                    break
                except StaleVersion:
                    continue

    threads = [threading.Thread(target=run, args=(store.units,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.units.reading() as uow:
        assert uow.orders.get(order.id).version == 21
