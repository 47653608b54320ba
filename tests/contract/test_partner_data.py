"""Profiles, mappings and the orders that wait for them, in every store."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.mappings import CodeMapping, MappingTable, StoredProfile
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    Orderer,
    OrderStatus,
)

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def mapping(number=1, **given):
    values = {
        "id": f"C{number}",
        "partner": "north",
        "table": MappingTable.PROCEDURE,
        "code": "XXKNEE",
        "target": "MRKNEE",
        "valid_from": NOON,
        "valid_to": None,
        "made_by": "person:a",
        "made_at": NOON,
        "why": "call with the vendor",
    }
    return CodeMapping(**values | given)


def profile(version=1, **given):
    values = {
        "partner": "north",
        "version": version,
        "text": "id: north\nname: Nørth\n",
        "made_by": "person:a",
        "made_at": NOON,
        "why": "new",
    }
    return StoredProfile(**values | given)


def test_mappings_come_back_as_they_were_stored(store):
    ended = mapping(
        2,
        partner="south",
        valid_to=NOON + timedelta(days=1),
        ended_by="person:b",
        ended_at=NOON,
        ended_why="wrong",
    )
    with store.units() as uow:
        uow.partner_data.add_mapping(ended)
        uow.partner_data.add_mapping(mapping(1))
        assert uow.partner_data.mapping("C1") == mapping(1)
        uow.commit()

    with store.units.reading() as uow:
        assert uow.partner_data.mappings() == [mapping(1), ended]
        assert uow.partner_data.mappings("south") == [ended]
        with pytest.raises(NotKnown, match="C9"):
            uow.partner_data.mapping("C9")


def test_a_mapping_that_somebody_else_ended_is_stale(store):
    with store.units() as uow:
        uow.partner_data.add_mapping(mapping())
        uow.commit()
    ends = replace(mapping(), valid_to=NOON)
    with store.units() as uow:
        uow.partner_data.save_mapping(ends)
        uow.commit()
    with store.units() as uow:
        uow.partner_data.save_mapping(ends)
        with pytest.raises(StaleVersion):
            uow.commit()
    with store.units.reading() as uow:
        assert uow.partner_data.mapping("C1").version == 2


def test_the_newest_version_of_each_profile_is_in_force(store):
    with store.units() as uow:
        for one in (profile(1), profile(2, why="v2"), profile(1, partner="indie")):
            uow.partner_data.add_profile(one)
        uow.commit()

    with store.units.reading() as uow:
        found = uow.partner_data
        assert found.profiles() == [profile(1, partner="indie"), profile(2, why="v2")]
        assert [one.version for one in found.profile_versions("north")] == [2, 1]
        assert found.profile("north") == profile(2, why="v2")
        assert found.profile("nobody") is None


def test_a_version_is_stored_once(store):
    with store.units() as uow:
        uow.partner_data.add_profile(profile(1))
        uow.commit()
    with store.units() as uow:
        uow.partner_data.add_profile(profile(1, text="other"))
        with pytest.raises(StaleVersion):
            uow.commit()


def test_every_change_is_counted_for_other_processes(store):
    def seen():
        with store.another_process().reading() as uow:
            return uow.partner_data.version()

    assert seen() == 0
    counts = []
    for write in (
        lambda data: data.add_mapping(mapping()),
        lambda data: data.save_mapping(replace(mapping(), valid_to=NOON)),
        lambda data: data.add_profile(profile()),
    ):
        with store.units() as uow:
            write(uow.partner_data)
            uow.commit()
        counts.append(seen())
    assert counts == sorted(set(counts))
    with store.units() as uow:
        uow.partner_data.add_profile(profile(2))  # not committed
    assert seen() == counts[-1]


def test_who_reads_mappings_for_writing_keeps_others_out(sql_store):
    """Two clerks who map one code at the same moment: the second sees the first."""
    entered, seen = threading.Event(), []

    def second():
        with sql_store.another_process()() as uow:
            entered.set()
            seen.extend(uow.partner_data.mappings("north"))

    other = threading.Thread(target=second)
    with sql_store.units() as uow:
        assert uow.partner_data.mappings("north") == []
        other.start()
        assert entered.wait(10)
        uow.partner_data.add_mapping(mapping())
        uow.commit()
    other.join(20)
    assert seen == [mapping()]


def test_orders_are_found_whose_orderer_is_not_mapped(store, make):
    new = Orderer("DR7", "", "", unmapped=True)
    waiting = make.order(orderer=new)
    elsewhere = make.order(orderer=new, partner="ris-south")
    over = make.order(orderer=new, status=OrderStatus.CANCELLED)
    known = make.order(orderer=Orderer("DR8", "Dr Lee"))
    with store.units() as uow:
        for order in (waiting, elsewhere, over, known):
            uow.orders.add(order)
        uow.commit()

    with store.units() as uow:
        assert uow.orders.with_unmapped_orderer() == [waiting, elsewhere]
        assert uow.orders.with_unmapped_orderer(partner="ris-south") == [elsewhere]
        stored = uow.orders.get(waiting.id)
        assert stored.content.orderer.unmapped
        content = replace(stored.content, orderer=Orderer("DR7", "Dr Ray"))
        uow.orders.save(replace(stored, content=content))
        uow.commit()

    with store.units.reading() as uow:
        assert uow.orders.with_unmapped_orderer(partner="ris-north") == []


def test_orders_are_found_by_what_they_are_held_for(store, make):
    def order(status, *codes, **given):
        holds = tuple(HoldReason(code, "X") for code in codes)
        return make.order(status=status, holds=holds, **given)

    site, urgency = HoldCode.UNKNOWN_SITE, HoldCode.UNKNOWN_URGENCY
    held = order(OrderStatus.HELD, urgency, site)
    booked = order(OrderStatus.BOOKED, HoldCode.CHANGED_AFTER_BOOKING, site)
    other = order(OrderStatus.HELD, HoldCode.INVALID_TIME)
    elsewhere = order(OrderStatus.HELD, site, partner="ris-south")
    with store.units() as uow:
        for one in (held, booked, other, elsewhere, make.order()):
            uow.orders.add(one)
        assert uow.orders.held_for([site], partner="ris-north") == [held, booked]
        uow.commit()
    with store.units.reading() as uow:
        assert uow.orders.held_for([site]) == [held, booked, elsewhere]
        assert uow.orders.held_for([urgency, site], partner="ris-south") == [elsewhere]
        assert uow.orders.held_for([HoldCode.MISSING_BIRTH_DATE]) == []


def test_what_a_held_order_waits_for_is_kept(store, make):
    hold = HoldReason(HoldCode.UNMAPPED_PROCEDURE, "X", ("x^sct", "x"), "Knee")
    order = make.order(status=OrderStatus.HELD, holds=(hold,))
    with store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    with store.units.reading() as uow:
        (found,) = uow.orders.get(order.id).holds
    assert (found.names, found.text) == (hold.names, hold.text)


def test_the_first_message_of_each_order_is_found(store, make):
    one, two, three = make.order(), make.order(), make.order()
    first = make.message(order_ids=(one.id, two.id))
    later = make.message(order_ids=(one.id,))
    with store.units() as uow:
        for order in (one, two, three):
            uow.orders.add(order)
        uow.messages.add(first)
        uow.messages.add(later)
        wanted = [one.id, two.id, three.id]
        assert uow.messages.of_orders(wanted) == {one.id: first.id, two.id: first.id}
        assert uow.messages.of_orders([]) == {}
        uow.commit()
