"""Bytes to a message: tolerant of what senders write, and lazy.

Errors::

    DecodeError   no message header can be found; carries the HL7 table 0357 code
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from hl7_adapters.er7.charsets import read_bytes
from hl7_adapters.er7.message import Message
from hl7_adapters.er7.segments import Segment
from hl7_adapters.er7.separators import CODE_LENGTH, STANDARD, Separators

SEQUENCE_ERROR: Final = "100"  # HL7 table 0357, segment sequence error

_HEADER = re.compile(rb"(?:\A|[\r\n\x0b])[ \t]*((?i:MSH)[^A-Za-z0-9\x00-\x20\x7f])")
_HEADER_ANYWHERE = re.compile(rb"(MSH[^A-Za-z0-9\x00-\x20\x7f])")
_LINE_END = re.compile(rb"[\r\n]")
_MARKS = re.compile(r"[~^\\&]")
_BOM: Final = b"\xef\xbb\xbf"
_USUAL: Final = "^~\\&"
_ENVELOPE: Final = frozenset({b"FHS", b"BHS", b"BTS", b"FTS"})  # of a batch


class DecodeError(Exception):
    """No message header can be found in the bytes, so nobody can be answered by name.

    Parameters
    ----------
    code
        Error code of HL7 table 0357.
    text
        What is wrong and what to do; safe to log and to send back.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


def split_batch(raw: bytes) -> tuple[bytes, ...]:
    """Cut a frame that holds several messages before each header after the first.

    A frame with one message, or none, comes back unchanged.
    """
    starts = [match.start(1) for match in _HEADER.finditer(raw)]
    if len(starts) < 2:  # noqa: PLR2004 - one message is no batch
        return (raw,)
    edges = [0, *starts[1:], len(raw)]
    return tuple(raw[a:b] for a, b in pairwise(edges))


def decode(raw: bytes, *, charset: str | None = None) -> Message:
    """Read one message, repairing what can be repaired.

    Parameters
    ----------
    raw
        The bytes of one message, without MLLP framing (framing bytes are tolerated).
    charset
        What the sender is known to use, as in MSH-18 or a Python codec name; believed
        before MSH-18.

    Raises
    ------
    DecodeError
        No message header can be found. No other error, whatever the bytes.
    """
    warnings: list[str] = []
    data = raw
    if b"\0" in data:
        data = data.replace(b"\0", b"")
        warnings.append("nul_dropped")
    data = data.removeprefix(_BOM)
    match = _HEADER.search(data) or _HEADER_ANYWHERE.search(data)
    if match is None:
        raise DecodeError(
            SEQUENCE_ERROR, "no MSH segment with a field separator; send an HL7 message"
        )
    start = match.start(1)
    before = data[:start].strip(b" \t\r\n\x0b")
    if before and before[:3].upper() not in _ENVELOPE:
        warnings.append("text_before_header")
    data = data[start:].rstrip(b" \r\n\x1c")

    text, codec, found = read_bytes(data, charset or _declared_charset(data))
    warnings += found
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r")
    separators = _separators(lines[0], warnings)
    texts = _segment_texts(lines, separators, warnings)
    segments = tuple(
        [Segment(line, at, separators, codec) for at, line in enumerate(texts)]
    )
    if sum(segment.id == "MSH" for segment in segments) > 1:
        warnings.append("several_headers")
    return Message(segments, raw, codec, tuple(dict.fromkeys(warnings)), separators)


def read_again(message: Message, charset: str) -> Message:
    """Return the message as `decode` reads its bytes with that character set.

    Plain ASCII reads the same in every one, but for the bytes that an escape names.
    """
    raw = message.raw
    if raw.isascii() and not message.warnings:
        _, codec, found = read_bytes(raw, charset)
        if not found:
            marks = message.separators
            segments = [
                Segment(s.text, s.index, marks, codec) for s in message.segments
            ]
            return Message(tuple(segments), raw, codec, (), marks)
    return decode(raw, charset=charset)


def _declared_charset(data: bytes) -> str:
    """Return MSH-18.1, first repetition, before the charset is known."""
    line = _LINE_END.split(data[:4096], maxsplit=1)[0].decode("latin-1")
    fields = line.split(line[3], 18)
    value = fields[17] if len(fields) > 17 else ""  # noqa: PLR2004 - MSH-18
    return _MARKS.split(value, maxsplit=1)[0].strip()


def _separators(header: str, warnings: list[str]) -> Separators:
    """Return the delimiters that the header declares; the usual ones if it does not."""
    field = header[3]
    marks = header[4:].split(field, 1)[0].rstrip(" ")
    if field == STANDARD.field and marks == _USUAL:
        return STANDARD
    usable = (
        len(marks) > 2  # noqa: PLR2004 - component, repetition and escape
        and len(set(marks)) == len(marks)
        and not any(mark.isalnum() or mark.isspace() for mark in marks)
    )
    if not usable:
        warnings.append("separators_assumed")
        marks = _USUAL
    return Separators(
        field=field,
        component=marks[0],
        repetition=marks[1],
        escape=marks[2],
        subcomponent=marks[3:4],
        truncation=marks[4:5],
    )


def _segment_texts(
    lines: list[str], separators: Separators, warnings: list[str]
) -> list[str]:
    """Return one text per segment, with lines that continue a field put back."""
    mark = separators.field
    line_break = f"{separators.escape}.br{separators.escape}"
    texts: list[str] = []
    pieces: list[str] = []  # of the last segment; joined once, so time stays linear
    for untrimmed in lines:
        line = untrimmed.rstrip(" ")
        if not line:
            continue
        name = line[:CODE_LENGTH]
        if not _opens_segment(line, name, mark):
            trimmed = line.lstrip(" \t")
            name = trimmed[:CODE_LENGTH]
            if not (trimmed[3:4] == mark and _opens_segment(trimmed, name, mark)):
                pieces.append(line)
                continue
            line = trimmed
        if len(pieces) > 1:
            warnings.append("continued_field")
            texts[-1] = line_break.join(pieces)
        if not name.isupper():
            warnings.append("lower_case_segment")
        pieces = [line]
        texts.append(line)
    if len(pieces) > 1:
        warnings.append("continued_field")
        texts[-1] = line_break.join(pieces)
    return texts


def _opens_segment(line: str, name: str, mark: str) -> bool:
    if not (len(name) == CODE_LENGTH and name.isascii() and name.isalnum()):
        return False
    if not name[0].isalpha():
        return False
    # A bare segment id ends a line; a bare lower-case word is somebody's comment.
    return line[3:4] == mark or (len(line) == CODE_LENGTH and name.isupper())
