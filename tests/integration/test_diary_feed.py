"""A RIS that keeps its own diary, over the receiver, on both real databases."""

import socket
from datetime import UTC, datetime, timedelta

import pytest
from network import CLERK
from receiving import Feed, coded

from api.answer_times import AnswerTimes
from api.watch import Watch
from booking_engine.application.commands import CancelAppointment, HoldSlot
from booking_engine.domain.alerts import Condition, Thresholds
from booking_engine.domain.diary_entries import EntryStatus
from booking_engine.domain.errors import SlotTaken
from booking_engine.domain.orders import HoldCode, OrderStatus
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.listener import Endpoint, MllpListener
from hl7_adapters.profile import Profile
from hl7_adapters.receiver import Receiver

RIS = Profile.model_validate(
    {
        "id": "indie",
        "name": "A RIS with a diary",
        "senders": [{"application": "RIS"}],
        "local_authority": "RA1",
        "diary": {"resources": {"MR-X": "MRX"}},
    }
)
PID = "PID|1||9990000018^^^NHS^NH||Test^Ann||19800301|F"


def siu(control, event, number, start=None, *, ids="", order="", minute=1, end=""):
    """A message of the diary; `start` is HHMM on 26 November."""
    header = f"MSH|^~\\&|RIS|NX1|BOOKING||202611240901{minute:02}||SIU^{event}"
    timing = f"^^^20261126{start}" if start else ""
    timing += f"^20261126{end}" if end else ""
    sch = (
        f"SCH|{ids}|{number}||||REASON|||30|min|{timing}|||||^Desk||||^Clerk|||||"
        f"Booked|{order}"
    )
    segments = [f"{header}|{control}|P|2.4", sch]
    if event not in {"S23", "S24"}:
        segments.append(PID)
    segments += ["RGS|1|A", "AIG|1|A|MR-X^MR|MR"]
    return "\r".join(segments).encode() + b"\r"


@pytest.fixture
def feed(sql_store):
    return Feed(sql_store, RIS)


def at(hour, minute=0):
    return datetime(2026, 11, 26, hour, minute, tzinfo=UTC)


OK = ("AA", "")


def test_a_diary_books_moves_and_cancels_an_order_of_ours(feed):
    order_id = feed.place()

    assert feed.send(siu("1", "S12", "D1", "1000", order="P1^RA1")) == [OK]
    assert feed.live(order_id).starts_at == at(10)
    assert feed.order(order_id).status is OrderStatus.BOOKED

    assert feed.send(siu("2", "S13", "D1", "1100", minute=2)) == [OK]
    assert feed.live(order_id).starts_at == at(11)

    # Another time by a modification is a move as well.
    assert feed.send(siu("3", "S14", "D1", "1130", minute=3)) == [OK]
    assert feed.live(order_id).starts_at == at(11, 30)

    assert feed.send(siu("4", "S15", "D1", minute=4)) == [OK]
    assert feed.live(order_id) is None
    assert feed.order(order_id).status is OrderStatus.WAITING
    assert feed.entries("D1")[0].status is EntryStatus.ENDED


def test_a_held_slot_is_given_up_for_what_the_diary_booked(feed):
    order_id = feed.place()
    session = feed.read(
        lambda uow: uow.schedule.sessions_between(at(10), at(11), scanners=["MRX"])[0]
    )
    feed.engine.handle(HoldSlot(order_id, session.id, at(11)), CLERK)

    assert feed.send(siu("1", "S12", "D1", "1100", order="P1^RA1")) == [OK]

    assert feed.order(order_id).status is OrderStatus.BOOKED
    assert feed.live(order_id).starts_at == at(11)


def test_our_own_booking_is_followed_by_our_number(feed):
    order_id = feed.place()
    booked = feed.book(order_id, at(10))

    assert feed.send(
        siu("1", "S12", "X1", "1000", ids=booked.id),
        siu("2", "S13", "X1", "1100", minute=2),
    ) == [OK, OK]

    assert feed.live(order_id).id == booked.id
    assert feed.live(order_id).starts_at == at(11)
    assert feed.send(siu("3", "S17", booked.id, minute=3)) == [OK]
    assert feed.order(order_id).status is OrderStatus.WAITING


