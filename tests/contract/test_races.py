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


def race(*runs):
    """Run these at the same moment, each in a thread; return what each returned."""
    start, results = threading.Barrier(len(runs)), [None] * len(runs)

    def begin(position, run):
        start.wait()
        try:
            results[position] = run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[position] = error

    threads = [threading.Thread(target=begin, args=pair) for pair in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_an_order_that_arrives_twice_at_once_is_stored_once(store, make):
    """Its retransmission comes over another line, to another process."""
    factories = store.units, store.another_process()

    def received(units, order, message):
        key = (order.partner, "RIS", order.content.placer_number)
        with units() as uow:
            uow.prefetch(messages=[(message.sender, message.control_id)], orders=[key])
            if uow.messages.by_key((message.sender, message.control_id)) is not None:
                return "repeat"
            assert uow.orders.by_placer(key) is None, "the message would be known"
            uow.orders.add(order)
            uow.messages.add(message)
            uow.commit()
        return "stored"

    for number in range(20):
        orders = [make.order(placer_number=f"SAME{number}") for _ in factories]
        messages = [make.message(control_id=f"SAME{number}") for _ in factories]
        found = race(
            *(
                lambda units=units, order=order, message=message: received(
                    units, order, message
                )
                for units, order, message in zip(
                    factories, orders, messages, strict=True
                )
            )
        )
        assert sorted(found, key=str) == ["repeat", "stored"]

    with store.units.reading() as uow:
        assert sum(uow.orders.counts().values()) == 20


def test_batches_that_share_orders_in_any_sequence_wait_for_each_other(store, make):
    numbers = [f"N{number}" for number in range(30)]
    orders = {
        side: [make.order(placer_number=number) for number in numbers]
        for side in ("one", "other")
    }
    orders["other"].reverse()

    def received(units, batch):
        keys = [(o.partner, "RIS", o.content.placer_number) for o in batch]
        with units() as uow:
            uow.prefetch(orders=keys)
            for key, order in zip(keys, batch, strict=True):
                if uow.orders.by_placer(key) is None:
                    uow.orders.add(order)
            uow.commit()

    other = store.another_process()
    found = race(
        lambda: received(store.units, orders["one"]),
        lambda: received(other, orders["other"]),
    )

    assert found == [None, None]
    with store.units.reading() as uow:
        assert sum(uow.orders.counts().values()) == len(numbers)


def test_a_placer_number_may_come_again_once_its_order_was_replaced(store, make):
    """No unique key forbids it: the newest counts."""
    first, second = (make.order(placer_number="AGAIN") for _ in range(2))
    for order in (first, second):
        with store.units() as uow:
            uow.orders.by_placer((order.partner, "RIS", "AGAIN"))
            uow.orders.add(order)
            uow.commit()

    with store.units.reading() as uow:
        found = uow.orders.by_placer((first.partner, "RIS", "AGAIN"))
    assert found.id == second.id
