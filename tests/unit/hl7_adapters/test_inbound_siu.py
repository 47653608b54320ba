"""SIU in: what a diary's message means, also where fields are shifted or sloppy."""

from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.application.diary_commands import (
    EndEntry,
    Ending,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.domain.diary_entries import EntryKind, Stretch
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import MappingError, to_commands
from hl7_adapters.profile import Profile

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
OURS = "A00000000000001"

PROFILE = Profile.model_validate(
    {
        "id": "indie",
        "name": "A RIS with a diary",
        "senders": [{"application": "RIS"}],
        "placer_authority": "EPR",
        "local_authority": "NX1",
        "diary": {
            "resources": {"MRX": "MRX", "ROOM 2^MR Scanner 2": "MR2", "R3": "MR3"},
            "patient_reasons": ["PATCAN"],
        },
        "outgoing": {"host": "127.0.0.1", "scanners": {"MR4": "SCAN4"}},
    }
)
PID = "PID|1||9990000018^^^NHS^NH~X1^^^NX1^MR||Test^Ann||19800301|F"
SCH = (
    "SCH||D1|||||||30|min|^^^202611261000^202611261030|||||^^^Desk||||^^^Clerk"
    "|||||Booked^^HL70278"
)


def message(event, *segments, version="2.4", time="20261124085900"):
    header = f"MSH|^~\\&|RIS|NX1|BOOKING||{time}||SIU^{event}|C1|P|{version}"
    return "\r".join((header, *segments)).encode() + b"\r"


def read(event, *segments, profile=PROFILE, **header):
    return to_commands(decode(message(event, *segments, **header)), profile, now=NOW)


def only(event, *segments, **header):
    (command,) = read(event, *segments, **header).commands
    return command


def refused(event, *segments, **more):
    with pytest.raises(MappingError) as caught:
        read(event, *segments, **more)
    return caught.value.kind, caught.value.code


def at(hour, minute=0):
    return datetime(2026, 11, 26, hour, minute, tzinfo=UTC)


def stretches(*segments, **more):
    return [
        (s.scanner, s.starts_at, int((s.ends_at - s.starts_at) / timedelta(minutes=1)))
        for s in only("S12", *segments, **more).stretches
    ]


RESOURCE = ("RGS|1|A", "AIG|1|A|MRX^MR X|MR")


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


def timed(starts, ends):
    return f"SCH||D1|||||||||^^^{starts}^{ends}", PID, *RESOURCE


@pytest.mark.parametrize(
    ("starts", "ends", "instant", "minutes"),
    [
        # 25 October 2026: the hour from one to two comes twice.
        (
            "202610250030",
            "202610250230",
            datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
            180,
        ),
        ("202610250145", "202610250215", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), 90),
        (
            "202610250145+0000",
            "202610250215",
            datetime(2026, 10, 25, 1, 45, tzinfo=UTC),
            30,
        ),
        # 28 March 2027: it does not come at all.
        ("202703280030", "202703280230", datetime(2027, 3, 28, 0, 30, tzinfo=UTC), 60),
    ],
)
def test_an_appointment_in_a_clock_change_night_lasts_what_it_lasts(
    starts, ends, instant, minutes
):
    found = stretches(*timed(starts, ends))

    assert found == [("MRX", instant, minutes)]


