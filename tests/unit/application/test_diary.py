"""Another system's diary: what it takes, what it moves of ours, and what conflicts."""

from datetime import timedelta

import pytest
from diary_desk import NUMBERS, Engine, at, on
from network import CLERK, NORTH, NOW

from booking_engine.application.commands import HoldSlot, ReleaseOrder, VetOrder
from booking_engine.application.diary_commands import LinkEntries, OrderNumbers
from booking_engine.application.planning import snapshot_of
from booking_engine.application.received import ReceivedAs
from booking_engine.application.slots import search_slots
from booking_engine.domain.diary_entries import EntryStatus, Stretch
from booking_engine.domain.errors import NotKnown, SlotTaken
from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.schedule import AppointmentStatus


@pytest.fixture
def engine():
    return Engine()


def test_an_entry_takes_time_from_search_booking_and_plan(engine):
    order_id = engine.place()
    session = engine.session("MRX", at(10))
    whole = Stretch("MRX", session.starts_at, session.ends_at)

    received = engine.record("D1", whole)

    assert received.kind is ReceivedAs.CREATED
    with engine.engine.reading(CLERK) as reading:
        order = reading.uow.orders.get(order_id)
        found = search_slots(order, reading.uow, reading.context, limit=50)
        snapshot = snapshot_of(reading.uow, reading.context)
    assert all(o.chosen.session_id != session.id for o in found.options)
    assert session.id not in {one.id for one in snapshot.free.sessions}
    with pytest.raises(SlotTaken, match="diary"):
        engine.book(order_id, at(10))


def test_time_outside_an_entry_stays_free(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)))

    assert engine.book(order_id, at(10, 30)).starts_at == at(10, 30)


def test_a_waiting_order_is_booked_where_the_diary_has_it(engine):
    order_id = engine.place()

    received = engine.record("D1", on(at(10)), order=NUMBERS)

    live = engine.live(order_id)
    (entry,) = engine.entries
    assert (received.kind, received.order_id) == (ReceivedAs.CREATED, order_id)
    assert received.appointment_id == live.id == entry.appointment_id
    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert (live.starts_at, live.scanner, live.told) == (at(10), "MRX", True)
    assert live.session_id == engine.session("MRX", at(10)).id
    assert entry.status is EntryStatus.LINKED
    assert engine.told == [(EventKind.APPOINTMENT_BOOKED, (NORTH,))]


def test_outside_every_list_it_gets_a_closed_session(engine):
    order_id = engine.place()

    engine.record("D1", on(at(3)), order=NUMBERS)

    session = engine.tables.sessions[engine.live(order_id).session_id]
    assert (session.starts_at, session.status) == (at(3), "closed")


def test_an_order_that_nobody_vetted_is_put_to_a_person(engine):
    order_id = engine.place(guidelines=frozenset())

    received = engine.record("D1", on(at(10)), order=NUMBERS)

    assert received.kind is ReceivedAs.HELD
    assert engine.order(order_id).status is OrderStatus.HELD
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]
    assert engine.live(order_id) is None
    assert engine.entries[0].status is EntryStatus.TAKING

    engine.end("D1")
    assert engine.order(order_id).status is OrderStatus.AWAITING_VETTING
    engine.do(VetOrder(order_id))
    assert engine.order(order_id).status is OrderStatus.WAITING


def test_once_vetted_it_is_booked_where_the_diary_has_it(engine):
    order_id = engine.place(guidelines=frozenset())
    engine.record("D1", on(at(10)), order=NUMBERS)
    engine.do(ReleaseOrder(order_id))

    order = engine.do(VetOrder(order_id))

    assert order.status is OrderStatus.BOOKED
    assert engine.live(order_id).starts_at == at(10)
    assert engine.entries[0].status is EntryStatus.LINKED
    assert engine.entries[0].appointment_id == engine.live(order_id).id


def test_vetted_but_not_to_be_booked_there_it_is_put_to_a_person_again(engine):
    order_id = engine.place(guidelines=frozenset())
    engine.record("D1", on(at(8), scanner="CT1"), order=NUMBERS, partner=NORTH)
    engine.do(ReleaseOrder(order_id))

    order = engine.do(VetOrder(order_id))

    assert order.status is OrderStatus.HELD
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]
    assert engine.entries[0].status is EntryStatus.TAKING


