"""Events out: what each kind says in each version, checked by hl7apy as well.

hl7apy's strict validation knows no ZBK: with groups it drops what is outside the
standard structure, without groups it refuses valid messages. So it is given the
message without that last line, and ZBK is checked here. For ORM^O01 it demands every
alternative of the order detail at once; the same segments are checked as OMG^O19
where the version has it, and before that complaint must be the only one. Of 2.3,
where MSH-9 does not name the structure, it knows SIU^S12 alone, whose structure all
of them share.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import ValidationError
from hl7apy.parser import parse_message
from network import catalogue
from tellings import order, partner, telling

from booking_engine.domain.clock import LONDON
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import ProcedureStep
from hl7_adapters.datatypes import Purpose, read_timestamp
from hl7_adapters.destination import Sending
from hl7_adapters.er7 import decode
from hl7_adapters.event_codes import SCHEDULING, STATUS
from hl7_adapters.outbound import render

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
WITH_TQ1 = ("2.5", "2.5.1")
TIMED = {
    EventKind.APPOINTMENT_BOOKED,
    EventKind.APPOINTMENT_MOVED,
    EventKind.APPOINTMENT_CHANGED,
    EventKind.ARRIVED,
    EventKind.PERFORMED,
}


def validate(raw):
    """Check all but the last line, which must be ZBK, by hl7apy's strict rules."""
    *lines, zbk, end = raw.decode().split("\r")
    assert zbk.startswith("ZBK|")
    assert end == ""
    text = "\r".join([*lines, ""])
    if "|ORM^O01" not in text:
        text = re.sub(r"\|SIU\^S\d\d\|", "|SIU^S12|", text)
        parsed = parse_message(text, VALIDATION_LEVEL.STRICT)
        parsed.validate()
        assert parsed.to_er7().rstrip("\r") == text.rstrip("\r"), "a field was lost"
    elif "|P|2.3" not in text:
        text = text.replace("|ORM^O01^ORM_O01|", "|OMG^O19^OMG_O19|")
        parsed = parse_message(text, VALIDATION_LEVEL.STRICT)
        parsed.validate()
        assert parsed.to_er7().rstrip("\r") == text.rstrip("\r"), "a field was lost"
    else:
        with pytest.raises(ValidationError, match=r"CHOICE\.RQD"):
            parse_message(text, VALIDATION_LEVEL.STRICT).validate()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", list(SCHEDULING))
def test_an_appointment_is_told_as_siu(kind, version):
    raw = render(telling(kind), partner(version, Sending.SIU))
    message = decode(raw)
    row = SCHEDULING[kind]

    validate(raw)
    assert message.type == ("SIU", row.trigger)
    assert message.control_id == "X00000000000001"
    assert message.get("MSH-7") == "20261124090000+0000"
    assert message.get("SCH-1") == message.get("SCH-2") == "A00000000000001"
    assert message.get("SCH-4") == "GRP7"
    assert message.get("SCH-6") == row.reason
    assert (message.get("SCH-9"), message.get("SCH-10")) == ("20", "min")
    assert message.get("SCH-16") == message.get("SCH-20") == "BOOKING"
    status = row.status
    if status == "Noshow" and version not in WITH_TQ1:
        status = "Cancelled"
    assert message.get("SCH-25") == status
    assert message.get("RGS-2") == message.get("AIS-2") == row.action
    assert message.get("AIS-3") == "MHEAD"
    assert message.get("AIS-3.2") == "MR head"
    assert message.get("AIG-3") == "MRSCAN1"
    assert message.get("AIG-4") == "MR"
    assert message.get("AIL-3.4") == "RA101"
    for place in ("AIS-4", "AIG-8", "AIL-6"):
        assert message.get(place) == "20261201090000+0000"
    for place in ("AIS-10", "AIG-14", "AIL-12"):
        assert message.get(place) == status


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_its_own_place_for_time_and_numbers(version):
    raw = render(telling(EventKind.APPOINTMENT_BOOKED), partner(version, Sending.SIU))
    message = decode(raw)
    in_sch = message.get("SCH-11.4"), message.get("SCH-11.5")
    in_tq1 = message.get("TQ1-7"), message.get("TQ1-8")
    times = ("20261201090000+0000", "20261201092000+0000")

    assert (in_sch, in_tq1) == (
        (("", ""), times) if version in WITH_TQ1 else (times, ("", ""))
    )
    numbers = message.get("SCH-26"), message.get("SCH-27")
    in_zbk = message.get("ZBK-6"), message.get("ZBK-7")
    expected = ("PL1001", "O00000000000001")
    assert (numbers, in_zbk) == (
        (("", ""), expected) if version in VERSIONS[:2] else (expected, ("", ""))
    )


