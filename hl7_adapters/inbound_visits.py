"""Pre-admissions that are outpatient appointments: ADT^A05 books, ADT^A38 cancels.

Some hospitals have no scheduling messages and tell of clinic bookings by pre-admission:
the visit number (PV1-19) is the appointment's name, the expected times stand in PV2.
A profile says so with ``diary.a05_is_appointment``.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from booking_engine.application.diary_commands import EndEntry, Ending, RecordEntry
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.mappings import NO_SCANNER, MappingTable, UnknownName
from hl7_adapters.conditions import Condition
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.inbound_adt import grouped, read_nothing, read_person, recorded_at
from hl7_adapters.inbound_siu import patient_key
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.reading import Reading
from hl7_adapters.scheduling_fields import slot_time, storable_number
from hl7_adapters.scheduling_parts import meaning_of, unknown_name


def read_pre_admission(message: Message, reading: Reading) -> Iterator[object]:
    """Read A05: a person, and where the profile says so their appointment."""
    yield from read_person(message, reading)
    diary = _diary(reading)
    if diary is None:
        return
    group = grouped(message)
    starts_at = _expected(group, reading)
    ends_at = _end(group, starts_at, diary, reading)
    number = _visit_number(group, reading)
    scanner, unknown = _scanner(group, reading)
    yield RecordEntry(
        partner=reading.profile.id,
        number=number,
        kind=EntryKind.APPOINTMENT,
        stretches=(Stretch(scanner, starts_at, ends_at),),
        sent_at=recorded_at(group, reading),
        patient=patient_key(message, reading),
        unknown=unknown,
    )


def read_cancelled_pre_admission(
    message: Message, reading: Reading
) -> Iterator[object]:
    """Read A38: the appointment that an A05 made is off."""
    if _diary(reading) is None:
        yield from read_nothing(message, reading)
        return
    group = grouped(message)
    yield EndEntry(
        partner=reading.profile.id,
        number=_visit_number(group, reading),
        ending=Ending.CANCELLED,
        sent_at=recorded_at(group, reading),
    )


def _diary(reading: Reading) -> KeptDiary | None:
    diary = reading.profile.diary
    return diary if diary is not None and diary.a05_is_appointment else None


def _visit_number(group: OrderGroup, reading: Reading) -> str:
    visit = group.segments.get("PV1")
    number = "" if visit is None else storable_number(visit.value(19))
    if not number:
        raise reading.refuse(
            Condition.MISSING_FIELD, "PV1^1^19", "the visit number names the booking"
        )
    return number


def _expected(group: OrderGroup, reading: Reading) -> datetime:
    """Return when it begins: PV2-8 (expected), else PV1-44 (admitted)."""
    for name, number in (("PV2", 8), ("PV1", 44)):
        segment = group.segments.get(name)
        if segment is None:
            continue
        at = slot_time(segment.value(number), f"{name}^1^{number}", reading)
        if at is not None:
            return at
    raise reading.refuse(
        Condition.MISSING_FIELD, "PV2^1^8", "say when it begins, in PV2-8 or PV1-44"
    )


def _end(
    group: OrderGroup, starts_at: datetime, diary: KeptDiary, reading: Reading
) -> datetime:
    """Return when it ends: PV2-9, else after the usual length."""
    expected = group.segments.get("PV2")
    if expected is not None:
        at = slot_time(expected.value(9), "PV2^1^9", reading, end=True)
        if at is not None and at > starts_at:
            return at
    if diary.default_minutes is None:
        raise reading.refuse(
            Condition.MISSING_FIELD,
            "PV2^1^9",
            "say when it ends, or set diary.default_minutes in the profile",
        )
    return starts_at + timedelta(minutes=diary.default_minutes)


def _scanner(
    group: OrderGroup, reading: Reading
) -> tuple[ScannerId | None, tuple[UnknownName, ...]]:
    """Return the scanner that the clinic or room (PV1-3) is; else what is not known."""
    names = list(_places(group.segments["PV1"]))
    scanner = meaning_of(names, reading.profile)
    if scanner not in {None, NO_SCANNER}:
        return scanner, ()
    reading.warn("PV1-3: no scanner of ours; only the patient is busy")
    if scanner == NO_SCANNER or not names:
        return None, ()
    return None, (unknown_name(MappingTable.RESOURCE, names, ""),)


def _places(visit: Segment) -> Iterator[str]:
    """Yield what PV1-3 may be called in the profile, the most exact first."""
    place = visit.first(3)
    parts = [place.component(number).strip().casefold() for number in (1, 2, 3)]
    if parts[0] and parts[1]:
        yield f"{parts[0]}^{parts[1]}"
    yield from filter(None, parts)
