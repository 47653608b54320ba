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
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import ValidationError
from hl7apy.parser import parse_message
from network import INDIE, NORTH, NOW, catalogue, content

from booking_engine.domain.clock import LONDON
from booking_engine.domain.decisions import Choice, Decision, DecisionKind, Terms
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DecisionId,
    DeliveryId,
    OrderId,
    PartnerId,
    PlanRunId,
    ProcedureCode,
    ScannerId,
    SessionId,
    SiteCode,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.vocabulary import Priority
from booking_engine.domain.waiting import WaitingClock
from hl7_adapters.datatypes import Purpose, read_timestamp
from hl7_adapters.destination import Outgoing, Sending
from hl7_adapters.er7 import decode
from hl7_adapters.event_codes import OF_THE_DAY, SCHEDULING, STATUS
from hl7_adapters.event_values import CannotRender, Telling
from hl7_adapters.outbound import render
from hl7_adapters.profile_files import load_profiles

PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
WITH_TQ1 = ("2.5", "2.5.1")
TIMED = {
    EventKind.APPOINTMENT_BOOKED,
    EventKind.APPOINTMENT_MOVED,
    EventKind.APPOINTMENT_CHANGED,
    EventKind.ARRIVED,
    EventKind.PERFORMED,
}
STARTS = datetime(2026, 12, 1, 9, tzinfo=UTC)
NETWORK = catalogue()
MR1 = ScannerId("MR1")
CHOICE = Choice(MR1, SessionId("S1"), STARTS, 20, 3, Terms(1, 0, 0, 0, 0))
DECISION = Decision(
    id=DecisionId("D00000000000001"),
    order_id=OrderId("O00000000000001"),
    appointment_id=AppointmentId("A00000000000001"),
    kind=DecisionKind.PLANNED,
    made_at=NOW,
    actor=Actor("job:plan"),
    policy_version="2026-11.1",
    rules_version="7",
    inputs_digest="",
    inputs={},
    chosen=CHOICE,
    options=3,
    excluded=(),
    runner_up=None,
    plan_run_id=PlanRunId("R00000000000001"),
    sentence="",
)


def order(**changes):
    asked = {"group_number": "GRP7", "accession": "ACC1", **changes}
    return ImagingOrder(
        id=OrderId("O00000000000001"),
        partner=NORTH,
        content=content("PL1001", **asked),
        status=OrderStatus.BOOKED,
        status_since=NOW,
        clock=WaitingClock.requested(NOW),
        received_at=NOW,
        sent_at=NOW,
    )


def telling(kind, *, reason="", placed=None, **changes):
    event = Event(
        kind,
        OrderId("O00000000000001"),
        NOW,
        (NORTH,),
        reason=reason,
        **(
            {
                "appointment_id": AppointmentId("A00000000000001"),
                "scanner": MR1,
                "starts_at": STARTS,
                "ends_at": STARTS + timedelta(minutes=20),
                "decision_id": DECISION.id,
            }
            if kind in SCHEDULING
            else {}
        ),
    )
    whole = {
        "scanner": NETWORK.scanners[MR1],
        "site": NETWORK.sites[SiteCode("RA101")],
        "procedure": NETWORK.procedures[ProcedureCode("MRHEAD")],
        "decision": DECISION,
        **changes,
    }
    if kind not in SCHEDULING:
        whole |= {"scanner": None, "site": None, "decision": None}
    return Telling(DeliveryId("X00000000000001"), event, placed or order(), **whole)


def partner(version, sending, name="north", **changes):
    profile = PROFILES[PartnerId(name)]
    other = Sending.NONE if sending is Sending.SIU else sending
    outgoing = profile.outgoing.model_copy(
        update={
            "version": version,
            "appointments": sending,
            "orders": other,
            "events": dict.fromkeys(OF_THE_DAY, sending),
            **changes,
        }
    )
    return profile.model_copy(update={"outgoing": outgoing})


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


def test_the_sender_gets_its_own_codes_back_and_others_get_theirs():
    placed = order(priority=Priority.URGENT, priority_as_sent="URGENT")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=placed)

    own = decode(render(told, partner("2.4", Sending.SIU)))
    other = decode(render(told, partner("2.4", Sending.SIU, "indie")))

    assert (own.get("AIS-3"), own.get("SCH-11.6")) == ("MHEAD", "URGENT")
    assert (other.get("AIS-3"), other.get("SCH-11.6")) == ("MRHEAD", "")
    assert (other.get("AIG-3"), other.get("PID-3")) == ("MR1", "9990000018")


def test_an_exam_changed_in_vetting_is_told_as_what_it_is_now():
    placed = order(procedure_as_sent="CCHAPC")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=placed)

    assert decode(render(told, partner("2.4", Sending.SIU))).get("AIS-3") == "MHEAD"


