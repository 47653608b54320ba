"""What codes mean at an instant: tables, days, mappings, coding systems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_engine.domain.clock import FixedClock
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.mappings import CodeMapping, MappingTable
from booking_engine.domain.safety import Answer
from booking_engine.domain.vocabulary import Priority
from hl7_adapters.datatypes import Code, is_snomed_id, names_of
from hl7_adapters.mappings import check_code, effective, meanings_of
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import parse_profile
from hl7_adapters.profile_source import ProfileSource

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
TEXT = """\
id: a
name: A
senders: [{application: EPR}]
urgency: {R: routine, U: urgent}
procedures:
  XA: CTHEAD
  XB: {to: MRHEAD, from: 2026-03-01, until: 2026-03-31}
  XC:
    - {to: MRHEAD, until: 2026-10-24}
    - {to: MRLIVER, from: 2026-10-25}
safety:
  PACE: {question: cardiac_device, values: {Y: yes, N: no}}
"""


def profile(text=TEXT):
    return parse_profile(text, Path("a.yaml"))


def mapping(code="ZZ", target="CTHEAD", table=MappingTable.PROCEDURE, **given):
    values = {
        "id": "C1",
        "partner": "a",
        "table": table,
        "code": code,
        "target": target,
        "valid_from": NOON,
        "valid_to": None,
        "made_by": "person:a",
        "made_at": NOON,
    }
    return CodeMapping(**values | given)


def meant(code, at, *mappings):
    return effective(profile(), mappings, at).profile.procedures.get(code)


# Days -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "means"),
    [
        (datetime(2026, 3, 1, 0, tzinfo=UTC) - MOMENT, None),
        (datetime(2026, 3, 1, 0, tzinfo=UTC), "MRHEAD"),
        # The last day ends at midnight by British Summer Time, which began on the 29th.
        (datetime(2026, 3, 31, 23, tzinfo=UTC) - MOMENT, "MRHEAD"),
        (datetime(2026, 3, 31, 23, tzinfo=UTC), None),
    ],
)
def test_a_code_means_something_from_london_midnight_to_midnight(at, means):
    assert meant("xb", at) == means


def test_one_meaning_follows_the_other_at_midnight_before_the_clocks_change():
    midnight = datetime(2026, 10, 24, 23, tzinfo=UTC)  # 00:00 BST on the 25th

    assert meant("xc", midnight - MOMENT) == "MRHEAD"
    assert meant("xc", midnight) == "MRLIVER"
    assert effective(profile(), (), midnight - MOMENT).changes_at == midnight


@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ("XB: {to: CTHEAD, from: 2026-13-01}", "4:27", ["procedures.XB.0.from"]),
        ("XB: {to: CTHEAD, form: 2026-01-01}", "4:5", ["XB", "not known"]),
        ("XB: {from: 2026-01-01}", "4:5", ["XB", "add it"]),
        ("XB: {to: X, from: 2026-02-01, until: 2026-01-01}", "4:5", ["before from"]),
        ("XB: [{to: X}, {to: Y, from: 2026-01-01}]", "3:1", ["two meanings"]),
        ("XB: {to: X}\n    xb: Y", "3:1", ["given twice"]),
    ],
)
def test_days_that_cannot_be_are_named_where_they_stand(table, where, words):
    with pytest.raises(ProfileError) as caught:
        profile(f"id: a\nname: A\nprocedures:\n    {table}\n")

    line = int(where.split(":")[0])
    assert caught.value.line in {line, 1}
    for word in words:
        assert word in str(caught.value)


# Mappings over the profile's tables -----------------------------------------------


def test_a_mapping_outranks_the_profile_while_it_is_in_force():
    over = mapping("XA", "MRHEAD", valid_to=NOON + timedelta(days=1))

    assert meant("xa", NOON - MOMENT, over) == "CTHEAD"
    assert meant("xa", NOON, over) == "MRHEAD"
    assert meant("xa", NOON + timedelta(days=1), over) == "CTHEAD"


def test_every_table_can_be_mapped():
    found = effective(
        profile(),
        [
            mapping("S", "suspected_cancer", MappingTable.URGENCY),
            mapping("PACE=MAYBE", "unknown", MappingTable.SAFETY),
            mapping("PACE=Y", "no", MappingTable.SAFETY),
            mapping("GHOST=Y", "no", MappingTable.SAFETY),
            mapping("DAY", "inpatient", MappingTable.PATIENT_CLASS),
            mapping("P", "planned", MappingTable.LIST_TYPE),
            mapping("WARD", "RA101", MappingTable.SITE),
        ],
        NOON,
    ).profile

    assert found.urgencies["s"] is Priority.SUSPECTED_CANCER
    assert found.urgencies["pv1-2=e"] is Priority.URGENT
    assert found.safety["pace"].values == {
        "maybe": Answer.UNKNOWN,
        "y": Answer.NO,
        "n": Answer.NO,
    }
    assert found.settings["day"].value == "inpatient"
    assert found.list_types["p"].value == "planned"
    assert found.sites["ward"] == "RA101"
    assert set(found.safety) == {"pace"}


def test_an_ended_mapping_that_never_began_means_nothing():
    never = mapping(valid_to=NOON)

    assert never not in [m.mapping for m in meanings_of(profile(), [never])]


def test_what_was_derived_from_old_tables_is_derived_anew():
    written = profile()
    assert written.own_codes["CTHEAD"] == "XA"

    found = effective(written, [mapping("XA", "MRHEAD"), mapping("XD")], NOON).profile

    assert found.own_codes["CTHEAD"] == "XD"
    assert written.own_codes["CTHEAD"] == "XA"


def test_the_source_turns_to_new_meanings_by_itself():
    clock = FixedClock(datetime(2026, 10, 24, 22, 59, 59, tzinfo=UTC))
    source = ProfileSource({"a": profile()}, clock=clock)
    before = source.generation
    assert source.owners["epr", ""].procedures["xc"] == "MRHEAD"

    clock.advance(timedelta(seconds=1))

    assert source.owners["epr", ""].procedures["xc"] == "MRLIVER"
    assert source["a"].procedures["xc"] == "MRLIVER"
    assert source.generation > before


# Coding systems -------------------------------------------------------------------


def test_snomed_identifiers_have_a_check_digit():
    assert is_snomed_id("60027007")
    assert is_snomed_id("418062002")
    assert is_snomed_id("999001111000000105")
    for wrong in ("60027008", "12345", "060027007", "6002700七", "", "1" * 19):
        assert not is_snomed_id(wrong)


@given(st.integers(10**5, 10**17 - 1), st.integers(0, 16), st.integers(1, 9))
def test_a_slip_of_one_digit_is_noticed(number, place, shift):
    """Verhoeff's scheme finds every single error."""
    good = next(f"{number}{d}" for d in range(10) if is_snomed_id(f"{number}{d}"))
    at = place % len(good)
    slip = f"{good[:at]}{(int(good[at]) + shift) % 10}{good[at + 1 :]}"

    assert not is_snomed_id(slip)


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (Code("XCHES", "XR Chest"), ["xches^", "xches"]),
        (Code("XCHES", "XR Chest", "L"), ["xches^l", "xches"]),
        (Code("60027007", "", "SNM3"), ["60027007^sct", "60027007^snm3", "60027007"]),
        (Code("60027007", "", "SCT"), ["60027007^sct", "60027007"]),
        (Code("60027007"), ["60027007^", "60027007", "60027007^sct"]),
        (
            Code("XW", "", "NICIP", "60027007", "Wrist", "SNOMED-CT"),
            ["xw^nicip", "xw", "60027007^sct", "60027007^snomed-ct", "60027007"],
        ),
        (Code("70551", "MRI", "C4"), ["70551^c4"]),
        (Code("", "MRI Lumbar spine"), ["mri lumbar spine"]),
    ],
)
def test_a_code_is_looked_up_by_all_its_names(sent, names):
    assert list(dict.fromkeys(names_of(sent))) == names


def test_a_code_is_stored_as_the_reader_names_it():
    assert check_code(MappingTable.PROCEDURE, " 60027007 ^ SCT", profile()) == (
        "60027007^SCT"
    )
    assert check_code(MappingTable.SAFETY, "pace = Y", profile()) == "pace=Y"
    with pytest.raises(InvalidValue, match="check digit"):
        check_code(MappingTable.PROCEDURE, "60027008^SCT", profile())
    with pytest.raises(InvalidValue, match="'IMPL' is none"):
        check_code(MappingTable.SAFETY, "IMPL=Y", profile())
