"""The document for the vendor, and the samples that the real code makes for it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from network import catalogue

from hl7_adapters.conditions import Reply
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import decode
from hl7_adapters.explain import explain
from hl7_adapters.mapping_document import mapping_document
from hl7_adapters.mappings import effective
from hl7_adapters.printed import Listing, Printed, Section, Table, as_html, as_markdown
from hl7_adapters.profile_files import load_profiles, parse_profile
from hl7_adapters.profile_notes import notes_on
from hl7_adapters.sample_messages import sample_events, sample_order

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")


def printed(name):
    return mapping_document(
        effective(PROFILES[name], (), NOW), catalogue(), now=NOW, version="a file"
    )


@pytest.mark.parametrize("name", ["north", "south"])
def test_a_sample_order_is_taken_whole(name):
    profile = PROFILES[name]
    raw = sample_order(profile, now=NOW)

    explanation = explain(raw, [profile], now=NOW, catalogue=catalogue())

    assert explanation.answer.reply is Reply.AA
    (order,) = explanation.orders
    assert (order.action, order.holds, order.refusal) == ("receive", (), "")
    assert explanation.warnings == ()


def test_a_sample_uses_only_segments_of_its_version():
    old = decode(sample_order(PROFILES["north"], now=NOW))  # HL7 2.4
    new = decode(sample_order(PROFILES["south"], now=NOW))  # HL7 2.5.1

    assert not {"TQ1", "IPC"} & {segment.id for segment in old.segments}
    assert "TQ1" in {segment.id for segment in new.segments}


def test_the_samples_of_what_we_send_are_what_would_be_sent():
    found = dict(sample_events(PROFILES["north"], catalogue(), now=NOW))

    kinds = {kind.value: "^".join(decode(raw).type) for kind, raw in found.items()}
    assert kinds["appointment_booked"] == "SIU^S12"
    assert kinds["appointment_cancelled"] == "SIU^S15"
    assert kinds["order_rejected"] == "ORM^O01"
    assert "arrived" not in kinds


def test_a_partner_that_is_told_nothing_has_no_samples():
    profile = parse_profile("id: a\nname: A\nsenders: [{application: X}]\n", Path("a"))

    assert list(sample_events(profile, catalogue(), now=NOW)) == []
    document = mapping_document(
        effective(profile, (), NOW), catalogue(), now=NOW, version="a file"
    )
    assert "names no destination" in as_markdown(document)


@pytest.mark.parametrize("name", list(PROFILES))
def test_the_document_says_what_the_profile_says(name):
    profile, text = PROFILES[name], as_markdown(printed(name))

    for theirs, ours in profile.procedures.items():
        assert theirs.upper() in text
        assert ours in text
    for place in (*profile.dialect.urgency, *profile.dialect.accession):
        assert str(place) in text
    if profile.outgoing is not None:
        assert f"port {profile.outgoing.port}" in text


def test_only_what_is_taken_from_the_partner_is_listed():
    profile = parse_profile("id: a\nname: A\nsenders: [{application: X}]\n", Path("a"))
    asking = profile.model_copy(update={"diary": KeptDiary(), "queries": False})

    def listed(one):
        found = effective(one, (), NOW)
        document = mapping_document(found, catalogue(), now=NOW, version="a file")
        return as_markdown(document)

    assert "| SIU |" not in listed(profile)
    assert "| SQM |" in listed(profile)
    assert "| SIU |" in listed(asking)
    assert "| SQM |" not in listed(asking)
    assert "| ACK | (none), O01" in listed(profile)
    assert "what is absent stays" in listed(profile)


def test_the_patient_classes_of_the_standard_are_listed_unless_mapped_otherwise():
    base = "id: a\nname: A\nsenders: [{application: X}]\n"

    def standard(text):
        found = effective(parse_profile(text, Path("a")), (), NOW)
        document = mapping_document(found, catalogue(), now=NOW, version="a file")
        return as_markdown(document).partition("needs no mapping")[2]

    assert "| I, IP, B | inpatient |" in standard(base)
    assert "| I, IP | inpatient |" in standard(base + "patient_classes: {B: gp}\n")


def test_a_line_does_not_end_in_the_middle_of_a_field():
    parts = ("ORC-7.6 or <PID-3>", Table(("H",), (("OBR-4, TQ1-9",),)))
    page = as_html(Printed("T", "", (Section("S", parts),)))

    for field in ("ORC-7.6", "PID-3", "OBR-4", "TQ1-9"):
        assert f'<span class="whole">{field}</span>' in page
    assert "&lt;<span" in page


class _Tags(HTMLParser):
    """Sees that every tag is closed in turn, and that nothing is loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else():
    page = as_html(printed("north"))

    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert all(link.startswith("#") for link in tags.links)
    assert "@page { size: A4;" in page
    assert "url(" not in page


def test_text_is_escaped_in_both_forms():
    document = Printed(
        "<T>",
        "a & b",
        (Section("S", (Table(("H|",), (("<x>|",),)), Listing("L", "PID|<1>"))),),
    )

    assert "&lt;T&gt;" in as_html(document)
    assert "&lt;x&gt;|" in as_html(document)
    assert "PID|&lt;1&gt;" in as_html(document)
    assert "| <x>\\| |" in as_markdown(document)


def test_the_template_is_a_profile():
    text = files("hl7_adapters").joinpath("profile_template.yaml").read_text("utf-8")

    profile = parse_profile(text, Path("template.yaml"))

    assert any("no procedures" in note for note in notes_on(profile, catalogue()))
    # What is commented out is right as well.
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line
        for line in text.splitlines()
        if ": " in line or line.endswith(":")
    ]
    begun = next(n for n, line in enumerate(lines) if line.startswith("id:"))
    kept = [
        line.split("  #")[0]
        for line in lines[begun:]
        if not line.startswith(("Where ", "Their ", "What ", "Written ", "signs "))
    ]
    filled = "\n".join(kept).replace(": {}", ":").replace("weight: []", "weight: [WT]")
    whole = parse_profile(filled, Path("filled.yaml"))
    assert whole.outgoing is not None
    assert whole.procedures["mhead"] == "MRHEAD"
    assert whole.dated.procedures["oldcode"][0].last is not None
    assert whole.safety["egfr"].yes_below == 30


def test_notes_say_what_may_be_meant_otherwise():
    def notes(text):
        return list(notes_on(parse_profile(text, Path("a")), catalogue()))

    base = "id: a\nname: A\nsenders: [{application: X}]\n"
    assert any(
        "check digit: 60027008^sct" in n
        for n in notes(base + "procedures: {60027008^SCT: MRHEAD}\n")
    )
    assert any(
        "guidelines of no exam: zz" in n for n in notes(base + "guidelines: [zz]\n")
    )
    assert notes("id: a\nname: A\n")[0].startswith("no senders")
    assert list(notes_on(PROFILES["north"], catalogue())) == []
