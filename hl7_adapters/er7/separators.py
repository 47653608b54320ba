"""The marks of ER7: delimiters, the explicit null, and the ids that open a message."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})  # field 1 is the separator itself
CODE_LENGTH: Final = 3  # characters in a segment id, HL7 2.5.1 section 2.5.2


class Separators(NamedTuple):
    """The delimiters one message declares in MSH-1 and MSH-2; empty where it has none.

    `truncation` exists from HL7 2.7 on.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""


STANDARD: Final = Separators()


class Null(Enum):
    """The explicit null of HL7: the receiver shall delete what it holds."""

    NULL = '""'


NULL: Final = Null.NULL


def parts_of(text: str, mark: str) -> list[str]:
    """Return the parts of `text`; all of it where the message has no such mark."""
    return text.split(mark) if mark else [text]


def nth_part(text: str, mark: str, number: int) -> str:
    """Return the n-th part of `text`, counted from 1; empty where there is none."""
    if not mark or mark not in text:
        return text if number == 1 else ""
    parts = text.split(mark, number)
    return parts[number - 1] if 0 < number <= len(parts) else ""
