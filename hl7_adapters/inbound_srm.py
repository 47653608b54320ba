"""SRM in: appointments that another system asks for (HL7 2.5.1 section 10.3).

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final, TypeAlias

from booking_engine.application.diary_commands import Ending, OrderNumbers
from booking_engine.application.request_commands import (
    RequestAppointment,
    RequestChange,
    RequestEnding,
    RequestMove,
    StartRange,
)
from booking_engine.domain.identifiers import ScannerId
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import BadValue, read_date
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.reading import Reading
from hl7_adapters.scheduling_fields import read_numbers, slot_time, storable_number
from hl7_adapters.scheduling_parts import read_parts, scanner_of

Request: TypeAlias = RequestAppointment | RequestMove | RequestChange | RequestEnding

_ENDINGS: Final = {
    "S04": Ending.CANCELLED,
    "S05": Ending.DISCONTINUED,
    "S06": Ending.DELETED,
}
_NOT_SUPPORTED: Final = ("S07", "S08", "S09", "S10", "S11")
"""Services and resources are added and taken away by changing the order."""
REQUESTED: Final = ("S01", "S02", "S03", *_ENDINGS, *_NOT_SUPPORTED)
"""The trigger events of SRM."""

MOST_RANGES: Final = 20
"""In one request; they are alternatives, and nobody reads out more."""
_MAY_DIFFER: Final = frozenset({"YES", "NOTIFY"})
"""Substitution codes (table 0279) that make a resource no more than a wish."""
_SUBSTITUTION: Final = {"AIG": 13, "AIL": 11, "AIP": 11}
_DATE_ONLY: Final = 8
_LONGEST_REASON: Final = 60


def read_request(message: Message, reading: Reading) -> Iterator[Request]:
    """Return what a request asks for; raises `MappingError`."""
    event = message.type[1]
    if event in _NOT_SUPPORTED:
        raise reading.refuse(
            Condition.UNSUPPORTED_REQUEST,
            "MSH^1^9",
            "services and resources follow the order; change that, or cancel and ask"
            " anew",
        )
    arq = message.first("ARQ")
    if arq is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "ARQ^1", "a request needs an ARQ segment"
        )
    numbers = read_numbers(arq)
    partner = reading.profile.id
    if event != "S01" and not numbers.theirs:
        raise reading.refuse(
            Condition.MISSING_FIELD, "ARQ^1^2", "name the appointment in ARQ-2 or ARQ-1"
        )
    if event == "S01":
        _warn_of_length(arq, reading)
        yield RequestAppointment(
            partner=partner,
            number=storable_number(arq.value(1)),
            order=_order(arq, message, reading),
            ranges=read_ranges(arq, message, reading),
            scanners=read_scanners(message, reading),
        )
    elif event == "S02":
        yield RequestMove(
            partner=partner,
            number=numbers.theirs,
            appointment_id=numbers.ours,
            ranges=read_ranges(arq, message, reading),
            scanners=read_scanners(message, reading),
            reason=_reason(arq),
        )
    elif event == "S03":
        exact = [r.earliest for r in read_ranges(arq, message, reading)]
        yield RequestChange(
            partner=partner,
            number=numbers.theirs,
            appointment_id=numbers.ours,
            starts_at=exact[0] if exact else None,
        )
    else:
        diary = reading.profile.diary
        words = {arq.value(6, n).strip().casefold() for n in (1, 2)}
        patients = frozenset() if diary is None else diary.patient_reasons
        yield RequestEnding(
            partner=partner,
            number=numbers.theirs,
            appointment_id=numbers.ours,
            ending=_ENDINGS[event],
            reason=_reason(arq),
            by_patient=not patients.isdisjoint(words),
        )


def _order(arq: Segment, message: Message, reading: Reading) -> OrderNumbers:
    """Return the order's numbers: ARQ-24 and -25, else ORC or our ZBK (HL7 2.3.1)."""
    for segment, placer, filler in (
        (arq, 24, 25),
        (message.first("ORC"), 2, 3),
        (message.first("ZBK"), 6, 7),
    ):
        if segment is None:
            continue
        number = storable_number(segment.value(placer))
        own = storable_number(segment.value(filler))
        if number or own:
            sent = storable_number(segment.value(placer, 2))
            authority = sent or _authority(message, reading)
            return OrderNumbers(authority, number, own)
    raise reading.refuse(
        Condition.MISSING_FIELD, "ARQ^1^24", "name the order in ARQ-24 or ARQ-25"
    )


def _authority(message: Message, reading: Reading) -> str:
    """Return who numbers this sender's orders, as for the orders themselves."""
    header = message.header
    return (
        reading.profile.placer_authority
        or header.value(4).strip()
        or header.value(3).strip()
    )


def read_ranges(
    arq: Segment, message: Message, reading: Reading
) -> tuple[StartRange, ...]:
    """Return when it may start: ARQ-11, else an exact start in AIS, AIG or AIL."""
    found: list[StartRange] = []
    for field in arq.repetitions(11)[:MOST_RANGES]:
        earliest = _bound(field.component(1), reading, last=False)
        latest = _bound(field.component(2), reading, last=True)
        if earliest is not None and latest is not None and latest < earliest:
            raise reading.refuse(
                Condition.BAD_APPOINTMENT_TIME,
                "ARQ^1^11",
                "the range ends before it begins",
            )
        if earliest is not None or latest is not None:
            found.append(StartRange(earliest, latest))
    if not found:
        starts = {p.start for p in read_parts(message, reading, None) if p.start}
        found = [StartRange(start, start) for start in sorted(starts)[:1]]
    return tuple(found)


def _bound(text: str, reading: Reading, *, last: bool) -> datetime | None:
    """Return a bound; a date alone means the whole day."""
    text = text.strip()
    if len(text) != _DATE_ONLY:
        return slot_time(text, "ARQ^1^11", reading)
    try:
        day = read_date(text, path="ARQ-11")
    except BadValue as error:
        raise reading.refuse(
            Condition.BAD_APPOINTMENT_TIME, "ARQ^1^11", error.remedy
        ) from error
    begins = datetime.combine(day, time(0), tzinfo=reading.profile.zone)
    return begins + timedelta(days=1, minutes=-1) if last else begins


def read_scanners(message: Message, reading: Reading) -> frozenset[ScannerId]:
    """Return the scanners that it must be; empty where any will do."""
    found: set[ScannerId] = set()
    listed = {part.names: part for part in read_parts(message, reading, None)}
    for kind, substitution in _SUBSTITUTION.items():
        for segment in message.all(kind):
            if segment.value(substitution).strip().upper() in _MAY_DIFFER:
                continue
            names = {segment.value(3, n).strip().casefold() for n in (1, 2, 4)} - {""}
            part = next((p for n, p in listed.items() if names <= set(n)), None)
            scanner = None if part is None else scanner_of(part, reading)
            if scanner is not None:
                found.add(scanner)
            elif names:
                reading.warn(f"{kind}-3: resource is none of our scanners")
    return frozenset(found)


def _reason(arq: Segment) -> str:
    return arq.value(6).strip().replace("\0", "")[:_LONGEST_REASON]


def _warn_of_length(arq: Segment, reading: Reading) -> None:
    if arq.value(9).strip():
        reading.warn("ARQ-9: the exam's own length counts")
