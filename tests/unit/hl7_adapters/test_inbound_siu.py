"""SIU in: what a diary's message means, also where fields are shifted or sloppy."""

from datetime import timedelta

import pytest
from siu_messages import (
    NOW,
    OURS,
    PID,
    PROFILE,
    RESOURCE,
    SCH,
    at,
    only,
    read,
    refused,
    stretches,
)

from booking_engine.application.diary_commands import (
    EndEntry,
    Ending,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.domain.diary_entries import EntryKind, Stretch


def test_an_appointment_is_read_whole():
    sch = f"{SCH}|P1^EPR|F1"
    found = only("S12", sch, PID, *RESOURCE)

    assert found == RecordEntry(
        partner="indie",
        number="D1",
        kind=EntryKind.APPOINTMENT,
        stretches=(Stretch("MRX", at(10), at(10, 30)),),
        sent_at=NOW - timedelta(minutes=1),
        order=OrderNumbers("EPR", "P1", "F1"),
        patient="nhs:9990000018",
    )


@pytest.mark.parametrize("event", ["S13", "S14", "S18", "S19", "S20", "S21", "S22"])
def test_changes_are_snapshots_that_may_be_new(event):
    found = only(event, SCH, PID, *RESOURCE)

    assert found.may_create
    assert found.stretches == (Stretch("MRX", at(10), at(10, 30)),)
    diary = PROFILE.diary.model_copy(update={"upsert_unknown": False})
    strict = PROFILE.model_copy(update={"diary": diary})
    assert not only(event, SCH, PID, *RESOURCE, profile=strict).may_create
    assert only("S12", SCH, PID, *RESOURCE, profile=strict).may_create


@pytest.mark.parametrize(
    ("event", "ending"),
    [
        ("S15", Ending.CANCELLED),
        ("S16", Ending.DISCONTINUED),
        ("S17", Ending.DELETED),
        ("S26", Ending.MISSED),
        ("S24", Ending.REOPENED),
    ],
)
def test_endings_name_the_appointment_and_the_reason(event, ending):
    sch = f"SCH|{OURS}|D1||||STAFF^No staff"
    found = only(event, sch, PID)

    assert found == EndEntry(
        partner="indie",
        number="D1",
        ending=ending,
        sent_at=NOW - timedelta(minutes=1),
        appointment_id=OURS,
        reason="STAFF",
    )
    assert only("S15", "SCH||D1||||patcan").by_patient


def test_a_message_that_only_changes_details_says_nothing_of_when():
    assert only("S14", "SCH||D1", PID).stretches == ()


@pytest.mark.parametrize(
    ("sch", "number", "ours"),
    [
        ("SCH||D1", "D1", None),
        ("SCH|D2", "D2", None),
        ("SCH|P2|D1", "D1", None),
        (f"SCH|{OURS}|D1", "D1", OURS),
        (f"SCH|D1|{OURS}", "D1", OURS),
        (f"SCH|{OURS}|{OURS}", OURS, OURS),
        (f"SCH|{OURS}", OURS, OURS),
        ("SCH||D1^RIS", "D1", None),
    ],
)
def test_the_number_is_the_diarys_own_where_it_has_one(sch, number, ours):
    found = only("S15", sch)

    assert (found.number, found.appointment_id) == (number, ours)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("AIG|1|A|MRX^MR X|MR",), [("MRX", at(10), 30)]),
        (("AIG|1|A|SCAN4|MR",), [("MR4", at(10), 30)]),
        (("AIL|1|A|ROOM 2^MR Scanner 2|R",), [("MR2", at(10), 30)]),
        (("AIP|1|A|R3^Baxter^Stanley|RAD",), [("MR3", at(10), 30)]),
        (("AIG|1|A|OTHER|MR",), [(None, at(10), 30)]),
        ((), [(None, at(10), 30)]),
        # Its own time and duration.
        (("AIG|1|A|MRX|MR||||202611261015|||45|min",), [("MRX", at(10, 15), 45)]),
        # The service's time.
        (
            ("AIS|1|A|MHEAD|202611261005|||20|min", "AIG|1|A|MRX|MR"),
            [("MRX", at(10, 5), 20)],
        ),
        # An offset from the start.
        (("AIG|1|A|MRX|MR|||||+15|min|20|min",), [("MRX", at(10, 15), 20)]),
        (("AIG|1|A|MRX|MR|||||-300|s|20|min",), [("MRX", at(9, 55), 20)]),
        # Several groups are one appointment with several parts.
        (
            (
                "RGS|001|A",
                "AIG|001|A|MRX|MR||||202611261000|||20|min",
                "RGS|001|A",
                "AIS|001|A|CT|202611261100|||15|min",
                "AIG|001|A|R3|CT",
            ),
            [("MRX", at(10), 20), ("MR3", at(11), 15)],
        ),
        # What is taken away is no part any more.
        (("AIG|1|D|R3|MR", "AIG|2|A|MRX|MR"), [("MRX", at(10), 30)]),
    ],
)
def test_resources_are_found_with_their_times(segments, expected):
    assert stretches(SCH, PID, *segments) == expected


