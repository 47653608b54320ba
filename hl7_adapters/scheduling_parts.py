"""AIx: the services, machines, rooms and people of an appointment (HL7 2.5.1, 10.6).

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.mappings import (
    LONGEST_NAME,
    NO_SCANNER,
    MappingTable,
    UnknownName,
    folded_name,
)
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.profile import Profile
from hl7_adapters.reading import Reading
from hl7_adapters.scheduling_fields import (
    TIME_LIKE,
    read_length,
    read_offset,
    slot_time,
)

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
    names
        What it may be called in the profile, the most exact first.
    code, text
        As sent; of a person the text is left out.
    start, length
        ``None`` where it does not say.
    """

    kind: str
    group: int
    names: tuple[str, ...]
    code: str
    text: str
    start: datetime | None
    length: timedelta | None


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
                segment.value(3).strip(),
                "" if segment.id == "AIP" else segment.value(3, 2).strip(),
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
    if lenient and TIME_LIKE.fullmatch(before):
        reading.warn(f"{segment.id}-{places.start - 1}: taken for the start")
        return slot_time(before, f"{where}^{places.start - 1}", reading)
    offset = read_offset(segment, places.offset, reading)
    return None if start is None or not offset else start + offset


def _names(segment: Segment) -> Iterator[str]:
    """Yield what a resource may be called in the profile, the most exact first."""
    for field in segment.repetitions(3):
        parts = [field.component(number).strip() for number in (1, 2, 4)]
        if parts[0] and parts[1]:
            yield f"{parts[0]}^{parts[1]}".casefold()
        yield from (part.casefold() for part in parts if part)


def meaning_of(names: Iterable[str], profile: Profile) -> ScannerId | None:
    """Return the scanner that a resource is, or `NO_SCANNER`; ``None``: nobody knows.

    Parameters
    ----------
    names
        Folded, the most exact first.
    """
    outgoing, diary = profile.outgoing, profile.diary
    ours = {} if outgoing is None else outgoing.scanners
    told = {theirs.casefold(): scanner for scanner, theirs in ours.items()}
    listed = {} if diary is None else diary.resources
    for name in names:
        found = listed.get(name) or told.get(name)
        if found is not None:
            return found
    return None


def scanner_of(part: Part, reading: Reading) -> ScannerId | None:
    """Return our scanner that a resource is; a service is none."""
    found = None if part.kind == "AIS" else meaning_of(part.names, reading.profile)
    return None if found == NO_SCANNER else found


def unknown_resources(
    parts: Iterable[Part], reading: Reading
) -> tuple[UnknownName, ...]:
    """Return the resources that may be scanners of ours, as nobody has said otherwise.

    A room (AIL) beside a scanner in one group is where that stands; a person (AIP)
    counts only where no machine and no room is named at all.
    """
    named = [part for part in parts if part.kind != "AIS" and part.names]
    placed = any(part.kind != "AIP" for part in named)
    with_scanner = {p.group for p in named if scanner_of(p, reading) is not None}
    found: dict[str, UnknownName] = {}
    for part in named:
        if meaning_of(part.names, reading.profile) is not None:
            continue
        if part.kind == "AIL" and part.group in with_scanner:
            continue
        if part.kind == "AIP" and (placed or not part.code):
            continue
        unknown = unknown_name(MappingTable.RESOURCE, _best_first(part), part.text)
        found.setdefault(unknown.names[0], unknown)
    return tuple(found.values())


def _best_first(part: Part) -> Iterator[str]:
    """Yield what to map it by: the code alone, for the text beside it may change."""
    if part.code:
        yield part.code
    yield from part.names if part.kind != "AIP" else ()


def unknown_name(table: MappingTable, names: Iterable[str], text: str) -> UnknownName:
    """Return a name that no table knows, as it can be stored and compared."""
    folded = (folded_name(name.replace("\0", "")) for name in names)
    return UnknownName(
        table,
        tuple(dict.fromkeys(filter(None, folded))),
        text.replace("\0", "")[:LONGEST_NAME],
    )
