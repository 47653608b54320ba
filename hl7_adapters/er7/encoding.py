"""Values to bytes: strict, with every leaf escaped exactly once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hl7_adapters.er7.charsets import codec_of
from hl7_adapters.er7.escapes import escape
from hl7_adapters.er7.separators import HEADERS, Null
from hl7_adapters.er7.transliteration import TRANSLITERATE

Leaf: TypeAlias = str | Null | None
Component: TypeAlias = Leaf | tuple[Leaf, ...]
Composite: TypeAlias = Leaf | tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A field that repeats; each item is a leaf or a tuple of components."""

    items: tuple[Composite, ...]


FieldValue: TypeAlias = Composite | Repeated

_SEGMENT_ID = re.compile(r"[A-Z][A-Z0-9]{2}")


def encode(
    segments: Sequence[Sequence[FieldValue]], *, charset: str = "utf-8"
) -> bytes:
    """Write one message with the standard separators.

    Parameters
    ----------
    segments
        Each a sequence whose item 0 is the segment id and whose item n is field n. A
        field is a leaf, a tuple of components (each a leaf or a tuple of
        subcomponents), or `Repeated`. None is an empty leaf and `NULL` the explicit
        null. Items 1 and 2 of MSH are written for you; pass None.
    charset
        Python codec or HL7 table 0211 name. What it cannot express is transliterated.
    """
    return encode_lines([line(segment) for segment in segments], charset=charset)


def encode_lines(lines: Sequence[str], *, charset: str = "utf-8") -> bytes:
    """Write one message of segments that `line` has written."""
    codec = codec_of(charset)
    if codec is None:
        raise ValueError(f"charset {charset!r} cannot carry HL7; use UTF-8 or 8859/1")
    text = "\r".join(lines) + "\r"
    return text.encode(codec or "ascii", TRANSLITERATE)


def joined(values: Sequence[FieldValue]) -> str:
    """Return fields as the part of a segment that they are, also the last empty."""
    return "|".join([_field(value) for value in values])


def line(segment: Sequence[FieldValue]) -> str:
    """Return one segment as text; see `encode`."""
    name = segment[0]
    if not isinstance(name, str) or not _SEGMENT_ID.fullmatch(name):
        raise ValueError("item 0 of a segment is its id of three upper-case characters")
    if name in HEADERS:
        fields = ["^~\\&", *[_field(value) for value in segment[3:]]]
    else:
        fields = [_field(value) for value in segment[1:]]
    while fields and not fields[-1]:
        fields.pop()
    text = "|".join([name, *fields])
    # Readers drop spaces at the end of a segment; a last separator protects ours.
    return f"{text}|" if text.endswith(" ") else text


def _field(value: FieldValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Repeated):
        return "~".join([_composite(item) for item in value.items]).rstrip("~")
    return _composite(value)


def _composite(value: Composite) -> str:
    if isinstance(value, tuple):
        return "^".join([_component(item) for item in value]).rstrip("^")
    return _leaf(value)


def _component(value: Component) -> str:
    if isinstance(value, tuple):
        return "&".join([_leaf(item) for item in value]).rstrip("&")
    return _leaf(value)


def _leaf(value: Leaf) -> str:
    if value is None:
        return ""
    return escape(value) if isinstance(value, str) else value.value
