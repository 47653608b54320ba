r"""ER7, the "pipe and hat" text of HL7 v2: bytes to segments and values to bytes.

Reading is tolerant and lazy: a message is cut into segments at once, a segment into
fields when one is asked for, a field into leaves when a leaf is asked for. Escapes are
undone last, on the leaf. Writing is strict and escapes every leaf exactly once.

Errors::

    DecodeError   no message header can be found; carries the HL7 table 0357 code
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

SEQUENCE_ERROR: Final = "100"  # HL7 table 0357, segment sequence error
HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})  # field 1 is the separator itself
CODE_LENGTH: Final = 3  # characters in a segment id, HL7 2.5.1 section 2.5.2


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
        return self.raw == NULL.value

    @property
    def text(self) -> str:
        """The whole repetition as text, with separators left in and escapes undone."""
        if self.is_null:
            return ""
        return unescape(self.raw, self.separators, charset=self.charset)

    @property
    def components(self) -> list[str]:
        """Every component's text, first subcomponent only."""
        count = len(_split(self.raw, self.separators.component))
        return [self.component(number) for number in range(1, count + 1)]

    def component(self, component: int, subcomponent: int = 1) -> str:
        """Return one leaf, unescaped; empty where absent or null.

        Parameters
        ----------
        component, subcomponent
            Numbers as in the standard, from 1.
        """
        marks = self.separators
        leaf = _part(self.raw, marks.component, component)
        leaf = _part(leaf, marks.subcomponent, subcomponent)
        if leaf == NULL.value:
            return ""
        return unescape(leaf, marks, charset=self.charset)

    def component_is_null(self, component: int) -> bool:
        """Whether the sender wrote the explicit null `""` in this component."""
        return _part(self.raw, self.separators.component, component) == NULL.value


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

    __slots__ = ("_fields", "charset", "id", "index", "separators", "text")

    def __init__(
        self, text: str, index: int, separators: Separators, charset: str
    ) -> None:
        self.id = text[:CODE_LENGTH].upper()
        self.index = index
        self.text = text
        self.separators = separators
        self.charset = charset
        self._fields: list[str] | None = None

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
        fields = self._split()
        return fields[number] if 0 < number < len(fields) else ""

    def value(
        self,
        field: int,
        component: int = 1,
        subcomponent: int = 1,
        repetition: int = 1,
    ) -> str:
        """Return one leaf, unescaped; empty where absent or null (see `is_null`)."""
        raw = self.field(field)
        if not raw:
            return ""
        if field <= 2 and self.id in HEADERS:  # noqa: PLR2004 - MSH-1 and MSH-2
            return raw if component == subcomponent == repetition == 1 else ""
        raw = _part(raw, self.separators.repetition, repetition)
        return Field(raw, self.separators, self.charset).component(
            component, subcomponent
        )

    def whole(self, number: int) -> str:
        """Return a field as one text, separators left in and escapes undone."""
        return Field(self.field(number), self.separators, self.charset).text

    def repetitions(self, number: int) -> list[Field]:
        """Return the repetitions of a field; none where it is absent.

        An empty repetition between others keeps its place.
        """
        raw = self.field(number)
        if not raw:
            return []
        return [
            Field(part, self.separators, self.charset)
            for part in _split(raw, self.separators.repetition)
        ]

    def first(self, number: int) -> Field:
        """Return the first repetition of a field, empty where the field is absent."""
        raw = _part(self.field(number), self.separators.repetition, 1)
        return Field(raw, self.separators, self.charset)

    def is_null(self, number: int) -> bool:
        """Whether the sender wrote the explicit null `""`: delete the stored value."""
        return self.field(number) == NULL.value


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
        value = self.header.value
        return value(9, 1).strip().upper(), value(9, 2).strip().upper()

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


def _split(text: str, mark: str) -> list[str]:
    return text.split(mark) if mark else [text]


def _part(text: str, mark: str, number: int) -> str:
    """Return the n-th part of `text`, counted from 1; empty where there is none."""
    if not mark or mark not in text:
        return text if number == 1 else ""
    parts = text.split(mark, number)
    return parts[number - 1] if 0 < number <= len(parts) else ""


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


# Character sets ---------------------------------------------------------------------

# HL7 table 0211, and what senders write instead; 8859/n and 125x go by number.
_CODECS: Final = {
    "": "",
    "ASCII": "",
    "US-ASCII": "",
    "ISO IR6": "",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
}
_ISO_8859 = re.compile(r"(?:ISO[ -]?)?8859[/-](\d{1,2})")
_WINDOWS = re.compile(r"(?:CP|WINDOWS-?)(125\d)")


@lru_cache(maxsize=64)
def _codec(name: str) -> str | None:
    """Return the codec of an MSH-18 value: empty where unsaid, None where unknown.

    Only known supersets of ASCII: UTF-16 would break the framing.
    """
    key = name.strip().upper()
    if key in _CODECS:
        return _CODECS[key]
    if match := _ISO_8859.fullmatch(key):
        key = f"iso8859-{match[1]}"
    elif match := _WINDOWS.fullmatch(key):
        key = f"cp{match[1]}"
    else:
        return None
    try:
        return codecs.lookup(key).name
    except LookupError:
        return None


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Read the five bytes that Windows-1252 leaves undefined as control characters."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("hl7_adapters.as_latin_1", _as_latin_1)


