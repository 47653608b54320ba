"""SRM and SQM in, SRR and SQR out, over the receiver, on both real databases."""

from datetime import UTC, datetime, timedelta

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from network import CLERK, NHS_NUMBERS
from receiving import Feed, coded

from booking_engine.application.commands import RecordOutcome
from booking_engine.domain.diary_entries import EntryStatus
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.patients import Patient
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.vocabulary import Sex
from hl7_adapters.er7 import decode
from hl7_adapters.profile import Profile

EPR = Profile.model_validate(
    {
        "id": "north",
        "name": "An EPR that asks for appointments",
        "senders": [{"application": "EPR"}],
        "placer_authority": "RA1",
        "local_authority": "RA1",
        "diary": {"resources": {"MR ONE": "MR1"}, "patient_reasons": ["PATCAN"]},
        "outgoing": {
            "host": "127.0.0.1",
            "scanners": {"MRX": "TREATMENT-MR"},
            "events": {},
        },
    }
)
VERSIONS = ("2.3.1", "2.4", "2.5.1")


def srm(event, control="1", *, ids="", ranges="", order="P1^RA1", more=(), **header):
    """A request; `ranges` is ARQ-11."""
    version = header.get("version", "2.4")
    first = f"MSH|^~\\&|EPR|RA1|BOOKING||20261124090100||SRM^{event}|{control}|P"
    reason = header.get("reason", "")
    arq = "|".join(
        (
            "ARQ",
            *(ids.split("|") if ids else ("REQ1", "")),
            *("", "", "", reason, "", "", "", ""),
            *(ranges, "", "", "", "^Clerk", "", "", "", "^Clerk", "", "", "", ""),
            order,
        )
    )
    segments = [f"{first}|{version}", arq]
    if version == "2.3.1":
        segments[1] = "|".join(arq.split("|")[:24])
        segments.append(f"ZBK||||||{order}")
    segments += ["PID|1||9990000018^^^NHS^NH||Test^Ann", "RGS|1|A", *more]
    return "\r".join(segments).encode() + b"\r"


def at(hour, minute=0, day=26):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def feed(sql_store):
    return Feed(sql_store, EPR)


def strict(ack):
    """Check an answer with hl7apy, without our own segment at its end."""
    text = ack.decode().split("\rZBK")[0] + "\r"
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    message.validate()
    return message


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_answered_with_the_appointment(feed, version):
    order_id = feed.place()

    ack = feed.answer(srm("S01", ranges="202611261000^202611261100", version=version))

    live = feed.live(order_id)
    answer = decode(ack)
    strict(ack)
    assert coded(ack) == ("AA", "")
    assert answer.get("MSH-9.1") == "SRR"
    assert (answer.get("MSH-9.2"), answer.get("MSH-9.3")) == ("S01", "SRR_S01")
    assert at(10) <= live.starts_at <= at(11)
    assert (answer.get("SCH-1"), answer.get("SCH-2")) == ("REQ1", live.id)
    assert answer.get("SCH-25") == "Booked"
    start = f"{live.starts_at:%Y%m%d%H%M}"
    where = "TQ1-7" if version == "2.5.1" else "SCH-11.4"
    assert answer.get(where).startswith(start)
    assert answer.get("AIS-4").startswith(start)
    scanner = {"MRX": "TREATMENT-MR"}.get(live.scanner, live.scanner)
    assert answer.get("AIG-3") == scanner
    if version != "2.3.1":
        assert answer.get("SCH-26") == "P1"
    assert answer.get("ZBK-1") == live.decision_id


def test_start_equal_to_end_means_exactly_then(feed):
    order_id = feed.place()

    feed.answer(srm("S01", ranges="202611261020^202611261020"))

    assert feed.live(order_id).starts_at == at(10, 20)


