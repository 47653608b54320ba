"""SCH and AIx: numbers, times, durations and resources of an appointment.

HL7 2.5.1 chapter 10. Real senders put times into one of AIS, AIG, AIL and AIP only, or
into a field beside the one meant; they send minutes as seconds. What is repaired is
noted as a warning.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from booking_engine.domain.diary_entries import Stretch
from booking_engine.domain.identifiers import AppointmentId, ScannerId
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
_OUR_NUMBER = re.compile(r"A[0-9A-HJKMNP-TV-Z]{14}", re.ASCII)
"""What our own appointments are called; see `identifiers`."""
_TIME_LIKE = re.compile(r"\d{12}(?:\d\d)?(?:\.\d+)?(?:[+-]\d{4})?", re.ASCII)
_IMPLAUSIBLE: Final = timedelta(minutes=5)
"""No appointment is so short: its number was meant as minutes."""
_DELETED: Final = frozenset({"D", "X"})
"""Segment action codes (table 0206) of what the appointment has no more."""


@dataclass(frozen=True, slots=True)
class Places:
    """Which fields of an AIx segment hold what (HL7 2.5.1 section 10.6)."""

    start: int
    offset: int
    length: int


PLACES: Final = {
    "AIS": Places(start=4, offset=5, length=7),
    "AIG": Places(start=8, offset=9, length=11),
    "AIL": Places(start=6, offset=7, length=9),
    "AIP": Places(start=6, offset=7, length=9),
}
"""Units follow each offset and length; the resource is field 3 in all."""


@dataclass(frozen=True, slots=True)
class Part:
    """One service or resource of an appointment, as sent.

    Parameters
    ----------
    group
        Which RGS it belongs to, from 0; what stands before any is in the first.
    start, length
        ``None`` where it does not say.
    """

    kind: str
    group: int
    names: tuple[str, ...]
    start: datetime | None
    length: timedelta | None


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


def _offset(segment: Segment, number: int, reading: Reading) -> timedelta:
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
            if _TIME_LIKE.fullmatch(text):
                location = f"SCH^1^{number}"
                reading.warn(f"{location}: taken for the timing (SCH-11)")
                ends = field.component(5).strip()
                end = slot_time(ends, location, reading, end=True)
                return Timing(slot_time(text, location, reading), end, None)
    return Timing(None, None, None)


# Parts ------------------------------------------------------------------------------


def read_parts(
    message: Message, reading: Reading, start: datetime | None
) -> list[Part]:
    """Return the services and resources; what is being taken away is left out.

    Parameters
    ----------
    start
        Of the appointment, which offsets count from.
    """
    diary = reading.profile.diary
    lenient = diary is None or diary.lenient
    found: list[Part] = []
    group, counts = 0, dict.fromkeys(PLACES, 0)
    seen_group = group_deleted = False
    for segment in message.segments:
        if segment.id == "RGS":
            group += seen_group
            seen_group = True
            group_deleted = segment.value(2).strip().upper() in _DELETED
        places = PLACES.get(segment.id)
        if places is None:
            continue
        counts[segment.id] += 1
        if group_deleted or segment.value(2).strip().upper() in _DELETED:
            continue
        where = f"{segment.id}^{counts[segment.id]}"
        found.append(
            Part(
                segment.id,
                group,
                tuple(_names(segment)),
                _part_start(segment, places, where, start, reading, lenient=lenient),
                read_length(
                    segment,
                    places.length,
                    f"{where}^{places.length}",
                    reading,
                    lenient=lenient,
                ),
            )
        )
    return found


def _part_start(
    segment: Segment,
    places: Places,
    where: str,
    start: datetime | None,
    reading: Reading,
    *,
    lenient: bool,
) -> datetime | None:
    own = slot_time(segment.value(places.start), f"{where}^{places.start}", reading)
    if own is not None:
        return own
    before = segment.value(places.start - 1).strip()
    if lenient and _TIME_LIKE.fullmatch(before):
        reading.warn(f"{segment.id}-{places.start - 1}: taken for the start")
        return slot_time(before, f"{where}^{places.start - 1}", reading)
    offset = _offset(segment, places.offset, reading)
    return None if start is None or not offset else start + offset


def _names(segment: Segment) -> Iterator[str]:
    """Yield what a resource may be called in the profile, the most exact first."""
    for field in segment.repetitions(3):
        parts = [field.component(number).strip() for number in (1, 2, 4)]
        if parts[0] and parts[1]:
            yield f"{parts[0]}^{parts[1]}".casefold()
        yield from (part.casefold() for part in parts if part)


def scanner_of(part: Part, reading: Reading) -> ScannerId | None:
    """Return our scanner that a resource is; a service is none."""
    diary = reading.profile.diary
    if part.kind == "AIS":
        return None
    outgoing = reading.profile.outgoing
    ours = {} if outgoing is None else outgoing.scanners
    told = {theirs.casefold(): scanner for scanner, theirs in ours.items()}
    listed = {} if diary is None else diary.resources
    for name in part.names:
        found = listed.get(name) or told.get(name)
        if found is not None:
            return found
    return None


# Stretches --------------------------------------------------------------------------


def read_stretches(
    message: Message, sch: Segment, reading: Reading
) -> tuple[Stretch, ...]:
    """Return when the appointment takes which scanner.

    A resource without a time of its own has that of the service in its group, else
    the earliest of any, else the appointment's.

    Returns
    -------
    tuple
        Empty if the message says nothing of when. On no scanner of ours (``None``)
        where none of its resources is one.

    Raises
    ------
    MappingError
        It begins, but nothing says how long it takes.
    """
    timing = read_timing(message, sch, reading)
    parts = read_parts(message, reading, timing.start)
    diary = reading.profile.diary
    starts = [part.start for part in parts if part.start is not None]
    if diary is None or diary.lenient:
        if timing.start is None and not starts:
            timing = replace(shifted_timing(sch, reading), length=timing.length)
        if timing.length is None:
            timing = replace(timing, length=_shifted_length(sch, reading))
    earliest = min(starts, default=timing.start)
    if earliest is None:
        return ()
    found: list[Stretch] = []
    for part in parts:
        scanner = scanner_of(part, reading)
        if scanner is None:
            if part.kind in {"AIG", "AIL"}:
                reading.warn(f"{part.kind}-3: resource is none of our scanners")
            continue
        service = next(
            (s for s in parts if s.kind == "AIS" and s.group == part.group), None
        )
        begin = part.start or (service.start if service else None) or earliest
        length = part.length or (service.length if service else None)
        found.append(_stretch(scanner, begin, length, timing, reading))
    if found:
        return tuple(found)
    length = next((part.length for part in parts if part.length is not None), None)
    return (_stretch(None, earliest, length, timing, reading),)


def _stretch(
    scanner: ScannerId | None,
    start: datetime,
    length: timedelta | None,
    timing: Timing,
    reading: Reading,
) -> Stretch:
    """Return the stretch: as long as its own duration, else to the end, else SCH-9."""
    diary = reading.profile.diary
    if length is None and timing.end is not None and timing.end > start:
        length = timing.end - start
    length = length or timing.length
    if length is None and diary is not None and diary.default_minutes is not None:
        length = timedelta(minutes=diary.default_minutes)
    if length is None:
        raise reading.refuse(
            Condition.MISSING_FIELD,
            "SCH^1^9",
            "say how long it takes: an end, or a duration with its unit",
        )
    return Stretch(scanner, start, start + length)


def _shifted_length(sch: Segment, reading: Reading) -> timedelta | None:
    """Look for the duration in the field before SCH-9, where some senders put it."""
    if not sch.value(8).strip().isdigit():
        return None
    reading.warn("SCH^1^8: taken for the duration (SCH-9)")
    return read_length(sch, 8, "SCH^1^8", reading, lenient=True)
