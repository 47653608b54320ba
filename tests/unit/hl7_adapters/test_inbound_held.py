"""What is not understood in an order is held, never guessed; whose order it is."""

from __future__ import annotations

import pytest
from mapped_orders import SOUTH, changed, held, mapped, one, stored

from booking_engine.domain.orders import HoldCode
from booking_engine.domain.vocabulary import Priority

# Held, never guessed -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "code", "detail"),
    [
        ("MHEAD^MRI Head^NICIP", "XQ1^?", HoldCode.UNMAPPED_PROCEDURE, "XQ1"),
        (
            "MHEAD^MRI Head^NICIP",
            "MHEAD^MRI Head^L^60027007^CT^SCT",
            HoldCode.UNMAPPED_PROCEDURE,
            "MHEAD: code and alternate code differ",
        ),
        ("20261224^R|", "20261224^SOON|", HoldCode.UNKNOWN_URGENCY, "ORC-7.6 SOON"),
        ("20261224^R|", "20261224|", HoldCode.UNKNOWN_URGENCY, "not sent"),
        ("CLINIC4^^^RA101", "CLINIC4^^^RQ9", HoldCode.UNKNOWN_SITE, "PV1-3.4 RQ9"),
        ("|19620412|", "||", HoldCode.MISSING_BIRTH_DATE, ""),
        ("|19620412|", "|1990505|", HoldCode.MISSING_BIRTH_DATE, "PID-7"),
        ("|19620412|", "|Aug 15, 1942|", HoldCode.MISSING_BIRTH_DATE, "PID-7"),
        ("ORC|NW|PL1001^RA1", "ORC|NW|", HoldCode.MISSING_PLACER_NUMBER, ""),
        ("^^^20261201^", "^^^202703280130^", HoldCode.INVALID_TIME, "ORC-7.4"),
        ("^^^20261201^", "^^^20261301^", HoldCode.INVALID_TIME, "ORC-7.4"),
        (
            "^^^20261201^20261224^",
            "^^^20261224^20261201^",
            HoldCode.INVALID_TIME,
            "the wanted window ends before it begins",
        ),
        ("|20261102090000|", "|last week|", HoldCode.INVALID_TIME, "ORC-9"),
        (
            "9990000018^^^NHS^NH~X1234^^^RA1^MR",
            "",
            HoldCode.IDENTITY_CONFLICT,
            "PID-3: no patient identifier",
        ),
        (
            "~X1234^^^RA1^MR",
            "~9990000026^^^NHS",
            HoldCode.IDENTITY_CONFLICT,
            "PID-3: several NHS numbers",
        ),
        ("TESTER^Anna^^^Ms^^L", "", HoldCode.IDENTITY_CONFLICT, "PID-5: no name"),
        (
            "|PL1001^RA1|||||",
            "|PL1001^RA1|||SC||",
            HoldCode.BOOKED_ELSEWHERE,
            "ORC-5 SC",
        ),
    ],
)
def test_what_a_person_can_settle_holds_the_order(old, new, code, detail):
    text = changed(old, new)
    if code is HoldCode.MISSING_PLACER_NUMBER:
        text = changed("OBR|1|PL1001^RA1", "OBR|1|", text)

    command = one(text)

    assert (code, detail) in held(command)
    assert command.refusal == ""


def test_an_unknown_urgency_is_not_replaced_by_a_later_field():
    """TQ1-9 is not understood; OBR-5 says routine, and is not asked."""
    text = changed("OBR|1|PL1001^RA1||", "TQ1|1||||||||XYZ\rOBR|1|PL1001^RA1||")
    text = text.replace("MHEAD^MRI Head^NICIP|", "MHEAD^MRI Head^NICIP|R")

    command = one(text)

    assert command.content.priority is None
    assert held(command) == {(HoldCode.UNKNOWN_URGENCY, "TQ1-9 XYZ")}


@pytest.mark.parametrize(
    ("orc7", "tq1", "obr5", "visit", "expected"),
    [
        ("^^^^^R", "S", "A", "O", Priority.IMMEDIATE),
        ("^^^^^A", "", "R", "E", Priority.URGENT),
        ("", "", "S", "O", Priority.IMMEDIATE),
        ("", "", "", "E", Priority.URGENT),
        ("", "", "", "O", None),
        ("^^^^^2ww", "", "", "O", Priority.SUSPECTED_CANCER),
    ],
)
def test_urgency_is_taken_from_the_first_place_that_has_any(
    orc7, tq1, obr5, visit, expected
):
    text = changed("^^^20261201^20261224^R", orc7)
    text = changed("OBR|1|", f"TQ1|1||||||||{tq1}\rOBR|1|", text)
    text = changed("^NICIP||", f"^NICIP|{obr5}|", text)
    text = changed("PV1|1|O", f"PV1|1|{visit}", text)

    assert one(text).content.priority is expected


def test_a_default_for_absent_urgency_is_never_used_for_an_unknown_one():
    text = stored("omi_nw_251")
    absent = one(changed("20261231170000|R", "20261231170000|", text), SOUTH)
    unknown = one(changed("20261231170000|R", "20261231170000|Z", text), SOUTH)

    assert (absent.content.priority, absent.holds) == (Priority.ROUTINE, ())
    assert unknown.content.priority is None
    assert held(unknown) == {(HoldCode.UNKNOWN_URGENCY, "TQ1-9 Z")}


# Patients ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifiers", "key"),
    [
        ("9990000018^^^NHS^NH", "nhs:9990000018"),
        ("999 000 0018^^^NHS", "nhs:9990000018"),
        ("9990000018^^^^NH", "nhs:9990000018"),
        ("9990000018^^^NHSNBR^NHSNMBR", "nhs:9990000018"),
        ("9990000018^^^2.16.840.1.113883.2.1.4.1", "nhs:9990000018"),
        ("X1^^^RA1^MR~9990000018^^^NHS^NH", "nhs:9990000018"),
        ("9990000018^^^PAS^PI", "local:PAS:9990000018"),
        ("AH0002531", "local:RA1:AH0002531"),
        ("V9^^^RA1^VN~X2^^^RA1^PI", "local:RA1:X2"),
        ("9990000019^^^NHS^NH~X2^^^RA1^MR", "local:RA1:X2"),
        ("1111111111^^^NHS^NH~X2^^^RA1^MR", "local:RA1:X2"),
    ],
)
def test_an_nhs_number_is_recognised_and_checked(identifiers, key):
    command = one(changed("9990000018^^^NHS^NH~X1234^^^RA1^MR", identifiers))

    assert command.content.patient.key == key
    assert command.holds == ()


def test_a_failed_check_digit_drops_the_number_with_a_warning():
    result = mapped(changed("9990000018^", "9990000019^"))

    assert result.commands[0].content.patient.key == "local:RA1:X1234"
    assert any("check digit" in warning for warning in result.warnings)
    assert "9990000019" not in "".join(result.warnings)


def test_patients_without_a_number_are_never_taken_for_one():
    text = changed("9990000018^^^NHS^NH~X1234^^^RA1^MR", "")
    other = text.replace("PL1001", "PL1002")

    assert one(text).content.patient.key != one(other).content.patient.key


def test_the_nhs_number_in_the_social_security_field_is_used_with_a_warning():
    text = changed("9990000018^^^NHS^NH~X1234", "X1234")
    text = changed("^M13 9WL^^H", "^M13 9WL^^H||||||||9990000034", text)
    result = mapped(text)

    assert result.commands[0].content.patient.nhs_number == "9990000034"
    assert any("PID-19" in warning for warning in result.warnings)
