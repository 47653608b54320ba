"""When an appointment takes which scanner, put together from SCH, TQ1 and its parts.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from booking_engine.domain.diary_entries import Stretch
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.mappings import UnknownName
from hl7_adapters.conditions import Condition
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.reading import Reading
from hl7_adapters.scheduling_fields import (
    Timing,
    read_length,
    read_timing,
    shifted_timing,
)
from hl7_adapters.scheduling_parts import (
    read_parts,
    scanner_of,
    unknown_resources,
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """When an appointment takes which scanner.

    Parameters
    ----------
    stretches
        Empty if the message says nothing of when. On no scanner of ours (``None``)
        where none of its resources is known as one.
    unknown
        The resources that may be scanners of ours; see `unknown_resources`.
    """

    stretches: tuple[Stretch, ...] = ()
    unknown: tuple[UnknownName, ...] = ()


def read_scheduled(message: Message, sch: Segment, reading: Reading) -> Scheduled:
    """Return when the appointment takes which scanner.

    A resource without a time of its own has that of the service in its group, else
    the earliest of any, else the appointment's.

    Raises
    ------
    MappingError
        It begins, but nothing says how long it takes.
    """
    timing = read_timing(message, sch, reading)
    parts = read_parts(message, reading, timing.start)
    unknown = unknown_resources(parts, reading)
    diary = reading.profile.diary
    starts = [part.start for part in parts if part.start is not None]
    if diary is None or diary.lenient:
        if timing.start is None and not starts:
            timing = replace(shifted_timing(sch, reading), length=timing.length)
        if timing.length is None:
            timing = replace(timing, length=_shifted_length(sch, reading))
    earliest = min(starts, default=timing.start)
    if earliest is None:
        return Scheduled(unknown=unknown)
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
        return Scheduled(tuple(found), unknown)
    length = next((part.length for part in parts if part.length is not None), None)
    return Scheduled((_stretch(None, earliest, length, timing, reading),), unknown)


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
