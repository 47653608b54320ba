"""One decoded message, and the paths such as ``PID-3.1`` that lead to its leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from hl7_adapters.er7.segments import Field, Segment
from hl7_adapters.er7.separators import Separators, nth_part


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One decoded message.

    Parameters
    ----------
    segments
        Every segment in order, unknown ones and Z-segments included.
    raw
        The bytes as they came.
    charset
        Python name of the codec that read them.
    warnings
        Codes of what was repaired on the way, each once; never patient data:
        ``text_before_header``, ``several_headers``, ``separators_assumed``,
        ``charset_unknown``, ``charset_mismatch``, ``continued_field``,
        ``lower_case_segment``, ``nul_dropped``.
    separators
        The delimiters of this message.
    """

    segments: tuple[Segment, ...]
    raw: bytes
    charset: str
    warnings: tuple[str, ...]
    separators: Separators

    def __repr__(self) -> str:
        return f"Message({'^'.join(self.type)}, {len(self.segments)} segments)"

    def first(self, segment_id: str) -> Segment | None:
        """Return the first segment of this id."""
        for segment in self.segments:
            if segment.id == segment_id:
                return segment
        return None

    def all(self, segment_id: str) -> tuple[Segment, ...]:
        """Return every segment of this id, in order."""
        return tuple(part for part in self.segments if part.id == segment_id)

    def get(self, path: str, default: str = "") -> str:
        """Return the leaf at a path such as ``PID-3.1`` or ``OBX[2]-5[1].1.2``.

        Parameters
        ----------
        path
            Segment, field, and optionally component and subcomponent, all from 1.
            A number in brackets picks the n-th such segment or repetition.
        default
            What to return where the leaf is absent, empty or null.
        """
        where = _parse_path(path)
        found = [part for part in self.segments if part.id == where.segment]
        if len(found) < where.occurrence:
            return default
        value = found[where.occurrence - 1].value(
            where.field, where.component, where.subcomponent, where.repetition
        )
        return value or default

    @property
    def header(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    @property
    def type(self) -> tuple[str, str]:
        """Message code and trigger event, upper case; MSH-9.3 is not trusted."""
        header = self.header
        raw = header.field(9)
        if len(raw) > _LONGEST_TYPE:
            return _type_of.__wrapped__(raw, self.separators, self.charset)
        return _type_of(raw, self.separators, self.charset)

    @property
    def control_id(self) -> str:
        """MSH-10, the whole field, to be echoed in MSA-2."""
        return self.header.whole(10).strip()

    @property
    def version(self) -> str:
        """MSH-12.1, such as ``2.4``."""
        return self.header.value(12).strip()

    @property
    def sender(self) -> tuple[str, str]:
        """Sending application and facility: MSH-3.1 and MSH-4.1."""
        return self.header.value(3).strip(), self.header.value(4).strip()


_LONGEST_TYPE: Final = 40  # of those that are kept, such as ORM^O01^ORM_O01


@lru_cache(maxsize=256)
def _type_of(raw: str, marks: Separators, charset: str) -> tuple[str, str]:
    """Return code and event of MSH-9; asked for several times for each message."""
    kind = Field(nth_part(raw, marks.repetition, 1), marks, charset)
    return kind.component(1).strip().upper(), kind.component(2).strip().upper()


class _Path(NamedTuple):
    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int


_PATH = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?"
)


@lru_cache(maxsize=1024)
def _parse_path(path: str) -> _Path:
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"{path!r} is no HL7 path; write it like PID-3.1 or OBX[2]-5")
    segment, *numbers = match.groups()
    occurrence, field, repetition, component, subcomponent = (
        int(number or 1) for number in numbers
    )
    return _Path(segment, occurrence, field, repetition, component, subcomponent)
