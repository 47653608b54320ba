"""Acknowledgements: their form in each version, and an answer to every refusal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from booking_engine.domain.errors import (
    DomainError,
    DuplicateOrder,
    NotKnown,
    RulesBroken,
    TransitionRefused,
)
from hl7_adapters.ack import (
    ACCEPTED,
    BY_ERROR,
    ERROR_TEXTS,
    UNKNOWN_SENDER,
    Answer,
    answer_to,
    build_ack,
    read_ack,
    version_number,
)
from hl7_adapters.conditions import RULES, Condition, Reply
from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.reading import MappingError

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
REFUSED = Answer(Reply.AE, "103", "ORC^2^1", "map it")


def request(version="2.4", *, kind="ORM^O01", extra=""):
    text = rf"MSH|^~\&|EPR^1.2^ISO|RA1|BOOKING|RX9|20260701||{kind}|C:1|P|{version}"
    return decode(f"{text}{extra}\rPID|1\r".encode())


def acknowledged(answer, version="2.4", **changes):
    raw = build_ack(request(version, **changes), answer, control_id="M1", at=NOW)
    return raw.decode().split("\r")


def every_subclass(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from every_subclass(child)


def test_the_header_is_turned_round_and_has_its_own_number():
    header, msa, end = acknowledged(ACCEPTED)

    assert header == (
        r"MSH|^~\&|BOOKING|RX9|EPR^1.2^ISO|RA1|20260701090000+0100||ACK^O01|M1|P|2.4"
    )
    assert (msa, end) == ("MSA|AA|C:1", "")


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2.3", "ACK^O01"), ("2.4", "ACK^O01"), ("2.5", "ACK^O01^ACK"), ("2.5.1", None)],
)
def test_the_type_of_an_acknowledgement_depends_on_the_version(version, kind):
    header = acknowledged(ACCEPTED, version)[0]

    assert f"||{kind or 'ACK^O01^ACK'}|M1|P|{version}" in header


def test_errors_up_to_2_4_stand_in_err_1():
    assert acknowledged(REFUSED)[1:3] == [
        "MSA|AE|C:1|map it",
        "ERR|ORC^2^1^103&Table value not found&HL70357",
    ]


def test_errors_from_2_5_on_have_fields_of_their_own():
    assert acknowledged(REFUSED, "2.5.1")[1:3] == [
        "MSA|AE|C:1|map it",
        "ERR||ORC^2^1|103^Table value not found^HL70357|E||||map it",
    ]


def test_a_rule_of_ours_is_accepted_with_a_warning():
    answer = Answer(Reply.AA, "207", text="it has been performed")

    assert acknowledged(answer, "2.5.1")[1:3] == [
        "MSA|AA|C:1|it has been performed",
        "ERR|||207^Application internal error^HL70357|W||||it has been performed",
    ]
    assert acknowledged(answer)[1:] == ["MSA|AA|C:1|it has been performed", ""]


def test_a_message_without_a_header_is_answered_without_a_number():
    raw = build_ack(
        None, answer_to(DecodeError("100", "no MSH")), control_id="M", at=NOW
    )

    assert raw.decode().split("\r")[1:3] == [
        "MSA|AR||no MSH",
        "ERR|^^^100&Segment sequence error&HL70357",
    ]


def test_the_text_is_short_enough_for_a_console():
    msa = acknowledged(Answer(Reply.AE, "102", text="x" * 200))[1]

    assert len(msa.split("|")[3]) == 80


LONG = (
    "Placer number PL1001 exists as order O00000000000001 with other content; send a"
    " change (ORC-1 XO) instead."
)


ENDED = (
    "Order O00000000000001 is performed: it cannot be held any more now that it has"
    " ended."
)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            DuplicateOrder(LONG),
            (
                "order.duplicate: Placer number PL1001...;"
                " send a change (ORC-1 XO) instead."
            ),
        ),
        (TransitionRefused(ENDED), f"order.transition: {ENDED[:57]}..."),
        (NotKnown("It is not known; send it."), "It is not known; send it."),
    ],
)
def test_of_a_long_refusal_the_code_and_the_remedy_are_kept(refusal, said):
    for version in ("2.3", "2.4"):
        assert acknowledged(answer_to(refusal), version)[1].split("|")[3] == said

    _, msa, err, _ = acknowledged(answer_to(refusal), "2.5.1")
    assert msa.split("|")[3] == said
    assert err.endswith(f"|{refusal}"), "ERR-8 has room for all of it"


@pytest.mark.parametrize("kind", list(BY_ERROR))
@given(
    fact=st.from_regex(r"[a-e]([a-e ,:(]{0,140}[a-e])?", fullmatch=True),
    remedy=st.from_regex(r"[a-e]([a-e ,:(]{0,140}[a-e])?", fullmatch=True),
)
def test_no_text_is_longer_than_msa_3_or_loses_its_remedy(kind, fact, remedy):
    text = f"{fact}; {remedy}"
    raised = kind(text, ()) if kind is RulesBroken else kind(text)

    said = decode(build_ack(request(), answer_to(raised), control_id="M", at=NOW))
    msa = said.get("MSA-3")

    assert len(msa) <= 80
    if len(text) <= 80:
        assert msa == text
        return
    assert msa.startswith(f"{kind.code}: {fact[0]}")
    end = msa.rpartition("; ")[2].removesuffix("...")
    assert end
    assert remedy.startswith(end)


def test_the_charset_of_the_request_is_answered_in_kind():
    raw = build_ack(
        request(extra="||||||8859/1"),
        Answer(Reply.AE, "102", text="Müller"),
        control_id="M1",
        at=NOW,
    )

    assert b"|8859/1\r" in raw
    assert b"M\xfcller" in raw


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.5.1"])
@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED, UNKNOWN_SENDER])
def test_hl7apy_finds_no_fault_in_an_acknowledgement(version, answer):
    """Up to 2.4 it would look for a structure ACK_O01, so it is told the structure."""
    text = "\r".join(acknowledged(answer, version))
    text = text.replace("|ACK^O01|", "|ACK^O01^ACK|")

    parse_message(text, VALIDATION_LEVEL.STRICT).validate()


def test_without_a_version_the_partners_own_is_used():
    raw = build_ack(
        request(""), ACCEPTED, control_id="M1", at=NOW, default_version="2.5.1"
    )

    assert b"||ACK^O01^ACK|M1|P|2.5.1" in raw


@pytest.mark.parametrize("version", ["", "2.9", "x", "2.4^GBR", "²"])
def test_any_version_is_answered(version):
    assert acknowledged(REFUSED, version)[1].startswith("MSA|AE|C:1")


@pytest.mark.parametrize("kind", list(every_subclass(DomainError)))
def test_every_refusal_of_the_domain_has_one_coded_answer(kind):
    error = kind("so it is", ("rule",)) if kind is RulesBroken else kind("so it is")
    answer = answer_to(error)

    assert kind in BY_ERROR
    assert answer.error in ERROR_TEXTS
    assert answer.text == "so it is"


def test_a_new_refusal_is_answered_as_what_it_derives_from():
    class Unforeseen(RulesBroken):
        code = "unforeseen"

    try:
        assert answer_to(Unforeseen("no", ())).reply is BY_ERROR[RulesBroken].reply
    finally:
        del Unforeseen


@pytest.mark.parametrize("condition", list(Condition))
def test_every_condition_has_a_code_of_table_0357(condition):
    rule = RULES[condition]
    error = MappingError(condition, "MSH^1^9", "text", rule.reply)

    assert rule.error in ERROR_TEXTS
    assert answer_to(error) == Answer(rule.reply, rule.error, "MSH^1^9", "text")


def test_versions_compare_by_number():
    assert version_number("2.10") > version_number("2.5.1") > version_number("2.5")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("MSA|AA|1", ("AA", "")),
        ("MSA|ca|1", ("CA", "")),
        (
            "MSA|AE|1|no such code\rERR|OBR^1^4^103&Table value not found&HL70357",
            ("AE", "no such code; 103; Table value not found"),
        ),
        (
            "MSA|AR|1\rERR||PID^1^3|101^Required^HL70357|E||||give a number",
            ("AR", "101; give a number"),
        ),
    ],
)
def test_a_partners_acknowledgement_is_read(lines, expected):
    raw = rf"MSH|^~\&|||||||ACK|1|P|2.4{chr(13)}{lines}{chr(13)}".encode()

    assert read_ack(raw) == expected


def test_an_acknowledgement_that_answers_nothing_is_none():
    with pytest.raises(DecodeError, match="MSA-1"):
        read_ack(b"MSH|^~\\&|||||||ACK|1|P|2.4\r")
