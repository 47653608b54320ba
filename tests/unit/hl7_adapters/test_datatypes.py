"""Data types: times on the days the clocks change, identifiers, names, durations."""

import contextlib
import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_adapters import datatypes
from hl7_adapters.datatypes import (
    BadValue,
    Precision,
    Purpose,
    duration,
    plain_nhs_number,
    read_date,
    read_duration,
    read_optional_timestamp,
    read_timestamp,
    write_timestamp,
)
from hl7_adapters.er7 import Field, decode

LONDON = ZoneInfo("Europe/London")
APPOINTMENT = Purpose.APPOINTMENT


def instant(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected", "precision"),
    [
        ("2026", instant(2026, 1, 1), Precision.YEAR),
        ("202603", instant(2026, 3, 1), Precision.MONTH),
        ("20260303", instant(2026, 3, 3), Precision.DAY),
        ("20260703", instant(2026, 7, 2, 23), Precision.DAY),
        ("2026030309", instant(2026, 3, 3, 9), Precision.HOUR),
        ("202607030930", instant(2026, 7, 3, 8, 30), Precision.MINUTE),
        ("20260303093015", instant(2026, 3, 3, 9, 30, 15), Precision.SECOND),
        (
            "20260303093015.1234",
            instant(2026, 3, 3, 9, 30, 15, 123400),
            Precision.FRACTION,
        ),
        ("202603030930+0100", instant(2026, 3, 3, 8, 30), Precision.MINUTE),
        ("20260303093000-0500", instant(2026, 3, 3, 14, 30), Precision.SECOND),
        ("20260303093000+0215", instant(2026, 3, 3, 7, 15), Precision.SECOND),
        ("20260703-0100", instant(2026, 7, 3, 1), Precision.DAY),
        ("2026-03-03 09:30:15", instant(2026, 3, 3, 9, 30, 15), Precision.SECOND),
        ("2026-07-03T09:30:00", instant(2026, 7, 3, 8, 30), Precision.SECOND),
        ("2026-07-03T09:30:00Z", instant(2026, 7, 3, 9, 30), Precision.SECOND),
        ("2026-07-03T09:30+02:00", instant(2026, 7, 3, 7, 30), Precision.MINUTE),
        (" 202603030930 ", instant(2026, 3, 3, 9, 30), Precision.MINUTE),
    ],
)
def test_a_time_is_read_with_its_precision(text, expected, precision):
    timestamp = read_timestamp(text, zone=LONDON)

    assert timestamp.instant == expected
    assert timestamp.instant.tzinfo is UTC
    assert timestamp.precision is precision
    assert timestamp.text == text


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "20261303",
        "20260230",
        "202603032500",
        "20260303 9",
        "1626030309",
        "2026030309301",
        "20260303+2500",
        "202603030960",
        "03/03/2026",
        "\uff12\uff10\uff12\uff16",
    ],
)
def test_what_is_no_time_is_refused_without_repeating_it(text):
    with pytest.raises(BadValue) as caught:
        read_timestamp(text, zone=LONDON, path="ORC-7.4")

    assert caught.value.code == "102"
    assert caught.value.path == "ORC-7.4"
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", "0000", "00000000", "000000000000"])
def test_a_filler_is_no_time(text):
    assert read_optional_timestamp(text, zone=LONDON) is None
    with pytest.raises(BadValue) as caught:
        read_timestamp(text, zone=LONDON)
    assert caught.value.code == "101"


def test_an_optional_time_must_still_be_a_time():
    with pytest.raises(BadValue, match="102"):
        read_optional_timestamp("soon", zone=LONDON)


@pytest.mark.parametrize("text", ["2026", "20260303", "2026030309"])
def test_an_appointment_is_given_to_the_minute(text):
    with pytest.raises(BadValue, match="102"):
        read_timestamp(text, zone=LONDON, purpose=APPOINTMENT)


def test_the_hour_the_clocks_skip_cannot_be_booked():
    """01:30 on 29 March 2026 does not exist in London."""
    with pytest.raises(BadValue) as caught:
        read_timestamp("202603290130", zone=LONDON, purpose=APPOINTMENT)
    assert caught.value.code == "102"

    past = read_timestamp("202603290130", zone=LONDON)
    assert past.instant == instant(2026, 3, 29, 1, 30)
    assert past.warnings == ("hour_shifted",)

    clear = read_timestamp("202603290130+0000", zone=LONDON, purpose=APPOINTMENT)
    assert clear.instant == instant(2026, 3, 29, 1, 30)
    assert clear.warnings == ()


