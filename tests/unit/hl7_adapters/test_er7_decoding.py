"""Reading ER7: what senders write is understood, whatever shape it has.

The files in data/hl7 were written for these tests; people and numbers are invented,
NHS numbers are from the range reserved for testing (999...).
"""

import contextlib
from pathlib import Path

import hl7
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hl7_adapters.er7 import (
    STANDARD,
    DecodeError,
    Field,
    Separators,
    decode,
    read_again,
    split_batch,
    unescape,
)

SAMPLES = Path(__file__).parents[2] / "data" / "hl7"
HEADER = b"MSH|^~\\&|EPR|RXX|RIS|RYY|20260303||ORM^O01|M1|P|2.4\r"


def sample(name):
    return (SAMPLES / name).read_bytes()


def decoded(body, header=HEADER):
    return decode(header + body)


def test_a_clean_order_is_read_to_the_leaf():
    message = decode(sample("orm_o01_clean.er7"))

    assert message.type == ("ORM", "O01")
    assert message.control_id == "MSG0001"
    assert message.version == "2.4"
    assert message.sender == ("EPR", "RXX01")
    assert message.charset == "utf-8"
    assert message.warnings == ()
    assert message.get("PID-3.1") == "9990000018"
    assert message.get("PID-3[2].4") == "RXX"
    assert message.get("NTE-3") == "Pain & swelling for 6 weeks"
    assert message.get("ZDS-1.1") == "1.2.826.0.1.3680043.10.1"
    assert [segment.id for segment in message.segments] == (
        ["MSH", "PID", "PV1", "ORC", "OBR", "NTE", "OBX", "ZDS"]
    )
    assert [segment.index for segment in message.segments] == list(range(8))


def test_the_header_counts_its_separator_as_field_one():
    message = decode(HEADER)

    assert message.get("MSH-1") == "|"
    assert message.get("MSH-2") == "^~\\&"
    assert message.get("MSH-3") == "EPR"
    assert message.header.field(9) == "ORM^O01"
    assert message.header.value(2, 2) == ""


@pytest.mark.parametrize(
    "name", ["orm_o01_crlf_bom.er7", "orm_o01_lf_no_end.er7", "orm_o01_clean.er7"]
)
def test_line_ends_and_a_byte_order_mark_do_not_matter(name):
    clean = decode(sample("orm_o01_clean.er7"))
    message = decode(sample(name))

    assert [part.text for part in message.segments[1:]] == (
        [part.text for part in clean.segments[1:]]
    )
    assert message.warnings == ()


def test_mixed_line_ends_and_empty_lines_are_accepted():
    message = decoded(b"PID|1\n\r\n\rPV1|1|O\r\n\nORC|NW\n")

    assert [segment.id for segment in message.segments] == ["MSH", "PID", "PV1", "ORC"]


def test_a_line_break_inside_a_field_is_put_back():
    message = decode(sample("orm_o01_continued_field.er7"))

    assert message.get("NTE-3") == "First line\nsecond line, no fields\nthird "
    assert message.warnings == ("continued_field",)
    assert message.get("OBX-5") == "72"


def test_a_message_of_continued_lines_is_read_in_linear_time():
    message = decoded(b"NTE|1||" + b"x \r" * 200_000)

    assert message.get("NTE-3").count("\n") == 199_999


def test_lower_case_ids_and_trailing_spaces_are_repaired():
    message = decode(sample("orm_o01_lower_case_spaces.er7"))

    assert message.version == "2.3.1"
    assert message.get("PID-8") == "F"
    assert message.get("OBR-4.3") == "L"
    assert message.warnings == ("lower_case_segment",)


def test_a_bare_word_continues_but_a_bare_segment_id_does_not():
    message = decoded(b"NTE|1||free\ryes\rZZZ\r")

    assert message.get("NTE-3") == "free\nyes"
    assert message.segments[-1].id == "ZZZ"


