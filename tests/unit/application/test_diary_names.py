"""Entries that name a room or an exam that is mapped only later."""

from dataclasses import replace

import pytest
from diary_desk import NUMBERS, SOMEBODY, Engine, at, on
from network import CLERK, INDIE

from booking_engine.application.commands import MapCode
from booking_engine.application.diary_candidates import PERHAPS
from booking_engine.application.diary_commands import SettleNames
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.errors import InvalidValue, SlotTaken
from booking_engine.domain.mappings import MappingTable, UnknownName
from booking_engine.domain.orders import HoldCode, OrderStatus

ROOM = UnknownName(MappingTable.RESOURCE, ("room 9",), "Room 9")
COIL = UnknownName(MappingTable.RESOURCE, ("coil",))
EXAM = UnknownName(MappingTable.PROCEDURE, ("zz",), "Toe")


@pytest.fixture
def engine():
    """Use cases on a network in which the diary's keeper has two scanners."""
    desk = Engine()
    with desk.engine.session(CLERK) as session:
        network = session.uow.catalogue()
        second = replace(network.scanners["MRX"], id="MRY", name="MR Y")
        scanners = {**network.scanners, "MRY": second}
        session.uow.replace_catalogue(replace(network, scanners=scanners))
        session.commit()
    return desk


def settle(engine, entry, *names, scanners=(), exams=()):
    command = SettleNames(entry.id, names, tuple(scanners), frozenset(exams))
    return engine.do(command)


def standing(engine):
    return [e for e in engine.entries if e.status is not EntryStatus.ENDED]


def unplaced(engine, *names, **given):
    engine.record("D1", on(at(10), scanner=None), unknown=names or (ROOM,), **given)
    (entry,) = engine.entries
    return entry


def test_an_entry_takes_its_scanner_once_the_room_is_known(engine):
    order_id = engine.place()
    entry = unplaced(engine)
    assert entry.unknown == (ROOM,)

    assert settle(engine, entry, ROOM, scanners=["MRX"]) == (entry.id,)

    (placed,) = engine.entries
    assert (placed.id, placed.scanner, placed.unknown) == (entry.id, "MRX", ())
    assert placed.stretch == on(at(10))
    with pytest.raises(SlotTaken):
        engine.book(order_id, at(10))


def test_what_was_booked_meanwhile_is_put_to_a_person(engine):
    order_id = engine.place()
    entry = unplaced(engine, patient=SOMEBODY.key)
    booked = engine.book(order_id, at(10))

    settle(engine, entry, ROOM, scanners=["MRX"])

    assert engine.holds(order_id) == [HoldCode.DIARY_CONFLICT]
    assert engine.live(order_id) == booked


def test_an_order_that_it_names_is_booked_there_then(engine):
    order_id = engine.place()
    entry = unplaced(engine, order=NUMBERS)
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    settle(engine, entry, ROOM, scanners=["MRX"])

    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert engine.holds(order_id) == []
    booked = engine.live(order_id)
    assert (booked.scanner, booked.starts_at) == ("MRX", at(10))
    (placed,) = engine.entries
    assert (placed.status, placed.appointment_id) == (EntryStatus.LINKED, booked.id)


def test_an_order_that_nobody_vetted_stays_with_a_person(engine):
    order_id = engine.place(guidelines=frozenset())
    entry = unplaced(engine, order=NUMBERS)

    settle(engine, entry, ROOM, scanners=["MRX"])

    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]
    assert engine.live(order_id) is None


def test_what_is_no_scanner_of_ours_takes_no_scanners_time(engine):
    entry = unplaced(engine, ROOM, COIL)

    settle(engine, entry, COIL)
    assert engine.entries[0].unknown == (ROOM,)
    settle(engine, entry, ROOM)

    (placed,) = engine.entries
    assert (placed.scanner, placed.unknown) == (None, ())
    assert placed.status is EntryStatus.TAKING