def test_ranges_are_alternatives(feed):
    first = feed.place("P1")
    other = Patient(NHS_NUMBERS[1], "X2", "RA1", "Test", "Bob", None, Sex.MALE, "M13")
    second = feed.place("P2", patient=other)
    one = "202611261000^202611261000"
    more = ("AIG|1|A|MR ONE|MR",)
    feed.answer(srm("S01", "1", ranges=one, more=more))

    both = f"{one}~202611271000^202611271000"
    raw = srm("S01", "2", ids="REQ2|", ranges=both, order="P2^RA1", more=more)
    assert coded(feed.answer(raw)) == ("AA", "")

    assert feed.live(first).starts_at == at(10)
    assert feed.live(second).starts_at == at(10, day=27)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_slot_is_refused_and_nothing_booked(feed, version):
    order_id = feed.place()

    ack = feed.answer(srm("S01", ranges="202611280300^202611280400", version=version))

    answer = decode(ack)
    strict(ack)
    assert coded(ack) == ("AE", "207")
    assert answer.get("MSH-9.1") == "SRR"
    assert answer.get("SCH-25") == ""
    if version == "2.5.1":
        assert answer.get("ERR-5.1") == "NO_SLOT"
    assert feed.live(order_id) is None
    assert feed.order(order_id).status is OrderStatus.WAITING


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_nobody_vetted_is_pending(feed, version):
    order_id = feed.place(guidelines=frozenset())

    ack = feed.answer(srm("S01", version=version))

    strict(ack)
    assert coded(ack) == ("AA", "")
    assert decode(ack).get("SCH-25") == "Pending"
    assert feed.live(order_id) is None
    assert feed.order(order_id).status is OrderStatus.AWAITING_VETTING


def test_the_scanner_that_is_asked_for_is_given_or_nothing(feed):
    order_id = feed.place()
    outside = "202611261430^202611261430"  # MR1's cancer list
    more = ("AIG|1|A|MR ONE|MR",)
    assert coded(feed.answer(srm("S01", "1", ranges=outside, more=more))) == (
        "AE",
        "207",
    )

    feed.answer(srm("S01", "2", ranges="20261126^20261126", more=more))

    assert feed.live(order_id).scanner == "MR1"


def test_a_repeat_gets_the_same_answer_and_a_second_request_the_same_slot(feed):
    order_id = feed.place()
    raw = srm("S01", ranges="20261126^20261126")

    first = feed.answer(raw)
    assert feed.answer(raw) == first
    booked = feed.live(order_id)
    again = feed.answer(srm("S01", "2", ranges="20261126^20261126"))

    assert decode(again).get("SCH-2") == booked.id
    refused = feed.answer(srm("S01", "3", ranges="20261127^20261127"))
    assert coded(refused) == ("AE", "206")
    assert feed.live(order_id) == booked


@pytest.mark.parametrize("named", ["ours", "theirs"])
def test_an_appointment_is_moved_asked_about_and_cancelled(feed, named):
    order_id = feed.place()
    feed.answer(srm("S01", "1", ranges="202611261000^202611261000"))
    booked = feed.live(order_id)
    ids = f"|{booked.id}" if named == "ours" else "REQ1|"

    moved = feed.answer(srm("S02", "2", ids=ids, ranges="202611271000^202611271000"))
    assert coded(moved) == ("AA", "")
    assert feed.live(order_id).starts_at == at(10, day=27)
    assert feed.live(order_id).id == booked.id
    assert decode(moved).get("SCH-11.4").startswith("202611271000")

    asked = feed.answer(srm("S03", "3", ids=ids))
    assert decode(asked).get("SCH-25") == "Booked"
    other = srm("S03", "4", ids=ids, ranges="202611301000^202611301000")
    assert coded(feed.answer(other)) == ("AE", "206")

    ended = feed.answer(srm("S04", "5", ids=ids, reason="WARD"))
    assert coded(ended) == ("AA", "")
    assert decode(ended).get("SCH-25") == "Cancelled"
    assert feed.live(order_id) is None
    assert feed.order(order_id).status is OrderStatus.WAITING
    again = feed.answer(srm("S04", "6", ids=ids))
    assert coded(again) == ("AA", "")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("event", ["S02", "S03", "S04", "S05", "S06"])
def test_what_is_not_known_is_refused(feed, event, version):
    ack = feed.answer(srm(event, ids="REQ9|", version=version))

    strict(ack)
    assert coded(ack) == ("AE", "204")
    assert decode(ack).get("MSH-9.2") == event
    assert coded(feed.answer(srm("S01", "2", order="P9^RA1"))) == ("AE", "204")


