"""What a message is found by later: its numbers, its time and its order controls.

Read from the segments themselves, whatever became of the message: one that was refused
is looked for more often than one that was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from booking_engine.domain.clock import LONDON
from booking_engine.domain.messages import KeyKind, SearchKey
from booking_engine.domain.patients import nhs_number_is_valid
from hl7_adapters.datatypes import (
    BadValue,
    plain_nhs_number,
    read_cx,
    read_timestamp,
)
from hl7_adapters.dialect import Dialect, Place
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.frames import log_failure
from hl7_adapters.profile import Profile

LONGEST: Final = 199
"""Characters of a number; a search for more finds nothing."""
_MOST_KEYS: Final = 300
"""Of one message: three for each of the most orders that one may carry."""
_LONGEST_CONTROLS: Final = 60

_NUMBERS: Final[dict[str, tuple[tuple[int, KeyKind], ...]]] = {
    "ORC": ((2, KeyKind.PLACER), (3, KeyKind.FILLER)),
    "OBR": ((2, KeyKind.PLACER), (3, KeyKind.FILLER)),
    "SCH": (
        *((1, KeyKind.PLACER), (2, KeyKind.FILLER)),
        *((26, KeyKind.PLACER), (27, KeyKind.FILLER)),
    ),
    "ARQ": (
        *((1, KeyKind.PLACER), (2, KeyKind.FILLER)),
        *((24, KeyKind.PLACER), (25, KeyKind.FILLER)),
    ),
}
"""Fields that number an order or an appointment (HL7 2.5.1 sections 4.5 and 10.6)."""
_PATIENT: Final = {"PID": (3, 2), "MRG": (1, 4)}
"""Fields with the identifiers of a patient; of a merge, those that end."""
_STANDARD: Final = Dialect()


@dataclass(frozen=True, slots=True)
class FoundBy:
    """What a message is found by.

    Parameters
    ----------
    sent_at
        MSH-7, or ``None``.
    order_control
        The different ORC-1, sorted.
    """

    sent_at: datetime | None = None
    order_control: str = ""
    keys: tuple[SearchKey, ...] = ()


NOTHING: Final = FoundBy()


def found_by(
    message: Message | None, profile: Profile | None, sent_at: datetime | None = None
) -> FoundBy:
    """Return what a message is found by; never fails, whatever the bytes.

    Parameters
    ----------
    sent_at
        MSH-7, where somebody has read it already.
    """
    if message is None:
        return NOTHING
    try:
        return _read(message, profile, sent_at)
    except Exception as error:  # noqa: BLE001 - a message is stored, found or not
        log_failure("message cannot be filed by what it names", error)
        return NOTHING


def printable(text: str) -> str:
    """Return a text without what is no letter: no store and no log takes it amiss."""
    if text.isprintable():
        return text
    return "".join(letter for letter in text if letter.isprintable())


def _read(
    message: Message, profile: Profile | None, sent_at: datetime | None
) -> FoundBy:
    dialect = _STANDARD if profile is None else profile.dialect
    fields = _fields(dialect.accession, dialect.nhs_number)
    controls: set[str] = set()
    keys: dict[SearchKey, None] = {}
    for segment in message.segments:
        name = segment.id
        if name in _PATIENT:
            for number in _PATIENT[name]:
                _add_identifiers(segment, number, keys)
        elif name == "ORC":
            controls.add(segment.field(1).strip().upper())
        for number, component, kind in fields.get(name, ()):
            if not segment.field(number):
                continue
            value = _leaf(segment, number, component)
            if kind is KeyKind.NHS_NUMBER:
                value = plain_nhs_number(value)
                if not nhs_number_is_valid(value):
                    continue  # nothing says what else a number is at such a place
            _add(kind, value, keys)
        if len(keys) > _MOST_KEYS:
            break
    controls.discard("")
    return FoundBy(
        sent_at or _sent_at(message, profile),
        printable(",".join(sorted(controls))[:_LONGEST_CONTROLS]),
        tuple(keys)[:_MOST_KEYS],
    )


def _sent_at(message: Message, profile: Profile | None) -> datetime | None:
    zone = LONDON if profile is None else profile.zone
    try:
        return read_timestamp(message.header.value(7), zone=zone).instant
    except BadValue:
        return None


Fields: TypeAlias = dict[str, tuple[tuple[int, int, KeyKind], ...]]


@lru_cache(maxsize=256)
def _fields(accession: tuple[Place, ...], nhs_number: tuple[Place, ...]) -> Fields:
    """Return, for each segment, where numbers stand and of which kind they are."""
    found = {
        name: [(number, 1, kind) for number, kind in numbers]
        for name, numbers in _NUMBERS.items()
    }
    for places, kind in (
        (accession, KeyKind.ACCESSION),
        (nhs_number, KeyKind.NHS_NUMBER),
    ):
        for place in places:
            found.setdefault(place.segment, []).append(
                (place.field, place.component, kind)
            )
    return {name: tuple(numbers) for name, numbers in found.items()}


def _add_identifiers(
    segment: Segment, number: int, keys: dict[SearchKey, None]
) -> None:
    """Add a patient's identifiers.

    Also an NHS number that fails its check: that may be why it is looked for.
    """
    for repetition in segment.repetitions(number):
        each = read_cx(repetition)
        if each.says_nhs_number:
            _add(KeyKind.NHS_NUMBER, plain_nhs_number(each.value), keys)
        else:
            _add(KeyKind.HOSPITAL_NUMBER, each.value, keys)


def _leaf(segment: Segment, number: int, component: int) -> str:
    """Return the first repetition's leaf; nearly all fields hold nothing else."""
    raw = segment.field(number)
    if component == 1 and raw.isalnum():  # hence without any separator
        return raw
    return segment.value(number, component)


def _add(kind: KeyKind, value: str, keys: dict[SearchKey, None]) -> None:
    if not value.isalnum():
        value = printable(value).strip()
    if value:
        value = value[:LONGEST]
        keys[SearchKey(kind, value)] = None
