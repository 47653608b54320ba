"""Who asked for an exam: read, mapped, kept by a change, listed where unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from network import catalogue

from booking_engine.domain.mappings import CodeMapping, MappingTable
from booking_engine.domain.orders import NOBODY, Orderer
from hl7_adapters.clinician_fields import read_orderer
from hl7_adapters.er7 import decode
from hl7_adapters.explain import explain
from hl7_adapters.mapping_document import mapping_document
from hl7_adapters.mappings import effective
from hl7_adapters.message_shapes import shapes_of
from hl7_adapters.order_groups import group_orders
from hl7_adapters.printed import as_markdown
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import parse_profile

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BASE = "id: a\nname: A\nsenders: [{application: X}]\nprocedures: {MH: MRHEAD}\n"
TABLE = "clinicians: {drx: {name: Dr A. Example, gmc: 1234567}, W1: {name: Ward 1}}\n"
PLAIN = parse_profile(BASE, Path("a"))
MAPPED = parse_profile(BASE + TABLE, Path("a"))


def order(orc_12="", obr_16=""):
    return "\r".join(
        (
            "MSH|^~\\&|X|Y|B||20261124080000||ORM^O01|1|P|2.4",
            "PID|1||1^^^Y^MR||Testperson^Una||19800229|F",
            "PV1|1|O",
            f"ORC|NW|P1||||||||||{orc_12}",
            f"OBR|1|P1||MH^Head^L||||||||||||{obr_16}",
            "",
        )
    ).encode()


def read(profile, *fields):
    (group,) = group_orders(decode(order(*fields)))
    return read_orderer(group, profile)


@pytest.mark.parametrize(
    ("fields", "plain", "mapped"),
    [
        ((), NOBODY, NOBODY),
        (
            ("DRX^Ex^Al^^^Dr",),
            Orderer("DRX", "Dr Al Ex"),
            Orderer("DRX", "Dr A. Example", "1234567"),
        ),
        (("", "W1"), Orderer("W1"), Orderer("W1", "Ward 1")),
        (("^Ex^Al", "W1"), Orderer("", "Al Ex"), Orderer("", "Al Ex")),
        (
            ("7654321^Ex^^^^^^^GMC",),
            Orderer("7654321", "Ex", "7654321"),
            Orderer("7654321", "Ex", "7654321"),
        ),
        (("76543^Ex^^^^^^^GMC",), Orderer("76543", "Ex"), Orderer("76543", "Ex")),
        (("7654321^Ex",), Orderer("7654321", "Ex"), Orderer("7654321", "Ex")),
    ],
)
def test_who_asked_is_read_from_either_field_and_by_the_table(fields, plain, mapped):
    assert read(PLAIN, *fields) == plain
    assert read(MAPPED, *fields) == mapped


def test_an_unknown_clinician_holds_no_order_and_is_listed():
    raw = order("NEW1^Ex^Al")

    (told,) = explain(raw, [MAPPED], now=NOW, catalogue=catalogue()).orders
    assert "unmapped" not in " ".join(hold.code.value for hold in told.holds)
    assert any(
        (line.what, line.meaning) == ("ordered by", "Al Ex") for line in told.lines
    )
    assert ("clinician", "NEW1") in shapes_of([raw], MAPPED).unmapped
    assert ("clinician", "DRX") not in shapes_of([order("DRX")], MAPPED).unmapped
    assert ("clinician", "NEW1") not in shapes_of([raw], PLAIN).unmapped


@pytest.mark.parametrize(
    ("fields", "plain", "mapped"),
    [
        (("NEW1^Ex^Al",), False, True),
        (("NEW1",), True, True),
        (("", "DRX"), True, False),
        (("^Ex^Al",), False, False),
        ((), False, False),
    ],
)
def test_a_code_is_to_be_mapped_where_a_table_or_a_name_is_missing(
    fields, plain, mapped
):
    assert read(PLAIN, *fields).unmapped is plain
    assert read(MAPPED, *fields).unmapped is mapped


def test_a_mapping_outranks_the_table_and_ends():
    until = NOW + timedelta(days=1)
    made = CodeMapping(
        *("C1", "a", MappingTable.CLINICIAN, "DRX", "Dr B (GMC 7654321)", NOW, until),
        made_by="person:clerk",
        made_at=NOW,
    )

    now = effective(MAPPED, [made], NOW)
    then = effective(MAPPED, [made], until)

    assert read(now.profile, "DRX") == Orderer("DRX", "Dr B", "7654321")
    assert read(now.profile, "W1") == Orderer("W1", "Ward 1")
    assert now.changes_at == until
    assert read(then.profile, "DRX") == Orderer("DRX", "Dr A. Example", "1234567")


def test_the_document_names_the_clinicians():
    found = effective(MAPPED, (), NOW)
    document = mapping_document(found, catalogue(), now=NOW, version="a file")

    assert "| DRX | Dr A. Example | 1234567 |" in as_markdown(document)


def test_a_wrong_gmc_number_is_refused_where_it_stands():
    with pytest.raises(ProfileError, match="clinicians"):
        parse_profile(BASE + "clinicians: {X: {name: A, gmc: 12345}}\n", Path("a"))
