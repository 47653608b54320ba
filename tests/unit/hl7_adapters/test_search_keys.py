"""What a message is found by: numbers, time, order controls."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from booking_engine.domain.messages import KeyKind
from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.profile import Profile
from hl7_adapters.search_keys import FoundBy, found_by

ORDERS = Path(__file__).parents[2] / "data" / "hl7" / "orders"
HEADER = "MSH|^~\\&|EPR|RA1|||20261124081500||ORM^O01|1|P|2.4"


def filed(*segments, profile=None):
    return found_by(decode("\r".join((HEADER, *segments)).encode()), profile)


def keys(*segments, profile=None):
    return {(k.kind.value, k.value) for k in filed(*segments, profile=profile).keys}


def test_an_order_is_found_by_patient_placer_and_accession():
    raw = (ORDERS / "orm_nw_24.er7").read_bytes().replace(b"\n", b"\r")
    found = found_by(decode(raw), None)

    assert found.order_control == "NW"
    assert found.sent_at == datetime(2026, 11, 24, 8, 15, tzinfo=UTC)
    assert [(key.kind, key.value) for key in found.keys] == [
        (KeyKind.NHS_NUMBER, "9990000018"),
        (KeyKind.HOSPITAL_NUMBER, "X1234"),
        (KeyKind.PLACER, "PL1001"),
        (KeyKind.ACCESSION, "ACC1001"),
    ]


def test_every_identifier_of_a_patient_counts():
    pid = "PID|||999 000 0018^^^NHS^NH~X1^^^RA1^MR~^^^RA1^MR~X\\T\\2^^^RM3"
    assert keys(pid) == {
        ("nhs_number", "9990000018"),
        ("hospital_number", "X1"),
        ("hospital_number", "X&2"),
    }


def test_a_merge_is_found_by_the_number_that_ends():
    assert keys("PID|||NEW^^^RA1", "MRG|OLD^^^RA1~9990000026^^^NHS") == {
        ("hospital_number", "NEW"),
        ("hospital_number", "OLD"),
        ("nhs_number", "9990000026"),
    }


def test_a_wrong_nhs_number_is_found_too():
    assert keys("PID|||9990000019^^^NHS") == {("nhs_number", "9990000019")}


def test_numbers_of_orders_and_appointments():
    assert keys(
        "ORC|XO|P1^RA1|F1",
        "OBR|1|P1|F2" + "|" * 15 + "A1",
        "ORC|NW|P2",
        "SCH|SP|SF",
        "ARQ|AP|AF",
    ) == {
        ("placer", "P1"),
        ("placer", "P2"),
        ("placer", "SP"),
        ("placer", "AP"),
        ("filler", "F1"),
        ("filler", "F2"),
        ("filler", "SF"),
        ("filler", "AF"),
        ("accession", "A1"),
    }


def test_different_order_controls_are_listed_once():
    assert filed("ORC|nw|P1", "ORC|NW|P2", "ORC|CA|P3").order_control == "CA,NW"


def test_the_profile_says_where_an_accession_stands():
    profile = Profile.model_validate(
        {
            "id": "ris",
            "name": "RIS",
            "senders": [{"application": "EPR", "facility": ""}],
            "dialect": {"accession": ["OBR-21"], "nhs_number": ["PID-19"]},
        }
    )
    segments = "PID|" + "|" * 17 + "|999 000 0018", "OBR|1" + "|" * 20 + "A 1"
    assert keys(*segments, profile=profile) == {
        ("accession", "A 1"),
        ("nhs_number", "9990000018"),
    }


def test_what_no_store_takes_is_left_out():
    assert keys("ORC|NW|P\\X00\\1\\.br\\2") == {("placer", "P12")}
    assert keys('PID|||""', 'ORC|NW|""') == set()


def test_a_message_without_header_or_time_is_filed_empty():
    assert found_by(None, None) == FoundBy()
    message = decode(b"MSH|^~\\&|A|B")
    assert found_by(message, None) == FoundBy()


def test_no_message_has_more_keys_than_orders_can_have():
    many = [f"ORC|NW|P{n}|F{n}" for n in range(5000)]
    assert len(filed(*many).keys) == 300


@given(st.binary(max_size=200))
def test_filing_never_fails(rest):
    try:
        message = decode(b"MSH|^~\\&|A|B\rPID|||" + rest + b"\rORC|" + rest)
    except DecodeError:
        assume(False)
    found = found_by(message, None)
    for key in found.keys:
        assert key.value.isprintable()
        assert key.value.encode()
