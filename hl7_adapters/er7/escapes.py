r"""Escapes: what stands for separators, bytes and layout inside a leaf."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from hl7_adapters.er7.charsets import read_bytes
from hl7_adapters.er7.separators import NULL, STANDARD, Separators

SPACES_MAX: Final = 80  # of one \.sk\ or \.sp\; more is an attack or a mistake


@lru_cache(maxsize=32)
def _escapes(mark: str) -> re.Pattern[str]:
    """Match every escape that HL7 2.5.1 section 2.7 defines; nothing else."""
    e = re.escape(mark)
    return re.compile(
        rf"(?P<hex>(?:{e}[Xx](?:[0-9A-Fa-f]{{2}})+{e})+)"
        rf"|{e}(?:(?P<mark>[FSTREPHN])"
        r"|\.(?P<command>[A-Za-z]{2})(?P<argument>[ +-]?\d{0,3})"
        rf"|(?P<kept>[CM][0-9A-Fa-f]{{4,6}}|Z[^{e}]{{0,80}})){e}"
    )


def unescape(
    text: str, separators: Separators = STANDARD, *, charset: str = "utf-8"
) -> str:
    r"""Undo the escapes of one leaf.

    Parameters
    ----------
    text
        The leaf as written.
    separators
        Those of the message.
    charset
        Codec that gives ``\Xhh..\`` its meaning.

    Notes
    -----
    Line breaks become newlines, highlighting and layout commands are dropped, and
    unknown or local escapes stay as they are. A NUL is dropped, as `decode` drops one
    that stands in the bytes: PostgreSQL stores none in a text.
    """
    mark = separators.escape
    if not mark or mark not in text:
        return text

    def meaning(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind == "mark":
            return _mark(match["mark"], separators)
        if kind == "hex":
            digits = re.sub(rf"{re.escape(mark)}[Xx]?", "", match["hex"])
            written = bytes.fromhex(digits).replace(b"\0", b"")
            return read_bytes(written, charset)[0]
        if kind == "kept":
            return match[0]
        return _layout(match["command"].lower(), match["argument"], match[0])

    return _escapes(mark).sub(meaning, text)


def _mark(letter: str, separators: Separators) -> str:
    return {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent or "&",
        "R": separators.repetition,
        "E": separators.escape,
        "P": separators.truncation or "#",
    }.get(letter, "")  # H and N switch highlighting, which plain text has not


def _layout(command: str, argument: str, verbatim: str) -> str:
    """Return what a formatting command of the FT type leaves in plain text."""
    number = argument.strip(" +-")
    count = min(int(number), SPACES_MAX) if number else 1
    match command:
        case "br" | "ce":
            return "\n"
        case "sp":
            return "\n" * count
        case "sk":
            return " " * count
        case "in" | "ti" | "fi" | "nf":
            return ""
        case _:
            return verbatim


_NULL: Final = NULL.value  # compared with every leaf that is written
_SPECIAL = re.compile(r"[|^~\\&\x00-\x08\n-\x1f\x7f]")
_ESCAPES: Final = {
    **{code: f"\\X{code:02X}\\" for code in (*range(9), *range(10, 32), 127)},
    ord("|"): "\\F\\",
    ord("^"): "\\S\\",
    ord("&"): "\\T\\",
    ord("~"): "\\R\\",
    ord("\\"): "\\E\\",
    ord("\n"): "\\.br\\",
}


def escape(text: str) -> str:
    """Return a leaf as it must be written with the standard separators.

    Control characters are escaped as well, since some of them end a segment or an
    MLLP frame.
    """
    if text.isalnum():
        return text
    if _SPECIAL.search(text):
        return text.translate(_ESCAPES)
    if text == _NULL:  # text that happens to look like the null is not the null
        return "\\X22\\\\X22\\"
    return text