def test_what_was_added_to_a_placer_number_is_not_sent_back():
    base = order()
    numbered = replace(base.content, placer_number="PL4001#2#MHEAD")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=replace(base, content=numbered))

    message = decode(render(told, partner("2.4", Sending.ORM_SC)))

    assert (message.get("ORC-2"), message.get("OBR-1")) == ("PL4001", "2")


def test_names_are_escaped_and_kept():
    base = order()
    patient = replace(base.content.patient, family_name="O'Brien & Müller|^~\\")
    named = replace(base, content=replace(base.content, patient=patient))
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=named)

    message = decode(render(told, partner("2.4", Sending.SIU)))

    assert message.get("PID-5") == "O'Brien & Müller|^~\\"


def test_a_patient_without_a_number_is_sent_without_one():
    base = order()
    patient = replace(
        base.content.patient,
        nhs_number=None,
        local_id="RA1:PL1",
        local_authority="unidentified",
    )
    nameless = replace(base, content=replace(base.content, patient=patient))
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=nameless)

    assert decode(render(told, partner("2.4", Sending.SIU))).get("PID-3") == ""


@pytest.mark.parametrize(
    ("kind", "sending"),
    [
        (EventKind.APPOINTMENT_BOOKED, Sending.NONE),
        (EventKind.ORDER_HELD, Sending.SIU),
    ],
)
def test_what_a_partner_does_not_want_is_not_told(kind, sending):
    assert render(telling(kind), partner("2.4", sending)) is None


def test_a_partner_without_an_address_is_told_nothing():
    silent = PROFILES[PartnerId("north")].model_copy(update={"outgoing": None})

    assert render(telling(EventKind.APPOINTMENT_BOOKED), silent) is None


def test_what_cannot_be_told_says_why_without_naming_the_patient():
    told = telling(EventKind.APPOINTMENT_BOOKED)

    with pytest.raises(CannotRender, match="names no scanner"):
        render(replace(told, scanner=None), partner("2.4", Sending.SIU))
    with pytest.raises(CannotRender, match="has no time"):
        render(
            replace(told, event=replace(told.event, starts_at=None)),
            partner("2.4", Sending.SIU),
        )


def test_a_partner_that_never_sent_the_order_is_told_too():
    message = decode(
        render(
            telling(EventKind.APPOINTMENT_BOOKED),
            PROFILES[PartnerId(INDIE)],
        )
    )

    assert (message.version, message.get("MSH-18")) == ("2.3.1", "8859/1")


def test_a_partner_is_told_of_each_event_as_it_wants():
    wants = {
        EventKind.DID_NOT_ATTEND: Sending.ORM_SC,
        EventKind.APPOINTMENT_MOVED: Sending.NONE,
    }
    profile = partner("2.4", Sending.SIU, events=wants)

    missed = decode(render(telling(EventKind.DID_NOT_ATTEND), profile))
    booked = decode(render(telling(EventKind.APPOINTMENT_BOOKED), profile))

    assert (missed.type, missed.get("ORC-5")) == (("ORM", "O01"), "HD")
    assert booked.type == ("SIU", "S12")
    assert render(telling(EventKind.APPOINTMENT_MOVED), profile) is None


@pytest.mark.parametrize("kind", sorted(OF_THE_DAY))
def test_what_happens_on_the_day_is_told_only_if_asked_for(kind):
    profile = partner("2.4", Sending.SIU, events={})

    assert render(telling(kind), profile) is None


def test_a_partner_has_its_own_word_for_a_status():
    profile = partner(
        "2.4",
        Sending.SIU,
        appointment_status={"Noshow": "DNA"},
        order_status={EventKind.DID_NOT_ATTEND: "CA"},
    )
    as_order = profile.outgoing.model_copy(update={"appointments": Sending.ORM_SC})
    told = telling(EventKind.DID_NOT_ATTEND)

    siu = decode(render(told, profile))
    orm = decode(render(told, profile.model_copy(update={"outgoing": as_order})))

    assert siu.get("SCH-25") == siu.get("AIS-10") == siu.get("AIG-14") == "DNA"
    assert orm.get("ORC-5") == "CA"


def test_what_we_ask_to_be_told_stands_in_the_header():
    profile = partner("2.4", Sending.SIU, accept_ack="AL", application_ack="ER")

    header = decode(render(telling(EventKind.APPOINTMENT_BOOKED), profile)).header

    assert (header.value(15), header.value(16)) == ("AL", "ER")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"events": {"order_held": "siu"}}, "no SIU for order_held"),
        ({"events": {"arrived": "omg_sc"}, "version": "2.3"}, "no OMG"),
        ({"appointment_status": {"Waitlist": "W"}}, "never send the status 'Waitlist'"),
        ({"application_ack": "AL"}, "needs accept_ack"),
    ],
)
def test_what_no_message_can_say_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        Outgoing.model_validate({"host": "127.0.0.1", **changes})