def test_an_indented_segment_is_a_segment():
    message = decoded(b"PID|1||A\r  PV1|1|O\rNTE|1||a\r  and so on\r")

    assert message.get("PV1-2") == "O"
    assert message.get("NTE-3") == "a\n  and so on"


def test_nul_bytes_are_dropped():
    message = decoded(b"PID|1||99\x000001\x00\r")

    assert message.get("PID-3") == "990001"
    assert message.warnings == ("nul_dropped",)


def test_each_message_brings_its_own_separators():
    message = decode(sample("siu_s12_other_separators.er7"))

    assert message.separators == Separators("*", ":", ";", "!", "@", "")
    assert message.type == ("SIU", "S12")
    assert message.get("SCH-11.4") == "20260310093000"
    assert message.get("PID-5.1") == "TEST:ER"
    assert message.get("AIL-3.4.2") == "SITE"


@pytest.mark.parametrize(
    ("marks", "expected", "warnings"),
    [
        (b"^~\\&", STANDARD, ()),
        (b"^~\\&#", STANDARD._replace(truncation="#"), ()),
        (b"^~\\", STANDARD._replace(subcomponent=""), ()),
        (b"", STANDARD, ("separators_assumed",)),
        (b"^^\\&", STANDARD, ("separators_assumed",)),
        (b"EPR", STANDARD, ("separators_assumed",)),
    ],
)
def test_the_length_of_msh_2_decides_what_separates(marks, expected, warnings):
    message = decode(b"MSH|" + marks + b"|A|B\r")

    assert message.separators == expected
    assert message.warnings == warnings
    assert message.sender == ("A", "B")


def test_without_a_subcomponent_separator_an_ampersand_is_text():
    assert decode(b"MSH|^~\\|A&B^C\r").get("MSH-3") == "A&B"


@pytest.mark.parametrize(
    ("declared", "raw", "text", "charset", "warnings"),
    [
        ("", "Siân".encode(), "Siân", "utf-8", ()),
        ("", "Siân".encode("cp1252"), "Siân", "cp1252", ()),
        ("UNICODE", "李".encode(), "李", "utf-8", ()),
        ("UNICODE UTF-8", "Ŵyn".encode(), "Ŵyn", "utf-8", ()),
        ("UTF-8", b"M\xfcller", "Müller", "cp1252", ("charset_mismatch",)),
        ("8859/1", b"\x93M\xfcller\x94", "“Müller”", "cp1252", ()),
        ("8859/1", "a \u2013 b".encode(), "a \u2013 b", "utf-8", ("charset_mismatch",)),
        ("8859/1", b"plain", "plain", "cp1252", ()),
        ("8859/2", "Łódź".encode("iso8859-2"), "Łódź", "iso8859-2", ()),
        ("8859/1~UNICODE", b"M\xfcller", "Müller", "cp1252", ()),
        ("ISO IR 999", b"M\xfcller", "Müller", "cp1252", ("charset_unknown",)),
        ("ISO IR 999", "é".encode(), "é", "utf-8", ("charset_unknown",)),
        ("ASCII", b"\x81", "\x81", "cp1252", ()),
        ("8859/12", b"M\xfcller", "Müller", "cp1252", ("charset_unknown",)),
        ("8859/3", b"\xa5", "¥", "cp1252", ("charset_mismatch",)),
        ("UTF-16", b"plain", "plain", "utf-8", ("charset_unknown",)),
    ],
)
def test_the_charset_is_declared_or_found_out(declared, raw, text, charset, warnings):
    header = HEADER[:-1] + b"||||||" + declared.encode() + b"\r"

    message = decode(header + b"PID|1||||" + raw + b"\r")

    assert message.get("PID-5") == text
    assert message.charset == charset
    assert message.warnings == warnings


def test_a_charset_agreed_with_the_partner_is_believed_first():
    header = HEADER[:-1] + b"||||||UNICODE\r"

    message = decode(header + b"PID|1||||\xa3\r", charset="8859/2")

    assert message.get("PID-5") == "Ł"