@pytest.mark.parametrize("event", ["S07", "S08", "S09", "S10", "S11"])
def test_services_and_resources_are_not_changed_by_request(feed, event):
    ack = feed.answer(srm(event, ids="REQ1|"))

    assert coded(ack) == ("AE", "207")
    assert decode(ack).get("MSH-9.1") == "SRR"


@pytest.mark.parametrize("event", ["S02", "S04", "S06"])
def test_a_patient_who_has_arrived_is_not_moved_or_cancelled(feed, event):
    order_id = feed.place()
    feed.answer(srm("S01", "1", ranges="202611261000^202611261000"))
    feed.clock.advance(timedelta(days=2, hours=1))
    feed.engine.handle(RecordOutcome(feed.live(order_id).id, "arrived"), CLERK)

    ranges = "202611271000^202611271000"
    ack = feed.answer(srm(event, "2", ids="REQ1|", ranges=ranges))

    assert coded(ack) == ("AE", "206")
    assert feed.live(order_id).status is AppointmentStatus.ARRIVED


def test_breaking_off_asks_a_person_and_deleting_frees_the_slot(feed):
    order_id = feed.place()
    feed.answer(srm("S01", "1", ranges="202611261000^202611261000"))

    feed.answer(srm("S05", "2", ids="REQ1|"))
    assert [h.code for h in feed.order(order_id).holds] == [HoldCode.DISCONTINUED]

    deleted = feed.answer(srm("S06", "3", ids="REQ1|"))
    assert decode(deleted).get("SCH-25") == "Deleted"
    assert feed.live(order_id) is None


def test_a_patients_cancellation_resets_the_clock(feed):
    order_id = feed.place()
    feed.answer(srm("S01", "1", ranges="202611261000^202611261000"))

    feed.answer(srm("S04", "2", ids="REQ1|", reason="PATCAN"))

    assert feed.order(order_id).clock.started_on == at(10).date()


def test_the_number_of_a_request_takes_no_time(feed):
    feed.place()
    feed.answer(srm("S01", "1", ranges="202611261000^202611261000"))

    (entry,) = feed.read(lambda uow: uow.diary.numbered("north", "REQ1"))
    assert entry.status is EntryStatus.LINKED


def sqm(control="1", *, ranges="20261126^20261126", most="5^RD", version="2.4"):
    first = f"MSH|^~\\&|EPR|RA1|BOOKING||20261124090100||SQM^S25|{control}|P|{version}"
    qrd = f"QRD|20261124090100|R|I|Q1|||{most}|^^|APN|ALL"
    arq = f"ARQ|REQ1||||||||20|min|{ranges}||||^Clerk||||^Clerk"
    aig = "AIG|1||MR ONE|MR"
    return f"{first}\r{qrd}\r{arq}\rRGS|1\r{aig}".encode() + b"\r"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_query_is_answered_with_free_time(feed, version):
    order_id = feed.place()
    feed.book(order_id, at(9), scanner="MR1")

    ack = feed.answer(sqm(version=version))

    answer = decode(ack)
    strict(ack)
    assert coded(ack) == ("AA", "")
    assert (answer.get("MSH-9.1"), answer.get("MSH-9.3")) == ("SQR", "SQR_S25")
    assert answer.get("QAK-1") == "Q1"
    starts = [s.value(8)[:12] for s in answer.all("AIG")]
    assert starts == sorted(starts)
    assert starts[0] == "202611260800"
    assert "202611260900" not in starts
    assert {s.value(3) for s in answer.all("AIG")} == {"MR1"}
    assert len(starts) <= 5


def test_a_query_is_bounded_and_may_be_switched_off(sql_store):
    off = EPR.model_copy(update={"queries": False})
    feed = Feed(sql_store, off)

    assert coded(feed.answer(sqm())) == ("AR", "200")


def test_nothing_free_is_said(feed):
    answer = decode(feed.answer(sqm(ranges="202611280300^202611280400")))

    assert answer.get("QAK-2") == "NF"
    assert answer.get("SCH-25") == ""
