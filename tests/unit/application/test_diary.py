"""Another system's diary: what it takes, what it moves of ours, and what conflicts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from network import CLERK, FEED, INDIE, NHS_NUMBERS, NORTH, NOW, dispatcher, receive

from booking_engine.application.commands import (
    BookSlot,
    CancelOrder,
    HoldSlot,
    MoveAppointment,
    RecordOutcome,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.application.diary_candidates import PERHAPS
from booking_engine.application.diary_commands import (
    EndEntry,
    Ending,
    LinkEntries,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.application.planning import snapshot_of
from booking_engine.application.received import ReceivedAs
from booking_engine.application.slots import search_slots
from booking_engine.domain.diary_entries import EntryKind, EntryStatus, Stretch
from booking_engine.domain.errors import (
    InvalidValue,
    NotKnown,
    SlotTaken,
    TransitionRefused,
)
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.patients import Patient
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.vocabulary import Sex
from booking_engine.domain.waiting import ClockReason

RIS = Actor("interface:indie")
DAY = datetime(2026, 11, 26, tzinfo=UTC)  # a Thursday, two days ahead


def at(hour, minute=0):
    return DAY + timedelta(hours=hour, minutes=minute)


def on(start, minutes=30, scanner="MRX"):
    return Stretch(scanner, start, start + timedelta(minutes=minutes))


class Engine:
    """The use cases, with short names."""

    def __init__(self):
        self.engine = dispatcher()
        self.sent = NOW

    def do(self, command, actor=CLERK):
        return self.engine.handle(command, actor)

    def place(self, number="P1", **given):
        return self.do(receive(number, **given), FEED).order_id

    def record(self, number="D1", *stretches, partner=INDIE, **given):
        self.sent += timedelta(minutes=1)
        values = {
            "kind": EntryKind.APPOINTMENT,
            "sent_at": self.sent,
        } | given
        return self.do(RecordEntry(partner, number, stretches=stretches, **values), RIS)

    def end(self, number="D1", ending=Ending.CANCELLED, *, partner=INDIE, **given):
        self.sent += timedelta(minutes=1)
        values = {"sent_at": self.sent} | given
        return self.do(EndEntry(partner, number, ending, **values), RIS)

    def session(self, scanner, start):
        with self.engine.reading(CLERK) as session:
            (found,) = session.uow.schedule.sessions_between(
                start, start + timedelta(minutes=1), scanners=[scanner]
            )
        return found

    def book(self, order_id, start, scanner="MRX"):
        session = self.session(scanner, start)
        return self.do(BookSlot(order_id, session.id, start))

    @property
    def tables(self):
        return self.engine.open_work.published

    def order(self, order_id):
        return self.tables.orders[order_id]

    def holds(self, order_id):
        return [hold.code for hold in self.order(order_id).holds]

    def live(self, order_id):
        return self.tables.live(order_id)

    @property
    def entries(self):
        return list(self.tables.diary.values())

    @property
    def told(self):
        return [(e.kind, e.audience) for e in self.tables.events.values()]


@pytest.fixture
def engine():
    return Engine()


SOMEBODY = Patient(
    NHS_NUMBERS[1], "X2", "RA1", "Test", "Bob", date(1970, 1, 1), Sex.MALE, "M13"
)
NUMBERS = OrderNumbers("RA1", "P1")


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


def perhaps(engine, *stretches, **given):
    """Record an appointment that names its exam and no order."""
    patient = next(iter(engine.tables.orders.values())).content.patient.key
    exam = {"patient": patient, "procedures": frozenset({"MRHEAD"})}
    return engine.record("D1", *stretches, **exam | given)


def test_an_appointment_without_a_number_is_proposed_for_the_orders_it_may_be(engine):
    order_id = engine.place()

    received = perhaps(engine, on(at(10)))

    assert received.kind is ReceivedAs.HELD
    assert received.others == (order_id,)
    order = engine.order(order_id)
    (entry,) = engine.entries
    assert order.status is OrderStatus.HELD
    assert [(h.code, h.detail) for h in order.holds] == [
        (HoldCode.BOOKED_ELSEWHERE, f"{entry.id} {PERHAPS}")
    ]
    assert (entry.status, entry.order_id) == (EntryStatus.TAKING, None)


@pytest.mark.parametrize(
    "given",
    [
        {"procedures": frozenset({"CTHEAD"})},
        {"procedures": frozenset()},
        {"patient": SOMEBODY.key},
        {"patient": None},
        {"kind": EntryKind.CLOSURE},
    ],
    ids=repr,
)
def test_another_exam_or_patient_is_no_candidate(engine, given):
    order_id = engine.place()

    assert perhaps(engine, on(at(10)), **given).kind is ReceivedAs.CREATED

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_an_order_that_is_booked_is_no_candidate(engine):
    order_id = engine.place()
    engine.book(order_id, at(10))

    perhaps(engine, on(at(14)))

    assert engine.holds(order_id) == []


def test_a_proposal_ends_with_its_appointment(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))
    perhaps(engine, on(at(11)))  # moved: the same question, asked once
    assert engine.holds(order_id) == [HoldCode.BOOKED_ELSEWHERE]

    engine.end("D1")

    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.holds(order_id) == []


def test_a_change_of_the_exam_takes_the_proposal_back(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))

    perhaps(engine, on(at(11)), procedures=frozenset({"CTHEAD"}))

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_what_a_person_released_is_not_asked_again_by_a_repeat(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))
    engine.do(ReleaseOrder(order_id))

    assert perhaps(engine, on(at(10))).kind is ReceivedAs.DUPLICATE

    assert engine.holds(order_id) == []


def test_a_number_that_comes_later_links_the_order_that_was_proposed(engine):
    order_id = engine.place()
    perhaps(engine, on(at(10)))

    received = perhaps(engine, on(at(10)), order=NUMBERS)

    assert received.kind is ReceivedAs.CHANGED
    assert engine.order(order_id).status is OrderStatus.BOOKED
    assert engine.holds(order_id) == []
    assert engine.live(order_id).starts_at == at(10)


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


def test_moving_and_cancelling_a_linked_entry_moves_and_frees_the_order(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    booked = engine.live(order_id)

    received = engine.record("D1", on(at(14)), reason="STAFF")

    moved = engine.live(order_id)
    assert received.kind is ReceivedAs.CHANGED
    assert (moved.id, moved.starts_at) == (booked.id, at(14))
    clock = engine.order(order_id).clock

    engine.end("D1", reason="BROKEN")

    assert engine.live(order_id) is None
    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.order(order_id).clock == clock
    log = engine.tables.clock_log[order_id]
    assert log[-1].reason is ClockReason.HOSPITAL_CANCELLED
    assert engine.tables.appointments[booked.id].cancel_reason == "BROKEN"
    assert engine.told == [
        (EventKind.APPOINTMENT_BOOKED, (NORTH,)),
        (EventKind.APPOINTMENT_MOVED, (NORTH,)),
        (EventKind.APPOINTMENT_CANCELLED, (NORTH,)),
    ]
    assert engine.end("D1").kind is ReceivedAs.DUPLICATE


def test_a_cancellation_by_the_patient_resets_the_clock(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)

    engine.end("D1", by_patient=True)

    assert engine.order(order_id).clock.started_on == at(10).date()


def test_the_keeper_of_the_diary_moves_our_own_booking(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    same = engine.record("X7", on(at(10)), appointment_id=booked.id)
    received = engine.record("X7", on(at(15)))

    assert same.kind is ReceivedAs.CHANGED
    assert received.appointment_id == booked.id
    assert engine.live(order_id).starts_at == at(15)
    assert engine.entries[0].status is EntryStatus.LINKED
    assert engine.told[-1] == (EventKind.APPOINTMENT_MOVED, (NORTH,))

    engine.end("", appointment_id=booked.id)
    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.tables.diary[engine.entries[0].id].status is EntryStatus.LINKED


def test_another_partner_has_no_word_on_it(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10), scanner="MR1")

    with pytest.raises(NotKnown):
        engine.end("", appointment_id=booked.id)
    with pytest.raises(InvalidValue, match="kept by north"):
        engine.record("D1", on(at(10), scanner="MR1"))
    with pytest.raises(NotKnown):
        engine.record("D1", on(at(10)), appointment_id=booked.id, may_create=False)


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


def test_an_entry_on_a_booking_of_ours_is_a_conflict_for_a_person(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    received = engine.record("D1", on(at(10, 10)), patient="nhs:9990000042")

    assert received.kind is ReceivedAs.HELD
    assert received.others == (order_id,)
    assert engine.live(order_id).starts_at == booked.starts_at
    assert engine.holds(order_id) == [HoldCode.DIARY_CONFLICT]
    assert engine.entries[0].status is EntryStatus.TAKING

    engine.record("D1", on(at(12)))
    assert engine.holds(order_id) == []


def test_the_same_patient_at_the_same_time_is_named_as_such(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))

    engine.record("D1", on(at(10)), patient=booked.patient)

    (hold,) = engine.order(order_id).holds
    assert "same patient" in hold.detail


def test_moving_the_booking_settles_the_conflict(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))
    engine.record("D1", on(at(10)))

    session = engine.session("MRX", at(11))
    engine.do(MoveAppointment(booked.id, session.id, at(11), "conflict"))

    assert engine.holds(order_id) == []


def test_a_conflict_does_not_cost_the_vetting_when_it_is_cancelled(engine):
    order_id = engine.place()
    booked = engine.book(order_id, at(10))
    engine.record("D1", on(at(10)))

    engine.end("", appointment_id=booked.id)

    assert engine.order(order_id).status is OrderStatus.WAITING


def test_a_move_onto_another_booking_keeps_both_and_asks(engine):
    first, second = engine.place("P1"), engine.place("P2", patient=SOMEBODY)
    engine.record("D1", on(at(10)), order=OrderNumbers("RA1", "P1"))
    engine.book(second, at(11))

    received = engine.record("D1", on(at(11)))

    assert received.kind is ReceivedAs.HELD
    assert engine.live(first).starts_at == at(10)
    assert engine.holds(first) == [HoldCode.BOOKED_ELSEWHERE]
    assert engine.holds(second) == [HoldCode.DIARY_CONFLICT]


def test_a_patient_who_has_arrived_is_not_moved(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    engine.engine.clock.advance(timedelta(days=2, hours=1))
    engine.do(RecordOutcome(engine.live(order_id).id, "arrived"))

    with pytest.raises(TransitionRefused):
        engine.record("D1", on(at(14)))


def test_who_did_not_attend_is_recorded_on_the_order(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)
    with pytest.raises(TransitionRefused):
        engine.end("D1", Ending.MISSED)
    engine.engine.clock.advance(timedelta(days=2, hours=2))

    engine.end("D1", Ending.MISSED)

    assert engine.order(order_id).status is OrderStatus.DID_NOT_ATTEND
    assert engine.order(order_id).clock.started_on == at(10).date()


def test_an_exam_broken_off_is_put_to_a_person(engine):
    order_id = engine.place()
    engine.record("D1", on(at(10)), order=NUMBERS)

    received = engine.end("D1", Ending.DISCONTINUED, reason="UNWELL")

    assert received.kind is ReceivedAs.HELD
    assert engine.holds(order_id) == [HoldCode.DISCONTINUED]
    assert engine.live(order_id).status is AppointmentStatus.BOOKED


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


def test_a_closure_is_reopened_in_part(engine):
    order_id = engine.place()
    engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)
    with pytest.raises(SlotTaken):
        engine.book(order_id, at(10))

    engine.end("", Ending.REOPENED, stretches=(on(at(10), 60),))

    taking = [e for e in engine.entries if e.status is EntryStatus.TAKING]
    assert [(e.starts_at, e.ends_at) for e in taking] == [
        (at(9), at(10)),
        (at(11), at(13)),
    ]
    engine.book(order_id, at(10))


def test_a_closure_leaves_bookings_and_puts_each_to_a_person(engine):
    orders = [engine.place(f"P{n}") for n in range(2)]
    for number, order_id in enumerate(orders):
        engine.book(order_id, at(10 + number))

    received = engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)

    assert received.kind is ReceivedAs.HELD
    assert [engine.holds(o) for o in orders] == [[HoldCode.DIARY_CONFLICT]] * 2
    engine.end("B1", Ending.REOPENED)
    assert [engine.holds(o) for o in orders] == [[], []]


def test_time_freed_under_a_closure_is_not_given_away(engine):
    first, second = engine.place("P1"), engine.place("P2")
    engine.book(first, at(10))
    engine.record("B1", on(at(9), 240), kind=EntryKind.CLOSURE)
    engine.do(CancelOrder("gone", NOW, order_id=first))

    with pytest.raises(SlotTaken):
        engine.book(second, at(10))


def test_a_bare_number_reaches_no_other_partners_order(engine):
    order_id = engine.place()

    engine.record("D1", on(at(10)), order=OrderNumbers("", "P1"))

    assert engine.order(order_id).status is OrderStatus.WAITING
    assert engine.entries[0].order_id is None


def test_our_own_order_number_names_the_order(engine):
    order_id = engine.place()

    engine.record("D1", on(at(10)), order=OrderNumbers(filler_number=order_id))

    assert engine.order(order_id).status is OrderStatus.BOOKED