def test_the_placer_is_told_once_that_its_order_waits_for_a_person(engine):
    order_id = engine.place(guidelines=frozenset())

    engine.record("D2", on(at(9)), order=NUMBERS)
    engine.record("D3", on(at(10)), order=NUMBERS)

    assert engine.order(order_id).status is OrderStatus.HELD
    assert engine.told == [(EventKind.ORDER_HELD, (NORTH,))]
    (event,) = engine.tables.events.values()
    assert event.reason == HoldCode.BOOKED_ELSEWHERE


def test_a_booked_order_that_is_only_flagged_is_not_told_as_held(engine):
    order_id = engine.place()
    engine.book(order_id, at(10))
    told = engine.told

    engine.record("D1", on(at(10, 15)))

    assert engine.holds(order_id) == [HoldCode.DIARY_CONFLICT]
    assert engine.told == told


def test_an_order_that_comes_after_its_appointment_is_linked(engine):
    engine.record("D1", on(at(10)), order=NUMBERS)
    assert engine.do(LinkEntries()) == 0
    order_id = engine.place()

    assert engine.do(LinkEntries()) == 1

    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert engine.live(order_id).starts_at == at(10)
    assert engine.entries[0].status is EntryStatus.LINKED
    assert engine.do(LinkEntries()) == 0


def test_a_slot_that_was_only_held_is_given_up_for_it(engine):
    order_id = engine.place()
    session = engine.session("MRX", at(11))
    hold = engine.do(HoldSlot(order_id, session.id, at(11)))

    received = engine.record("D1", on(at(10)), order=NUMBERS)

    assert received.kind is ReceivedAs.CREATED
    assert engine.live(order_id).starts_at == at(10)
    assert engine.tables.appointments[hold.id].status is AppointmentStatus.CANCELLED
    assert engine.told == [(EventKind.APPOINTMENT_BOOKED, (NORTH,))]


def test_a_scanner_of_another_modality_books_no_order(engine):
    order_id = engine.place()

    engine.record("D1", on(at(10), scanner="CT1"), order=NUMBERS, partner=NORTH)

    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]


def test_an_order_booked_elsewhere_is_not_moved_there(engine):
    order_id = engine.place()
    engine.book(order_id, at(10), scanner="MR1")

    received = engine.record("D1", on(at(11)), order=NUMBERS)

    assert received.kind is ReceivedAs.HELD
    assert engine.live(order_id).scanner == "MR1"
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]
    engine.end("D1")
    assert engine.holds(order_id) == []
    assert engine.order(order_id).status is OrderStatus.BOOKED


def test_what_is_older_than_the_last_word_is_ignored(engine):
    engine.record("D1", on(at(10)), sent_at=NOW)

    old = NOW - timedelta(minutes=5)
    received = engine.record("D1", on(at(14)), sent_at=old)

    assert received.kind is ReceivedAs.IGNORED_OLDER
    assert engine.end("D1", sent_at=old).kind is ReceivedAs.IGNORED_OLDER
    assert engine.entries[0].starts_at == at(10)


def test_the_same_again_changes_nothing(engine):
    engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    before = engine.tables

    received = engine.record("D1", on(at(10)), order=NUMBERS)

    assert received.kind is ReceivedAs.DUPLICATE
    assert engine.tables.appointments == before.appointments
    assert engine.tables.diary == before.diary


def test_several_parts_on_one_scanner_are_one_stay(engine):
    engine.record("D1", on(at(10)), on(at(10, 30)), on(at(11), scanner=None))

    assert {(e.scanner, e.starts_at, e.ends_at) for e in engine.entries} == {
        ("MRX", at(10), at(11)),
        (None, at(11), at(11, 30)),
    }


def test_parts_that_are_left_out_are_ended(engine):
    engine.record("D1", on(at(10)), on(at(11), scanner=None))
    engine.record("D1", on(at(10)))

    found = {e.scanner: e.status for e in engine.entries}
    assert found == {"MRX": EntryStatus.TAKING, None: EntryStatus.ENDED}


def test_an_unknown_number_is_refused_where_it_may_not_be_new(engine):
    with pytest.raises(NotKnown, match="D9"):
        engine.record("D9", on(at(10)), may_create=False)
    with pytest.raises(NotKnown, match="D9"):
        engine.end("D9")


def test_a_bare_number_reaches_no_other_partners_order(engine):
    order_id = engine.place()

    engine.record("D1", on(at(10)), order=OrderNumbers("", "P1"))

    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.entries[0].order_id is None


def test_our_own_order_number_names_the_order(engine):
    order_id = engine.place()

    engine.record("D1", on(at(10)), order=OrderNumbers(filler_number=order_id))

    assert engine.order(order_id).status is OrderStatus.BOOKED