@pytest.mark.parametrize(
    ("sending", "version"),
    [
        *((Sending.ORM_SC, version) for version in VERSIONS),
        *((Sending.OMG_SC, version) for version in VERSIONS[2:]),
    ],
)
@pytest.mark.parametrize("kind", list(STATUS))
def test_every_event_can_be_told_as_order_status(kind, sending, version):
    raw = render(telling(kind, reason="R1"), partner(version, sending))
    message = decode(raw)
    row = STATUS[kind]
    start = "20261201090000+0000" if kind in TIMED else ""

    validate(raw)
    assert message.type[0] == sending.value[:3].upper()
    assert (message.get("ORC-1"), message.get("ORC-5")) == (row.control, row.status)
    assert (message.get("ORC-2"), message.get("ORC-2.2")) == ("PL1001", "RA1")
    assert message.get("OBR-2") == "PL1001"
    assert message.get("ORC-3") == message.get("OBR-3") == "O00000000000001"
    assert message.get("ORC-9") == "20261124090000+0000"
    assert message.get("ORC-16") == "R1"
    assert message.get("OBR-18") == "ACC1"
    assert message.get("OBR-25") == row.result
    assert message.get("OBR-36") == start
    assert message.get("ORC-7.4") == ("" if version in WITH_TQ1 else start)
    assert message.get("TQ1-7") == (start if version in WITH_TQ1 else "")


@pytest.mark.parametrize("sending", [Sending.ORM_SC, Sending.OMG_SC])
def test_the_study_of_an_order_is_passed_on(sending):
    uid = "1.2.826.0.1.3680043.9.7777.1"
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=order(study_uid=uid))

    raw = render(told, partner("2.4", sending))
    without = render(telling(EventKind.APPOINTMENT_BOOKED), partner("2.4", sending))

    assert f"\rZDS|{uid}^^Application^DICOM\rZBK|".encode() in raw
    assert b"ZDS" not in without


STEPS = (
    ProcedureStep(ProcedureCode("MRLIVER"), "NO"),
    ProcedureStep(ProcedureCode("MRHEAD"), "XX"),
)


def told_of_steps(minutes):
    told = telling(
        EventKind.APPOINTMENT_BOOKED,
        placed=order(further_steps=STEPS, procedure_as_sent="MHEAD"),
        further=tuple(catalogue().procedures[step.procedure] for step in STEPS),
    )
    ends = told.event.starts_at + timedelta(minutes=minutes)
    return replace(told, event=replace(told.event, ends_at=ends))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_step_of_a_booking_has_its_place_in_it(version):
    raw = render(told_of_steps(90), partner(version, Sending.SIU))
    message = decode(raw)

    validate(raw)
    assert message.get("SCH-9") == message.get("AIG-11") == "90"
    assert [
        (ais.value(1), ais.value(3), ais.value(4), ais.value(7))
        for ais in message.all("AIS")
    ] == [
        # What the patient's needs add to the exam itself comes first.
        ("1", "MHEAD", "20261201090000+0000", "30"),
        ("2", "NO", "20261201093000+0000", "40"),
        ("3", "MHEAD", "20261201101000+0000", "20"),
    ]


