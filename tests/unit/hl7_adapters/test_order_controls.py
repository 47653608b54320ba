"""Every order control from the wire to the order: what it does, and what it must not.

Each runs through the receiver on a store in memory; `integration/test_order_controls`
plays the whole of it on both databases.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from feed import MR_HEAD, PID, PV1, SAFE, at, orc
from network import NORTH
from order_desk import AA, CT, SOUTH, S, book, codes, feed_with

from booking_engine.domain.events import EventKind
from booking_engine.domain.orders import HoldCode
from booking_engine.domain.vocabulary import Priority
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode


@pytest.fixture
def feed():
    return feed_with()


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
