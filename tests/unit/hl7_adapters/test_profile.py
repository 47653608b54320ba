"""Partner profiles: what they accept, and how they say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from booking_engine.domain.identifiers import PartnerId, ProcedureCode
from booking_engine.domain.vocabulary import BookingMode, PatientSetting, Priority
from hl7_adapters.conditions import RULES, Condition, Reply
from hl7_adapters.destination import Sending
from hl7_adapters.dialect import Place
from hl7_adapters.order_controls import Control
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import check_catalogue, load_profile, load_profiles

PROFILES = Path(__file__).parents[2] / "data" / "profiles"

GOOD = """\
id: a
name: A trust
senders:
  - {application: EPR, facility: R0A}
urgency:
  R: routine
procedures:
  XCHES: XR-CHEST
"""


def written(tmp_path: Path, text: str, name: str = "a.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_example_profile_loads():
    profiles = load_profiles(PROFILES)

    assert set(profiles) == {"north", "south", "indie"}
    north = profiles[PartnerId("north")]
    assert north.urgencies["2ww"] is Priority.SUSPECTED_CANCER
    assert north.booking_modes[ProcedureCode("MRLIVER")] is BookingMode.OFFER
    assert north.outgoing is not None
    assert north.outgoing.appointments is Sending.SIU


def test_codes_stay_the_text_that_was_written():
    """NO is no truth value, 010 keeps its zero, and 1 is a code like any other."""
    north = load_profile(PROFILES / "north.yaml")

    assert north.procedures["no"] == "MRLIVER"
    assert north.procedures["010"] == "CTHEAD"
    assert north.urgency["1"] is Priority.SUSPECTED_CANCER


def test_standard_tables_hold_unless_the_profile_adds_to_them():
    north = load_profile(PROFILES / "north.yaml")

    assert north.settings["i"] is PatientSetting.INPATIENT
    assert north.settings["daycase"] is PatientSetting.INPATIENT
    assert {"lab", "path"} <= north.sections_refused
    assert north.control("DC") is Control.DISCONTINUE
    assert north.control("OC") is None, "it fills no orders"
    assert north.urgencies["pv1-2=e"] is Priority.URGENT


def test_our_code_leads_back_to_theirs():
    north = load_profile(PROFILES / "north.yaml")

    assert north.own_codes[ProcedureCode("CTHEAD")] == "CCHAPC"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("id: a\nname: A\nurgency: {2WW: soon}\n", "3:16", ["2WW", "suspected_cancer"]),
        ("id: a\nname: A\nurgencies: {R: routine}\n", "3:1", ["not known"]),
        ("name: A\n", "1:1", ["id", "add it"]),
        (
            "id: a\nname: A\nurgency:\n  R: routine\n  R: urgent\n",
            "5:3",
            ["'R' is given twice", "line 4"],
        ),
        (
            "id: a\nname: A\nurgency:\n  R: routine\n  r: urgent\n",
            "3:1",
            ["'r' is given twice"],
        ),
        ("id: A trust\nname: A\n", "1:5", ["cannot be an id"]),
        ("id: a\nname: [A\n", "3:1", ["expected"]),
        ("- a\n", "1:1", ["mapping"]),
        ("", "1:1", ["id", "add it"]),
        ("id: a\nname: &x A\n", "2:7", ["anchors"]),
        ("id: a\nname: A\nzone: Europe/Londinium\n", "3:7", ["zone"]),
        (
            "id: a\nname: A\nsenders:\n  - {application: EPR}\n  - {facility: X}\n",
            "5:5",
            ["senders.1.application", "add it"],
        ),
        (
            "id: a\nname: A\ndialect:\n  accession: [OBR18]\n",
            "4:15",
            ["no place", "OBR-18"],
        ),
        (
            "id: a\nname: A\npolicies:\n  missing_segment: AA\n",
            "3:1",
            ["would be lost"],
        ),
        ("id: a\nname: A\npolicies:\n  bad_dob: AE\n", "4:3", ["bad_birth_date"]),
        ("id: a\nname: A\ncontrols: {ORD: ZZ}\n", "3:1", ["ord", "NW"]),
        (
            "id: a\nname: A\noutgoing: {host: h, version: 2.3.1, orders: omg_sc}\n",
            "3:1",
            ["2.3.1", "orm_sc"],
        ),
        ("id: a\nname: A\noutgoing: {host: h, port: 0}\n", "3:27", ["port"]),
    ],
)
def test_an_error_names_file_line_key_and_remedy(tmp_path, text, where, words):
    path = written(tmp_path, text)

    with pytest.raises(ProfileError) as caught:
        load_profile(path)

    message = str(caught.value)
    assert message.startswith(f"{path}:{where}: ")
    for word in words:
        assert word in message


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"id: \xff\xfe")

    with pytest.raises(ProfileError, match="UTF-8"):
        load_profile(path)


def test_two_profiles_cannot_claim_one_sender(tmp_path):
    written(tmp_path, GOOD)
    text = GOOD.replace("id: a", "id: b").replace("EPR", "epr")
    path = written(tmp_path, text, "b.yaml")

    with pytest.raises(ProfileError, match="belongs to profile a") as caught:
        load_profiles(tmp_path)

    assert (caught.value.file, caught.value.line) == (path, 4)


def test_two_profiles_cannot_have_one_id(tmp_path):
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("EPR", "RIS"), "b.yaml")

    with pytest.raises(ProfileError, match="rename one"):
        load_profiles(tmp_path)


def test_a_code_that_the_catalogue_does_not_have_is_found_by_line(tmp_path):
    profile = load_profile(written(tmp_path, GOOD))
    check_catalogue(profile, procedures={"XR-CHEST"}, sites=(), scanners=())

    with pytest.raises(ProfileError, match="'XR-CHEST' is not in the catalogue") as e:
        check_catalogue(profile, procedures=(), sites=(), scanners=())

    assert (e.value.line, e.value.path) == (8, "procedures.xches")


def test_a_scanner_that_the_catalogue_does_not_have_is_found_by_line(tmp_path):
    text = f"{GOOD}diary:\n  resources:\n    ROOM 2: MR9\n"
    profile = load_profile(written(tmp_path, text))
    known = {"procedures": {"XR-CHEST"}, "sites": ()}
    check_catalogue(profile, **known, scanners={"MR9"})

    with pytest.raises(ProfileError, match="'MR9' is not in the catalogue") as e:
        check_catalogue(profile, **known, scanners={"MR1"})

    assert e.value.path == "diary.resources.room 2"
    assert e.value.line == text.count("\n")


def test_every_condition_has_a_rule_and_can_be_overridden():
    assert set(RULES) == set(Condition)
    south = load_profile(PROFILES / "south.yaml")

    assert south.reply(Condition.BAD_BIRTH_DATE) is Reply.AE
    assert south.reply(Condition.DUPLICATE_ORDER) is Reply.AE
    assert south.reply(Condition.CANCEL_UNKNOWN_ORDER) is Reply.AA


@pytest.mark.parametrize("text", ["OBR-18", "ORC-7.6", "PV1-2=E"])
def test_a_place_reads_back_as_it_was_written(text):
    assert str(Place.read(text)) == text
