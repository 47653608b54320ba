"""ADT from frame to diary, on both databases: updates, merges, deaths, races."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from network import CLERK, NHS_NUMBERS, NOW, catalogue, sessions

from booking_engine.application.commands import BookSlot
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.errors import SlotTaken
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.policy import Policy
from booking_engine.domain.register import local_key
from booking_engine.domain.vocabulary import PatientSetting
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

PROFILES = load_profiles(Path(__file__).parents[1] / "data" / "profiles")
NHS = f"{NHS_NUMBERS[0]}^^^NHS^NH"


class Hospital:
    """A receiver over a database, and what a clerk does beside it."""

    def __init__(self, store, profiles=PROFILES):
        clock = FixedClock(NOW)
        ids = TimeOrderedIds(clock, Random(7))
        self.engine = Dispatcher(store.units, clock=clock, ids=ids, policy=Policy())
        self.receiver = Receiver(self.engine, profiles.values(), ids=ids, clock=clock)
        self.number = 0
        network = catalogue()
        with self.engine.session(CLERK) as session:
            session.uow.replace_catalogue(network)
            session.uow.schedule.add_sessions(sessions(network))
            session.commit()

    def message(self, kind, *segments, minutes=None):
        self.number += 1
        minutes = self.number if minutes is None else minutes
        at = (NOW - timedelta(hours=2) + timedelta(minutes=minutes)).strftime(
            "%Y%m%d%H%M%S"
        )
        header = f"MSH|^~\\&|EPR|RA1|BE|X|{at}||{kind}|C{self.number:05}|P|2.4"
        if kind.startswith("ADT"):
            segments = (f"EVN|{kind[-3:]}|{at}", *segments)
        return "\r".join((header, *segments)).encode()

    def send(self, *raws):
        frames = [Received(r, "10.0.0.1:4000", 1, NOW, 2575, None) for r in raws]
        return [decode(ack).get("MSA-1") for ack in self.receiver.handle(frames)]

    def order_message(self, placer, pid):
        return self.message(
            "ORM^O01",
            pid,
            "PV1||O",
            f"ORC|NW|{placer}^RA1|||||^^^^^R||20261102090000",
            f"OBR|1|{placer}^RA1||MHEAD^MRI Head",
            "OBX|1|CE|PACE||N||||||F",
            "OBX|2|CE|IMPL||N||||||F",
        )

    def adt(self, event, *segments, minutes=None):
        (code,) = self.send(self.message(f"ADT^{event}", *segments, minutes=minutes))
        return code

    def by_placer(self, placer):
        with self.engine.reading(CLERK) as session:
            return session.uow.orders.by_placer(("north", "RA1", placer))

    def live(self, order):
        with self.engine.reading(CLERK) as session:
            return session.uow.schedule.live_appointment(order.id)

    def book(self, order, scanner, hours):
        with self.engine.reading(CLERK) as session:
            found = session.uow.schedule.sessions_between(
                NOW + timedelta(days=7.5), NOW + timedelta(days=9), scanners=[scanner]
            )
        starts_at = found[0].starts_at + timedelta(hours=hours)
        self.engine.handle(BookSlot(order.id, found[0].id, starts_at), CLERK)

    def messages_of(self, store, order):
        return store.views.messages_of(order.id)

    def events(self, order):
        with self.engine.reading(CLERK) as session:
            uow = session.uow
            deliveries = uow.outbox.of_order(order.id)
            found = uow.outbox.events(d.event_id for d in deliveries)
            return [found[d.event_id] for d in deliveries]


@pytest.fixture
def hospital(sql_store):
    return Hospital(sql_store)


def pid(number, *, nhs="", name="Test^Ann", born="19800301", more=""):
    numbers = f"{number}^^^RA1^MR" + (f"~{nhs}" if nhs else "")
    return f"PID|||{numbers}||{name}||{born}|F|||^^^^M13 9PL{more}"


def died(word, day=""):
    return "|" * 18 + f"{day}|{word}"


def codes(order):
    return [hold.code for hold in order.holds]


def test_an_update_reaches_order_and_diary_and_is_told(hospital, sql_store):
    hospital.send(hospital.order_message("P1", pid("X1")))
    order = hospital.by_placer("P1")
    assert order.status is OrderStatus.WAITING
    hospital.book(order, "MR1", 0)

    assert hospital.adt("A31", pid("X1", nhs=NHS, name="Married^Ann")) == "AA"

    now = hospital.by_placer("P1")
    assert now.content.patient.family_name == "Married"
    assert now.content.patient.nhs_number == NHS_NUMBERS[0]
    assert hospital.live(now).patient == now.content.patient.key
    assert [e.kind for e in hospital.events(now)] == [
        EventKind.APPOINTMENT_BOOKED,
        EventKind.APPOINTMENT_CHANGED,
    ]
    assert len(hospital.messages_of(sql_store, now)) == 2


def test_a_merge_moves_orders_and_flags_two_bookings_at_one_time(hospital):
    hospital.send(
        hospital.order_message("P1", pid("X1")),
        hospital.order_message("P2", pid("X2")),
    )
    hospital.book(hospital.by_placer("P1"), "MR1", 1)
    hospital.book(hospital.by_placer("P2"), "MR2", 0)

    assert hospital.adt("A40", pid("X2"), "MRG|X1^^^RA1^MR") == "AA"

    moved = hospital.by_placer("P1")
    assert moved.content.patient.local_id == "X2"
    assert moved.status is OrderStatus.BOOKED
    assert codes(moved) == [HoldCode.DUPLICATE_AFTER_MERGE]
    overlapping = hospital.live(hospital.by_placer("P2"))
    assert hospital.live(moved).starts_at == overlapping.starts_at
    # The diary cannot hold both under one name; it keeps the old one meanwhile.
    assert hospital.live(moved).patient == local_key("RA1", "X1")


def test_a_merge_in_one_batch_with_orders_of_both(hospital):
    answers = hospital.send(
        hospital.order_message("P1", pid("X1")),
        hospital.message("ADT^A40", pid("X2", nhs=NHS), "MRG|X1^^^RA1^MR"),
        hospital.order_message("P2", pid("X1")),
        hospital.order_message("P3", pid("X2")),
        hospital.message("ADT^A40", pid("X3", nhs=NHS), "MRG|X2^^^RA1^MR"),
    )

    assert answers == ["AA"] * 5
    patients = [hospital.by_placer(f"P{n}").content.patient for n in (1, 2, 3)]
    assert {one.local_id for one in patients} == {"X3"}
    assert {one.key for one in patients} == {f"nhs:{NHS_NUMBERS[0]}"}


def test_a_change_under_the_old_number_is_of_the_same_patient(hospital):
    hospital.send(hospital.order_message("P1", pid("X1")))
    hospital.adt("A40", pid("X2", nhs=NHS), "MRG|X1^^^RA1^MR")

    change = hospital.order_message("P1", pid("X1")).replace(b"ORC|NW", b"ORC|XO")
    assert hospital.send(change.replace(b"MRI Head", b"MRI of head")) == ["AA"]

    now = hospital.by_placer("P1")
    assert (now.status, now.holds) == (OrderStatus.WAITING, ())
    assert now.content.patient.local_id == "X2"
    assert now.content.patient.nhs_number == NHS_NUMBERS[0]


def test_a_change_after_a_death_leaves_contact_stopped(hospital):
    hospital.send(hospital.order_message("P1", pid("X1")))
    hospital.send(hospital.order_message("P2", pid("X1")))
    hospital.book(hospital.by_placer("P2"), "MR1", 0)
    hospital.adt("A08", pid("X1", more=died("Y")))

    for placer in ("P1", "P2"):
        change = hospital.order_message(placer, pid("X1")).replace(b"ORC|NW", b"ORC|XO")
        more = change.replace(b"OBX|2|CE|IMPL||N", b"OBX|2|CE|IMPL||Y")
        assert hospital.send(more) == ["AA"]
        assert hospital.by_placer(placer).contact_stopped

    hospital.adt("A08", pid("X1", more=died("N")))
    assert not hospital.by_placer("P1").contact_stopped
    assert not hospital.by_placer("P2").contact_stopped


def test_a_repeated_merge_and_one_of_the_same_patient(hospital):
    hospital.send(hospital.order_message("P1", pid("X1")))
    merge = hospital.message("ADT^A40", pid("X2"), "MRG|X1^^^RA1^MR")
    assert hospital.send(merge) == hospital.send(merge) == ["AA"]
    version = hospital.by_placer("P1").version

    assert hospital.adt("A40", pid("X2"), "MRG|X1^^^RA1^MR") == "AA"
    assert hospital.adt("A40", pid("X2"), "MRG|X2^^^RA1^MR") == "AE"
    assert hospital.by_placer("P1").version == version


def test_a_death_stops_contact_and_is_taken_back(hospital):
    hospital.send(hospital.order_message("P1", pid("X1")))
    hospital.send(hospital.order_message("P2", pid("X1")))
    hospital.book(hospital.by_placer("P2"), "MR1", 0)

    assert hospital.adt("A08", pid("X1", more=died("Y", "20261123"))) == "AA"

    waiting, booked = hospital.by_placer("P1"), hospital.by_placer("P2")
    assert waiting.status is OrderStatus.HELD
    assert booked.status is OrderStatus.BOOKED
    assert waiting.contact_stopped
    assert booked.contact_stopped
    hospital.send(hospital.order_message("P3", pid("X1")))
    assert codes(hospital.by_placer("P3")) == [HoldCode.PATIENT_DECEASED]

    assert hospital.adt("A08", pid("X1", more=died('""', '""'))) == "AA"

    assert hospital.by_placer("P1").status is OrderStatus.WAITING
    assert hospital.by_placer("P2").holds == ()
    # It came while the patient was thought dead, so nobody has vetted it yet.
    assert hospital.by_placer("P3").status is OrderStatus.AWAITING_VETTING


def test_admission_and_its_cancellation(hospital):
    hospital.send(hospital.order_message("P1", pid("X1")))
    hospital.book(hospital.by_placer("P1"), "MR1", 0)

    hospital.adt("A01", pid("X1"), "PV1||I|W7")
    admitted = hospital.by_placer("P1")
    assert admitted.content.setting is PatientSetting.INPATIENT
    assert codes(admitted) == [HoldCode.SETTING_CHANGED]

    hospital.adt("A11", pid("X1"), "PV1||I|W7")
    assert hospital.by_placer("P1").content.setting is PatientSetting.OUTPATIENT
    assert hospital.by_placer("P1").holds == ()


def test_what_comes_late_is_accepted_and_ignored(hospital, sql_store):
    hospital.send(hospital.order_message("P1", pid("X1")))
    hospital.adt("A08", pid("X1", name="New^Ann"), minutes=30)

    assert hospital.adt("A08", pid("X1", name="Old^Ann"), minutes=10) == "AA"

    assert hospital.by_placer("P1").content.patient.family_name == "New"


def test_a_pre_admission_takes_the_scanners_time_until_it_is_cancelled(sql_store):
    diary = KeptDiary(
        resources={"MRI": "MR1"}, default_minutes=30, a05_is_appointment=True
    )
    north = PROFILES["north"].model_copy(update={"diary": diary})
    hospital = Hospital(sql_store, {"north": north})
    hospital.send(hospital.order_message("P1", pid("X1")))
    order = hospital.by_placer("P1")
    visit = "PV1||O|MRI" + "|" * 16 + "V77"
    times = "PV2" + "|" * 8 + "202612020800|202612020930"

    assert hospital.adt("A05", pid("X9"), visit, times) == "AA"
    with pytest.raises(SlotTaken):
        hospital.book(order, "MR1", 1)

    # Whoever the patient of the other diary turns out to be is busy meanwhile.
    with hospital.engine.reading(CLERK) as session:
        (entry,) = session.uow.diary.taking_patients([local_key("RA1", "X9")], NOW)
    assert hospital.adt("A40", pid("X8"), "MRG|X9^^^RA1^MR") == "AA"
    assert hospital.adt("A31", pid("X8", nhs=NHS)) == "AA"
    with hospital.engine.reading(CLERK) as session:
        keys = [f"nhs:{NHS_NUMBERS[0]}"]
        (same,) = session.uow.diary.taking_patients(keys, NOW)
    assert same.id == entry.id

    assert hospital.adt("A38", pid("X9"), visit) == "AA"
    hospital.book(order, "MR1", 1)
    assert hospital.adt("A38", pid("X9"), visit.replace("V77", "V78")) == "AE"


def test_merges_that_cross_do_not_wait_for_each_other(sql_store, ids):
    """Each of many threads merges there and back, on a connection of its own."""
    hospital = Hospital(sql_store)
    hospital.send(
        hospital.order_message("P1", pid("X1")),
        hospital.order_message("P2", pid("X2")),
    )
    there = [
        hospital.message("ADT^A40", pid("X1"), "MRG|X2^^^RA1^MR") for _ in range(6)
    ]
    back = [hospital.message("ADT^A40", pid("X2"), "MRG|X1^^^RA1^MR") for _ in range(6)]
    start = threading.Barrier(2)
    engines = [make_engine(sql_store.url) for _ in range(2)]

    def run(engine, raws):
        units = SqlUnitOfWorkFactory(engine, ids)
        dispatcher = Dispatcher(units, clock=FixedClock(NOW), ids=ids, policy=Policy())
        receiver = Receiver(
            dispatcher, PROFILES.values(), ids=ids, clock=FixedClock(NOW)
        )
        start.wait(timeout=30)
        answers = []
        for raw in raws:
            frames = [Received(raw, "10.0.0.1:4000", 1, NOW, 2575, None)]
            answers += [decode(ack).get("MSA-1") for ack in receiver.handle(frames)]
        return answers

    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(run, engine, raws)
            for engine, raws in zip(engines, (there, back), strict=True)
        ]
        answers = [code for each in runs for code in each.result(timeout=60)]
    for engine in engines:
        engine.dispose()

    assert answers == ["AA"] * 12
    one, two = hospital.by_placer("P1"), hospital.by_placer("P2")
    assert one.content.patient.local_id == two.content.patient.local_id
    with hospital.engine.reading(CLERK) as session:
        keys = local_key("RA1", "X1"), local_key("RA1", "X2")
        known = session.uow.patients.by_keys(keys)
    assert len({known[key].id for key in keys}) == 1
