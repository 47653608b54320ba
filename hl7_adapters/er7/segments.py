"""Segments and their fields, cut on first use and unescaped leaf by leaf."""

from __future__ import annotations

from typing import Final

from hl7_adapters.er7.escapes import unescape
from hl7_adapters.er7.separators import (
    CODE_LENGTH,
    HEADERS,
    NULL,
    STANDARD,
    Separators,
    nth_part,
    parts_of,
)

_NULL: Final = NULL.value  # read dozens of times a message


class Field:
    """One repetition of a field, as the sender wrote it.

    Parameters
    ----------
    raw
        Text between two repetition separators, escapes not yet undone.
    separators, charset
        Those of the message; the charset gives hexadecimal escapes their meaning.
    """

    __slots__ = ("charset", "raw", "separators")

    def __init__(
        self, raw: str, separators: Separators = STANDARD, charset: str = "utf-8"
    ) -> None:
        self.raw = raw
        self.separators = separators
        self.charset = charset

    def __repr__(self) -> str:
        return f"Field({len(self.raw)} characters)"  # never patient data in a log

    def __bool__(self) -> bool:
        return bool(self.raw)

    @property
    def is_null(self) -> bool:
        """Whether the sender wrote the explicit null `""` here."""
        return self.raw == _NULL

    @property
    def text(self) -> str:
        """The whole repetition as text, with separators left in and escapes undone."""
        if self.is_null:
            return ""
        return unescape(self.raw, self.separators, charset=self.charset)

    @property
    def components(self) -> list[str]:
        """Every component's text, first subcomponent only."""
        count = len(parts_of(self.raw, self.separators.component))
        return [self.component(number) for number in range(1, count + 1)]

    @property
    def has_subcomponents(self) -> bool:
        """Whether any component has more than one part."""
        mark = self.separators.subcomponent
        return bool(mark) and mark in self.raw

    def leaves(self, *components: int) -> list[str]:
        """Return several leaves, trimmed: each as `component` has it."""
        raw, marks = self.raw, self.separators
        if marks.escape in raw or _NULL in raw or self.has_subcomponents:
            return [self.component(number).strip() for number in components]
        parts = raw.split(marks.component)  # at once: every message has many
        count = len(parts)
        return [parts[n - 1].strip() if n <= count else "" for n in components]

    def component(self, component: int, subcomponent: int = 1) -> str:
        """Return one leaf, unescaped; empty where absent or null.

        Parameters
        ----------
        component, subcomponent
            Numbers as in the standard, from 1.
        """
        raw = self.raw
        if raw.isalnum():  # hence without any mark
            return raw if component == subcomponent == 1 else ""
        return _leaf(raw, component, subcomponent, self.separators, self.charset)


def _leaf(
    raw: str, component: int, subcomponent: int, marks: Separators, charset: str
) -> str:
    """Return one leaf of a repetition; dozens are read of each message."""
    leaf = nth_part(raw, marks.component, component)
    if leaf.isalnum():
        return leaf if subcomponent == 1 else ""
    return _subleaf(leaf, subcomponent, marks, charset)


def _subleaf(leaf: str, subcomponent: int, marks: Separators, charset: str) -> str:
    """Return one part of a component, unescaped."""
    if not leaf or leaf == _NULL:
        return ""
    leaf = nth_part(leaf, marks.subcomponent, subcomponent)
    if leaf == _NULL:
        return ""
    return unescape(leaf, marks, charset=charset) if marks.escape in leaf else leaf


class Segment:
    """One segment; fields are split on first use.

    Fields, components, subcomponents and repetitions count from 1 as in the standard;
    MSH-1 is the field separator.

    Attributes
    ----------
    id
        Three characters, upper case.
    index
        Position in the message, the header being 0.
    text
        The whole segment as written, without its end.
    """

    __slots__ = ("_cut", "_fields", "charset", "id", "index", "separators", "text")

    def __init__(
        self, text: str, index: int, separators: Separators, charset: str
    ) -> None:
        self.id = text[:CODE_LENGTH].upper()
        self.index = index
        self.text = text
        self.separators = separators
        self.charset = charset
        self._fields: list[str] | None = None
        self._cut: dict[int, list[str]] = {}  # components of first repetitions

    def __repr__(self) -> str:
        return f"Segment({self.id!r}, index={self.index})"

    def __len__(self) -> int:
        """Return the number of the last field the sender wrote."""
        return len(self._split()) - 1

    def _split(self) -> list[str]:
        fields = self._fields
        if fields is None:
            fields = self.text.split(self.separators.field)
            if self.id in HEADERS:
                fields.insert(1, self.separators.field)
            self._fields = fields
        return fields

    def field(self, number: int) -> str:
        """Return a whole field as written: all repetitions, escapes not undone."""
        fields = self._fields or self._split()
        return fields[number] if 0 < number < len(fields) else ""

    def value(
        self,
        field: int,
        component: int = 1,
        subcomponent: int = 1,
        repetition: int = 1,
    ) -> str:
        """Return one leaf, unescaped; empty where absent or null (see `is_null`)."""
        fields = self._fields or self._split()
        raw = fields[field] if 0 < field < len(fields) else ""
        if not raw:
            return ""
        if raw.isalnum():  # hence without any mark: quickest, and most fields are so
            return raw if component == subcomponent == repetition == 1 else ""
        if field <= 2 and self.id in HEADERS:  # noqa: PLR2004 - MSH-1 and MSH-2
            return raw if component == subcomponent == repetition == 1 else ""
        marks = self.separators
        if repetition != 1:
            raw = nth_part(raw, marks.repetition, repetition)
            return _leaf(raw, component, subcomponent, marks, self.charset)
        parts = self._cut.get(field)
        if parts is None:  # cut once: several parts of a field are read in turn
            parts = parts_of(nth_part(raw, marks.repetition, 1), marks.component)
            self._cut[field] = parts
        leaf = parts[component - 1] if 0 < component <= len(parts) else ""
        if leaf.isalnum():
            return leaf if subcomponent == 1 else ""
        return _subleaf(leaf, subcomponent, marks, self.charset)

    def whole(self, number: int) -> str:
        """Return a field as one text, separators left in and escapes undone."""
        raw = self.field(number)
        if raw.isalnum():  # hence without any mark
            return raw
        return Field(raw, self.separators, self.charset).text

    def repetitions(self, number: int) -> list[Field]:
        """Return the repetitions of a field; none where it is absent.

        An empty repetition between others keeps its place.
        """
        raw = self.field(number)
        if not raw:
            return []
        return [
            Field(part, self.separators, self.charset)
            for part in parts_of(raw, self.separators.repetition)
        ]

    def first(self, number: int) -> Field:
        """Return the first repetition of a field, empty where the field is absent."""
        raw = nth_part(self.field(number), self.separators.repetition, 1)
        return Field(raw, self.separators, self.charset)

    def deletes(self, number: int, component: int = 1) -> bool:
        """Whether the explicit null stands in a field, or in one component of it."""
        raw = self.field(number)
        if _NULL not in raw:
            return False
        raw = nth_part(raw, self.separators.repetition, 1)
        mark = self.separators.component
        return raw == _NULL or nth_part(raw, mark, component) == _NULL

    def is_null(self, number: int) -> bool:
        """Whether the sender wrote the explicit null `""`: delete the stored value."""
        return self.field(number) == _NULL
