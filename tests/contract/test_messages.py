"""Inbound messages: stored whole, found by sender and control id."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import InvalidValue, NotKnown
from booking_engine.domain.messages import (
    InboundMessage,
    KeyKind,
    MessageOutcome,
    SearchKey,
)

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def add(store, *messages):
    with store.units() as uow:
        for message in messages:
            uow.messages.add(message)
        uow.commit()


def test_every_field_of_a_message_comes_back(store, make):
    orders = [make.order(), make.order()]
    message = make.message(
        outcome=MessageOutcome.REFUSED,
        error_code="204",
        error_text="unknown key",
        order_ids=(orders[1].id, orders[0].id),
        warnings=("PID-7: lies in the future", "continued_field"),
        sent_at=NOON,
        order_control="CA,NW",
        keys=(
            SearchKey(KeyKind.NHS_NUMBER, "9990000018"),
            SearchKey(KeyKind.PLACER, "P 1"),
        ),
        latency_us=3_000_000_000,
        fault="too_long",
        replay_of="M-original",
        replayed_by="person:tester",
        replay_reason="mapped since",
        edited=True,
    )
    assert all(getattr(message, f.name) != f.default for f in fields(InboundMessage))
    with store.units() as uow:
        uow.messages.add(message)
        for order in orders:
            uow.orders.add(order)
        assert uow.messages.get(message.id) == message
        uow.commit()

    with store.units.reading() as uow:
        assert uow.messages.get(message.id) == message
        with pytest.raises(NotKnown):
            uow.messages.get("M-none")


def test_an_unreadable_message_of_nobody_is_stored(store, make):
    message = make.message(
        partner=None,
        sender="",
        control_id="",
        kind="",
        raw=bytes(range(256)),
        outcome=MessageOutcome.UNREADABLE,
    )
    add(store, message)

    with store.units.reading() as uow:
        assert uow.messages.get(message.id) == message


@pytest.mark.parametrize("others", [0, 3])
def test_an_instant_without_an_offset_is_refused_alone_and_in_a_batch(
    sql_store, make, others
):
    naive = make.message(received_at=NOON.replace(tzinfo=None))
    with pytest.raises((ValueError, TypeError)):
        add(sql_store, *(make.message() for _ in range(others)), naive)


def test_by_key_returns_the_newest_of_a_sender(store, make):
    old = make.message(control_id="C", raw=b"old")
    new = make.message(control_id="C", raw=b"new")
    other = make.message(control_id="C", sender="PAS|R0B")
    add(store, new, old, other)
    newest = max(old, new, key=lambda message: message.received_at)
    key = (old.sender, "C")

    with store.units() as uow:
        uow.prefetch(messages=[key, ("PAS|R0B", "C"), ("RIS|R0A", "D"), ("", "C")])
        assert uow.messages.by_key(key) == newest
        assert uow.messages.by_key(("PAS|R0B", "C")) == other
        assert uow.messages.by_key(("RIS|R0A", "D")) is None
        newer = make.message(control_id="C")
        uow.messages.add(newer)
        assert uow.messages.by_key(key) == newer


def test_a_buffered_message_is_found_by_its_key(store, make):
    """The same frame twice in one batch: the second is a repeat."""
    message = make.message()
    with store.units() as uow:
        uow.messages.add(message)
        assert uow.messages.by_key((message.sender, message.control_id)) == message


def test_a_message_about_an_order_that_is_not_stored_is_refused(store, make):
    with store.units() as uow:
        uow.messages.add(make.message(order_ids=("O-none",)))
        with pytest.raises(NotKnown):
            uow.flush()


def test_an_order_named_twice_is_linked_once(store, make):
    order = make.order()
    message = make.message(order_ids=(order.id, order.id))
    with store.units() as uow:
        uow.orders.add(order)
        uow.messages.add(message)
        uow.commit()

    with store.units.reading() as uow:
        assert uow.messages.get(message.id).order_ids == (order.id,)


def test_a_text_that_cannot_be_stored_is_refused_and_spoils_nothing_else(
    sql_store, make
):
    """An undecodable byte that slipped through costs one message, not the batch."""
    good, bad = make.message(), make.message(error_text="\udcff")
    with sql_store.units() as uow:
        uow.messages.add(good)
        uow.flush()
        try:
            with uow.savepoint():
                uow.messages.add(bad)
                uow.flush()
        except InvalidValue:
            pass
        else:
            pytest.fail("a lone surrogate was stored")
        uow.commit()

    with sql_store.units.reading() as uow:
        assert uow.messages.get(good.id) == good


def test_the_newest_message_of_an_appointment_is_found(store, make):
    def named(kind, *keys, **given):
        return make.message(
            kind=kind, keys=tuple(SearchKey(*key) for key in keys), **given
        )

    first = named("SIU^S12", (KeyKind.FILLER, "D1"))
    second = named("SIU^S13", (KeyKind.FILLER, "D1"), (KeyKind.PLACER, "P1"))
    add(
        store,
        first,
        second,
        named("ORM^O01", (KeyKind.FILLER, "D1")),
        named("SIU^S12", (KeyKind.FILLER, "D1"), partner="ris-south"),
        named("SIU^S12", (KeyKind.ACCESSION, "D2")),
    )

    with store.units.reading() as uow:
        wanted = [("ris-north", n) for n in ("D1", "P1", "D2", "D3")]
        assert uow.messages.of_appointments(wanted) == {
            ("ris-north", "D1"): second.id,
            ("ris-north", "P1"): second.id,
        }
        assert uow.messages.of_appointments([]) == {}


def test_messages_of_an_order_are_listed_oldest_first(store, make):
    order = make.order()
    first = make.message(order_ids=(order.id,))
    second = make.message(order_ids=(order.id,))
    early = replace(
        make.message(order_ids=(order.id,)), received_at=NOON - timedelta(days=1)
    )
    with store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    add(store, second, first, early, make.message())

    expected = sorted((first, second, early), key=lambda m: m.received_at)
    assert store.views.messages_of(order.id) == [m.id for m in expected]
