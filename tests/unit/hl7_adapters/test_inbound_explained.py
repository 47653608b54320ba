"""What a message would do, told without doing it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from network import catalogue

from booking_engine.domain.mappings import CodeMapping, MappingTable
from booking_engine.domain.orders import HoldCode
from hl7_adapters.conditions import Reply
from hl7_adapters.explain import explain
from hl7_adapters.explained_text import as_text
from hl7_adapters.hold_remedies import REMEDIES
from hl7_adapters.profile_files import load_profiles

DATA = Path(__file__).parents[2] / "data"
PROFILES = load_profiles(DATA / "profiles")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ORDERS = sorted((DATA / "hl7" / "orders").glob("*.er7"))


def explained(raw):
    return explain(raw, PROFILES.values(), now=NOW, catalogue=catalogue())


def stored(name):
    return (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes()


@pytest.mark.parametrize("path", ORDERS, ids=lambda path: path.stem)
def test_every_stored_message_can_be_explained(path):
    explanation = explained(path.read_bytes())

    assert explanation.answer.reply is Reply.AA
    assert explanation.partner in PROFILES
    assert explanation.orders
    assert as_text(explanation)


def test_a_line_says_where_a_value_stood_and_what_it_means():
    (order,) = explained(stored("orm_nw_24")).orders
    lines = {line.what: (line.place, line.sent, line.meaning) for line in order.lines}

    assert lines["procedure"] == ("OBR-4", "MHEAD", "MRHEAD (MR head)")
    assert lines["urgency"] == ("ORC-7.6", "R", "routine")
    assert lines["site"] == ("PV1-3.4", "RA101", "RA101")
    assert lines["needs"] == ("", "", "interpreter")
    assert lines["cardiac_device"] == ("OBX-3 pace", "", "no")


def test_what_would_be_held_or_refused_is_said():
    raw = stored("orm_three_obr_24")
    text = as_text(explained(raw))

    assert explained(raw).orders[2].holds[0].code is HoldCode.UNMAPPED_PROCEDURE
    assert "held: unmapped_procedure XXKNEE" in text
    assert "refused: not_imaging" in as_text(explained(stored("orm_lab_24")))


def test_a_cancellation_names_its_order():
    assert "PL1001 of RA1" in as_text(explained(stored("orm_ca_24")))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"garbage", ["unreadable", "AR 100"]),
        (b"MSH|^~\\&|WHO|X|||2026||ORM^O01|1|P|2.4\r", ["profile   none", "AR 207"]),
        (b"MSH|^~\\&|EPR|RA1|||2026||ORU^R01|1|P|2.4\r", ["AR 200 at MSH^1^9"]),
        (
            b"MSH|^~\\&|EPR|RA1|||2026||ORM^O01|1|P|2.4\rPID|1\rORC|QQ|1\r",
            ["AE 103 at ORC^1^1", "nothing of it"],
        ),
    ],
)
def test_a_refusal_is_explained(raw, words):
    text = as_text(explained(raw))

    for word in words:
        assert word in text


def test_ignored_groups_do_not_shift_the_explanation():
    raw = stored("omg_nw_24").replace(b"ORC|NW|PL2001", b"ORC|RE|PL2001")
    (order,) = explained(raw).orders

    assert order.lines[0].meaning == "PL2002"


def test_what_decided_a_code_is_named():
    mapping = CodeMapping(
        id="C7",
        partner="north",
        table=MappingTable.PROCEDURE,
        code="MHEAD",
        target="MRLIVER",
        valid_from=NOW,
        valid_to=None,
        made_by="person:a",
        made_at=NOW,
    )
    explanation = explain(
        stored("orm_nw_24"),
        PROFILES.values(),
        now=NOW,
        catalogue=catalogue(),
        mappings={"north": (mapping,)},
    )
    (order,) = explanation.orders
    lines = {line.what: line for line in order.lines}

    assert lines["procedure"].meaning == "MRLIVER (MR liver with contrast)"
    assert lines["procedure"].decided_by == "mhead in mapping C7 by person:a"
    assert lines["procedure"].name == "Universal service identifier"
    assert lines["urgency"].decided_by == "r in profile"
    assert lines["placer number"].decided_by == ""


def test_the_order_and_the_acknowledgement_are_foretold():
    explanation = explained(stored("orm_nw_24"))
    text = as_text(explanation)

    assert "vetted under guideline head-mr v1" in explanation.orders[0].becomes
    assert f"MSA|AA|{explanation.control_id}" in explanation.ack
    assert "MSA|AA" in text
    assert "decided by mhead in profile" in text


def test_each_step_of_several_is_explained():
    raw = stored("omi_nw_251").rstrip(b"\r\n")
    raw += b"|CT01^CT Head^L\nIPC|RB2|RP1|1.2.826.0.1.3680043.9.7777.1|SPS2|CT|MR01\n"
    (order,) = explained(raw).orders
    lines = {line.what: line for line in order.lines}

    step = lines["step 2"]
    assert (step.place, step.sent, step.meaning) == (
        "IPC-6",
        "MR01",
        "MRHEAD (MR head)",
    )
    assert step.decided_by == "mr01 in profile"
    assert "step 1" not in lines, "that is the exam itself"
    assert [hold.code for hold in order.holds] == [HoldCode.SEVERAL_STEPS]
    assert order.becomes == "held for the booking office"


def test_a_hold_names_its_remedy():
    text = as_text(explained(stored("orm_three_obr_24")))

    assert "becomes: held for the booking office" in text
    assert REMEDIES[HoldCode.UNMAPPED_PROCEDURE].remedy in text


def test_every_hold_has_a_remedy():
    assert set(REMEDIES) == set(HoldCode)