def test_windows_1252_from_a_sender_that_says_8859():
    message = decode(sample("adt_a28_windows_1252.er7"))

    assert message.get("PID-5.1") == "MÜLLER-TEST"
    assert message.get("PID-11.2") == "“Rose Cottage”"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f\P\g", "a|b^c&d~e\\f#g"),
        (r"line 1\.br\line 2", "line 1\nline 2"),
        (r"\H\bold\N\ text", "bold text"),
        (r"\.in+4\\.fi\a\.sk 3\b\.sp2\c\.ce\d", "a   b\n\nc\nd"),
        (r"\XC3A9\ \XC3\\XA9\ \xe9\ ", "é é é "),
        (r"\Z99\F\ ", "\\Z99\\F\\ "),
        (r"\M2442\ \C2842\ \Q\ \XF\ ", r"\M2442\ \C2842\ \Q\ \XF\ "),
        (r"C:\temp\new\F\x", "C:\\temp\\new|x"),
        ("\\", "\\"),
        (r"\E\F\E\ ", "\\F\\ "),
        (r"\.sp999\x", "\n" * 80 + "x"),
        # PostgreSQL stores no NUL in a text, so one would lose the whole message.
        (r"a\X00\b\X00\\x00\\X0041\ ", "abA "),
        (r"\XC300\\X00A9\ ", "é "),
    ],
)
def test_escapes_are_undone_once_and_unknown_ones_kept(written, meant):
    assert unescape(written) == meant


def test_hexadecimal_escapes_speak_the_charset_of_the_message():
    header = HEADER[:-1] + b"||||||8859/1\r"

    message = decode(header + rb"PID|1||||A\XC7\\XC3\O" + b"\r")

    assert message.get("PID-5") == "AÇÃO"


def test_null_is_told_from_empty():
    message = decoded(b'PID|1||""|||""^X|""~A\r')
    pid = message.first("PID")
    assert pid is not None

    assert pid.is_null(3)
    assert not pid.is_null(4)
    assert not pid.is_null(6)
    assert pid.value(3) == ""
    assert pid.repetitions(7)[0].is_null
    assert message.get("PID-3", "none") == "none"


def test_an_empty_repetition_keeps_its_place():
    pid = decoded(b"PID|1||~07000000001\r").first("PID")
    assert pid is not None

    assert [part.text for part in pid.repetitions(3)] == ["", "07000000001"]
    assert pid.repetitions(4) == []
    assert pid.value(3) == ""
    assert pid.value(3, repetition=2) == "07000000001"
    assert pid.value(3, repetition=3) == ""


def test_what_is_absent_is_empty():
    message = decoded(b"PID|1||A^B&C\r")

    assert message.get("PID-3.2.2") == "C"
    assert message.get("PID-3.9") == ""
    assert message.get("PID-99.1.1", "x") == "x"
    assert message.get("OBX[3]-5") == ""
    assert message.first("OBX") is None
    assert message.all("OBX") == ()
    assert len(message.segments[1]) == 3


def test_a_wrong_path_is_a_programming_error():
    with pytest.raises(ValueError, match="PID-3"):
        decode(HEADER).get("PID.3")


def test_several_segments_are_told_apart():
    message = decoded(b"OBX|1|ST|A||1\rOBX|2|ST|B||2\r")

    assert message.get("OBX[2]-5") == "2"
    assert [part.value(3) for part in message.all("OBX")] == ["A", "B"]


def test_text_before_the_header_is_passed_over():
    assert decode(b"hello\r\n" + HEADER).warnings == ("text_before_header",)
    assert decode(b"junk:" + HEADER).warnings == ("text_before_header",)
    assert decode(b"\x0b \r\n" + HEADER + b"\x1c\r").warnings == ()


