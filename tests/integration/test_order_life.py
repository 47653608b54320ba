"""The life of orders by their order controls, played whole on every store."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

from feed import MR_HEAD, PID, PV1, SAFE, Feed, orc
from network import CLERK, NORTH, NOW

from booking_engine.application.commands import BookSlot
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.orders import HoldCode, OrderStatus

AA = ("AA", "")
FILLS = {"south": {"fills_orders": True}, "north": {"park_minutes": 30}}
S = OrderStatus


def book(feed, order):
    """Book the first exam of tomorrow's session on the first scanner."""
    tomorrow = NOW + timedelta(days=1)
    sessions = feed.read(
        lambda uow: uow.schedule.sessions_between(
            tomorrow - timedelta(hours=4), tomorrow, scanners=["MR1"]
        )
    )
    session = sessions[0]
    feed.engine.handle(
        BookSlot(order.id, SessionId(session.id), session.starts_at), CLERK
    )


def test_orders_held_split_replaced_and_scanned(store):
    """One batch for each line of work, as a listener groups what comes together."""
    feed = Feed(store.units, FILLS)
    exams = [PID, PV1, orc("NW", "P1"), MR_HEAD, *SAFE]
    exams += ["OBR|2|||CCHAPC^CT CAP", "OBX|1|CE|PREG||N"]
    assert (
        feed.answers(
            feed.message(orc("HD", "P2", sent=4)),
            feed.message(*exams),
            feed.message(PID, PV1, orc("NW", "P2"), MR_HEAD, *SAFE),
            feed.message(orc("RL", "P2", sent=6)),
            feed.message(orc("CA", "P1", sent=7), "OBR|1|||CCHAPC^CT CAP"),
        )
        == [AA] * 5
    )
    head, scan, waiting = feed.orders()
    assert (head.status, scan.status) == (S.WAITING, S.CANCELLED)
    assert (waiting.status, waiting.holds) == (S.WAITING, ())

    book(feed, waiting)
    split = [PID, PV1, orc("PA", "P2", filler="F2", sent=8), "OBR|1|||MR01"]
    for part in ("A", "B"):
        split += [orc("CH", "P2", filler=f"F2{part}", sent=8), "OBR|1|||MR01", *SAFE]
    assert feed.ris(*split) == AA
    assert feed.ris(*split) == AA
    assert feed.live(waiting) is None
    children = [o for o in feed.orders() if o.content.filler_number.startswith("F2")]
    assert [o.clock for o in children] == [waiting.clock] * 2

    assert feed.ris("ORC|SC||F2A||CM", "OBR|1||F2A|MR01") == AA
    assert feed.send(orc("DC", "P2", sent=9)) == AA
    statuses = [feed.order(o.content.placer_number).status for o in children]
    assert statuses == [S.PERFORMED, S.CANCELLED]

    name = head.content.placer_number
    swap = [orc("RP", "P1", sent=9), orc("RO", "P5", sent=9), MR_HEAD, *SAFE]
    assert feed.send(PID, PV1, *swap) == ("AE", "102"), "two exams have that number"
    only = [orc("RP", "P5", sent=9), MR_HEAD, orc("RO", "P6", sent=9), MR_HEAD, *SAFE]
    assert feed.send(PID, PV1, orc("NW", "P5"), MR_HEAD, *SAFE) == AA
    assert feed.send(PID, PV1, *only) == AA
    assert feed.order("P5").status is S.REPLACED
    assert feed.order("P6").status is S.WAITING
    assert feed.order(name).status is S.WAITING


def test_a_fillers_exam_is_found_again_and_a_refusal_is_seen(store):
    feed = Feed(store.units, FILLS)
    exam = (PID, "ORC|SN||F77", "OBR|1||F77|MR01^MR head")
    assert feed.ris(*exam) == AA
    assert feed.ris(*exam) == AA
    (own,) = feed.orders()
    assert own.content.placer_number == own.id
    assert feed.ris("ORC|SC||F77||CA", "OBR|1||F77|MR01") == AA
    assert feed.order(own.id).status is S.CANCELLED

    assert feed.send(PID, PV1, orc("NW", "P9"), MR_HEAD, *SAFE) == AA
    order = feed.order("P9")
    book(feed, order)
    told = feed.read(lambda uow: uow.outbox.of_order(order.id))[0]
    assert told.destination == NORTH
    refusal = (f"MSA|AA|{told.id}", orc("UA", "P9", reason="NOCAP"))
    assert feed.send(*refusal, kind="ORR^O02") == AA
    order = feed.order("P9")
    assert [h.code for h in order.holds] == [HoldCode.REFUSED_BY_PARTNER]
    assert feed.live(order) is not None
    assert feed.ris(orc("OC", "P9", filler="F9", sent=8)) == AA
    assert feed.order("P9").status is S.CANCELLED
    assert ("order_cancelled", NORTH) in feed.told(order)


def test_a_filler_that_asks_twice_at_once_gets_one_number(sql_store):
    """Two lines ask for the same exam at the same moment."""
    feed = Feed(sql_store.units, FILLS)
    for number in range(6):
        lines = (PID, f"ORC|SN||F{number}", f"OBR|1||F{number}|MR01^MR head")
        raws = [
            feed.message(*lines, sender="RIS|RB2", version="2.5.1") for _ in range(2)
        ]
        threads = [Thread(target=feed.answers, args=(raw,)) for raw in raws]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert len(feed.orders()) == number + 1
