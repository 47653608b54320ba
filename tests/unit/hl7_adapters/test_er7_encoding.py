"""Writing ER7: every leaf arrives as it was meant, whatever it holds."""

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from hl7_adapters.er7 import NULL, Repeated, decode, encode, escape, unescape

HEADER = ("MSH", None, None, "BOOK", "RXX", "RIS", "RXX", "20260303101500+0000", None)
SIU = (
    (*HEADER, ("SIU", "S12", "SIU_S12"), "BE0001", "P", "2.4"),
    (
        *("SCH", ("P1", "EPR"), ("F1", "BOOK"), None, None, None, ("NEW", "New")),
        *("ROUTINE", "NORMAL", None, None),
        (None, None, None, "20260310093000", "20260310100000"),
        *(None, None, None, None, ("U1", "Clerk"), None, None, None, ("U1", "Clerk")),
        *(None, None, None, None, "Booked", ("P1", "EPR"), ("F1", "BOOK")),
    ),
    (
        *("PID", "1", None),
        Repeated(
            (
                ("9990000018", None, None, "NHS", "NH"),
                ("A10001", None, None, "RXX", "MR"),
            )
        ),
        *(None, ("O'TEST", "Siân"), None, "19610412", "F"),
    ),
    ("PV1", "1", "O"),
    ("RGS", "1", "A"),
    ("AIS", "1", "A", ("LKNEE", "MRI knee left", "L"), "20260310093000"),
    ("NTE", "1", None, "Bring glasses & a list | of tablets"),
)


def test_a_message_is_written_as_the_standard_says():
    raw = encode(
        [
            (*HEADER, ("ACK", "O01"), "A1", "P", "2.4", None, ""),
            ("MSA", "AA", "M1", None, NULL, (None, ("a", None), None), None),
        ]
    )

    assert raw == (
        b"MSH|^~\\&|BOOK|RXX|RIS|RXX|20260303101500+0000||ACK^O01|A1|P|2.4\r"
        b'MSA|AA|M1||""|^a\r'
    )


def test_repetitions_and_subcomponents_are_written():
    raw = encode([("ZZZ", Repeated(("a", ("b", ("c", "d")), None)), ("x", ("", "y")))])

    assert raw == b"ZZZ|a~b^c&d|x^&y\r"


@pytest.mark.parametrize("name", ["", "pid", "PIDX", "P-D", None])
def test_a_segment_needs_a_proper_id(name):
    with pytest.raises(ValueError, match="item 0"):
        encode([(name, "1")])


def test_a_charset_that_breaks_the_framing_is_refused():
    with pytest.raises(ValueError, match="UTF-16"):
        encode([HEADER], charset="UTF-16")


@pytest.mark.parametrize(
    ("text", "charset", "written"),
    [
        ("Siân Ŵyn", "utf-8", "Siân Ŵyn".encode()),
        ("Siân Ŵyn", "8859/1", b"Si\xe2n Wyn"),
        ("Siân Ŵyn", "ASCII", b"Sian Wyn"),
        ("Müller", "cp1252", b"M\xfcller"),
        ("“Zörb” \u2013 5 €", "8859/1", b'"Z\xf6rb" - 5 EUR'),
        ("Søren Łódź ß", "ASCII", b"Soren Lodz ss"),
        ("李", "8859/1", b"[U+674E]"),
        ("\ud800", "utf-8", b"[U+D800]"),
        ("a\uff5cb\uff06c", "8859/1", b"a\\F\\b\\T\\c"),
        ("e\u0301", "8859/1", b"e"),
    ],
)
def test_what_a_charset_cannot_say_is_transliterated(text, charset, written):
    assert encode([("NTE", text)], charset=charset) == b"NTE|" + written + b"\r"


def test_control_characters_cannot_end_a_frame():
    raw = encode([("NTE", "a\x0bb\x1cc\rd\ne")])

    assert raw == b"NTE|a\\X0B\\b\\X1C\\c\\X0D\\d\\.br\\e\r"


def test_text_that_looks_like_the_null_is_not_the_null():
    message = decode(encode([HEADER, ("ZZZ", '""', NULL)]))
    segment = message.first("ZZZ")
    assert segment is not None

    assert not segment.is_null(1)
    assert segment.value(1) == '""'
    assert segment.is_null(2)


LEAVES = st.text(
    st.one_of(
        st.sampled_from('|^&~\\\r\n"\x0b\x1c #.FSTREXbr'),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)
COMPOSITES = st.lists(
    st.lists(LEAVES, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3
).map(tuple)
FIELDS = st.lists(COMPOSITES, min_size=1, max_size=3).map(tuple).map(Repeated)


@settings(max_examples=150, deadline=None)
@given(st.lists(FIELDS, max_size=4))
def test_what_is_written_is_read_back(fields):
    message = decode(encode([HEADER, ("ZZZ", *fields), ("ZZY", "end")]))
    segment = message.first("ZZZ")
    assert segment is not None

    assert len(message.segments) == 3
    assert message.warnings == ()
    for number, field in enumerate(fields, 1):
        for repetition, composite in enumerate(field.items, 1):
            for component, leaves in enumerate(composite, 1):
                for sub, leaf in enumerate(leaves, 1):
                    assert segment.value(number, component, sub, repetition) == leaf


@settings(deadline=None)
@given(LEAVES)
def test_an_escaped_leaf_holds_no_separator_and_means_the_same(leaf):
    written = escape(leaf)

    assert not set(written) & set("|^&~\r\n\x0b\x1c")
    assert unescape(written) == leaf


def test_hl7apy_reads_what_we_write():
    text = encode(SIU).decode()
    theirs = parse_message(
        text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False
    )

    assert theirs.msh.msh_9.to_er7() == "SIU^S12^SIU_S12"
    assert theirs.sch.sch_11.tq_4.to_er7() == "20260310093000"
    assert theirs.sch.sch_25.to_er7() == "Booked"
    assert [rep.cx_1.to_er7() for rep in theirs.pid.pid_3] == ["9990000018", "A10001"]
    assert theirs.pid.pid_5.xpn_2.to_er7() == "Siân"
    assert theirs.nte.nte_3.to_er7() == r"Bring glasses \T\ a list \F\ of tablets"


def test_python_hl7_reads_what_we_write():
    theirs = hl7.parse(encode(SIU).decode())

    assert theirs.extract_field("PID", 1, 3, 2, 1) == "A10001"
    assert theirs.unescape(str(theirs.segment("NTE")[3])) == SIU[-1][3]