def test_an_appointment_in_the_hour_that_the_clocks_skip_is_refused():
    _, code = refused("S12", *timed("202703280130", "202703280230"))

    assert code == "102"


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


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ("|||||||60|m|^^^202611261000", 60),
        ("|||||||30|MINUTES|^^^202611261000", 30),
        ("|||||||70|Min|^^^202611261000", 70),
        ("|||||||30^MIN||^^^202611261000", 30),
        ("|||||||20|min^Minutes^ISO|^^^202611261000", 20),
        ("|||||||1|hr|^^^202611261000", 60),
        ("|||||||1800|s|^^^202611261000", 30),
        ("|||||||1800||^^^202611261000", 30),
        # Seconds by the standard, minutes by any sense.
        ("|||||||60|s|^^^202611261000", 60),
        ("|||||||30||^^^202611261000", 30),
        # The end outweighs the duration.
        ("|||||||60|s|^^^202611261000^202611261040", 40),
        ("|||||||||^^^202611261000^202611261040", 40),
    ],
)
def test_durations_are_read_as_they_are_meant(fields, minutes):
    sch = f"SCH||D1{fields}"

    assert stretches(sch, PID, *RESOURCE) == [("MRX", at(10), minutes)]


@pytest.mark.parametrize(
    ("sch", "segments", "expected"),
    [
        # Timing at SCH-8, duration at 9 and 10, state at 11.
        (
            "SCH||D1||||||^^^202611261000^202611261030|30|min^minutes|Booked",
            RESOURCE,
            [("MRX", at(10), 30)],
        ),
        # Duration at 8 and 9, timing at 10, AIL's start at AIL-5.
        (
            "SCH||D1||||||30|min|^^^202611261000|||||||||||||SCHEDULED",
            ("AIL|1|A|R3||202611261000",),
            [("MR3", at(10), 30)],
        ),
        ("SCH||D1|||||||30|min||^^^202611261000", RESOURCE, [("MRX", at(10), 30)]),
    ],
)
def test_shifted_fields_are_found_and_warned_of(sch, segments, expected):
    mapped = read("S12", sch, PID, *segments)
    (command,) = mapped.commands

    assert [
        (s.scanner, s.starts_at, (s.ends_at - s.starts_at) / timedelta(minutes=1))
        for s in command.stretches
    ] == expected
    assert any("taken for" in warning for warning in mapped.warnings)


def test_nothing_is_guessed_where_the_profile_is_strict():
    diary = PROFILE.diary.model_copy(update={"lenient": False})
    strict = PROFILE.model_copy(update={"diary": diary})
    sch = "SCH||D1||||||^^^202611261000^202611261030|30|min^minutes|Booked"

    assert refused("S12", sch, PID, *RESOURCE, profile=strict) == ("AE", "101")


def test_newer_versions_have_their_timing_in_tq1():
    sch = "SCH||D1||||R^Routine||Normal"
    tq1 = "TQ1|1||||||202611261000|202611261045|R"

    assert stretches(sch, tq1, PID, *RESOURCE, version="2.5.1") == [("MRX", at(10), 45)]


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("202603290130", None),  # the clocks skip it
        ("202603290130+0100", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        ("202610250130", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first pass
        ("202610250130+0000", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("202607011000", datetime(2026, 7, 1, 9, 0, tzinfo=UTC)),
        ("20260701", None),
        ("2026070125", None),
    ],
)
def test_a_slot_in_an_hour_that_does_not_exist_is_refused(start, found):
    sch = f"SCH||D1|||||||30|min|^^^{start}"
    if found is None:
        assert refused("S12", sch, PID, *RESOURCE) == ("AE", "102")
        return
    assert only("S12", sch, PID, *RESOURCE).stretches[0].starts_at == found


def test_a_header_written_in_winter_does_not_shift_the_summer():
    sch = "SCH||D1|||||||30|min|^^^202607011000"

    found = only("S12", sch, PID, *RESOURCE, time="20261124090000+0000")

    assert found.stretches[0].starts_at == datetime(2026, 7, 1, 9, tzinfo=UTC)


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


def test_a_default_length_is_taken_where_the_profile_has_one():
    diary = PROFILE.diary.model_copy(update={"default_minutes": 25})
    profile = PROFILE.model_copy(update={"diary": diary})
    sch = "SCH||D1|||||||||^^^202611261000"

    assert stretches(sch, *RESOURCE, profile=profile) == [("MRX", at(10), 25)]


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
