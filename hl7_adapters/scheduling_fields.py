"""SCH and ARQ: numbers, times and durations of an appointment.

HL7 2.5.1 chapter 10. Real senders put times into one of AIS, AIG, AIL and AIP only, or
into a field beside the one meant; they send minutes as seconds. What is repaired is
noted as a warning.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking_engine.domain.identifiers import AppointmentId
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import (
    MISSING,
    BadValue,
    Purpose,
    duration,
    read_timestamp,
)
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.reading import Reading

LONGEST_NUMBER: Final = 199
"""Of an appointment; longer ones are cut to store."""
_OUR_NUMBER = re.compile(r"A[0-9A-HJKMNP-Z]{14}", re.ASCII)
"""What our own appointments are called; see `identifiers`."""
TIME_LIKE: Final = re.compile(r"\d{12}(?:\d\d)?(?:\.\d+)?(?:[+-]\d{4})?", re.ASCII)
_IMPLAUSIBLE: Final = timedelta(minutes=5)
"""No appointment is so short: its number was meant as minutes."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What an appointment is called.

    Parameters
    ----------
    theirs
        In the sender's diary; ours, where the sender uses that.
    ours
        The appointment of ours that is named; ``None``: none is.
    """

    theirs: str
    ours: AppointmentId | None


# Numbers ----------------------------------------------------------------------------


def read_numbers(segment: Segment) -> Numbers:
    """Return the placer's and the filler's number (SCH-1 and -2, ARQ-1 and -2)."""
    placer, filler = (storable_number(segment.value(n)) for n in (1, 2))
    ours = next((n for n in (placer, filler) if _OUR_NUMBER.fullmatch(n)), None)
    theirs = filler
    if not filler or (_OUR_NUMBER.fullmatch(filler) and placer):
        theirs = placer
    return Numbers(theirs, None if ours is None else AppointmentId(ours))


def storable_number(text: str) -> str:
    """Return a number as a database can hold it."""
    return text.strip().replace("\0", "")[:LONGEST_NUMBER]


# Times ------------------------------------------------------------------------------


def slot_time(
    text: str, location: str, reading: Reading, *, end: bool = False
) -> datetime | None:
    """Read the start or end of a slot; ``None`` where none was sent.

    Raises
    ------
    MappingError
        It is no time to the minute, or an hour that the clock change skips: to book
        a guess would be worse (AE 102).
    """
    if not text.strip():
        return None
    try:
        found = read_timestamp(
            text,
            zone=reading.profile.zone,
            default_offset=reading.offset,
            purpose=Purpose.APPOINTMENT_END if end else Purpose.APPOINTMENT,
        )
    except BadValue as error:
        if error.code == MISSING:
            return None
        raise reading.refuse(
            Condition.BAD_APPOINTMENT_TIME, location, error.remedy
        ) from error
    for warning in found.warnings:
        reading.warn(f"{location}: {warning}")
    return found.instant


def read_length(
    segment: Segment, number: int, location: str, reading: Reading, *, lenient: bool
) -> timedelta | None:
    """Read a duration with its unit in the field after it; ``None`` if there is none.

    Without a unit it is seconds (HL7 2.4 section 10.6.1.10), which hardly anybody
    means.
    """
    text = segment.value(number).strip()
    if not text:
        return None
    unit = (segment.value(number + 1) or segment.value(number, 2)).strip()
    try:
        length = duration(text, unit, path=location)
    except BadValue as error:
        reading.warn(f"{location}: {error.remedy}; not used")
        return None
    if lenient and length < _IMPLAUSIBLE and unit.casefold()[:1] in {"", "s"}:
        reading.warn(f"{location}: seconds taken for minutes")
        return length * 60
    return length


def read_offset(segment: Segment, number: int, reading: Reading) -> timedelta:
    """Return the signed offset from the appointment's start (AIS-5 and its like)."""
    text = segment.value(number).strip()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if not digits.strip("0."):
        return timedelta(0)
    try:
        unit = segment.value(number + 1)
        return sign * duration(digits, unit, path=f"{segment.id}-{number}")
    except BadValue as error:
        reading.warn(f"{segment.id}-{number}: {error.remedy}; not used")
        return timedelta(0)


@dataclass(frozen=True, slots=True)
class Timing:
    """Start, end and length as the appointment itself says (SCH, TQ1)."""

    start: datetime | None
    end: datetime | None
    length: timedelta | None


def read_timing(message: Message, sch: Segment, reading: Reading) -> Timing:
    """Return when the appointment is, from TQ1-7 and -8, else SCH-11.4 and .5."""
    diary = reading.profile.diary
    lenient = diary is None or diary.lenient
    tq1 = message.first("TQ1")
    start = end = None
    if tq1 is not None:
        start = slot_time(tq1.value(7), "TQ1^1^7", reading)
        end = slot_time(tq1.value(8), "TQ1^1^8", reading, end=True)
    if start is None:
        start = slot_time(sch.value(11, 4), "SCH^1^11", reading)
        end = slot_time(sch.value(11, 5), "SCH^1^11", reading, end=True)
    length = read_length(sch, 9, "SCH^1^9", reading, lenient=lenient)
    return Timing(start, end, length)


def shifted_timing(sch: Segment, reading: Reading) -> Timing:
    """Look for the timing in the fields beside SCH-11, where some senders put it."""
    for number in range(8, 13):
        for field in sch.repetitions(number):
            text = field.component(4).strip()
            if TIME_LIKE.fullmatch(text):
                location = f"SCH^1^{number}"
                reading.warn(f"{location}: taken for the timing (SCH-11)")
                ends = field.component(5).strip()
                end = slot_time(ends, location, reading, end=True)
                return Timing(slot_time(text, location, reading), end, None)
    return Timing(None, None, None)