def test_a_further_room_of_a_placed_entry_takes_its_time_too(engine):
    engine.record("D1", on(at(10)), unknown=(ROOM,))
    (entry,) = engine.entries

    settle(engine, entry, ROOM, scanners=["MRY"])

    assert {e.stretch for e in standing(engine)} == {
        on(at(10)),
        on(at(10), scanner="MRY"),
    }
    assert [e.unknown for e in standing(engine)] == [(), ()]


def test_a_closure_is_extended_to_a_room_that_is_known_by_now(engine):
    engine.record("D1", on(at(10)), unknown=(ROOM, EXAM), kind=EntryKind.CLOSURE)
    (entry,) = engine.entries
    assert entry.unknown == (ROOM,)

    settle(engine, entry, ROOM, scanners=["MRY"])

    assert {e.scanner for e in standing(engine)} == {"MRX", "MRY"}
    assert {e.kind for e in standing(engine)} == {EntryKind.CLOSURE}


def test_what_is_settled_or_over_is_left_alone(engine):
    entry = unplaced(engine)
    assert settle(engine, entry, COIL, scanners=["MRX"]) == ()
    engine.end("D1")
    assert settle(engine, entry, ROOM, scanners=["MRX"]) == ()
    assert engine.entries[0].scanner is None


def test_a_message_without_a_time_leaves_what_is_not_known(engine):
    unplaced(engine, patient=SOMEBODY.key, procedures=frozenset({"CTHEAD"}))

    engine.record("D1", patient=SOMEBODY.key, reason="LATE")

    (entry,) = engine.entries
    assert (entry.unknown, entry.exams) == ((ROOM,), {"CTHEAD"})
    engine.record("D1", on(at(11)), patient=SOMEBODY.key)
    (entry,) = engine.entries
    assert (entry.scanner, entry.unknown) == ("MRX", ())


def test_an_exam_that_is_mapped_later_proposes_the_orders_it_may_be(engine):
    order_id = engine.place()
    patient = engine.order(order_id).content.patient.key
    engine.record("D1", on(at(10)), patient=patient, unknown=(EXAM,))
    (entry,) = engine.entries
    assert engine.order(order_id).status is OrderStatus.WAITING

    settle(engine, entry, EXAM, exams=["MRHEAD"])

    order = engine.order(order_id)
    assert [hold.detail for hold in order.holds] == [f"{entry.id} {PERHAPS}"]
    assert engine.entries[0].exams == {"MRHEAD"}


def test_a_proposal_outlives_the_naming_of_the_room(engine):
    order_id = engine.place()
    patient = engine.order(order_id).content.patient.key
    exam = {"patient": patient, "procedures": frozenset({"MRHEAD"})}
    entry = unplaced(engine, **exam)
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    settle(engine, entry, ROOM, scanners=["MRX"])
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    engine.end("D1")
    assert engine.holds(order_id) == []


def test_a_proposal_follows_its_appointment_to_another_scanner(engine):
    order_id = engine.place()
    patient = engine.order(order_id).content.patient.key
    exam = {"patient": patient, "procedures": frozenset({"MRHEAD"})}
    engine.record("D1", on(at(10)), **exam)
    engine.record("D1", on(at(10), scanner="MRY"), **exam)
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    engine.end("D1")

    assert engine.order(order_id).status is OrderStatus.WAITING


@pytest.mark.parametrize("unknown", [(ROOM, EXAM), (EXAM,)])
def test_which_exam_it_is_does_not_matter_once_its_order_is_known(engine, unknown):
    engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS, unknown=unknown)

    assert [n.table for e in engine.entries for n in e.unknown] == [
        n.table for n in unknown if n is ROOM
    ]


def test_a_resource_is_mapped_to_a_scanner_of_that_diary_alone(engine):
    def mapped(target):
        return engine.do(MapCode(INDIE, MappingTable.RESOURCE, "ROOM 9", target), CLERK)

    with pytest.raises(InvalidValue, match="MR1 is kept by"):
        mapped("MR1")
    with pytest.raises(InvalidValue, match="did you mean MRX"):
        mapped("MRXX")
    assert mapped("MRX").target == "MRX"
