"""Safety answers and needs: what an observation means, and what counts as not sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.safety import Answer, Question
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import to_commands
from hl7_adapters.profile_files import load_profiles

DATA = Path(__file__).parents[2] / "data"
NORTH = load_profiles(DATA / "profiles")[PartnerId("north")]
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
NW = (
    (DATA / "hl7" / "orders" / "orm_nw_24.er7")
    .read_text(encoding="utf-8")
    .replace("\n", "\r")
)


def one(text: str):
    (command,) = to_commands(decode(text.encode()), NORTH, now=NOW).commands
    return command


def changed(old: str, new: str) -> str:
    assert old in NW
    return NW.replace(old, new, 1)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("OBX|9|CE|PREG^Pregnant^L||Y", (Question.PREGNANCY, Answer.YES)),
        ("OBX|9|CE|PREG||n", (Question.PREGNANCY, Answer.NO)),
        ("OBX|9|ST|PREG||not sure", (Question.PREGNANCY, Answer.UNKNOWN)),
        ("OBX|9|ST|PREG||", None),
        ('OBX|9|ST|PREG||""', None),
        ("OBX|9|ST|PREG||Y||||||X", None),
        ("OBX|9|NM|EGFR^eGFR^L||84", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|NM|EGFR^eGFR^L||29.9", (Question.RENAL_IMPAIRMENT, Answer.YES)),
        ("OBX|9|NM|EGFR^eGFR^L||30", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|SN|EGFR^eGFR^L||>^90", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|SN|EGFR^eGFR^L||^84", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|SN|EGFR^eGFR^L||=^84", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|SN|EGFR^eGFR^L||^29", (Question.RENAL_IMPAIRMENT, Answer.YES)),
        ("OBX|9|SN|EGFR^eGFR^L||<^15", (Question.RENAL_IMPAIRMENT, Answer.YES)),
        ("OBX|9|SN|EGFR^eGFR^L||<>^84", (Question.RENAL_IMPAIRMENT, Answer.UNKNOWN)),
        ("OBX|9|SN|EGFR^eGFR^L||^84^-^90", (Question.RENAL_IMPAIRMENT, Answer.NO)),
        ("OBX|9|SN|EGFR^eGFR^L||^15^-^29", (Question.RENAL_IMPAIRMENT, Answer.YES)),
        ("OBX|9|SN|EGFR^eGFR^L||^25^-^35", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("OBX|9|SN|EGFR^eGFR^L||^90^-^84", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("OBX|9|SN|EGFR^eGFR^L||>^84^-^90", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("OBX|9|SN|EGFR^eGFR^L||^84^:^90", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("OBX|9|SN|EGFR^eGFR^L||^^-^90", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("OBX|9|SN|EGFR^eGFR^L||8^4", (Question.RENAL_IMPAIRMENT, Answer.UNKNOWN)),
        ("OBX|9|SN|EGFR^eGFR^L||^", None),
        ("OBX|9|CE|PREG||^Y", (Question.PREGNANCY, Answer.YES)),
        ("OBX|9|CE|PREG||^perhaps", (Question.PREGNANCY, Answer.UNKNOWN)),
        ("OBX|9|CE|PREG||^^L", None),
        ("OBX|9|ST|EGFR^eGFR^L||<30", (Question.RENAL_IMPAIRMENT, Answer.YES)),
        ("OBX|9|ST|EGFR^eGFR^L||<60", (Question.RENAL_IMPAIRMENT, Answer.UNKNOWN)),
        ("OBX|9|ST|EGFR^eGFR^L||see notes", (Question.RENAL_IMPAIRMENT, "unknown")),
        ("AL1|2|DA|IODCON^Iodinated contrast", (Question.CONTRAST_ALLERGY, "yes")),
        ("AL1|2|DA|^IODCON", (Question.CONTRAST_ALLERGY, Answer.YES)),
        ("OBX|9|CE|OTHER||Y", None),
    ],
)
def test_an_answer_has_three_values_and_absence_is_none(segment, expected):
    answers = [
        (answer.question, answer.answer)
        for answer in one(f"{NW}{segment}\r").content.safety
        if answer.question not in {Question.CARDIAC_DEVICE, Question.IMPLANT}
    ]

    assert answers == ([] if expected is None else [expected])


def test_pregnancy_in_the_visit_counts_as_yes():
    text = changed("CLINIC4^^^RA101", "CLINIC4^^^RA101" + "|" * 12 + "B6")

    assert (Question.PREGNANCY, Answer.YES) in [
        (a.question, a.answer) for a in one(text).content.safety
    ]


@pytest.mark.parametrize(
    ("value", "unit", "kilograms"),
    [
        ("81.4", "kg", 82),
        ("150", "", 150),
        ("12", "st", 77),
        ("180", "lb", 82),
        ("81400", "g", 82),
        (">150", "kg", 151),
        (">^150", "kg", 151),
        ("^84", "kg", 84),
        ("<^15", "kg", 15),
        ("^84^-^90", "kg", 90),
        ("^84^/^2", "kg", None),
        ("814", "kg", None),
        ("heavy", "kg", None),
        ("81", "hands", None),
    ],
)
def test_weight_is_in_whole_kilograms_rounded_up(value, unit, kilograms):
    text = changed("||81.4|kg", f"||{value}|{unit}")

    assert one(text).content.needs.weight_kg == kilograms


@pytest.mark.parametrize(
    ("value", "interpreter"),
    [("URDU", True), ("^Urdu", True), ("^n", False), ("^English^L", False)],
)
def test_a_need_without_a_code_is_read_from_its_text(value, interpreter):
    text = changed("||URDU", f"||{value}")

    assert one(text).content.needs.interpreter is interpreter


@pytest.mark.parametrize("value", ["", "^", "^^L"])
def test_a_need_that_says_nothing_is_not_sent(value):
    assert not one(changed("||URDU", f"||{value}")).content.needs.interpreter


@pytest.mark.parametrize(
    ("value", "kilometres"),
    [("20", 20), ("^20", 20), (">^20", 20), ("^20^-^30", 20), ("^far", None)],
)
def test_a_travel_cap_is_the_least_that_was_said(value, kilometres):
    command = one(f"{NW}OBX|9|SN|KM||{value}\r")

    assert command.content.needs.travel_cap_km == kilometres