def test_an_external_appointment_keeps_its_time_from_others(feed):
    order_id = feed.place()
    feed.send(siu("1", "S12", "D1", "1000"))

    with pytest.raises(SlotTaken):
        feed.book(order_id, at(10, 15))
    feed.send(siu("2", "S15", "D1", minute=2))
    assert feed.book(order_id, at(10, 15)).starts_at == at(10, 15)


def test_an_overlap_is_acknowledged_kept_and_put_to_a_person(feed):
    order_id = feed.place()
    booked = feed.book(order_id, at(10))

    assert feed.send(siu("1", "S12", "D1", "1015")) == [OK]

    assert feed.live(order_id).starts_at == booked.starts_at
    assert [h.code for h in feed.order(order_id).holds] == [HoldCode.DIARY_CONFLICT]
    assert feed.entries("D1")[0].status is EntryStatus.TAKING


@pytest.mark.parametrize("ending", ["cancelled there", "cancelled here", "moved"])
def test_an_overlap_is_one_alert_until_it_is_over(feed, ending):
    watch = Watch(
        feed.engine,
        lambda: {RIS.id: Thresholds(silent_after=None)},
        AnswerTimes(),
        window=timedelta(minutes=30),
    )
    order_id = feed.place()
    booked = feed.book(order_id, at(10))
    assert watch.run_once() == []

    feed.send(siu("1", "S12", "D1", "1015"))
    (raised,) = watch.run_once()
    assert (raised.condition, raised.value) == (Condition.DIARY_CONFLICTS, 1)
    feed.send(siu("2", "S12", "D2", "1000", minute=2))  # on the same booking
    assert watch.run_once() == watch.run_once() == []

    if ending == "cancelled here":
        feed.engine.handle(
            CancelAppointment(booked.id, "gone", by_patient=False), CLERK
        )
    else:
        event, start = ("S15", None) if ending == "cancelled there" else ("S13", "1400")
        feed.send(*(siu(n, event, f"D{n}", start, minute=9) for n in "12"))
    (cleared,) = watch.run_once()
    assert (cleared.id, cleared.is_open) == (raised.id, False)
    assert watch.run_once() == []


def test_an_appointment_without_numbers_asks_about_the_order_it_may_be_for(feed):
    named = RIS.model_copy(update={"procedures": {"mhead": "MRHEAD"}})
    feed.receiver = Receiver(
        feed.engine, [named], ids=feed.engine.ids, clock=feed.clock
    )
    order_id, other = feed.place(), feed.place("P2", procedure="CTHEAD")
    exam = siu("1", "S12", "D1", "1000") + b"AIS|1|A|MHEAD^MR head\r"

    assert feed.send(exam) == [OK]

    order = feed.order(order_id)
    assert (order.status, order.content.procedure) == (OrderStatus.HELD, "MRHEAD")
    assert [h.code for h in order.holds] == [HoldCode.BOOKED_ELSEWHERE]
    assert feed.order(other).holds == ()
    assert feed.live(order_id) is None
    filed = feed.read(lambda uow: uow.messages.of_orders([order_id]))[order_id]
    assert feed.read(lambda uow: uow.messages.get(filed)).outcome == "held"

    assert feed.send(siu("2", "S15", "D1", minute=2)) == [OK]
    assert feed.order(order_id).status is OrderStatus.WAITING


def test_a_closure_is_opened_again(feed):
    order_id = feed.place()
    assert feed.send(siu("1", "S23", "B1", "0900", end="1200")) == [OK]
    with pytest.raises(SlotTaken):
        feed.book(order_id, at(10))

    assert feed.send(siu("2", "S24", "B1", "0900", end="1200", minute=2)) == [OK]
    assert feed.book(order_id, at(10)).starts_at == at(10)


def test_a_patient_who_did_not_attend_is_recorded(feed):
    order_id = feed.place()
    feed.send(siu("1", "S12", "D1", "1000", order="P1^RA1"))
    feed.clock.advance(timedelta(days=2, hours=2))

    assert feed.send(siu("2", "S26", "D1", minute=2)) == [OK]

    assert feed.order(order_id).status is OrderStatus.DID_NOT_ATTEND