def test_the_hour_that_comes_twice_is_the_first():
    """01:30 on 25 October 2026 is 00:30 UTC, and an hour later again."""
    first = read_timestamp("202610250130", zone=LONDON, purpose=APPOINTMENT)
    assert first.instant == instant(2026, 10, 25, 0, 30)
    assert first.warnings == ("ambiguous_hour",)

    second = read_timestamp("202610250130+0000", zone=LONDON, purpose=APPOINTMENT)
    assert second.instant == instant(2026, 10, 25, 1, 30)
    assert second.warnings == ()


def test_twenty_four_hundred_ends_a_day():
    end = read_timestamp("202603032400", zone=LONDON, purpose=Purpose.APPOINTMENT_END)
    assert end.instant == instant(2026, 3, 4)

    for purpose in (APPOINTMENT, Purpose.HISTORIC):
        with pytest.raises(BadValue, match="101"):
            read_timestamp("202603032400", zone=LONDON, purpose=purpose)


def test_second_sixty_is_no_time():
    assert read_optional_timestamp("20260303093060", zone=LONDON) is None


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (None, instant(2026, 7, 3, 8, 30)),
        (0, instant(2026, 7, 3, 8, 30)),  # a header sent in winter
        (1, instant(2026, 7, 3, 8, 30)),
        (2, instant(2026, 7, 3, 7, 30)),  # a sender abroad
    ],
)
def test_the_offset_of_the_header_counts_where_it_is_foreign(hours, expected):
    offset = None if hours is None else timedelta(hours=hours)

    read = read_timestamp("202607030930", zone=LONDON, default_offset=offset)

    assert read.instant == expected
    assert read.offset is None


def test_a_time_is_written_with_its_offset():
    assert write_timestamp(instant(2026, 7, 3, 8, 30), LONDON) == "20260703093000+0100"
    assert write_timestamp(instant(2026, 1, 3, 8, 30), LONDON) == "20260103083000+0000"
    with pytest.raises(ValueError, match="aware"):
        write_timestamp(instant(2026, 1, 3).replace(tzinfo=None), LONDON)


@given(st.integers(0, 180 * 365 * 86400))
def test_a_written_time_is_read_back(seconds):
    moment = instant(1970, 1, 1) + timedelta(seconds=seconds)

    text = write_timestamp(moment, LONDON)

    assert read_timestamp(text, zone=LONDON).instant == moment


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_bad_value(text):
    for purpose in Purpose:
        with contextlib.suppress(BadValue):
            read_timestamp(text, zone=LONDON, purpose=purpose)


@pytest.mark.parametrize(
    "text",
    [
        "19610412",
        "196104122330",
        "19610412233000+0100",
        "1961-04-12",
        "1961-04-12T23:30:00",
        "1961-04-12 23:30",
        " 19610412 ",
    ],
)
def test_a_birthday_is_never_moved(text):
    assert read_date(text) == date(1961, 4, 12)


@pytest.mark.parametrize(
    "text",
    [
        "19760121+",
        "Aug 15, 1942",
        "1990505",
        "196513121515",
        "1961",
        "19610230",
        "196104",
        "02190101",
        "1961-0412",
    ],
)
def test_a_date_that_is_none_is_refused(text):
    with pytest.raises(BadValue) as caught:
        read_date(text)

    assert caught.value.code == "102"
    assert caught.value.path == "PID-7"
    assert text not in str(caught.value)


def test_a_missing_date_is_missing():
    with pytest.raises(BadValue, match="101"):
        read_date("00000000")


@pytest.mark.parametrize("text", ["9990000018", "999 000 0018", "999-000-0018"])
def test_an_nhs_number_loses_the_marks_of_its_printed_form(text):
    assert plain_nhs_number(text) == "9990000018"


@pytest.mark.parametrize(
    ("number", "unit", "minutes"),
    [
        ("60", "m", 60),
        ("30", "MINUTES", 30),
        ("70", "Min", 70),
        ("060", "min", 60),
        ("1.5", "hr", 90),
        ("1800", "", 30),
        ("1800", "s", 30),
        ("2", "h", 120),
    ],
)
def test_a_duration_has_a_unit(number, unit, minutes):
    assert duration(number, unit) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("number", "unit", "code"),
    [
        ("", "m", "101"),
        ("x", "m", "102"),
        ("-5", "m", "102"),
        ("0", "m", "102"),
        ("25", "h", "102"),
        ("30", "fortnight", "103"),
        ("1e9", "s", "102"),
    ],
)
def test_a_wrong_duration_is_refused(number, unit, code):
    with pytest.raises(BadValue) as caught:
        duration(number, unit)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("tail", "minutes"),
    [("30|min^Minutes^ISO", 30), ("30^MIN|", 30), ("30^MIN", 30), ("600|", 10)],
)
def test_a_duration_is_read_from_its_two_fields(tail, minutes):
    segment = decode(f"MSH|^~\\&\rSCH|||||||||{tail}\r".encode()).segments[1]

    assert read_duration(segment) == timedelta(minutes=minutes)