def test_nothing_is_guessed_where_the_profile_is_strict():
    diary = PROFILE.diary.model_copy(update={"lenient": False})
    strict = PROFILE.model_copy(update={"diary": diary})
    sch = "SCH||D1||||||^^^202611261000^202611261030|30|min^minutes|Booked"

    assert refused("S12", sch, PID, *RESOURCE, profile=strict) == ("AE", "101")


def test_time_that_is_closed_has_no_patient():
    found = only("S23", SCH, *RESOURCE)
    bare = only("S23", "SCH|||||||||||^^^202611261000^202611261200", *RESOURCE)

    assert (found.kind, found.number, found.patient) == (
        EntryKind.CLOSURE,
        "D1",
        None,
    )
    assert bare.number == "MRX@202611261000"
    assert refused("S23", SCH, "AIG|1|A|OTHER|MR") == ("AE", "103")
    reopened = only("S24", SCH, *RESOURCE)
    assert reopened.stretches == (Stretch("MRX", at(10), at(10, 30)),)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((f"{SCH}|P1^OTHER|F1", "ORC|SC|P9^X"), OrderNumbers("OTHER", "P1", "F1")),
        ((f"{SCH}|P1",), OrderNumbers("EPR", "P1", "")),
        ((SCH, "ORC|SC|P9|F9"), OrderNumbers("EPR", "P9", "F9")),
        ((SCH, "OBR|1|P8|F8"), OrderNumbers("EPR", "P8", "F8")),
        ((SCH, "ZBK|||||1|P7^EPR2|O1"), OrderNumbers("EPR2", "P7", "O1")),
        ((SCH,), None),
    ],
)
def test_the_order_is_named_in_one_place_or_another(segments, expected):
    sch, *others = segments
    assert only("S12", sch, PID, *others, *RESOURCE).order == expected


def test_the_trigger_event_outweighs_the_state():
    mapped = read("S26", "SCH||D1" + "|" * 23 + "Booked")

    assert mapped.commands[0].ending is Ending.MISSED
    assert any("SCH-25" in warning for warning in mapped.warnings)
    assert isinstance(
        only("S12", SCH.replace("Booked", "Cancelled"), *RESOURCE), RecordEntry
    )


@pytest.mark.parametrize(
    ("event", "segments", "expected"),
    [
        ("S12", (PID,), ("AE", "100")),
        ("S12", ("SCH||D1", PID), ("AE", "101")),
        ("S12", ("SCH" + "|" * 11 + "^^^202611261000^202611261030",), ("AE", "101")),
        ("S12", ("SCH||D1|||||||||^^^202611261000", *RESOURCE), ("AE", "101")),
        ("S15", ("SCH|",), ("AE", "101")),
        ("S27", (SCH,), ("AR", "201")),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(event, segments, expected):
    assert refused(event, *segments) == expected


def test_a_partner_without_a_diary_has_no_say():
    plain = PROFILE.model_copy(update={"diary": None})

    assert refused("S12", SCH, PID, *RESOURCE, profile=plain) == ("AR", "201")


@pytest.mark.parametrize(
    ("parts", "unknown"),
    [
        (("AIG|1|A|ROOM9^Room 9|MR",), [("resource", "room9")]),
        (("AIG|1|A|^Room 9|MR",), [("resource", "room 9")]),
        (("AIL|1|A|R9",), [("resource", "r9")]),
        # A room beside a scanner is where that stands; another machine is not.
        (("AIG|1|A|MRX", "AIL|1|A|R9"), []),
        (("AIG|1|A|MRX", "AIG|2|A|INJ"), [("resource", "inj")]),
        (("AIG|1|A|MRX", "RGS|2|A", "AIL|1|A|R9"), [("resource", "r9")]),
        # People, but where there is nothing else.
        (("AIL|1|A|R9", "AIP|1|A|DRX^Ex"), [("resource", "r9")]),
        (("AIP|1|A|DRX^Ex",), [("resource", "drx")]),
        (("AIP|1|A|^Ex",), []),
        (("AIG|1|D|ROOM9",), []),
        (("AIG|1|A|NOTOURS",), []),
        (("AIG|1|A|MRX", "AIS|1|A|ZZ^Toe^L"), [("procedure", "zz^l")]),
        (("AIG|1|A|MRX", "AIS|1|A|MH^Head^L"), []),
        ((), []),
    ],
    ids=repr,
)
def test_names_that_no_table_knows_are_kept_with_the_appointment(parts, unknown):
    diary = PROFILE.diary.model_copy(
        update={"resources": {**PROFILE.diary.resources, "notours": "none"}}
    )
    profile = PROFILE.model_copy(
        update={"diary": diary, "procedures": {"mh": "MRHEAD"}}
    )

    found = only("S12", SCH, PID, "RGS|1|A", *parts, profile=profile)

    assert [(name.table.value, name.names[0]) for name in found.unknown] == unknown
    placed = [s.scanner for s in found.stretches]
    assert placed == (["MRX"] if "AIG|1|A|MRX" in parts else [None])


def test_a_name_is_kept_with_what_else_it_may_be_called():
    (name,) = only("S12", SCH, PID, "AIG|1|A|ROOM9^Room 9|MR").unknown

    assert name.names == ("room9", "room9^room 9", "room 9")
    assert name.text == "Room 9"
    assert only("S12", SCH, PID, "AIP|1|A|DRX^Ex").unknown[0].text == ""