@pytest.mark.parametrize("event", ["S15", "S16", "S17", "S26", "S24"])
def test_ending_what_is_not_known_is_refused(feed, event):
    assert feed.send(siu("1", event, "D9")) == [("AE", "204")]


def test_a_change_of_what_is_not_known_is_new_or_refused_as_the_profile_says(feed):
    assert feed.send(siu("1", "S13", "D9", "1000")) == [OK]
    assert feed.entries("D9")[0].starts_at == at(10)

    strict = RIS.model_copy(
        update={"diary": RIS.diary.model_copy(update={"upsert_unknown": False})}
    )
    feed.receiver = Receiver(
        feed.engine, [strict], ids=feed.engine.ids, clock=feed.clock
    )
    assert feed.send(siu("2", "S13", "D8", "1000")) == [("AE", "204")]
    assert feed.send(siu("3", "S13", "D9", "1100", minute=2)) == [OK]


def test_a_batch_is_carried_out_in_its_order(feed):
    order_id = feed.place()
    batch = [
        siu("1", "S12", "D1", "1000", order="P1^RA1"),
        siu("2", "S13", "D1", "1100", minute=2),
        siu("3", "S15", "D1", minute=3),
        siu("4", "S12", "D2", "1000", order="P1^RA1", minute=4),
        siu("5", "S12", "D3", "1000", minute=5),
        siu("6", "S26", "D9", minute=6),
    ]

    assert feed.send(*batch) == [OK] * 5 + [("AE", "204")]
    assert feed.live(order_id).starts_at == at(10)
    assert feed.entries("D2")[0].status is EntryStatus.LINKED
    assert [h.code for h in feed.order(order_id).holds] == [HoldCode.DIARY_CONFLICT]
    # Again, as after a lost acknowledgement: nothing changes.
    before = feed.order(order_id)
    assert feed.send(*batch) == [OK] * 5 + [("AE", "204")]
    assert feed.order(order_id) == before


def test_an_older_change_does_not_overtake_a_newer(feed):
    feed.send(
        siu("1", "S12", "D1", "1000", minute=1),
    )
    late = siu("3", "S13", "D1", "1130", minute=1).replace(b"0901", b"0904")
    early = siu("2", "S13", "D1", "1100", minute=1).replace(b"0901", b"0902")

    assert feed.send(late, early) == [OK, OK]
    assert feed.entries("D1")[0].starts_at == at(11, 30)


def test_a_diary_speaks_over_a_real_socket(feed):
    order_id = feed.place()
    listener = MllpListener(Endpoint(), feed.receiver.handle, now=feed.clock.now)
    listener.start()
    try:
        with socket.create_connection(listener.address, timeout=10) as connection:
            reply = b""
            for raw in (
                siu("1", "S12", "D1", "1000", order="P1^RA1"),
                siu("2", "S13", "D1", "1100", minute=2),
            ):
                connection.sendall(frame(raw))
                reply = b""
                while not reply.endswith(b"\x1c\r"):
                    got = connection.recv(65536)
                    assert got, "the connection was closed"
                    reply += got
                assert coded(reply.strip(b"\x0b\x1c\r") + b"\r") == OK
    finally:
        listener.stop()

    assert feed.live(order_id).starts_at == at(11)


def test_another_trusts_diary_is_not_to_be_changed(feed):
    other = RIS.model_copy(
        update={"diary": RIS.diary.model_copy(update={"resources": {"mr-x": "MR1"}})}
    )
    feed.receiver = Receiver(
        feed.engine, [other], ids=feed.engine.ids, clock=feed.clock
    )

    assert feed.send(siu("1", "S12", "D1", "1000")) == [("AE", "102")]
    assert feed.entries("D1") == []


def test_another_patients_appointment_does_not_book_the_order(feed):
    order_id = feed.place()
    raw = siu("1", "S12", "D1", "1000", order="P1^RA1")

    assert feed.send(raw.replace(b"9990000018", b"9990000026")) == [OK]

    assert feed.live(order_id) is None
    assert [h.code for h in feed.order(order_id).holds] == [HoldCode.BOOKED_ELSEWHERE]
