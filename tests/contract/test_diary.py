"""Entries of other diaries: what comes back, and how bookings keep clear of them."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.errors import NotKnown, SlotTaken, StaleVersion
from booking_engine.domain.mappings import MappingTable, UnknownName
from booking_engine.domain.schedule import AppointmentStatus

ROOM = UnknownName(MappingTable.RESOURCE, ("room 9",), "Room 9")
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def entry(make):
    def build(**given):
        starts_at = given.get("starts_at", at(0))
        values = {
            "id": f"K{make.next():014}",
            "partner": "ris-north",
            "number": f"N{make.next()}",
            "kind": EntryKind.APPOINTMENT,
            "scanner": "MR1",
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=given.pop("minutes", 30)),
            "status": EntryStatus.TAKING,
            "sent_at": NOON,
        }
        return DiaryEntry(**values | given)

    return build


@pytest.fixture
def one(store, make):
    """An order and a session on MR1."""
    order, session = make.order(), make.session()
    with store.units() as uow:
        uow.orders.add(order)
        uow.schedule.add_sessions([session])
        uow.commit()
    return order, session


def keep(store, *entries):
    with store.units() as uow:
        for each in entries:
            uow.diary.add(each)
        uow.commit()


def test_every_field_of_an_entry_comes_back(store, make, one, entry):
    order, session = one
    booked = make.appointment(order, session)
    full = entry(
        kind=EntryKind.CLOSURE,
        status=EntryStatus.LINKED,
        order_id=order.id,
        appointment_id=booked.id,
        patient="nhs:9990000018",
        reason="service",
        sought=("RA1", "P1", ""),
        declined=frozenset({"O1", "O2"}),
        exams=frozenset({"MRHEAD", "MRKNEE"}),
        unknown=(ROOM, UnknownName(MappingTable.PROCEDURE, ("zz^l", "zz"), "Toe")),
        version=3,
    )
    bare = entry(partner=None, scanner=None)
    with store.units() as uow:
        uow.schedule.add(booked)
        uow.diary.add(full)
        uow.diary.add(bare)
        uow.commit()

    with store.units.reading() as uow:
        stored = uow.diary.get(full.id)
        assert stored == full
        assert [name.text for name in stored.unknown] == ["Room 9", "Toe"]
        assert uow.diary.get(bare.id) == bare
        assert uow.diary.numbered("ris-north", full.number) == [full]
        assert uow.diary.numbered("ris-south", full.number) == []
        assert uow.diary.of_order(order.id) == [full]
        with pytest.raises(NotKnown):
            uow.diary.get("K-none")


def test_what_engages_an_exam_holds_the_scanners_entries_and_the_patients(store, entry):
    patient = "nhs:9990000018"
    here = entry(starts_at=at(20))
    theirs = entry(starts_at=at(-10), scanner=None, patient=patient)
    touching = entry(starts_at=at(30), patient=patient)
    elsewhere = entry(starts_at=at(0), scanner="MR2")
    with store.units() as uow:
        for one in (here, theirs, touching, elsewhere):
            uow.diary.add(one)
        uow.commit()

    with store.units.reading() as uow:
        engaged = uow.engaged(patient, "MR1", at(0), at(30))
    assert engaged.entries_on_scanner == [here]
    assert engaged.entries_of_patient == [theirs]


def test_only_entries_that_take_time_are_found_in_it(store, entry):
    early = entry(starts_at=at(0))
    late = entry(starts_at=at(60), patient="nhs:9990000018")
    elsewhere = entry(starts_at=at(30), scanner="MR2")
    nowhere = entry(starts_at=at(10), scanner=None, patient="nhs:9990000018")
    ended = entry(starts_at=at(0), status=EntryStatus.ENDED)
    keep(store, late, ended, elsewhere, early, nowhere)

    with store.units.reading() as uow:
        between = uow.diary.taking_between
        assert between(at(0), at(100)) == [early, nowhere, elsewhere, late]
        assert between(at(0), at(100), scanners=["MR1"]) == [early, late]
        assert between(at(30), at(60), scanners=["MR1"]) == []
        assert between(at(29), at(61), scanners=["MR1"]) == [early, late]
        busy = uow.diary.taking_patients(["nhs:9990000018"], at(40))
        assert busy == [late]


def test_entries_with_names_that_nobody_knows_are_found(store, make, one, entry):
    order, session = one
    booked = make.appointment(order, session)
    late = entry(starts_at=at(60), scanner=None, unknown=(ROOM,))
    linked = entry(unknown=(ROOM,), status=EntryStatus.LINKED, appointment_id=booked.id)
    over = entry(starts_at=at(-60), unknown=(ROOM,))
    ended = entry(unknown=(ROOM,), status=EntryStatus.ENDED)
    theirs = entry(partner="ris-south", unknown=(ROOM,))
    with store.units() as uow:
        uow.schedule.add(booked)
        uow.commit()
    keep(store, late, linked, over, ended, theirs, entry())

    with store.units.reading() as uow:
        found = uow.diary.with_unknown_names
        assert found(at(0)) == [linked, theirs, late]
        assert found(at(0), partner="ris-north") == [linked, late]
        assert found(at(90)) == []


def test_an_entry_is_saved_under_its_next_version(store, entry):
    first = entry()
    keep(store, first)
    with store.units() as uow:
        uow.diary.save(replace(first, status=EntryStatus.ENDED))
        uow.commit()

    with store.units() as uow:
        stored = uow.diary.get(first.id)
        assert (stored.status, stored.version) == (EntryStatus.ENDED, 2)
    with store.units() as uow:
        uow.diary.save(first)
        with pytest.raises(StaleVersion):
            uow.flush()


def test_entries_are_found_once_an_order_has_a_number_that_they_seek(
    store, make, entry
):
    plain, shared = make.order(placer_number="P1"), make.order(placer_number="P2#1#X")
    filled = make.order(placer_number="", filler_number="F1")
    sought = {
        "placer": entry(sought=("RA1", "P1", "")),
        "shared": entry(sought=("", "P2", "")),
        "filler": entry(sought=("", "", "F1")),
        "ours": entry(sought=("", "P-none", plain.id)),
    }
    others = (
        entry(sought=("RA1", "P9", "F9")),
        entry(sought=("", "", "F9")),  # no placer number: not that of an order without
        entry(sought=("RA1", "P1", ""), status=EntryStatus.ENDED),
        entry(),
    )
    keep(store, *sought.values(), *others)

    def found(limit=9):
        with store.units.reading() as uow:
            return uow.diary.sought_and_stored(limit)

    assert found() == []
    with store.units() as uow:
        for order in (plain, shared, filled):
            uow.orders.add(order)
        # What the transaction itself has written counts too.
        assert len(uow.diary.sought_and_stored(9)) == 4
        uow.commit()
    assert found() == sorted(sought.values(), key=lambda e: e.id)
    assert len(found(1)) == 1


def test_a_number_names_one_entry_on_each_scanner(store, entry):
    first = entry(number="SAME")
    keep(store, first, entry(number="SAME", scanner="MR2"))

    with pytest.raises(StaleVersion):
        keep(store, entry(number="SAME", starts_at=at(600)))


@pytest.mark.parametrize(("start", "minutes"), [(-29, 30), (0, 30), (29, 5), (-5, 60)])
def test_nothing_is_booked_on_an_entry(store, make, one, entry, start, minutes):
    keep(store, entry(minutes=60, starts_at=at(-30)))

    with store.units() as uow:
        uow.schedule.add(make.appointment(*one, starts_at=at(start), minutes=minutes))
        with pytest.raises(SlotTaken, match="diary"):
            uow.flush()


def test_what_only_touches_an_entry_or_one_that_ended_is_booked(
    store, make, one, entry
):
    keep(
        store,
        entry(starts_at=at(-30)),
        entry(starts_at=at(30)),
        entry(scanner="MR2"),
        entry(status=EntryStatus.ENDED),
        entry(status=EntryStatus.LINKED),
    )

    with store.units() as uow:
        uow.schedule.add(make.appointment(*one, starts_at=at(0), minutes=30))
        uow.commit()


def test_a_booking_on_which_an_entry_came_to_lie_goes_on(store, make, one, entry):
    order, session = one
    booked = make.appointment(order, session)
    with store.units() as uow:
        uow.schedule.add(booked)
        uow.commit()
    keep(store, entry())

    with store.units() as uow:
        found = uow.schedule.appointment(booked.id)
        uow.schedule.save(replace(found, status=AppointmentStatus.ARRIVED))
        uow.commit()
    with store.units() as uow:
        found = uow.schedule.appointment(booked.id)
        later = replace(found, starts_at=at(5), ends_at=at(35))
        uow.schedule.save(later)
        with pytest.raises(SlotTaken, match="diary"):
            uow.flush()


def test_a_hold_on_which_an_entry_came_to_lie_is_not_confirmed(store, make, one, entry):
    hold = make.appointment(*one, status=AppointmentStatus.HELD)
    with store.units() as uow:
        uow.schedule.add(hold)
        uow.commit()
    keep(store, entry())

    with store.units() as uow:
        uow.schedule.save(replace(hold, status=AppointmentStatus.BOOKED))
        with pytest.raises(SlotTaken, match="diary"):
            uow.flush()


def test_an_entry_that_ends_frees_its_time(store, make, one, entry):
    first = entry()
    keep(store, first)
    with store.units() as uow:
        uow.diary.save(replace(first, status=EntryStatus.ENDED))
        uow.flush()
        uow.schedule.add(make.appointment(*one))
        uow.commit()


def test_a_booking_that_races_with_an_entry_is_refused_or_seen(store, make, entry):
    """Never both: stored by the one, and not seen by the other (30 races)."""
    session = make.session()
    with store.units() as uow:
        uow.schedule.add_sessions([session])
        uow.commit()
    other = store.another_process()
    outcomes = []
    for number in range(30):
        order = make.order()
        start = at(number * 40)
        with store.units() as uow:
            uow.orders.add(order)
            uow.commit()
        booking = make.appointment(order, session, starts_at=start)
        closing = entry(starts_at=start, kind=EntryKind.CLOSURE)
        seen, booked = [], []
        barrier = threading.Barrier(2)

        def book(booking=booking, booked=booked, barrier=barrier):
            barrier.wait()
            try:
                with store.units() as uow:
                    uow.schedule.add(booking)
                    uow.commit()
            except SlotTaken:
                booked.append(False)
            else:
                booked.append(True)

        def close(closing=closing, seen=seen, barrier=barrier):
            barrier.wait()
            with other() as uow:
                uow.diary.add(closing)
                uow.flush()
                seen.extend(
                    uow.schedule.occupying_between(
                        closing.starts_at, closing.ends_at, scanners=["MR1"]
                    )
                )
                uow.commit()

        threads = [threading.Thread(target=run) for run in (book, close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert booked == [bool(seen)]
        outcomes.append(booked[0])
    assert len(outcomes) == 30
