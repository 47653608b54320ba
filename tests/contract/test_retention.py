"""Deleting what was kept long enough, and nothing that is still needed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.retention import (
    Discarded,
    Retention,
    RetentionPolicy,
)
from booking_engine.application.views import DeliveryFilter, MessageFilter
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.delivery_history import (
    AttemptOutcome,
    DeliveryAction,
    DeliveryAttempt,
    DeliveryChange,
)
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    KeyKind,
    MessageOutcome,
    SearchKey,
)
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.parking import ParkedMessage, ParkingStatus
from booking_engine.domain.policy import Policy

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PATIENT = SearchKey(KeyKind.NHS_NUMBER, "9990000018")


class House:
    """A store whose clock a test turns."""

    def __init__(self, store):
        self.store = store
        self.clock = FixedClock(NOON)
        ids = TimeOrderedIds(self.clock, Random(2))
        self.dispatcher = Dispatcher(
            store.units, clock=self.clock, ids=ids, policy=Policy()
        )

    def store_all(self, *messages, orders=(), parked=()):
        with self.store.units() as uow:
            for order in orders:
                uow.orders.add(order)
            for message in messages:
                uow.messages.add(message)
            for one in parked:
                uow.parking.add(one)
            uow.commit()

    def told(self, order, status):
        """Return a delivery about an order, as it stands in the end."""
        with self.store.units() as uow:
            uow.outbox.add(Event(EventKind.ORDER_HELD, order.id, NOON, ("pas",)))
            uow.commit()
        with self.store.units() as uow:
            delivery = uow.outbox.of_order(order.id)[-1]
            uow.outbox.save([replace(delivery, status=status)])
            uow.outbox.record(
                [DeliveryAttempt(delivery.id, NOON, 1, AttemptOutcome.REFUSED)]
            )
            uow.outbox.note(
                DeliveryChange(delivery.id, NOON, "p:x", DeliveryAction.RETRY, "")
            )
            uow.commit()
        return delivery.id

    def sweep(self, *, after_days, chunk=2, **policy):
        self.clock.advance(NOON + timedelta(days=after_days) - self.clock.now())
        kept = {
            name: timedelta(days=value) if isinstance(value, int) else value
            for name, value in policy.items()
        }
        return Retention(
            self.dispatcher, RetentionPolicy(chunk=chunk, **kept)
        ).run_once()

    def messages(self, **wanted):
        page = self.store.views.messages(
            MessageFilter(**wanted), cursor=None, limit=100
        )
        return {message.id for message in page.items}

    def deliveries(self):
        page = self.store.views.deliveries(DeliveryFilter(), cursor=None, limit=100)
        return {delivery.id for delivery in page.items}


@pytest.fixture
def house(store):
    return House(store)


def test_old_messages_go_with_all_that_belongs_to_them(house, make):
    ended = make.order(status=OrderStatus.PERFORMED)
    old = [make.message(order_ids=(ended.id,), keys=(PATIENT,)) for _ in range(5)]
    young = replace(
        make.message(order_ids=(ended.id,), keys=(PATIENT,)),
        received_at=NOON + timedelta(days=20),
    )
    house.store_all(*old, young, orders=[ended])

    assert house.sweep(after_days=40, messages=40) == Discarded()
    assert house.sweep(after_days=41, messages=40) == Discarded(messages=5)
    assert house.messages() == {young.id}
    assert house.messages(keys=(PATIENT,)) == {young.id}
    assert house.store.views.messages_of(ended.id) == [young.id]
    with house.store.units() as uow:
        assert uow.messages.by_key((old[0].sender, old[0].control_id)) is None
        assert uow.orders.get(ended.id).id == ended.id
    assert house.sweep(after_days=41, messages=40) == Discarded()


def test_no_search_key_is_left_behind(sql_store, make):
    house = House(sql_store)
    house.store_all(make.message(keys=(PATIENT, SearchKey(KeyKind.PLACER, "P 1"))))
    house.sweep(after_days=100, messages=30)
    with sql_store.engine.connect() as connection:
        (count,) = connection.exec_driver_sql("SELECT count(*) FROM message_key").one()
    assert count == 0


def test_messages_of_open_orders_stay(house, make):
    ended = make.order(status=OrderStatus.CANCELLED)
    going = make.order(status=OrderStatus.WAITING)
    of_both = make.message(order_ids=(ended.id, going.id))
    of_ended = make.message(order_ids=(ended.id,))
    of_none = make.message()
    house.store_all(of_both, of_ended, of_none, orders=[ended, going])

    assert house.sweep(after_days=400, messages=30) == Discarded(messages=2)
    assert house.messages() == {of_both.id}


def test_messages_that_wait_for_their_order_stay(house, make):
    waiting, applied = make.message(), make.message()

    def parked(message, status):
        return ParkedMessage(message.id, "ris", "RIS", "P1", NOON, NOON, status)

    house.store_all(
        waiting,
        applied,
        parked=[
            parked(waiting, ParkingStatus.WAITING),
            parked(applied, ParkingStatus.APPLIED),
        ],
    )
    house.sweep(after_days=400, messages=30)
    assert house.messages() == {waiting.id}


def test_a_message_stays_as_long_as_what_answers_it(house, make):
    message = make.message()
    house.store_all(message)
    with house.store.units() as uow:
        answer = Delivery(
            "X-answer",
            None,
            None,
            "pas",
            DeliveryStatus.PENDING,
            NOON,
            payload=b"MSH",
            answers=message.id,
        )
        uow.outbox.queue(answer)
        uow.commit()
    house.sweep(after_days=400, messages=30, deliveries=30)
    assert house.messages() == {message.id}
    with house.store.units() as uow:
        uow.outbox.save([replace(answer, status=DeliveryStatus.DELIVERED)])
        uow.commit()

    assert house.sweep(after_days=400, messages=30, deliveries=30) == Discarded(1, 1)
    assert house.messages() == set()


def test_outcomes_may_be_kept_for_different_times(house, make):
    refused = make.message(outcome=MessageOutcome.REFUSED)
    duplicate = make.message(outcome=MessageOutcome.DUPLICATE)
    processed = make.message()
    house.store_all(refused, duplicate, processed)
    by_outcome = {
        MessageOutcome.DUPLICATE: timedelta(days=30),
        MessageOutcome.REFUSED: timedelta(days=300),
    }

    house.sweep(after_days=60, by_outcome=by_outcome)
    assert house.messages() == {refused.id, processed.id}
    house.sweep(after_days=200, messages=100, by_outcome=by_outcome)
    assert house.messages() == {refused.id}
    house.sweep(after_days=301, messages=100, by_outcome=by_outcome)
    assert house.messages() == set()


def test_deliveries_go_with_their_history_unless_they_are_needed(house, make):
    ended = [make.order(status=OrderStatus.PERFORMED) for _ in range(4)]
    going = make.order(status=OrderStatus.WAITING)
    house.store_all(orders=[*ended, going])
    delivered = house.told(ended[0], DeliveryStatus.DELIVERED)
    skipped = house.told(ended[1], DeliveryStatus.SKIPPED)
    parked = house.told(ended[2], DeliveryStatus.PARKED)
    pending = house.told(ended[3], DeliveryStatus.PENDING)
    of_open = house.told(going, DeliveryStatus.DELIVERED)

    assert house.sweep(after_days=30, deliveries=30) == Discarded()
    assert house.sweep(after_days=31, deliveries=30) == Discarded(deliveries=2)
    assert house.deliveries() == {parked, pending, of_open}
    with house.store.units.reading() as uow:
        for name in (delivered, skipped):
            assert uow.outbox.attempts(name) == []
            assert uow.outbox.changes(name) == []
        assert len(uow.outbox.attempts(parked)) == 1
        assert uow.outbox.of_order(ended[0].id) == []


def test_nothing_goes_where_nothing_is_said(house, make):
    house.store_all(make.message())
    assert not RetentionPolicy().deletes
    assert house.sweep(after_days=10_000) == Discarded()
    assert len(house.messages()) == 1


@pytest.mark.parametrize("name", ["messages", "deliveries"])
def test_repeats_must_still_be_recognised(name):
    with pytest.raises(InvalidValue, match="30 days"):
        RetentionPolicy(**{name: timedelta(days=29)})
    with pytest.raises(InvalidValue, match="30 days"):
        RetentionPolicy(by_outcome={MessageOutcome.FAILED: timedelta(days=1)})