def _read(data: bytes, name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return text, the codec that read it and warnings; reads any bytes.

    Windows-1252 is the last resort, being what "8859/1" means in practice.
    """
    said = _codec(name)
    warnings = ("charset_unknown",) if said is None else ()
    legacy = said if said and said not in {"utf-8", "iso8859-1"} else "cp1252"
    says_legacy = bool(said) and said != "utf-8"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if said == "utf-8":
            warnings = ("charset_mismatch",)
    else:
        if says_legacy and data.isascii():
            return text, legacy, warnings
        # Bytes that are valid multi-byte UTF-8 are UTF-8, whatever the header says.
        return text, "utf-8", ("charset_mismatch",) if says_legacy else warnings
    try:
        return data.decode(legacy), legacy, warnings
    except UnicodeDecodeError:
        if legacy != "cp1252":
            warnings = ("charset_mismatch",)
    return data.decode("cp1252", "hl7_adapters.as_latin_1"), "cp1252", warnings


# Decoding ---------------------------------------------------------------------------

_HEADER = re.compile(rb"(?:\A|[\r\n\x0b])[ \t]*((?i:MSH)[^A-Za-z0-9\x00-\x20\x7f])")
_HEADER_ANYWHERE = re.compile(rb"(MSH[^A-Za-z0-9\x00-\x20\x7f])")
_BOM: Final = b"\xef\xbb\xbf"


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
    if data[:start].strip(b" \t\r\n\x0b"):
        warnings.append("text_before_header")
    data = data[start:].rstrip(b" \r\n\x1c")

    text, codec, found = _read(data, charset or _declared_charset(data))
    warnings += found
    lines = text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    separators = _separators(lines[0], warnings)
    texts = _segment_texts(lines, separators, warnings)
    segments = tuple(
        [Segment(line, at, separators, codec) for at, line in enumerate(texts)]
    )
    if sum(segment.id == "MSH" for segment in segments) > 1:
        warnings.append("several_headers")
    return Message(segments, raw, codec, tuple(dict.fromkeys(warnings)), separators)


def _declared_charset(data: bytes) -> str:
    """Return MSH-18.1, first repetition, before the charset is known."""
    line = re.split(rb"[\r\n]", data[:4096], maxsplit=1)[0].decode("latin-1")
    fields = line.split(line[3], 18)
    value = fields[17] if len(fields) > 17 else ""  # noqa: PLR2004 - MSH-18
    return re.split(r"[~^\\&]", value, maxsplit=1)[0].strip()


def _separators(header: str, warnings: list[str]) -> Separators:
    """Return the delimiters that the header declares; the usual ones if it does not."""
    field = header[3]
    marks = header[4:].split(field, 1)[0].rstrip(" ")
    usable = (
        len(marks) > 2  # noqa: PLR2004 - component, repetition and escape
        and len(set(marks)) == len(marks)
        and not any(mark.isalnum() or mark.isspace() for mark in marks)
    )
    if not usable:
        warnings.append("separators_assumed")
        marks = "^~\\&"
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


# Escapes ----------------------------------------------------------------------------

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
    unknown or local escapes stay as they are.
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
            return _read(bytes.fromhex(digits), charset)[0]
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
    if _SPECIAL.search(text):
        return text.translate(_ESCAPES)
    if text == NULL.value:  # text that happens to look like the null is not the null
        return "\\X22\\\\X22\\"
    return text


# Encoding ---------------------------------------------------------------------------

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
    codec = _codec(charset)
    if codec is None:
        raise ValueError(f"charset {charset!r} cannot carry HL7; use UTF-8 or 8859/1")
    lines = [_line(segment) for segment in segments]
    lines.append("")
    return "\r".join(lines).encode(codec or "ascii", "hl7_adapters.transliterate")


def _line(segment: Sequence[FieldValue]) -> str:
    name = segment[0]
    if not isinstance(name, str) or not _SEGMENT_ID.fullmatch(name):
        raise ValueError("item 0 of a segment is its id of three upper-case characters")
    if name in HEADERS:
        fields = ["^~\\&", *[_field(value) for value in segment[3:]]]
    else:
        fields = [_field(value) for value in segment[1:]]
    while fields and not fields[-1]:
        fields.pop()
    line = "|".join([name, *fields])
    # Readers drop spaces at the end of a segment; a last separator protects ours.
    return f"{line}|" if line.endswith(" ") else line


def _field(value: FieldValue) -> str:
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


# Letters and marks that Unicode does not decompose.
_PLAIN: Final = str.maketrans(
    {
        **dict(zip("ØøŁłĐđÐðĦħŦŧı", "OoLlDdDdHhTti", strict=True)),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2022": "*",
        "ß": "ss",
        "ẞ": "SS",
        "Æ": "AE",
        "æ": "ae",
        "Œ": "OE",
        "œ": "oe",
        "Þ": "Th",
        "þ": "th",
        "€": "EUR",
        "£": "GBP",
    }
)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Return the nearest ASCII text; the code point where there is none."""
    decomposed = unicodedata.normalize("NFKD", character.translate(_PLAIN))
    text = "".join(
        part for part in decomposed.translate(_PLAIN) if not unicodedata.combining(part)
    )
    if not text.isascii() or (text == "" and not unicodedata.combining(character)):
        text = f"[U+{ord(character):04X}]"
    return escape(text)  # a full-width bar becomes a bar, which must not separate


def _transliterate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


codecs.register_error("hl7_adapters.transliterate", _transliterate)
