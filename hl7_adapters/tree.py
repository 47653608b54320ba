"""A message as a tree, for people and programs that look into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hl7_adapters.er7 import DecodeError, Field, Segment, decode

MOST_SEGMENTS: Final = 1000
"""Of one tree; the bytes are shown whole beside it."""

Components = tuple[tuple[str, ...], ...]
"""The components of one repetition, each with its subcomponents."""


@dataclass(frozen=True, slots=True)
class FieldTree:
    """One field that holds anything.

    Parameters
    ----------
    number
        As in the standard: MSH-1 is the separator.
    is_null
        Whether it is the explicit null, which deletes.
    repetitions
        Each a list of components, each a list of subcomponents, escapes undone.
    """

    number: int
    is_null: bool
    repetitions: tuple[Components, ...]


@dataclass(frozen=True, slots=True)
class SegmentTree:
    """One segment, in the order of the message."""

    id: str
    fields: tuple[FieldTree, ...]


@dataclass(frozen=True, slots=True)
class MessageTree:
    """One message.

    Parameters
    ----------
    charset
        Python name of the codec that read the bytes.
    left_out
        How many more segments there are.
    """

    charset: str
    text: str
    segments: tuple[SegmentTree, ...]
    left_out: int


def tree_of(raw: bytes, *, charset: str | None = None) -> MessageTree | None:
    """Return the tree of a message; none if there is no header in the bytes.

    Parameters
    ----------
    charset
        What the sender is known to use, as for `er7.decode`.
    """
    try:
        message = decode(raw, charset=charset)
    except DecodeError:
        return None
    shown = message.segments[:MOST_SEGMENTS]
    return MessageTree(
        message.charset,
        raw.decode(message.charset, errors="replace"),
        tuple([_segment(segment) for segment in shown]),
        len(message.segments) - len(shown),
    )


def _segment(segment: Segment) -> SegmentTree:
    fields = [_field(segment, number) for number in range(1, len(segment) + 1)]
    return SegmentTree(segment.id, tuple([each for each in fields if each is not None]))


def _field(segment: Segment, number: int) -> FieldTree | None:
    if not segment.field(number):
        return None
    if segment.id in {"MSH", "FHS", "BHS"} and number <= 2:  # noqa: PLR2004 - the marks
        return FieldTree(number, False, (((segment.field(number),),),))
    repetitions = [_components(each) for each in segment.repetitions(number)]
    return FieldTree(number, segment.is_null(number), tuple(repetitions))


def _components(field: Field) -> Components:
    marks = field.separators
    found: list[tuple[str, ...]] = []
    for at, component in enumerate(field.raw.split(marks.component), 1):
        count = 1
        if marks.subcomponent:
            count += component.count(marks.subcomponent)
        found.append(tuple([field.component(at, n) for n in range(1, count + 1)]))
    return tuple(found)