def test_no_duration_is_none():
    segment = decode(b"MSH|^~\\&\rSCH|1\r").segments[1]

    assert read_duration(segment) is None


@pytest.mark.parametrize(
    ("raw", "says_nhs_number"),
    [
        ("9990000018^^^NHS^NH", True),
        ("9990000018^^^NHS", True),
        ("9990000018^^^^NH", True),
        ("9990000018^^^NHSNBR^NHSNMBR", True),
        ("9990000018^^^&2.16.840.1.113883.2.1.4.1&ISO", True),
        ("A10001^^^RXX^MR", False),
        ("9990000018", False),
    ],
)
def test_an_identifier_says_whether_it_is_an_nhs_number(raw, says_nhs_number):
    assert datatypes.read_cx(Field(raw)).says_nhs_number is says_nhs_number


def test_composite_types_are_read():
    assert datatypes.read_cx(Field(" A1 ^^^RXX&1.2.3&ISO^MR^F")) == (
        datatypes.Identifier("A1", "RXX", "1.2.3", "MR", "F")
    )
    assert datatypes.read_ei(Field("P1^EPR^1.2^ISO")) == (
        datatypes.EntityId("P1", "EPR", "1.2", "ISO")
    )
    assert datatypes.read_xpn(Field(r"O\T\TEST&van^Anne^M^Jr^Mrs^^L")) == (
        datatypes.PersonName("O&TEST", "Anne", "M", "Jr", "Mrs", "L")
    )
    assert datatypes.read_xcn(Field("C1^Sample^Bob^^^Dr^^^GMC&1&ISO^L^^^GMC")) == (
        datatypes.Clinician("C1", "Sample", "Bob", "Dr", "GMC", "GMC")
    )
    assert datatypes.read_xad(Field("1 Road&Road&1^^Leeds^^LS1 1AA^GBR^H")) == (
        datatypes.Address("1 Road", "", "Leeds", "", "LS1 1AA", "GBR", "H")
    )
    assert datatypes.read_cwe(Field("K^Knee^L^K2^Knie^M^^^left knee")) == (
        datatypes.Code("K", "Knee", "L", "K2", "Knie", "M", "left knee")
    )


@pytest.mark.parametrize(
    "reader",
    [
        datatypes.read_cx,
        datatypes.read_ei,
        datatypes.read_xpn,
        datatypes.read_xcn,
        datatypes.read_xad,
        datatypes.read_cwe,
    ],
)
def test_an_empty_or_null_field_gives_a_false_value(reader):
    assert not reader(Field(""))
    assert not reader(Field('""'))
    assert reader(Field("A^B^C"))


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "Asia/Kabul"])
@pytest.mark.parametrize("offset", ["", "+0000", "-0330", "+1500"])
def test_a_time_in_an_hour_that_is_known_reads_as_any_other(zone, offset):
    """Lord Howe moves its clocks by half an hour, Kabul is half an hour off."""
    zone = ZoneInfo(zone)
    days = ("20260329", "20261025", "20260405", "20261004", "20260229")
    clock = [(h, m) for h in (0, 1, 2, 3, 24) for m in ("0000", "2959", "3000", "5960")]
    for day, (hour, minute) in itertools.product(days, clock):
        text = f"{day}{hour:02}{minute}{offset}"
        for default in (None, timedelta(0), timedelta(hours=5)):
            outcomes = [
                outcome_of(written, zone, default)
                # A fraction, even of nothing, is read by all the rules.
                for written in (text, f"{text[:14]}.0{offset}")
            ]
            assert outcomes[0] == outcomes[1], (text, default)


def outcome_of(text, zone, default_offset):
    try:
        read = read_timestamp(text, zone=zone, default_offset=default_offset)
    except BadValue as error:
        return error.code
    return read.instant, read.offset, read.warnings


def test_a_second_is_written_the_same_whatever_its_fraction():
    moment = instant(2026, 7, 3, 8, 30, 15)
    just_before_the_next = moment + timedelta(microseconds=999_999)
    assert write_timestamp(moment, LONDON) == "20260703093015+0100"
    assert write_timestamp(just_before_the_next, LONDON) == "20260703093015+0100"
    assert write_timestamp(moment, ZoneInfo("UTC")) == "20260703083015+0000"
