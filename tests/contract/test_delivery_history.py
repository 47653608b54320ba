"""What was tried with deliveries and decided about them, and what flows afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.application.views import DeliveryFilter
from booking_engine.domain.delivery_history import (
    AttemptOutcome,
    DeliveryAction,
    DeliveryAttempt,
    DeliveryChange,
)
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.messages import DeliveryStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def deliveries(store, make):
    """Three of one order to one partner."""
    order = make.order()
    with store.units() as uow:
        uow.orders.add(order)
        for _ in range(3):
            uow.outbox.add(Event(EventKind.ORDER_HELD, order.id, NOON, ("pas",)))
        uow.commit()
    with store.units.reading() as uow:
        return uow.outbox.of_order(order.id)


def test_attempts_come_back_oldest_first(store, deliveries):
    one, other, _ = deliveries
    failed = DeliveryAttempt(
        one.id, NOON, 5_000_000, AttemptOutcome.FAILED, "connect", "", "timed out"
    )
    refused = DeliveryAttempt(
        one.id,
        NOON + timedelta(seconds=2),
        3_000_000_000,
        AttemptOutcome.REFUSED,
        code="AE",
        text="AE: no such patient",
    )
    accepted = DeliveryAttempt(other.id, NOON, 900, AttemptOutcome.ACCEPTED, code="AA")
    with store.units() as uow:
        uow.outbox.record([failed, accepted])
        assert uow.outbox.attempts(one.id) == [failed]
        uow.outbox.record([refused])
        uow.outbox.record([])
        uow.commit()

    with store.units.reading() as uow:
        assert uow.outbox.attempts(one.id) == [failed, refused]
        assert uow.outbox.attempts(other.id) == [accepted]
        assert uow.outbox.attempts("X-none") == []


def test_what_people_did_comes_back_with_the_bytes_that_an_edit_replaced(
    store, deliveries
):
    one, other, _ = deliveries
    edit = DeliveryChange(
        one.id, NOON, "person:me", DeliveryAction.EDIT, "wrong ward", b"MSH\x00\xff"
    )
    retry = DeliveryChange(one.id, NOON, "person:you", DeliveryAction.RETRY, "again")
    with store.units() as uow:
        uow.outbox.note(edit)
        uow.outbox.note(retry)
        uow.commit()

    with store.units.reading() as uow:
        assert uow.outbox.changes(one.id) == [edit, retry]
        assert uow.outbox.changes(other.id) == []


def test_parked_deliveries_are_claimed_in_sequence(store, deliveries):
    with store.units() as uow:
        uow.outbox.save(
            [
                replace(one, status=DeliveryStatus.PARKED)
                for one in (deliveries[2], deliveries[0])
            ]
        )
        found = uow.outbox.parked("pas", limit=5)
        assert [one.id for one in found] == [deliveries[0].id, deliveries[2].id]
        assert len(uow.outbox.parked("pas", limit=1)) == 1
        assert uow.outbox.parked("ris", limit=5) == []
        assert uow.outbox.claim(deliveries[0].id).status is DeliveryStatus.PARKED
        with pytest.raises(NotKnown):
            uow.outbox.claim("X-none")
        uow.commit()


@pytest.mark.postgres
def test_two_people_cannot_decide_about_one_delivery_at_once(
    postgres_store, make, request
):
    order = make.order()
    with postgres_store.units() as uow:
        uow.orders.add(order)
        uow.outbox.add(Event(EventKind.ORDER_HELD, order.id, NOON, ("pas",)))
        uow.commit()
    with postgres_store.units.reading() as uow:
        (delivery,) = uow.outbox.of_order(order.id)
    with postgres_store.units() as first:
        first.outbox.claim(delivery.id)
        with postgres_store.engine.connect() as connection:
            free = connection.exec_driver_sql(
                "SELECT id FROM delivery FOR UPDATE SKIP LOCKED"
            ).all()
        assert free == []
        first.commit()


def test_deliveries_are_listed_newest_first_without_their_bytes(store, deliveries):
    one, two, three = deliveries
    with store.units() as uow:
        uow.outbox.save(
            [replace(one, status=DeliveryStatus.PARKED, payload=b"MSH", ack=b"MSA")]
        )
        uow.commit()

    def found(**wanted):
        items, cursor = [], None
        while True:
            page = store.views.deliveries(
                DeliveryFilter(**wanted), cursor=cursor, limit=2
            )
            items += page.items
            cursor = page.next_cursor
            if cursor is None:
                return items

    parked = replace(one, status=DeliveryStatus.PARKED)
    assert found() == [three, two, parked]
    assert found(status=DeliveryStatus.PARKED) == [parked]
    assert found(status=DeliveryStatus.PENDING, destination="pas") == [three, two]
    assert found(destination="ris") == []
    assert found(order_id=one.order_id) == [three, two, parked]
    assert found(status=DeliveryStatus.DELIVERED) == []
