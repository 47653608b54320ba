"""What patient administration messages are read as."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from network import NHS_NUMBERS, NOW

from booking_engine.application.diary_commands import EndEntry, Ending, RecordEntry
from booking_engine.application.patient_commands import (
    MergePatients,
    QuestionIdentity,
    RecordPatientAnswers,
    TakeBackPatientAnswers,
    UpdatePatient,
)
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.register import (
    UNSAID,
    OnDeath,
    PersonDetails,
    Visit,
    local_key,
    nhs_key,
)
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.vocabulary import PatientSetting, Sex
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import MappingError, to_commands
from hl7_adapters.profile_files import load_profile

NORTH = load_profile(Path(__file__).parents[2] / "data" / "profiles" / "north.yaml")
X1, X2, N1 = local_key("RA1", "X1"), local_key("RA1", "X2"), nhs_key(NHS_NUMBERS[0])
PID = f"PID|||X1^^^RA1^MR~{NHS_NUMBERS[0]}^^^NHS^NH||Test^Ann||19800301|F|||^^^^M13 9PL"
AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


def adt(event, *segments, version="2.4", recorded="202611240830"):
    header = f"MSH|^~\\&|EPR|RA1|BE|X|20261124080000||ADT^{event}|C1|P|{version}"
    return decode("\r".join((header, f"EVN|{event}|{recorded}", *segments)).encode())


def read(event, *segments, profile=NORTH, **given):
    return to_commands(adt(event, *segments, **given), profile, now=NOW)


def only(event, *segments, **given):
    (command,) = read(event, *segments, **given).commands
    return command


def test_an_update_says_who_where_and_when():
    command = only("A08", PID, "PV1||I|W1")

    assert command == UpdatePatient(
        partner="north",
        keys=(X1, N1),
        sent_at=AT,
        details=PersonDetails("Test", "Ann", date(1980, 3, 1), Sex.FEMALE, "M13"),
        authority="RA1",
        setting=PatientSetting.INPATIENT,
    )


@pytest.mark.parametrize(
    ("event", "visit"),
    [
        ("A01", Visit.ADMITTED),
        ("A02", Visit.TRANSFERRED),
        ("A03", Visit.DISCHARGED),
        ("A04", None),
        ("A05", None),
        ("A06", Visit.ADMITTED),
        ("A07", Visit.DISCHARGED),
        ("A08", None),
        ("A11", Visit.ADMISSION_CANCELLED),
        ("A12", Visit.TRANSFERRED),
        ("A13", Visit.DISCHARGE_CANCELLED),
        ("A28", None),
        ("A31", None),
    ],
)
@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1"])
def test_each_event_of_a_person_is_an_update(event, visit, version):
    command = only(event, PID, version=version)

    assert isinstance(command, UpdatePatient)
    assert command.visit is visit
    assert command.deceased is None


def test_what_is_not_mentioned_stays_unsaid():
    assert only("A08", "PID|||X1^^^RA1^MR").details == PersonDetails()


def test_nulls_delete():
    command = only("A08", 'PID|||X1^^^RA1^MR||Test^""||""|""|||""')

    assert command.details == PersonDetails("Test", "", None, Sex.UNKNOWN, "")


@pytest.mark.parametrize(
    "born", ["19760121+^D", "Aug 15, 1942", "1990505", "196513121515"]
)
def test_a_birth_date_that_is_none_leaves_the_one_that_is_known(born):
    mapped = read("A08", f"PID|||X1^^^RA1^MR||Test^Ann||{born}|F")

    (command,) = mapped.commands
    assert command.details.birth_date is UNSAID
    assert any("PID-7" in warning for warning in mapped.warnings)


@pytest.mark.parametrize(
    ("fields", "deceased", "day"),
    [
        ("|Y", True, None),
        ("20261123|Y", True, date(2026, 11, 23)),
        ("202611231405|", True, date(2026, 11, 23)),
        ("|N", False, None),
        ('|""', False, None),
        ('""|', False, None),
        ("|", None, None),
        ("20261123|N", None, None),
        ("|MAYBE", None, None),
    ],
)
def test_a_death_is_said_denied_or_unsaid(fields, deceased, day):
    pid = "PID|||X1^^^RA1^MR||Test^Ann" + "|" * 24 + fields

    command = only("A08", pid)

    assert (command.deceased, command.deceased_on) == (deceased, day)


def test_the_profile_says_what_becomes_of_slots_and_which_languages_need_help():
    profile = NORTH.model_copy(
        update={
            "on_death": OnDeath.RELEASE,
            "interpreter_languages": frozenset({"pl", "polish"}),
        }
    )

    def speaking(language):
        pid = "PID|||X1^^^RA1^MR" + "|" * 12 + language
        return only("A08", pid, profile=profile)

    assert speaking("PL^Polish").on_death is OnDeath.RELEASE
    assert speaking("x^Polish").interpreter is True
    assert speaking("EN^English").interpreter is None
    assert speaking("").interpreter is None


def test_a_bare_number_is_the_sending_hospitals():
    assert only("A08", "PID|||X1").keys == (X1,)
    elsewhere = "PID|||9^^^RB2^MR~X1^^^^PAS~V1^^^RA1^VN"
    assert only("A08", elsewhere).keys == (local_key("RB2", "9"),)


def test_several_nhs_numbers_are_a_doubt():
    both = "~".join(f"{number}^^^NHS^NH" for number in NHS_NUMBERS[:2])

    assert only("A08", f"PID|||X1^^^RA1^MR~{both}||Test^Ann") == QuestionIdentity(
        "north", (X1,), "PID-3: several NHS numbers"
    )


@pytest.mark.parametrize("event", ["A18", "A34", "A39", "A40", "A47"])
def test_a_merge_names_both(event):
    command = only(event, PID.replace("X1", "X2"), "MRG|X1^^^RA1^MR", "PV1||O")

    assert command == MergePatients(
        partner="north",
        survivor=(X2, N1),
        discarded=(X1,),
        sent_at=AT,
        details=PersonDetails("Test", "Ann", date(1980, 3, 1), Sex.FEMALE, "M13"),
    )


def test_merged_numbers_are_paired_by_type():
    pid = "PID|||7^^^RA1^PI~X2^^^RA1^MR||Test^Ann"

    assert only("A40", pid, "MRG|X1^^^RA1^MR").survivor[0] == X2
    assert only("A40", pid, "MRG|6^^^RA1^PI").survivor[0] == local_key("RA1", "7")


def test_a_bare_number_and_the_old_field_of_a_merge_are_read():
    assert only("A40", "PID|||X2^^^RA1^MR", "MRG|X1").discarded == (X1,)
    assert only("A34", "PID|||X2^^^RA1^MR", "MRG||||X1").discarded == (X1,)


@pytest.mark.parametrize(
    ("event", "segments", "code"),
    [
        ("A08", (), "100"),
        ("A08", ("PID|||",), "101"),
        ("A08", ('PID|||""||Test^Ann',), "101"),
        ("A08", ('PID|||X1||""',), "101"),
        ("A31", ("PID|||X1||Rex" + "|" * 30 + "DOG",), "103"),
        ("A40", ("PID|||X1",), "100"),
        ("A40", ("PID|||X1", "MRG|"), "101"),
        ("A40", ("PID|||X1^^^RA1^MR", "MRG|X1"), "102"),
        ("A99", (PID,), "201"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(event, segments, code):
    with pytest.raises(MappingError) as refused:
        read(event, *segments)

    assert refused.value.code == code


@pytest.mark.parametrize("event", ["A23", "A29", "A37", "A45"])
def test_what_only_a_person_can_judge_is_a_doubt(event):
    command = only(event, PID)

    assert isinstance(command, QuestionIdentity)
    assert command.keys == (X1, N1)
    assert command.reason.startswith(event)


def test_an_unlink_concerns_both_patients():
    assert only("A37", "PID|||X1^^^RA1^MR", "PID|||X2^^^RA1^MR").keys == (X1, X2)


@pytest.mark.parametrize("event", ["A38", "A42", "A43", "A44"])
def test_what_concerns_stays_alone_is_accepted(event):
    mapped = read(event, PID, "MRG|X2")

    assert mapped.commands == ()
    assert mapped.warnings


def test_allergies_to_contrast_are_answers():
    command = only("A60", PID, "IAM|1|DA|IODCON^Iodine|SV||A")

    assert isinstance(command, RecordPatientAnswers)
    (answer,) = command.answers
    assert (answer.question, answer.answer) == (Question.CONTRAST_ALLERGY, Answer.YES)
    update, allergy = read("A01", PID, "AL1|1|DA|IODCON").commands
    assert isinstance(update, UpdatePatient)
    assert allergy.answers[0].source == "north AL1-3"


def test_other_allergies_and_those_taken_back_are_no_answers():
    assert read("A60", PID, "IAM|1|FA|NUTS").commands == ()
    assert read("A60", PID, "IAM|1|FA|NUTS|||D").commands == ()
    taken_back = read("A60", PID, "IAM|1|DA|IODCON|||D")
    (command,) = taken_back.commands
    assert isinstance(command, TakeBackPatientAnswers)
    assert command.question is Question.CONTRAST_ALLERGY
    assert any("IAM-6" in warning for warning in taken_back.warnings)


def test_an_allergy_that_another_entry_still_says_is_not_taken_back():
    lines = ("IAM|1|DA|IODCON|||D", "IAM|2|DA|IODCON|SV||A")

    assert isinstance(only("A60", PID, *lines), RecordPatientAnswers)


def test_the_time_is_that_of_the_event_else_of_the_message_and_never_ahead():
    def at(recorded):
        return only("A08", PID, recorded=recorded).sent_at

    assert at("202611240830") == AT
    assert at("") == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert at("soon") == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert at("203001010000") == NOW


# Pre-admissions that are appointments

CLINICS = NORTH.model_copy(
    update={
        "diary": KeptDiary(
            resources={"MRI^Room 1": "MR1", "CTCLIN": "CT1"},
            default_minutes=30,
            a05_is_appointment=True,
        )
    }
)
START, END = (
    datetime(2026, 12, 1, 9, tzinfo=UTC),
    datetime(2026, 12, 1, 9, 45, tzinfo=UTC),
)


def stay(place="MRI^Room 1", number="V77", admitted=""):
    return f"PV1||O|{place}" + "|" * 16 + number + "|" * 25 + admitted


def expected(start="202612010900", end="202612010945"):
    return "PV2" + "|" * 8 + f"{start}|{end}"


def test_a_pre_admission_books_where_the_profile_says_so():
    update, entry = read("A05", PID, stay(), expected(), profile=CLINICS).commands

    assert isinstance(update, UpdatePatient)
    assert entry == RecordEntry(
        partner="north",
        number="V77",
        kind=EntryKind.APPOINTMENT,
        stretches=(Stretch("MR1", START, END),),
        sent_at=AT,
        patient=N1,
    )


def test_a_pre_admission_is_a_person_alone_where_it_does_not():
    assert isinstance(only("A05", PID, stay(), expected()), UpdatePatient)


def test_times_are_looked_for_where_senders_put_them():
    _, entry = read(
        "A05", PID, stay("CTCLIN", admitted="202612010900"), profile=CLINICS
    ).commands

    half_past = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    assert entry.stretches == (Stretch("CT1", START, half_past),)


def test_a_clinic_that_is_no_scanner_keeps_the_patient_busy():
    mapped = read("A05", PID, stay("CARDIO"), expected(), profile=CLINICS)

    assert mapped.commands[1].stretches == (Stretch(None, START, END),)
    assert any("PV1-3" in warning for warning in mapped.warnings)


def test_a_pre_admission_cancelled_frees_the_time():
    assert only("A38", PID, stay(), profile=CLINICS) == EndEntry(
        partner="north", number="V77", ending=Ending.CANCELLED, sent_at=AT
    )


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ((stay(number=""), expected()), "101"),
        ((stay(),), "101"),
        ((expected(),), "101"),
        ((stay(), expected(start="20261201")), "102"),
        ((stay(), expected(start="202703280130")), "102"),
    ],
)
def test_a_pre_admission_without_number_or_time_is_refused(segments, code):
    with pytest.raises(MappingError) as refused:
        read("A05", PID, *segments, profile=CLINICS)

    assert refused.value.code == code
