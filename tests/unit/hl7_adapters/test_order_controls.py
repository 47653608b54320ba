"""Every order control from the wire to the order: what it does, and what it must not.

Each runs through the receiver on a store in memory; `integration/test_order_controls`
plays the whole of it on both databases.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from random import Random

import pytest
from feed import MR_HEAD, PID, PV1, SAFE, Feed, at, orc
from network import CLERK, NORTH, NOW

from booking_engine.application.commands import (
    BookSlot,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import (
    PartnerId,
    ProcedureCode,
    SessionId,
    TimeOrderedIds,
)
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.vocabulary import PatientSetting, Priority
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode

AA = ("AA", "")
FILLS = {"south": {"fills_orders": True}}
SOUTH = PartnerId("south")
CT = "OBR|2|||CCHAPC^CT CAP"
S = OrderStatus


def feed_with(**profiles):
    made = {
        **FILLS,
        **{name: {**FILLS.get(name, {}), **p} for name, p in profiles.items()},
    }
    return Feed(
        InMemoryUnitOfWorkFactory(TimeOrderedIds(FixedClock(NOW), Random(7))), made
    )


@pytest.fixture
def feed():
    return feed_with()


def codes(order):
    return [hold.code for hold in order.holds]


def book(feed, order, days=1):
    session = next(
        s
        for s in feed.read(
            lambda uow: uow.schedule.sessions_between(
                NOW + timedelta(days=days - 1), NOW + timedelta(days=days + 1)
            )
        )
        if s.scanner == "MR1" and s.starts_at.date() == (NOW + timedelta(days)).date()
    )
    feed.engine.handle(
        BookSlot(order.id, SessionId(session.id), session.starts_at), CLERK
    )
    return feed.order(order.content.placer_number)


# Hold and release -------------------------------------------------------------------


def test_a_hold_suspends_and_its_release_restores_what_was_vetted(feed):
    before = feed.place()
    assert before.status is S.WAITING
    assert feed.send(orc("HD", "P1", sent=5, reason="FIT")) == AA
    held = feed.order("P1")
    assert (held.status, codes(held)) == (S.HELD, [HoldCode.REQUESTED_BY_SENDER])
    assert feed.read(lambda uow: uow.outbox.of_order(before.id)) == []
    assert held.holds[0].detail == "FIT"
    assert feed.send(orc("RL", "P1", sent=6)) == AA
    after = feed.order("P1")
    assert (after.status, after.vetting, after.holds) == (S.WAITING, before.vetting, ())


def test_a_release_does_not_settle_what_else_holds_an_order(feed):
    line = MR_HEAD.replace("MHEAD^MRI Head", "WHAT^What")
    feed.send(PID, PV1, orc("NW", "P1"), line)
    feed.send(orc("HD", "P1", sent=5))
    feed.send(orc("RL", "P1", sent=6))
    assert codes(feed.order("P1")) == [HoldCode.UNMAPPED_PROCEDURE]


def test_a_told_patient_keeps_the_slot_through_a_hold(feed):
    booked = book(feed, feed.place())
    assert feed.send(orc("HD", "P1", sent=5)) == AA
    held = feed.order("P1")
    assert (held.status, codes(held)) == (S.BOOKED, [HoldCode.REQUESTED_BY_SENDER])
    assert feed.live(booked) is not None
    feed.send(orc("RL", "P1", sent=6))
    assert feed.order("P1").holds == ()


def test_a_partner_may_have_held_slots_freed(feed):
    feed = feed_with(north={"hold_keeps_slot": False})
    booked = book(feed, feed.place())
    feed.send(orc("HD", "P1", sent=5))
    assert feed.order("P1").status is S.HELD
    assert feed.live(booked) is None
    assert ("appointment_cancelled", NORTH) in feed.told(booked)
    feed.send(orc("RL", "P1", sent=6))
    assert feed.order("P1").status is S.WAITING


def test_an_ended_order_is_not_held_and_the_feed_is_not_blocked(feed):
    feed.place()
    feed.send(orc("CA", "P1", sent=1))
    assert feed.send(orc("HD", "P1", sent=2)) == ("AA", "")
    assert feed.order("P1").status is S.CANCELLED


# Several exams under one number -----------------------------------------------------


def test_one_of_several_exams_is_cancelled_by_its_code(feed):
    feed.place("P1", obr=(MR_HEAD, CT))
    assert feed.send(orc("CA", "P1", sent=5), "OBR|1|||CCHAPC^CT CAP") == AA
    statuses = {
        o.content.procedure_as_sent: o.status is S.CANCELLED for o in feed.orders()
    }
    assert statuses == {"MHEAD": False, "CCHAPC": True}


def test_a_cancel_without_a_code_means_all_of_them(feed):
    feed.place("P1", obr=(MR_HEAD, CT))
    assert feed.send(orc("CA", "P1", sent=5)) == AA
    assert {o.status for o in feed.orders()} == {S.CANCELLED}


def test_a_code_that_none_of_them_has_is_not_guessed(feed):
    feed.place("P1", obr=(MR_HEAD, CT))
    assert feed.send(orc("CA", "P1", sent=5), "OBR|1|||XRAY^X-ray") == ("AE", "204")


def test_several_are_cancelled_one_by_one_although_placed_alone(feed):
    feed.place("P1")
    assert feed.send(orc("CA", "P1", sent=5), MR_HEAD, CT) == ("AE", "204")
    assert feed.order("P1").status is S.WAITING, "all or none: one is not known"


def test_a_discontinue_leaves_what_is_done_and_a_cancel_refuses(feed):
    feed.place("P1", obr=(MR_HEAD, CT))
    feed.ris(
        orc("SC", "P1", filler="F1", status="CM", sent=3),
        MR_HEAD,
    )
    assert feed.orders()[0].status is S.PERFORMED
    assert feed.send(orc("CA", "P1", sent=5)) == ("AA", "")
    assert [o.status is S.CANCELLED for o in feed.orders()] == [False, False]
    assert feed.send(orc("DC", "P1", sent=6)) == AA
    assert [o.status for o in feed.orders()] == [S.PERFORMED, S.CANCELLED]


# A filler's own words ---------------------------------------------------------------


def test_a_fillers_cancel_is_told_to_who_placed_it(feed):
    order = feed.place()
    assert feed.ris(orc("OC", "P1", filler="F1", sent=5, reason="DUP")) == AA
    assert feed.order("P1").status is S.CANCELLED
    assert feed.told(order) == [("order_cancelled", NORTH)]


@pytest.mark.parametrize("control", ["OC", "OD", "XX", "RU", "OH", "OE", "PA", "SN"])
def test_a_fillers_word_from_somebody_else_is_refused(feed, control):
    feed.place()
    assert feed.send(PID, PV1, orc(control, "P1", sent=5), MR_HEAD) == ("AE", "103")
    assert feed.order("P1").status is S.WAITING


def test_a_filler_holds_and_releases(feed):
    order = feed.place()
    assert feed.ris(orc("OH", "P1", sent=5)) == AA
    assert feed.order("P1").status is S.HELD
    (told,) = feed.read(lambda uow: uow.outbox.of_order(order.id))
    event = feed.read(lambda uow: uow.outbox.events([told.event_id]))[told.event_id]
    assert (event.kind, event.audience) == (EventKind.ORDER_HELD, (order.partner,))
    assert feed.ris(orc("OE", "P1", sent=6)) == AA
    assert feed.order("P1").status is S.WAITING


def test_a_filler_changes_the_exam_and_keeps_the_rest(feed):
    before = feed.place()
    line = "OBR|1|||CT01^CT head"
    assert feed.ris(orc("XX", "P1", filler="F1", sent=5), line) == AA
    after = feed.order("P1")
    assert after.content.procedure == "CTHEAD"
    assert after.content.patient == before.content.patient
    assert after.content.filler_number == "F1"
    assert after.vetting is None, "another exam is vetted anew"


# Replace, split, number -------------------------------------------------------------


def replacement(number, obr=MR_HEAD, sent=5):
    return (orc("RO", number, sent=sent), obr, *SAFE)


def test_an_order_is_replaced_and_its_clock_goes_on(feed):
    feed.send(
        PID, PV1, orc("NW", "P1").replace(at(0), "20261101080000"), MR_HEAD, *SAFE
    )
    old = book(feed, feed.order("P1"))
    lines = (orc("RP", "P1", sent=5), MR_HEAD, *replacement("P2"), *replacement("P3"))
    assert feed.send(PID, PV1, *lines) == AA
    assert feed.order("P1").status is S.REPLACED
    assert feed.live(old) is None
    for number in ("P2", "P3"):
        new = feed.order(number)
        assert (new.status, new.clock) == (S.WAITING, old.clock)
        assert ("receive", f"in place of {old.id}") in feed.history(new)
    assert feed.send(PID, PV1, *lines) == AA
    assert len(feed.orders()) == 3, "told twice, done once"


def test_a_replacement_may_keep_the_number(feed):
    feed.place()
    lines = (orc("RP", "P1", sent=5), MR_HEAD, *replacement("P1"))
    assert feed.send(PID, PV1, *lines) == AA
    assert [o.status for o in feed.orders()] == [S.REPLACED, S.WAITING]
    assert feed.send(orc("CA", "P1", sent=9)) == AA
    assert [o.status for o in feed.orders()] == [S.REPLACED, S.CANCELLED]


def test_what_cannot_be_replaced_stays_and_nothing_takes_its_place(feed):
    feed.place()
    feed.send(orc("CA", "P1", sent=1))
    lines = (orc("RP", "P1", sent=5), MR_HEAD, *replacement("P2"))
    assert feed.send(PID, PV1, *lines)[0] == "AA"
    assert feed.order("P2") is None
    lines = (orc("RP", "P9", sent=5), MR_HEAD, *replacement("P2"))
    assert feed.send(PID, PV1, *lines) == ("AE", "204")


def test_a_split_order_shares_its_number_and_is_cancelled_whole(feed):
    parent = feed.place("P1")
    lines = (
        orc("PA", "P1", filler="F1", sent=5),
        "OBR|1|||MR01^MR head",
        orc("CH", "P1", filler="F1A", sent=5),
        "OBR|1|||MR01^MR head",
        orc("CH", "P1", filler="F1B", sent=5),
        "OBR|2|||CT01^CT head",
    )
    for _ in range(2):
        assert feed.ris(PID, PV1, *lines) == AA
    children = feed.orders()[1:]
    assert feed.order("P1").status is S.REPLACED
    assert [o.partner for o in children] == [NORTH, NORTH]
    assert [o.content.placer_number for o in children] == ["P1#1#MR01", "P1#2#CT01"]
    assert [o.content.procedure for o in children] == ["MRHEAD", "CTHEAD"]
    assert {o.clock for o in children} == {parent.clock}
    assert feed.ris(orc("SC", "P1", filler="F1B", status="CM", sent=6)) == AA
    assert feed.order("P1#2#CT01").status is S.PERFORMED
    assert feed.send(orc("DC", "P1", sent=7)) == AA
    assert feed.order("P1#1#MR01").status is S.CANCELLED


def test_a_filler_gets_one_number_for_one_exam():
    feed = feed_with(south={"ack": AckOptions(order_answers=True)})
    lines = (PID, "ORC|SN||F77", "OBR|1||F77|MR01^MR head")
    raw = feed.message(*lines, sender="RIS|RB2", version="2.5.1")
    (ack,) = feed.receiver.handle(feed.frames(raw))
    answer = decode(ack)
    number = feed.orders()[0].id
    assert [answer.get(f"ORC-{n}") for n in (1, 2, 3)] == ["NA", number, "F77"]
    assert feed.ris(*lines) == AA
    (order,) = feed.orders()
    assert order.content.placer_number == order.id
    assert (order.partner, codes(order)) == (SOUTH, [HoldCode.BOOKED_ELSEWHERE])
    assert feed.ris(f"ORC|SC|{order.id}|F77||CM", "OBR|1||F77|MR01") == AA
    assert feed.orders()[0].status is S.PERFORMED


# How it stands ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "result", "becomes", "hold"),
    [
        ("SC", "", S.HELD, HoldCode.BOOKED_ELSEWHERE),
        ("IP", "", S.HELD, HoldCode.BOOKED_ELSEWHERE),
        ("A", "", S.HELD, HoldCode.BOOKED_ELSEWHERE),
        ("CM", "", S.PERFORMED, None),
        ("CA", "", S.CANCELLED, None),
        ("DC", "", S.CANCELLED, None),
        ("HD", "", S.HELD, HoldCode.REQUESTED_BY_SENDER),
        ("ER", "", S.WAITING, None),
        ("", "S", S.HELD, HoldCode.BOOKED_ELSEWHERE),
        ("", "I", S.HELD, HoldCode.BOOKED_ELSEWHERE),
        ("", "F", S.PERFORMED, None),
        ("", "P", S.PERFORMED, None),
        ("", "X", S.CANCELLED, None),
        ("", "O", S.WAITING, None),
    ],
)
def test_a_filler_tells_how_an_order_stands(feed, status, result, becomes, hold):
    feed.place()
    obr = f"OBR|1||F1|MR01{'|' * 21}{result}"
    assert feed.ris(orc("SC", "P1", filler="F1", status=status, sent=5), obr) == AA
    order = feed.order("P1")
    assert order.status is becomes
    assert codes(order) == ([] if hold is None else [hold])


def test_the_fillers_time_stands_with_the_hold(feed):
    feed.place()
    obr = f"OBR|1||F1|MR01{'|' * 32}20261201101500"
    assert feed.ris(orc("SC", "P1", status="SC", sent=5), obr) == AA
    (hold,) = feed.order("P1").holds
    assert hold.detail == "2026-12-01T10:15+00:00"


def test_arrival_and_scan_of_what_we_booked(feed):
    booked = book(feed, feed.place())
    feed.clock.advance(timedelta(days=1))
    assert feed.ris(orc("SC", "P1", filler="F1", status="IP", sent=5)) == AA
    assert feed.order("P1").status is S.ARRIVED
    assert feed.ris(orc("SC", "P1", filler="F1", status="CM", sent=6)) == AA
    assert feed.order("P1").status is S.PERFORMED
    assert feed.live(booked).status == "performed"
    assert feed.ris(orc("SC", "P1", filler="F1", status="IP", sent=7)) == AA
    assert feed.order("P1").status is S.PERFORMED


def test_a_scan_at_another_time_gives_the_slot_back(feed):
    booked = book(feed, feed.place(), days=1)
    assert feed.ris(orc("SC", "P1", status="CM", sent=5)) == AA
    assert feed.order("P1").status is S.PERFORMED
    assert feed.live(booked) is None


def test_results_close_an_order_and_ask_nothing_else(feed):
    feed.place()
    obr = f"OBR|1|||MHEAD{'|' * 21}"
    assert feed.send(orc("RE", "P1", sent=5), obr + "R") == AA
    assert feed.order("P1").status is S.WAITING
    assert feed.send(orc("RE", "P1", sent=6), obr + "F") == AA
    assert feed.order("P1").status is S.PERFORMED


def test_an_exam_that_only_the_filler_knows_is_stored_and_not_booked(feed):
    line = "OBR|1||F9|MR01^MR head"
    assert feed.ris(PID, PV1, "ORC|SC||F9||SC", line) == AA
    (order,) = feed.orders()
    assert order.status is S.HELD
    assert HoldCode.BOOKED_ELSEWHERE in codes(order)
    assert feed.ris("ORC|SC||F9||CM") == AA
    assert feed.orders()[0].status is S.PERFORMED
    assert feed.ris(PID, PV1, "ORC|SC||F10||CM", line.replace("F9", "F10")) == AA
    assert len(feed.orders()) == 1, "what is over needs nobody"
    assert feed.ris(PID, PV1, orc("SC", "P8", status="SC")) == ("AE", "204")


def test_a_status_is_reported(feed):
    feed.place()
    assert feed.send(orc("SS", "P1")) == AA
    assert feed.send(orc("SS", "P8")) == ("AE", "204")


# Answers to what we sent ------------------------------------------------------------


def test_a_refused_booking_is_put_to_a_person(feed):
    booked = book(feed, feed.place())
    sent = feed.read(lambda uow: uow.outbox.of_order(booked.id))[0]
    lines = (f"MSA|AA|{sent.id}", orc("UA", "P1", reason="NOCAP"))
    assert sent.destination == NORTH
    assert feed.send(*lines, kind="ORR^O02") == AA
    order = feed.order("P1")
    assert (order.status, codes(order)) == (S.BOOKED, [HoldCode.REFUSED_BY_PARTNER])
    assert order.holds[0].detail == "UA NOCAP"


@pytest.mark.parametrize("kind", ["ORR^O02", "ORG^O20", "ORI^O24", "ORM^O01"])
def test_an_accepted_order_is_noted(feed, kind):
    order = feed.place()
    assert feed.send("MSA|AA|X", orc("OK", "P1"), kind=kind, version="2.5.1") == AA
    assert feed.order("P1").status is S.WAITING
    assert feed.history(order)[-1] == ("told", "answer OK")


def test_an_answer_about_nothing_known_is_not_refused(feed):
    assert feed.send("MSA|AE|X77", orc("UA", "P9"), kind="ORR^O02") == AA
    assert feed.send("MSA|AE|X77", kind="ORG^O20") == AA


# What changes, what stays -----------------------------------------------------------


def change(*lines, sent=5, urgency="^^^^^A"):
    return (
        orc("XO", "P1", sent=sent).replace("^^^^^R", urgency),
        *lines,
    )


def test_what_a_change_is_silent_about_stays(feed):
    before = feed.place(filler="F5")
    assert feed.send(*change("OBR|1|||MHEAD")) == AA
    after = feed.order("P1")
    assert after.content.priority is Priority.URGENT
    for name in (
        "patient",
        "site",
        "setting",
        "filler_number",
        "safety",
        "requested_at",
    ):
        assert getattr(after.content, name) == getattr(before.content, name), name


def test_an_explicit_null_deletes(feed):
    line = "OBR|1|||MHEAD^MRI Head|||||||||Headache"
    feed.send(PID, PV1, orc("NW", "P1", filler="F5"), line, *SAFE)
    assert feed.order("P1").content.clinical_reason == "Headache"
    null = orc("XO", "P1", filler='""', sent=5)
    assert feed.send(null, 'OBR|1||""|MHEAD|||||||||""', 'OBX|1|CE|IMPL||""') == AA
    content = feed.order("P1").content
    assert (content.filler_number, content.clinical_reason) == ("", "")
    assert {a.question.value for a in content.safety} == {"cardiac_device"}
    assert feed.order("P1").status is S.VETTED, "an unknown answer blocks booking"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("9990000018^^^NHS^NH~X1234^^^RA1^MR", '""'),
        ("TESTER^Anna", '""'),
    ],
)
def test_an_identity_cannot_be_deleted(feed, old, new):
    feed.place()
    assert feed.send(PID.replace(old, new), PV1, *change("OBR|1|||MHEAD")) == (
        "AE",
        "101",
    )


def test_an_exam_cannot_be_deleted(feed):
    feed.place()
    assert feed.send(*change('OBR|1|||""')) == ("AE", "101")


def test_numbers_of_other_authorities_are_not_the_senders_to_delete(feed):
    before = feed.place()
    own = PID.replace("9990000018^^^NHS^NH~", "")
    assert feed.send(own, PV1, *change("OBR|1|||MHEAD")) == AA
    assert feed.order("P1").content.patient == before.content.patient


def test_another_patient_is_never_merged_in(feed):
    before = feed.place()
    other = PID.replace("9990000018", "9990000026")
    assert feed.send(other, PV1, *change("OBR|1|||MHEAD")) == AA
    after = feed.order("P1")
    assert codes(after) == [HoldCode.IDENTITY_CONFLICT]
    assert after.content.patient == before.content.patient


def test_a_change_that_repairs_what_held_an_order_lets_it_go_on(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert codes(feed.order("P1")) == [HoldCode.UNMAPPED_PROCEDURE]
    feed.send(orc("HD", "P1", sent=2))
    assert feed.send(*change(MR_HEAD)) == AA
    assert codes(feed.order("P1")) == [HoldCode.REQUESTED_BY_SENDER]
    feed.send(orc("RL", "P1", sent=7))
    assert feed.order("P1").status is S.WAITING


def test_a_change_that_repairs_nothing_leaves_the_hold(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert feed.send(*change("OBR|1")) == AA
    assert codes(feed.order("P1")) == [HoldCode.UNMAPPED_PROCEDURE]


def test_what_a_clerk_settled_is_not_asked_again(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    held = feed.order("P1")
    feed.engine.handle(ReleaseOrder(held.id, procedure=ProcedureCode("MRHEAD")), CLERK)
    feed.engine.handle(VetOrder(held.id), CLERK)
    repeat = feed.message(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert feed.answers(repeat) == [AA]
    assert len(feed.orders()) == 1
    line = "OBR|1|||WHAT^What|||||||||Headache"
    assert feed.send(*change(line, urgency="^^^^^R")) == AA
    after = feed.order("P1")
    assert (after.content.procedure, codes(after)) == ("MRHEAD", [])


def test_a_resend_is_known_although_the_patients_name_was_put_right(feed):
    lines = (PID, PV1, orc("NW", "P1"), MR_HEAD, *SAFE)
    assert feed.send(*lines) == AA
    married = PID.replace("TESTER", "EXAMPLE")
    routine = change("OBR|1|||MHEAD", sent=0, urgency="^^^^^R")
    assert feed.send(married, PV1, *routine) == AA
    assert feed.order("P1").content.patient.family_name == "EXAMPLE"
    assert feed.send(*lines) == AA
    assert len(feed.orders()) == 1
    urgent = orc("NW", "P1").replace("^^^^^R", "^^^^^A")
    assert feed.send(PID, PV1, urgent, MR_HEAD, *SAFE) == ("AE", "205")


def test_a_known_order_that_is_booked_elsewhere_is_not_booked_here(feed):
    feed.place()
    for _ in range(2):
        assert feed.send(PID, PV1, orc("NW", "P1", status="SC"), MR_HEAD, *SAFE) == AA
        assert codes(feed.order("P1")) == [HoldCode.BOOKED_ELSEWHERE]
    assert len(feed.orders()) == 1


def test_an_unknown_setting_is_held_until_somebody_says(feed):
    feed.send(PID, PV1.replace("|O|", "|Q|"), orc("NW", "P1"), MR_HEAD, *SAFE)
    held = feed.order("P1")
    assert codes(held) == [HoldCode.UNKNOWN_SETTING]
    release = ReleaseOrder(held.id, setting=PatientSetting.INPATIENT)
    feed.engine.handle(release, CLERK)
    assert feed.order("P1").content.setting is PatientSetting.INPATIENT


def test_several_steps_are_put_to_a_person_and_the_study_is_kept(feed):
    lines = ("IPC|A1|RP1|1.2.3|S1|MR", "IPC|A1|RP1|1.2.3|S2|MR")
    order = orc("NW", "P1").replace("^^^^^R", "")
    feed.ris(PID, order, "OBR|1|||MR01", *lines, kind="OMI^O23")
    held = feed.orders()[0]
    assert codes(held) == [HoldCode.SEVERAL_STEPS]
    assert held.content.study_uid == "1.2.3"


def test_a_study_is_kept_from_a_zds_segment(feed):
    feed.send(PID, PV1, orc("NW", "P1"), MR_HEAD, "ZDS|1.2.9^^Application^DICOM", *SAFE)
    assert feed.order("P1").content.study_uid == "1.2.9"


# Whatever comes first ---------------------------------------------------------------


def test_a_hold_and_its_release_mean_the_same_in_any_order(feed):
    for number, order in enumerate(permutations(("XO", "HD", "RL"))):
        name = f"P{number}"
        feed.place(name)
        times = {"XO": 10, "HD": 20, "RL": 30}
        for control in order:
            lines = (
                orc(control, name, sent=times[control]).replace("^^^^^R", "^^^^^A"),
            )
            if control == "XO":
                lines += (MR_HEAD,)
            assert feed.send(*lines) == AA
        found = feed.order(name)
        assert found.holds == (), order
        assert found.content.priority is Priority.URGENT


@pytest.mark.parametrize("control", ["XO", "CA", "DC", "RP"])
def test_what_comes_for_an_ended_order_never_blocks_the_feed(feed, control):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||FBC^Blood|||||||||||||||||||||LAB")
    lines = (orc(control, "P1", sent=5), MR_HEAD)
    if control == "RP":
        lines += replacement("P2")
    assert feed.send(PID, PV1, *lines)[0] == "AA"
