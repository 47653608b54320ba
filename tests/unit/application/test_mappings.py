"""Mapping codes, and what becomes of the orders that waited for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from network import CLERK, FEED, GUIDELINES, NORTH, NOW, catalogue, dispatcher, receive

from booking_engine.application.commands import (
    ChangeOrder,
    EndMapping,
    MapCode,
    SettleHolds,
    StoreProfile,
)
from booking_engine.domain.errors import InvalidValue, MappingConflict, StaleVersion
from booking_engine.domain.identifiers import OrderId, ProcedureCode, SiteCode
from booking_engine.domain.mappings import TABLE_OF_HOLD, MappingTable
from booking_engine.domain.orders import UNMAPPED as UNMAPPED_HOLDS
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.unmapped import unmapped_codes
from booking_engine.domain.vocabulary import BookingMode, Priority

HEAD = ProcedureCode("MRHEAD")
UNMAPPED = HoldReason(HoldCode.UNMAPPED_PROCEDURE, "MHD", ("mhd^l", "mhd"), "Head")
NO_URGENCY = HoldReason(HoldCode.UNKNOWN_URGENCY, "ORC-7.6 9", ("9",))
NO_SITE = HoldReason(HoldCode.UNKNOWN_SITE, "PV1-3.4 W", ("w",))
DAY = timedelta(days=1)


@pytest.fixture
def engine():
    return dispatcher()


def order_of(engine, order_id):
    with engine.reading(CLERK) as session:
        return session.uow.orders.get(order_id)


def history(engine, order_id):
    with engine.reading(CLERK) as session:
        return session.uow.orders.history(order_id)


def held(engine, number="P1", **given):
    return engine.handle(receive(number, **given), FEED).order_id


def map_code(code="MHD", target="MRHEAD", table=MappingTable.PROCEDURE, **given):
    return MapCode(NORTH, table, code, target, **given)


# Mapping --------------------------------------------------------------------------


def test_a_mapping_begins_now_and_says_who(engine):
    made = engine.handle(map_code(" MHD ", why="vendor's list"), CLERK)

    assert (made.code, made.target, made.key) == ("MHD", "MRHEAD", "mhd")
    assert (made.valid_from, made.valid_to) == (NOW, None)
    assert (made.made_by, made.made_at, made.why) == (CLERK, NOW, "vendor's list")
    assert made.in_force(NOW)
    assert not made.in_force(NOW - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "MRHAED"}, ["'MRHAED'", "MRHEAD (MR head)"]),
        ({"target": "MR heads"}, ["MRHEAD (MR head)"]),
        ({"target": "zzz"}, ["choose one of MRHEAD"]),
        ({"table": MappingTable.URGENCY, "target": "soon"}, ["suspected_cancer"]),
        ({"table": MappingTable.SAFETY, "target": "maybe"}, ["yes, no, unknown"]),
        ({"code": "  "}, ["1 to 199"]),
        ({"code": "x" * 200}, ["1 to 199"]),
        ({"valid_from": NOW - DAY}, ["past"]),
        ({"valid_from": NOW + DAY, "valid_to": NOW + DAY}, ["not after"]),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_the_remedy(engine, given, words):
    with pytest.raises(InvalidValue) as caught:
        engine.handle(map_code(**given), CLERK)

    for word in words:
        assert word in str(caught.value)


def test_without_a_network_nothing_can_be_meant(engine):
    with engine.session(CLERK) as session:
        session.uow.replace_catalogue(
            replace(catalogue(), procedures={}, sites={}, scanners={})
        )
        session.commit()

    with pytest.raises(InvalidValue, match="serve once with the region"):
        engine.handle(map_code(), CLERK)


def test_a_code_has_one_meaning_at_a_time(engine):
    first = engine.handle(map_code(), CLERK)

    with pytest.raises(MappingConflict, match=first.id):
        engine.handle(map_code("mhd", "MRLIVER"), CLERK)
    other = engine.handle(
        map_code("mhd", "MRLIVER", valid_from=NOW + DAY, replaces=first.id), CLERK
    )

    with engine.reading(CLERK) as session:
        ended, successor = session.uow.partner_data.mappings(NORTH)
    assert successor == other
    assert (ended.valid_to, ended.ended_by) == (NOW + DAY, CLERK)
    assert ended.in_force(NOW + DAY - timedelta(microseconds=1))
    assert not ended.in_force(NOW + DAY)
    assert successor.in_force(NOW + DAY)


def test_another_partner_or_table_may_use_the_same_code(engine):
    engine.handle(map_code("1"), CLERK)

    engine.handle(map_code("1", "RA101", MappingTable.SITE), CLERK)
    engine.handle(MapCode("south", MappingTable.PROCEDURE, "1", "CTHEAD"), CLERK)


def test_a_mapping_ends_once_and_not_in_the_past(engine):
    made = engine.handle(map_code(), CLERK)
    engine.clock.advance(DAY)
    with pytest.raises(InvalidValue, match="past"):
        engine.handle(EndMapping(made.id, at=NOW + timedelta(hours=1)), CLERK)
    with pytest.raises(StaleVersion):
        engine.handle(EndMapping(made.id, version=7), CLERK)

    ended = engine.handle(EndMapping(made.id, "typing error", version=1), CLERK)

    assert (ended.valid_to, ended.ended_why) == (NOW + DAY, "typing error")
    assert ended.version == 2
    with pytest.raises(MappingConflict, match="has ended"):
        engine.handle(EndMapping(made.id), CLERK)
    engine.handle(map_code("MHD", "MRLIVER"), CLERK)


def test_a_mapping_that_has_not_begun_never_counts_once_ended(engine):
    made = engine.handle(map_code(valid_from=NOW + DAY), CLERK)

    ended = engine.handle(EndMapping(made.id), CLERK)

    assert ended.valid_from == ended.valid_to
    assert not ended.in_force(NOW + DAY)
    engine.handle(map_code(valid_from=NOW + DAY), CLERK)


def test_a_profile_that_moved_on_is_not_overwritten(engine):
    first = engine.handle(StoreProfile(NORTH, "id: north"), CLERK)
    second = engine.handle(StoreProfile(NORTH, "id: north #2", first.version), CLERK)

    assert (first.version, second.version) == (1, 2)
    with pytest.raises(StaleVersion):
        engine.handle(StoreProfile(NORTH, "id: north #3", first.version), CLERK)
    with pytest.raises(StaleVersion):
        engine.handle(StoreProfile(NORTH, "id: north #3"), CLERK)


# Orders that wait -----------------------------------------------------------------


def test_a_settled_order_goes_on_as_a_new_one_would(engine):
    order_id = held(engine, procedure=None, holds=(UNMAPPED,))

    engine.handle(
        SettleHolds(
            order_id,
            procedure=HEAD,
            guidelines=GUIDELINES,
            mode=BookingMode.OFFER,
            note="procedure MHD means MRHEAD",
        ),
        CLERK,
    )

    order = order_of(engine, order_id)
    assert order.status is OrderStatus.WAITING
    assert (order.content.procedure, order.holds) == (HEAD, ())
    assert order.mode is BookingMode.OFFER
    assert order.vetting is not None
    lines = [(line.action, line.after, line.note) for line in history(engine, order_id)]
    assert lines[1] == (
        "release",
        OrderStatus.AWAITING_VETTING,
        "procedure MHD means MRHEAD",
    )
    assert [action for action, *_ in lines] == ["receive", "release", "vet", "list"]


def test_without_a_guideline_a_settled_order_waits_for_vetting(engine):
    order_id = held(engine, procedure=None, holds=(UNMAPPED,))

    engine.handle(SettleHolds(order_id, procedure=HEAD), CLERK)

    assert order_of(engine, order_id).status is OrderStatus.AWAITING_VETTING


def test_an_order_stays_held_for_what_is_still_open(engine):
    order_id = held(
        engine,
        procedure=None,
        priority=None,
        site=None,
        holds=(UNMAPPED, NO_URGENCY, NO_SITE, HoldReason(HoldCode.INVALID_TIME)),
    )

    engine.handle(SettleHolds(order_id, priority=Priority.URGENT), CLERK)
    after = order_of(engine, order_id)
    assert after.status is OrderStatus.HELD
    assert after.status_since == NOW
    assert after.content.priority is Priority.URGENT
    assert [h.code for h in after.holds] == [
        HoldCode.UNMAPPED_PROCEDURE,
        HoldCode.UNKNOWN_SITE,
        HoldCode.INVALID_TIME,
    ]

    engine.handle(SettleHolds(order_id, procedure=HEAD, site=SiteCode("RA101")), CLERK)
    after = order_of(engine, order_id)
    assert after.status is OrderStatus.HELD
    assert after.holds == (HoldReason(HoldCode.INVALID_TIME),)


def test_a_site_that_is_closed_holds_the_order_anew(engine):
    order_id = held(engine, site=None, holds=(NO_SITE,))

    engine.handle(SettleHolds(order_id, site=SiteCode("RZ901")), CLERK)

    after = order_of(engine, order_id)
    assert after.status is OrderStatus.HELD
    assert [hold.code for hold in after.holds] == [HoldCode.CLOSED_PROVIDER]


def test_what_a_person_has_settled_is_left_alone(engine):
    order_id = held(engine)

    engine.handle(SettleHolds(order_id, procedure=ProcedureCode("CTHEAD")), CLERK)

    assert order_of(engine, order_id).content.procedure == HEAD
    assert order_of(engine, order_id).version == 1


def test_a_code_that_is_not_in_the_catalogue_is_not_waited_for(engine):
    """Our own code is unknown: a mapping cannot help, the catalogue must."""
    gone = ProcedureCode("GONE")
    order_id = held(engine, procedure=gone)

    engine.handle(SettleHolds(order_id, procedure=HEAD), CLERK)

    assert order_of(engine, order_id).content.procedure == gone


def test_codes_are_counted_by_the_orders_that_wait(engine):
    hold = HoldReason(HoldCode.UNMAPPED_PROCEDURE, "ZZ", ("zz",), "Toe")
    orders = [
        order_of(engine, held(engine, "A", procedure=None, holds=(UNMAPPED,))),
        order_of(engine, held(engine, "B", procedure=None, holds=(hold, NO_SITE))),
        order_of(engine, held(engine, "C", procedure=None, holds=(hold,))),
        # As stored before holds carried names.
        order_of(
            engine,
            held(
                engine,
                "D",
                procedure=None,
                procedure_as_sent="ZZ",
                holds=(HoldReason(HoldCode.UNMAPPED_PROCEDURE, "ZZ"),),
            ),
        ),
    ]

    found = unmapped_codes(orders)

    assert [(c.table.value, c.code, c.text, len(c.orders)) for c in found] == [
        ("procedure", "zz", "Toe", 3),
        ("procedure", "mhd^l", "Head", 1),
    ]
    assert found[1].names == ("mhd^l", "mhd")


# Changes by the sender ------------------------------------------------------------


def change(**given):
    content = receive(**given).content
    return ChangeOrder(
        NORTH, content, NOW + timedelta(minutes=5), guidelines=GUIDELINES
    )


def test_a_change_that_settles_a_hold_releases_the_order(engine):
    """The site was all that was missing, and it is not what vetting looks at."""
    order_id = held(engine, site=None, holds=(NO_SITE,))

    engine.handle(change(), FEED)

    after = order_of(engine, order_id)
    assert after.status is OrderStatus.WAITING
    assert after.holds == ()


def test_a_change_settles_nothing_that_needs_a_person(engine):
    reused = HoldReason(HoldCode.PLACER_NUMBER_REUSED, OrderId("O1"))
    order_id = held(engine, site=None, holds=(NO_SITE, reused))

    engine.handle(change(), FEED)

    after = order_of(engine, order_id)
    assert after.status is OrderStatus.HELD
    assert after.holds == (reused,)


def test_every_table_has_targets():
    from booking_engine.application.mappings import targets_of  # noqa: PLC0415

    network = catalogue()
    assert all(
        targets_of(table, network)
        for table in MappingTable
        if table is not MappingTable.CLINICIAN
    )


def test_every_hold_for_a_code_has_its_table():
    assert set(TABLE_OF_HOLD) == UNMAPPED_HOLDS
