"""How an order stands, from its filler, and answers to what we sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from feed import PID, PV1, orc
from network import NORTH
from order_desk import AA, S, book, codes, feed_with

from booking_engine.domain.orders import HoldCode


@pytest.fixture
def feed():
    return feed_with()


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
