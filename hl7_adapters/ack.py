"""Acknowledgements in original mode: exactly one, coded, for every frame.

AA means filed, not booked: it is built here and leaves only after the commit. What a
rule of ours refuses although the message was understood is AA as well, with a text
and a warning, since AE would block the sender's queue behind it (HL7 2.5.1 section
2.9.2, and how integration engines treat AE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from booking_engine.domain.clock import LONDON
from booking_engine.domain.errors import (
    DomainError,
    DuplicateOrder,
    HoldExpired,
    InvalidValue,
    MappingConflict,
    NoSlot,
    NotBookable,
    NotKnown,
    PatientBusy,
    PolicyConflict,
    RulesBroken,
    SlotTaken,
    StaleVersion,
    StoreUnavailable,
    TransitionRefused,
)
from hl7_adapters.conditions import Reply
from hl7_adapters.datatypes import write_timestamp
from hl7_adapters.er7 import (
    Composite,
    DecodeError,
    Field,
    FieldValue,
    Message,
    Repeated,
    Separators,
    decode,
    encode,
    encode_lines,
    escape,
    joined,
    line,
    nth_part,
)
from hl7_adapters.reading import MappingError
from hl7_adapters.responding import Response

FIRST_WITH_ERR_FIELDS: Final = (2, 5)
"""ERR-2 to ERR-8, and MSH-9.3 in acknowledgements, exist from HL7 2.5 on."""
FIRST_WITH_STRUCTURE: Final = (2, 3, 1)
"""MSH-9.3 exists from here on."""
_LONGEST_VERSION: Final = 12  # more than any; Python refuses numbers that are too long
LONGEST_TEXT: Final = 80  # MSA-3, HL7 2.4 section 2.16.8.3
_LEAST_OF_FACT: Final = 28
"""Of MSA-3 for what is wrong, where the remedy is long."""
_MORE: Final = "..."  # in every character set, and no longer in any
DEFAULT_VERSION: Final = "2.4"  # HL7 UK A.3, where the sender names none

ERROR_TEXTS: Final = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
"""Table 0357."""

RETRYABLE: Final = frozenset({"204", "206", "207"})
"""Errors after which the same message may succeed: a repeat is tried again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told.

    Parameters
    ----------
    error
        Code of table 0357, or empty where there is nothing to object.
    location
        Segment, sequence and field, such as ``PID^1^3``; empty if none.
    text
        One sentence; no patient data.
    application
        Our own code of the error (ERR-5), from HL7 2.5 on; empty if none.
    further
        What else is wrong with the message.
    """

    reply: Reply
    error: str = ""
    location: str = ""
    text: str = ""
    application: str = ""
    further: tuple[Answer, ...] = ()


ACCEPTED: Final = Answer(Reply.AA)
INTERNAL_ERROR: Final = Answer(
    Reply.AE, "207", text="internal error; the message is kept, please send it again"
)
UNKNOWN_SENDER: Final = Answer(
    Reply.AR, "207", "MSH^1^3", "sender is not known here; ask for a partner profile"
)
"""AR 207: a message from outside the list of partners (IHE ATNA) is refused whole."""

BY_ERROR: Final[dict[type[DomainError], Answer]] = {
    NotKnown: Answer(Reply.AE, "204"),
    DuplicateOrder: Answer(Reply.AE, "205"),
    StaleVersion: Answer(Reply.AE, "206"),
    InvalidValue: Answer(Reply.AE, "102"),
    SlotTaken: Answer(Reply.AE, "207"),
    NoSlot: Answer(Reply.AE, "207"),
    PatientBusy: Answer(Reply.AE, "207"),
    HoldExpired: Answer(Reply.AE, "207"),
    MappingConflict: Answer(Reply.AE, "207"),
    PolicyConflict: Answer(Reply.AE, "207"),
    StoreUnavailable: Answer(Reply.AE, "207"),
    # Understood and refused by a rule: sending it again would not help.
    TransitionRefused: Answer(Reply.AA, "207"),
    NotBookable: Answer(Reply.AA, "207"),
    RulesBroken: Answer(Reply.AA, "207"),
    DomainError: Answer(Reply.AE, "207"),
}
"""Every refusal of the domain and its answer; a test walks all subclasses."""


def answer_to(error: DomainError | MappingError | DecodeError) -> Answer:
    """Return the answer to a message that was refused."""
    if isinstance(error, MappingError):
        return Answer(error.kind, error.code, error.location, error.text)
    if isinstance(error, DecodeError):
        return Answer(Reply.AR, error.code, text=error.text)
    for kind in type(error).__mro__:
        if kind in BY_ERROR:
            return replace(BY_ERROR[kind], text=str(error), application=error.code)
    raise AssertionError("every DomainError has DomainError among its bases")


def build_ack(
    request: Message | None,
    answer: Answer,
    *,
    control_id: str,
    at: datetime,
    zone: ZoneInfo = LONDON,
    default_version: str = DEFAULT_VERSION,
    response: Response | None = None,
    code: str = "",
    asks: tuple[str, str] = ("", ""),
) -> bytes:
    """Return an acknowledgement message (HL7 2.5.1 sections 2.9.2 and 2.15).

    Parameters
    ----------
    request
        What is answered; ``None`` if it could not be read.
    control_id
        MSH-10 of the acknowledgement itself, never that of the request.
    at
        The present instant.
    default_version
        Where the request names none (MSH-12).
    response
        What the answer says besides; MSH-9 is then its own.
    code
        MSA-1, where it is another than the answer's, as in enhanced mode.
    asks
        MSH-15 and MSH-16 of the acknowledgement itself.
    """
    stamp = write_timestamp(at, zone)
    text = _short(answer) or None
    code = code or answer.reply.value
    if request is None:
        names: tuple[FieldValue, ...] = (None,) * 4
        header = (*_MSH, *names, stamp, None, "ACK", control_id, "P", DEFAULT_VERSION)
        msa = ("MSA", code, None, text)
        return encode([header, msa, ("ERR", _location_2_4(answer))])
    version = request.version or default_version
    detailed = version_number(version) >= FIRST_WITH_ERR_FIELDS
    event = request.type[1]
    kind: FieldValue = ("ACK", event, "ACK" if detailed and event else "")
    if response is not None:
        with_structure = version_number(version) >= FIRST_WITH_STRUCTURE
        kind = response.kind if with_structure else response.kind[:2]
    before, between, after = _around(request, kind, version, asks)
    segments: list[tuple[FieldValue, ...]] = [
        ("MSA", code, request.control_id, text),
    ]
    problems = [p for p in (answer, *answer.further) if p.error]
    if detailed:
        segments.extend([_err_2_5(problem) for problem in problems])
    elif problems and answer.reply is not Reply.AA:
        listed = [_location_2_4(problem) for problem in problems]
        segments.append(("ERR", Repeated(tuple(listed))))
    if response is not None:
        segments.extend(response.segments)
    lines = [line(each) for each in segments]
    first = f"{before}{stamp}{between}{escape(control_id)}{after}"
    return encode_lines([first, *lines], charset=request.charset)


def _around(
    request: Message, kind: FieldValue, version: str, asks: tuple[str, str]
) -> tuple[str, str, str]:
    """Return the header of an answer, without its time and its number.

    All else in it is the same for every message of a sender, so it is kept.
    """
    sent = request.header
    fields = tuple([sent.field(number) for number in (5, 6, 3, 4, 11, 18)])
    make = _header if len(sent.text) <= _LONGEST_HEADER else _header.__wrapped__
    return make(fields, request.separators, request.charset, kind, version, asks)


@lru_cache(maxsize=256)
def _header(
    fields: tuple[str, ...],
    marks: Separators,
    codec: str,
    kind: FieldValue,
    version: str,
    asks: tuple[str, str],
) -> tuple[str, str, str]:
    """Return what `_around` does.

    Parameters
    ----------
    fields
        MSH-5, 6, 3, 4, 11 and 18 of the request, as they stand there.
    """
    *names, processing, charset = (
        Field(nth_part(field, marks.repetition, 1), marks, codec) for field in fields
    )
    theirs = [tuple(name.components) for name in names]
    last = joined(
        (
            *(processing.component(1) or "P", version, None, None),
            *(*asks, None, charset.component(1)),
        )
    ).rstrip("|")
    # Readers drop spaces at the end of a segment; a last separator protects ours.
    end = "|" if last.endswith(" ") else ""
    before = f"MSH|^~\\&|{joined(theirs)}|"
    return before, f"||{joined((kind,))}|", f"|{last}{end}"


_LONGEST_HEADER: Final = 400
"""Characters of a header that is kept; most have a hundred."""
_MSH: Final = ("MSH", None, None)  # the separators are written for us


def read_ack(payload: bytes) -> tuple[str, str]:
    """Return MSA-1 and what a person should read of a refusal.

    Raises
    ------
    DecodeError
        It is no HL7 message, or none that answers anything.
    """
    message = decode(payload)
    code = message.get("MSA-1").strip().upper()
    if not code:
        raise DecodeError("100", "the answer has no MSA-1")
    parts = (
        message.get("MSA-3"),
        message.get("ERR-3.1") or message.get("ERR-1.4"),
        message.get("ERR-8") or message.get("ERR-3.2") or message.get("ERR-1.4.2"),
    )
    return code, "; ".join(dict.fromkeys(part for part in parts if part))


def error_of(payload: bytes) -> str:
    """Return the error code of table 0357 in an acknowledgement, or nothing.

    ERR-3.1 from HL7 2.5 on, ERR-1.4 before, and MSA-6 where neither is given.
    """
    message = decode(payload)
    paths = ("ERR-3.1", "ERR-1.4", "MSA-6.1")
    return next((code for path in paths if (code := message.get(path).strip())), "")


def version_number(text: str) -> tuple[int, ...]:
    """Return a version for comparison: ``2.5.1`` is (2, 5, 1).

    Any text will do; an answer must be written whatever stands in MSH-12.
    """
    return _numbers_of(text[:_LONGEST_VERSION])


@lru_cache(maxsize=64)
def _numbers_of(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts if part.isascii() and part.isdecimal())


def _short(answer: Answer) -> str:
    """Return a text that fits into MSA-3.

    A longer one begins with our code, for before HL7 2.5 it stands nowhere else, and
    keeps how its remedy begins: what stands behind the last semicolon.
    """
    text = answer.text
    if len(text) <= LONGEST_TEXT:
        return text
    code = f"{answer.application}: " if answer.application else ""
    room = LONGEST_TEXT - len(code)
    fact, _, remedy = text.rpartition("; ")
    if not fact:
        return f"{code}{_cut(text, room)}"
    end = f"; {_cut(remedy, room - _LEAST_OF_FACT)}"
    return f"{code}{_cut(fact, room - len(end))}{end}"


def _cut(text: str, longest: int) -> str:
    """Return as many whole words of a text as there is room for."""
    if len(text) <= longest:
        return text
    kept = text[: longest - len(_MORE)]
    if text[len(kept)] != " " and " " in kept:
        kept = kept.rpartition(" ")[0]
    return f"{kept.rstrip(' ,;:(')}{_MORE}"


def _location_2_4(answer: Answer) -> Composite:
    """Return ERR-1 (ELD, HL7 2.4 section 2.16.5.1)."""
    code = (answer.error, ERROR_TEXTS.get(answer.error, ""), "HL70357")
    parts = (*answer.location.split("^"), "", "", "")[:3]
    return (*parts, code)


def _err_2_5(answer: Answer) -> tuple[FieldValue, ...]:
    """Return ERR-2 to ERR-8 (HL7 2.5.1 section 2.15.5)."""
    severity = "W" if answer.reply is Reply.AA else "E"
    code = (answer.error, ERROR_TEXTS.get(answer.error, ""), "HL70357")
    location = tuple(answer.location.split("^")) if answer.location else None
    own = (answer.application, None, "L") if answer.application else None
    return ("ERR", None, location, code, severity, own, None, None, answer.text)
