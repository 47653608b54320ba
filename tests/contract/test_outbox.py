"""The outbox: what is due, in which order, and what is counted."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.messages import Delivery, DeliveryStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def orders(store, make):
    orders = make.order(), make.order()
    with store.units() as uow:
        for order in orders:
            uow.orders.add(order)
        uow.commit()
    return orders


def told(order, *audience, kind=EventKind.APPOINTMENT_BOOKED):
    return Event(kind, order.id, NOON, audience or ("pas",))


def add(store, *events):
    with store.units() as uow:
        added = [uow.outbox.add(event) for event in events]
        uow.commit()
    return added


def due(store, *, destination="pas", now=NOON, limit=10):
    with store.units.reading() as uow:
        return uow.outbox.due(destination, now, limit=limit)


def change(store, delivery, **values):
    with store.units() as uow:
        uow.outbox.save([replace(delivery, **values)])
        uow.commit()


def test_every_field_of_an_event_comes_back(store, orders):
    event = Event(
        EventKind.APPOINTMENT_MOVED,
        orders[0].id,
        NOON,
        ("pas", "ris"),
        appointment_id="A1",
        scanner="MR1",
        starts_at=LATER,
        ends_at=LATER + timedelta(minutes=20),
        decision_id="D1",
        reason="machine",
    )
    bare = Event(EventKind.ORDER_HELD, orders[0].id, NOON, ())
    first, second = add(store, event, bare)

    assert first.startswith("E")
    with store.units.reading() as uow:
        assert uow.outbox.event(first) == event
        assert uow.outbox.events([second, first, "E-none"]) == {
            first: event,
            second: bare,
        }
        with pytest.raises(NotKnown):
            uow.outbox.event("E-none")


def test_an_event_becomes_one_delivery_for_each_partner(store, orders):
    with store.units() as uow:
        event_id = uow.outbox.add(told(orders[0], "pas", "ris", "pas"))
        assert uow.outbox.event(event_id) == told(orders[0], "pas", "ris", "pas")
        deliveries = uow.outbox.of_order(orders[0].id)
        uow.commit()

    assert [d.destination for d in deliveries] == ["pas", "ris"]
    assert {d.event_id for d in deliveries} == {event_id}
    assert {d.created_at for d in deliveries} == {NOON}
    assert all(d.id.startswith("X") for d in deliveries)
    assert deliveries[0].sequence < deliveries[1].sequence


def test_every_field_of_a_delivery_comes_back(store, make, orders):
    add(store, told(orders[0]))
    (delivery,) = due(store)
    with store.units() as uow:
        uow.messages.add(message := make.message())
        asked = replace(
            delivery, id="X-answer", event_id=None, answers=message.id, sequence=0
        )
        uow.outbox.queue(asked)
        uow.commit()
    (_, delivery) = due(store)
    changed = replace(
        delivery,
        status=DeliveryStatus.DELIVERED,
        payload=b"MSH\x00\xff",
        attempts=3,
        next_attempt_at=LATER,
        last_error="connect",
        ack=b"AA",
        delivered_at=LATER,
    )
    assert all(
        getattr(changed, f.name) != f.default
        for f in fields(Delivery)
        if f.name not in {"sequence", "application_ack"}
    )
    with store.units() as uow:
        uow.outbox.save([changed])
        assert uow.outbox.get(delivery.id) == changed
        uow.commit()

    with store.units.reading() as uow:
        assert uow.outbox.get(delivery.id) == changed
        with pytest.raises(NotKnown):
            uow.outbox.get("X-none")


def test_saving_a_delivery_that_is_not_stored_is_refused(store, orders):
    add(store, told(orders[0]))
    (delivery,) = due(store)
    with store.units() as uow:
        uow.outbox.save([delivery, replace(delivery, id="X-none")])
        with pytest.raises(NotKnown, match="X-none"):
            uow.flush()


def test_due_returns_pending_deliveries_in_sequence(store, orders):
    one, other = orders
    add(store, told(other), told(one), told(other), told(one, "ris"))

    found = due(store)
    assert [d.order_id for d in found] == [other.id, one.id, other.id]
    assert [d.sequence for d in found] == sorted(d.sequence for d in found)
    assert due(store, limit=2) == found[:2]
    assert [d.destination for d in due(store, destination="ris")] == ["ris"]


def test_nothing_overtakes_a_delivery_that_waits_for_its_retry(store, orders):
    one, other = orders
    add(store, told(one), told(one), told(other), told(one, "ris"))
    first, second, third = due(store)
    change(store, first, next_attempt_at=LATER, attempts=1)

    assert due(store) == [third]
    assert len(due(store, destination="ris")) == 1
    again = due(store, now=LATER)
    assert [d.id for d in again] == [first.id, second.id, third.id]


def test_nothing_overtakes_a_parked_delivery(store, orders):
    one, other = orders
    add(store, told(one), told(one), told(other))
    first, second, third = due(store)
    change(store, first, status=DeliveryStatus.PARKED)

    assert due(store) == [third]
    change(store, first, status=DeliveryStatus.SKIPPED)
    assert due(store) == [second, third]
    change(store, first, status=DeliveryStatus.PENDING)
    assert due(store) == [first, second, third]


def test_a_later_stuck_delivery_does_not_hold_back_an_earlier_one(store, orders):
    add(store, told(orders[0]), told(orders[0]))
    first, second = due(store)
    change(store, second, status=DeliveryStatus.PARKED)

    assert due(store) == [first]


def test_what_was_delivered_is_not_due(store, orders):
    add(store, told(orders[0]), told(orders[0]))
    first, second = due(store)
    change(store, first, status=DeliveryStatus.DELIVERED)

    assert due(store) == [second]


def test_sequence_grows_across_processes_and_rollbacks(store, orders):
    add(store, told(orders[0]))
    with store.units() as uow:
        uow.outbox.add(told(orders[0]))
        uow.flush()
    with store.another_process()() as uow:
        uow.outbox.add(told(orders[0], kind=EventKind.APPOINTMENT_CANCELLED))
        uow.commit()

    first, last = due(store)
    assert first.sequence < last.sequence


def test_counts_and_oldest_pending(store, orders):
    with store.units.reading() as uow:
        assert uow.outbox.oldest_pending() is None
        assert uow.outbox.counts() == {}
        assert uow.outbox.unsent_counts() == {}
    early = replace(told(orders[0]), occurred_at=NOON - timedelta(hours=1))
    add(store, told(orders[0], "pas", "ris"), early)
    with store.units() as uow:
        oldest = max(uow.outbox.of_order(orders[0].id), key=lambda d: d.sequence)
        assert uow.outbox.oldest_pending() == NOON - timedelta(hours=1)
        uow.outbox.save([replace(oldest, status=DeliveryStatus.DELIVERED)])
        assert uow.outbox.oldest_pending() == NOON
        assert uow.outbox.counts() == {
            ("pas", "pending"): 1,
            ("ris", "pending"): 1,
            ("pas", "delivered"): 1,
        }
        assert uow.outbox.unsent_counts() == {
            ("pas", "pending"): 1,
            ("ris", "pending"): 1,
        }


def test_an_event_about_nothing_is_refused(store):
    with store.units() as uow:
        uow.outbox.add(Event(EventKind.ORDER_HELD, "O-none", NOON, ()))
        with pytest.raises(NotKnown):
            uow.flush()


def answer(store, make, order=None, **values):
    """Store a message, and the answer to it as a delivery; return the answer."""
    message = make.message()
    made = Delivery(
        id=f"X-to-{message.control_id}",
        event_id=None,
        order_id=None if order is None else order.id,
        destination="pas",
        status=DeliveryStatus.PENDING,
        created_at=NOON,
        payload=b"MSH|",
        answers=message.id,
        **values,
    )
    with store.units() as uow:
        uow.messages.add(message)
        uow.outbox.queue(made)
        uow.commit()
    return made


def test_an_answer_goes_out_in_sequence_with_what_happens_to_its_order(
    store, make, orders
):
    one, _ = orders
    answered = answer(store, make, one)
    add(store, told(one))
    first, second = due(store)

    assert first == replace(answered, sequence=first.sequence)
    assert second.event_id is not None
    with store.units.reading() as uow:
        assert uow.outbox.of_order(one.id) == [first, second]

    change(store, first, next_attempt_at=LATER, attempts=1)
    assert due(store) == []
    assert [d.id for d in due(store, now=LATER)] == [first.id, second.id]


def test_an_answer_that_is_refused_keeps_nothing_back(store, make, orders):
    one, _ = orders
    answer(store, make, one)
    add(store, told(one))
    first, second = due(store)
    change(store, first, status=DeliveryStatus.PARKED)

    assert due(store) == [second]


def test_an_answer_to_what_concerns_no_order_stands_alone(store, make):
    answer(store, make)
    answer(store, make)
    first, second = due(store)
    change(store, first, next_attempt_at=LATER, attempts=1)

    assert due(store) == [second]
    assert first.order_id is None


def test_an_answer_to_a_message_that_is_not_stored_is_refused(store):
    with store.units() as uow:
        uow.outbox.queue(
            Delivery(
                "X1",
                None,
                None,
                "pas",
                DeliveryStatus.PENDING,
                NOON,
                payload=b"MSH|",
                answers="M-none",
            )
        )
        with pytest.raises(NotKnown):
            uow.flush()


def test_what_a_message_led_to_is_what_was_told_since(store, orders, make):
    one, other = orders
    message = replace(make.message(order_ids=(one.id,)), received_at=NOON)
    before = replace(told(one), occurred_at=NOON - timedelta(hours=1))
    with store.units() as uow:
        uow.messages.add(message)
        uow.commit()
    add(store, before, told(one, "pas", "ris"), told(other))

    with store.units.reading() as uow:
        found = uow.outbox.led_to(message)
        assert [(d.order_id, d.destination) for d in found] == [
            (one.id, "pas"),
            (one.id, "ris"),
        ]
        assert uow.outbox.led_to(replace(message, order_ids=())) == []


def test_what_a_partner_answers_later_is_kept_beside_what_the_relay_stores(
    store, orders
):
    add(store, told(orders[0]), told(orders[0]))
    first, second = due(store)
    with store.units() as uow:
        uow.outbox.answered(first.id, "AE")
        uow.outbox.save([replace(second, attempts=2)])
        uow.commit()
    change(store, first, status=DeliveryStatus.DELIVERED, attempts=1)

    with store.units.reading() as uow:
        found, other = uow.outbox.get(first.id), uow.outbox.get(second.id)
    assert (found.application_ack, found.status) == ("AE", DeliveryStatus.DELIVERED)
    assert (other.application_ack, other.attempts) == ("", 2)
    with store.units() as uow:
        uow.outbox.answered("X-none", "AA")
        with pytest.raises(NotKnown):
            uow.flush()