def test_a_frame_with_two_messages_can_be_cut():
    second = HEADER.replace(b"M1", b"M2")

    assert decode(HEADER + second).warnings == ("several_headers",)
    assert split_batch(HEADER + b"PID|1\r" + second) == (HEADER + b"PID|1\r", second)
    assert split_batch(HEADER) == (HEADER,)
    assert split_batch(b"nothing") == (b"nothing",)


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"PID|1\r", b"MSH", b"MSHA", b"MSH\r\n"])
def test_without_a_header_there_is_no_message(raw):
    with pytest.raises(DecodeError) as caught:
        decode(raw)

    assert caught.value.code == "100"


def test_no_patient_data_in_what_a_log_would_show():
    message = decode(sample("orm_o01_clean.er7"))
    shown = repr((message, message.segments, message.segments[1].first(5)))

    assert "TESTLEY" not in shown
    assert "9990000018" not in shown


def touch_everything(message):
    for segment in message.segments:
        for number in range(len(segment) + 2):
            segment.value(number, 2, 2)
            assert "\0" not in segment.whole(number)
            for part in segment.repetitions(number):
                assert "\0" not in "".join(part.components)
    return message.type, message.control_id, message.sender, message.version


HOSTILE = st.lists(
    st.sampled_from(
        [
            b"MSH",
            b"|",
            b"^~\\&",
            b"\r",
            b"\n",
            b"\\",
            b"\\X",
            b"C3\\",
            b"00\\",
            b"\xff",
            b"&",
            b"PID|",
            b"\x0b",
            b"\x1c",
            b"\x00",
            b"\xef\xbb\xbf",
            b"UNICODE",
            b"8859/3",
        ]
    )
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.binary().map(lambda tail: b"MSH|" + tail),
        st.binary().map(lambda tail: HEADER + tail),
        HOSTILE,
        HOSTILE.map(lambda tail: b"MSH" + tail),
    )
)
def test_any_bytes_are_read_or_refused_with_a_code(raw):
    with contextlib.suppress(DecodeError):
        message = decode(raw)
        assert message.raw == raw
        touch_everything(message)


@pytest.mark.parametrize("name", ["orm_o01_clean.er7", "siu_s12_other_separators.er7"])
def test_python_hl7_reads_clean_messages_alike(name):
    text = sample(name).decode()
    theirs = hl7.parse(text)
    ours = decode(text.encode())

    assert len(theirs) == len(ours.segments)
    for their_segment, segment in zip(theirs, ours.segments, strict=True):
        assert str(their_segment[0]) == segment.id
        first = 3 if segment.id == "MSH" else 1
        for number in range(first, len(segment) + 1):
            assert str(their_segment[number]) == segment.field(number)


def test_a_field_stands_on_its_own():
    field = Field(r"A\T\B^C&D")

    assert field.component(1) == "A&B"
    assert field.component(2, 2) == "D"
    assert field.components == ["A&B", "C"]
    assert field
    assert not Field("")


@pytest.mark.parametrize("charset", ["8859/1", "UTF-8", "latin-15", "CP1250"])
@pytest.mark.parametrize(
    "raw",
    [
        HEADER + b"PID|1||X\\XE9\\Y\r",
        HEADER + "PID|1||é\r".encode(),
        HEADER + b"PID|1||\xe9\r",
        HEADER + b"pid|1||x\r",
        HEADER.replace(b"2.4", b"2.4||||||8859/15") + b"PID|1||X\\XA4\\\r",
    ],
)
def test_read_again_is_what_is_read_with_that_charset(raw, charset):
    found, wanted = read_again(decode(raw), charset), decode(raw, charset=charset)

    assert found.charset == wanted.charset
    assert found.warnings == wanted.warnings
    assert found.raw == raw
    assert [s.text for s in found.segments] == [s.text for s in wanted.segments]
    assert found.get("PID-3") == wanted.get("PID-3")


def test_a_leaf_without_marks_has_one_part():
    segment = decoded(b'PID|1||X1|""\r').first("PID")

    assert segment.value(3) == segment.first(3).component(1) == "X1"
    assert segment.value(3, 2) == segment.value(3, 1, 2) == ""
    assert segment.value(3, repetition=2) == segment.first(3).component(1, 2) == ""
    assert segment.value(4) == ""
