"""What a sender is told fits into MSA-3: a remedy that is cut off is none.

The texts are found in the source, so that one that is new is measured too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hl7_adapters
from hl7_adapters import ack, admission, frames
from hl7_adapters.inbound import EVENTS_TAKEN, READERS
from hl7_adapters.inbound_orders import MOST_ORDERS

# MSA-3 is ST of at most 80 characters: HL7 2.4, section 2.16.8.3.
LONGEST = 80
SOURCES = sorted(Path(hl7_adapters.__file__).parent.rglob("*.py"))
SAID_BY = {"refuse": 2, "BadValue": 2, "DecodeError": 1}
"""The calls that make an answer, and which argument is its text."""
FILLED = {
    "{', '.join(READERS)}": ", ".join(READERS),
    "{reading.profile.processing_id}": "P",
    "{MOST_ORDERS}": str(MOST_ORDERS),
}
"""What stands in the texts that are not constant."""
NAMES = {"error.remedy", "EVENTS_TAKEN[kind]"}
"""Texts that are made elsewhere, and measured there."""


def said() -> Iterator[tuple[str, ast.expr]]:
    """Yield where each text stands, and the text."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            at = SAID_BY.get(name)
            if at is not None and len(node.args) > at:
                yield f"{source.name}:{node.lineno}", node.args[at]


def text_of(said: ast.expr) -> str:
    """Return a text, with what is filled in."""
    if isinstance(said, ast.Constant):
        return str(said.value)
    assert isinstance(said, ast.JoinedStr), ast.unparse(said)
    parts = [
        str(part.value)
        if isinstance(part, ast.Constant)
        else FILLED["{" + ast.unparse(part.value) + "}"]
        for part in said.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    ]
    return "".join(parts)


TEXTS = {
    where: text_of(text) for where, text in said() if ast.unparse(text) not in NAMES
}


def test_the_texts_are_found():
    assert len(TEXTS) > 50
    assert any("fills_orders" in text for text in TEXTS.values())
    assert any("HHMM" in text for text in TEXTS.values())


@pytest.mark.parametrize(
    ("where", "text"),
    [
        *TEXTS.items(),
        *EVENTS_TAKEN.items(),
        *((str(fault), text) for fault, text in frames.FAULT_TEXTS.items()),
        ("internal error", ack.INTERNAL_ERROR.text),
        ("unknown sender", ack.UNKNOWN_SENDER.text),
        ("wrong port", admission.WRONG_PORT.text),
        ("wrong certificate", admission.WRONG_CERTIFICATE.text),
    ],
)
def test_a_text_fits_into_msa_3(where, text):
    assert 0 < len(text) <= LONGEST == ack.LONGEST_TEXT, where


def test_of_few_events_all_are_named_and_of_many_the_place_that_lists_them():
    assert EVENTS_TAKEN["ORM"] == "of ORM we take O01"
    assert "document" in EVENTS_TAKEN["ADT"]