def test_steps_that_a_kept_slot_is_too_short_for_are_somewhere_in_it():
    message = decode(render(told_of_steps(60), partner("2.4", Sending.SIU)))

    assert {(ais.value(4), ais.value(7)) for ais in message.all("AIS")} == {
        ("20261201090000+0000", "60")
    }


@pytest.mark.parametrize(
    ("sending", "version"),
    [
        *((Sending.ORM_SC, version) for version in VERSIONS),
        *((Sending.OMG_SC, version) for version in VERSIONS[2:]),
    ],
)
def test_an_order_status_names_the_further_steps_in_notes(sending, version):
    raw = render(told_of_steps(80), partner(version, sending))
    message = decode(raw)

    validate(raw)
    assert message.get("OBR-4") == "MHEAD"
    assert [note.value(3) for note in message.all("NTE")] == [
        "In the same slot: NO MR liver with contrast",
        "In the same slot: MHEAD MR head",
    ]


def test_zbk_leads_to_the_decision_and_is_last():
    raw = render(telling(EventKind.APPOINTMENT_BOOKED), partner("2.4", Sending.SIU))
    last = decode(raw).segments[-1]

    assert last.text == "ZBK|D00000000000001|R00000000000001|7|2026-11.1|4"


def test_a_booking_without_a_decision_record_is_still_told():
    told = telling(EventKind.APPOINTMENT_BOOKED, decision=None)

    assert render(told, partner("2.4", Sending.SIU)).endswith(b"\rZBK|||||4\r")


def test_the_reason_of_a_cancellation_is_the_events_own():
    told = telling(EventKind.APPOINTMENT_CANCELLED, reason="patient_ill")

    message = decode(render(told, partner("2.4", Sending.SIU)))

    assert message.get("SCH-6") == "patient_ill"


def test_rendering_twice_gives_the_same_bytes():
    told, profile = telling(EventKind.APPOINTMENT_MOVED), partner("2.4", Sending.SIU)

    assert render(told, profile) == render(told, profile)


def test_times_are_local_with_their_offset():
    told = telling(EventKind.APPOINTMENT_BOOKED)
    summer = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    event = replace(
        told.event, starts_at=summer, ends_at=summer + timedelta(minutes=45)
    )

    raw = render(replace(told, event=event), partner("2.4", Sending.SIU))

    assert decode(raw).get("SCH-11.4") == "20260701093000+0100"


@pytest.mark.parametrize(
    ("starts", "written"),
    [
        # 25 October 2026: the hour from one to two comes twice.
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), "20261025014500+0100"),
        (datetime(2026, 10, 25, 1, 45, tzinfo=UTC), "20261025014500+0000"),
        # 28 March 2027: it does not come at all.
        (datetime(2027, 3, 28, 0, 45, tzinfo=UTC), "20270328004500+0000"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "20270328020000+0100"),
    ],
)
def test_an_appointment_in_a_clock_change_night_is_read_as_it_was_meant(
    starts, written
):
    told = telling(EventKind.APPOINTMENT_BOOKED)
    ends = starts + timedelta(minutes=30)
    event = replace(told.event, starts_at=starts, ends_at=ends)

    message = decode(render(replace(told, event=event), partner("2.4", Sending.SIU)))

    assert message.get("SCH-11.4") == written
    read = [
        read_timestamp(
            message.get(field), zone=LONDON, purpose=Purpose.APPOINTMENT
        ).instant
        for field in ("SCH-11.4", "SCH-11.5")
    ]
    assert read == [starts, ends]


def test_what_we_ask_to_be_told_stands_in_the_header():
    profile = partner("2.4", Sending.SIU, accept_ack="AL", application_ack="ER")

    header = decode(render(telling(EventKind.APPOINTMENT_BOOKED), profile)).header

    assert (header.value(15), header.value(16)) == ("AL", "ER")
