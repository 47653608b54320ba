"""SIU in: when an appointment is and how long it lasts, wherever that is said."""

from datetime import UTC, datetime, timedelta

import pytest
from siu_messages import (
    PID,
    PROFILE,
    RESOURCE,
    at,
    only,
    read,
    refused,
    stretches,
)


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


def test_a_default_length_is_taken_where_the_profile_has_one():
    diary = PROFILE.diary.model_copy(update={"default_minutes": 25})
    profile = PROFILE.model_copy(update={"diary": diary})
    sch = "SCH||D1|||||||||^^^202611261000"

    assert stretches(sch, *RESOURCE, profile=profile) == [("MRX", at(10), 25)]
