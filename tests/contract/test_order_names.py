"""What an order goes by besides its placer key, and messages that wait for one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.order_names import NameKind, OrderName, filler_name
from booking_engine.domain.parking import ParkedMessage, ParkingStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def ids(orders):
    return [order.id for order in orders]


def test_an_order_is_found_by_its_fillers_number_and_by_what_it_shares(store, make):
    head = make.order(placer_number="P7#1#MHEAD", filler_number="F7")
    spine = make.order(
        placer_number="P7#2#MSPINE", received_at=NOON + timedelta(minutes=1)
    )
    other = make.order(placer_number="P7", placer_authority="ELSEWHERE")
    shared = OrderName(NameKind.SHARED_PLACER, head.partner, "RIS", "P7")
    with store.units() as uow:
        for order in (head, spine, other):
            uow.orders.add(order)
        assert ids(uow.orders.named(shared)) == [spine.id, head.id]
        uow.commit()

    with store.units() as uow:
        assert ids(uow.orders.named(shared)) == [spine.id, head.id]
        assert ids(uow.orders.named(filler_name(head.partner, "F7"))) == [head.id]
        assert uow.orders.named(filler_name("somebody-else", "F7")) == []
        assert ids(uow.orders.placed_as("RIS", "P7")) == [spine.id, head.id]
        assert ids(uow.orders.placed_as("ELSEWHERE", "P7")) == [other.id]
        assert ids(uow.orders.placed_as("RIS", "P7#1#MHEAD")) == [head.id]


def test_a_name_given_later_is_known_and_given_twice_changes_nothing(store, make):
    order = make.order()
    name = filler_name("ris", "F9")
    with store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    for _ in range(2):
        with store.units() as uow:
            uow.orders.add_name(order, name)
            uow.commit()
    with store.units() as uow:
        known = uow.orders.get(order.id)
        uow.orders.save(
            replace(known, content=replace(known.content, filler_number="F10"))
        )
        uow.commit()
    with store.units.reading() as uow:
        assert ids(uow.orders.named(name)) == [order.id]
        assert ids(uow.orders.named(filler_name(order.partner, "F10"))) == [order.id]


def test_a_name_of_no_order_is_refused(store, make):
    with store.units() as uow:
        uow.orders.add_name(make.order(), filler_name("ris", "F9"))
        with pytest.raises(NotKnown):
            uow.commit()


def parked(message, number="P1", minutes=10, **changes):
    made = ParkedMessage(
        id=message.id,
        partner="north",
        placer_authority="RA1",
        placer_number=number,
        sent_at=NOON,
        expires_at=NOON + timedelta(minutes=minutes),
    )
    return replace(made, **changes)


def test_what_waits_is_found_by_number_in_the_order_of_sending(store, make):
    late, early, other = (make.message() for _ in range(3))
    with store.units() as uow:
        for message in (late, early, other):
            uow.messages.add(message)
        uow.parking.add(parked(late, sent_at=NOON + timedelta(minutes=2)))
        uow.parking.add(parked(early, minutes=30))
        uow.parking.add(parked(other, "P2"))
        assert ids(uow.parking.waiting(["P1"])) == [early.id, late.id]
        uow.commit()
    with store.units() as uow:
        assert ids(uow.parking.waiting(["P1", "P9"])) == [early.id, late.id]
        first = uow.parking.waiting(["P1"])[0]
        assert first == parked(early, minutes=30)
        uow.parking.save(replace(first, status=ParkingStatus.APPLIED))
        assert ids(uow.parking.waiting(["P1"])) == [late.id]
        uow.commit()
    with store.units.reading() as uow:
        assert ids(uow.parking.waiting(["P1"])) == [late.id]
        assert uow.parking.expired(NOON) == []
        assert ids(uow.parking.expired(NOON + timedelta(minutes=10))) == [
            *sorted((late.id, other.id))
        ]


def test_what_became_of_a_message_in_the_end_is_kept_with_its_orders(store, make):
    message = replace(make.message(), outcome=MessageOutcome.PARKED)
    order, second = make.order(), make.order()
    key = (message.sender, message.control_id)
    with store.units() as uow:
        uow.orders.add(order)
        uow.orders.add(second)
        uow.messages.add(message)
        uow.messages.settle(message.id, MessageOutcome.PROCESSED, [order.id])
        assert uow.messages.by_key(key).outcome is MessageOutcome.PROCESSED
        uow.commit()
    with store.units() as uow:
        uow.messages.settle(message.id, MessageOutcome.PROCESSED, [second.id])
        uow.commit()
    with store.units.reading() as uow:
        found = uow.messages.get(message.id)
        assert found.order_ids == (order.id, second.id)
        assert found == replace(
            message,
            outcome=MessageOutcome.PROCESSED,
            order_ids=(order.id, second.id),
        )
