"""SIU in: what a system that keeps its own diary books, moves, cancels and closes.

HL7 2.5.1 section 10.4. The trigger event says what happened; a state in SCH-25 that
says otherwise does not count.

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, auto
from typing import Final, TypeAlias

from booking_engine.application.diary_commands import (
    EndEntry,
    Ending,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.domain.diary_entries import EntryKind
from booking_engine.domain.identifiers import PatientKey, ProcedureCode
from booking_engine.domain.mappings import MappingTable, UnknownName
from hl7_adapters.conditions import Condition
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.patient_fields import UNIDENTIFIED, read_patient
from hl7_adapters.reading import Reading
from hl7_adapters.safety_fields import code_names
from hl7_adapters.scheduling_fields import Numbers, read_numbers, storable_number
from hl7_adapters.scheduling_parts import unknown_name
from hl7_adapters.scheduling_stretches import read_scheduled

DiaryCommand: TypeAlias = RecordEntry | EndEntry

_LONGEST_REASON: Final = 60


class Says(Enum):
    """What a trigger event says of the appointment."""

    NEW = auto()
    CHANGED = auto()
    PARTS = auto()
    """Some of its services or resources changed: the message is the whole of it."""
    CLOSED = auto()


TRIGGERS: Final[dict[str, Says | Ending]] = {
    "S12": Says.NEW,
    "S13": Says.CHANGED,
    "S14": Says.CHANGED,
    "S15": Ending.CANCELLED,
    "S16": Ending.DISCONTINUED,
    "S17": Ending.DELETED,
    **dict.fromkeys(("S18", "S19", "S20", "S21", "S22"), Says.PARTS),
    "S23": Says.CLOSED,
    "S24": Ending.REOPENED,
    "S26": Ending.MISSED,
}
"""S25 is a query, S27 a list of what is known already."""

_STATES: Final = {
    **dict.fromkeys(("cancelled", "canceled", "dc", "deleted"), True),
    **dict.fromkeys(("booked", "scheduled", "confirmed"), False),
}
"""Whether a state of table 0278 (and its synonyms) says that it is off."""


def read_diary(message: Message, reading: Reading) -> Iterator[DiaryCommand]:
    """Return what a diary's message asks for; raises `MappingError`."""
    if reading.profile.diary is None:
        raise reading.refuse(
            Condition.UNSUPPORTED_EVENT,
            "MSH^1^9",
            "this partner keeps no diary here; add diary: to its profile",
        )
    sch = message.first("SCH")
    if sch is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "SCH^1", "a diary's message needs an SCH segment"
        )
    says = TRIGGERS[message.type[1]]
    _check_state(sch, says, reading)
    numbers = read_numbers(sch)
    if isinstance(says, Ending):
        yield _ending(message, sch, says, numbers, reading)
    else:
        yield _entry(message, sch, says, numbers, reading)


def _entry(
    message: Message, sch: Segment, says: Says, numbers: Numbers, reading: Reading
) -> RecordEntry:
    scheduled = read_scheduled(message, sch, reading)
    stretches = scheduled.stretches
    closes = says is Says.CLOSED
    new = says in {Says.NEW, Says.CLOSED}
    if new and not stretches:
        raise reading.refuse(
            Condition.MISSING_FIELD, "SCH^1^11", "say when it begins (SCH-11.4, AIx)"
        )
    if closes and all(stretch.scanner is None for stretch in stretches):
        raise reading.refuse(
            Condition.UNKNOWN_RESOURCE,
            "AIG^1^3",
            "name a resource that is mapped to a scanner (table resource)",
        )
    number = numbers.theirs
    if not number and closes:
        first = stretches[0]
        number = f"{first.scanner}@{first.starts_at:%Y%m%d%H%M}"
    if not number:
        raise reading.refuse(
            Condition.MISSING_FIELD, "SCH^1^2", "number your appointments in SCH-2"
        )
    diary = reading.profile.diary
    assert diary is not None, "the caller has looked"
    return RecordEntry(
        partner=reading.profile.id,
        number=number,
        kind=EntryKind.CLOSURE if closes else EntryKind.APPOINTMENT,
        stretches=stretches,
        sent_at=_sent_at(reading),
        order=None if closes else order_numbers(message, sch, reading),
        appointment_id=numbers.ours,
        patient=None if closes else patient_key(message, reading),
        reason=event_reason(sch),
        procedures=_procedures(message, reading),
        unknown=(*scheduled.unknown, *_unknown_exams(message, reading)),
        may_create=new or diary.upsert_unknown,
    )


def _procedures(message: Message, reading: Reading) -> frozenset[ProcedureCode]:
    """Return the exams that are mapped (AIS-3), without parts that are left out."""
    table = reading.profile.procedures
    return frozenset(
        table[name]
        for part in _services(message)
        for name in code_names(part)
        if name in table
    )


def _unknown_exams(message: Message, reading: Reading) -> tuple[UnknownName, ...]:
    """Return the exams that are not mapped (AIS-3)."""
    table = reading.profile.procedures
    found = (
        unknown_name(MappingTable.PROCEDURE, code_names(part), part.value(3, 2))
        for part in _services(message)
        if table.keys().isdisjoint(code_names(part))
    )
    return tuple(dict.fromkeys(name for name in found if name.names))


def _services(message: Message) -> list[Segment]:
    return [p for p in message.all("AIS") if p.value(2).strip().upper() != "D"]


def _ending(
    message: Message, sch: Segment, ending: Ending, numbers: Numbers, reading: Reading
) -> EndEntry:
    diary = reading.profile.diary
    assert diary is not None, "the caller has looked"
    reopens = ending is Ending.REOPENED
    stretches = read_scheduled(message, sch, reading).stretches if reopens else ()
    if not numbers.theirs and not any(s.scanner for s in stretches):
        raise reading.refuse(
            Condition.MISSING_FIELD, "SCH^1^2", "name the appointment in SCH-2"
        )
    reason = event_reason(sch)
    words = {sch.value(6, n).strip().casefold() for n in (1, 2)}
    return EndEntry(
        partner=reading.profile.id,
        number=numbers.theirs,
        ending=ending,
        sent_at=_sent_at(reading),
        appointment_id=numbers.ours,
        stretches=stretches,
        reason=reason,
        by_patient=not diary.patient_reasons.isdisjoint(words),
    )


def event_reason(sch: Segment) -> str:
    """Return the coded reason of the event (SCH-6); free text might name somebody."""
    return sch.value(6).strip().replace("\0", "")[:_LONGEST_REASON]


def order_numbers(
    message: Message, sch: Segment, reading: Reading
) -> OrderNumbers | None:
    """Return the order's numbers: SCH-26 and -27, else ORC, OBR, or our ZBK."""
    authority = reading.profile.placer_authority
    for segment, placer, filler in (
        (sch, 26, 27),
        (message.first("ORC"), 2, 3),
        (message.first("OBR"), 2, 3),
        (message.first("ZBK"), 6, 7),
    ):
        if segment is None:
            continue
        number = storable_number(segment.value(placer))
        own = storable_number(segment.value(filler))
        if number or own:
            sent = storable_number(segment.value(placer, 2))
            return OrderNumbers(sent or authority, number, own)
    return None


def patient_key(message: Message, reading: Reading) -> PatientKey | None:
    """Return who the patient is, where the message says so unmistakably."""
    if message.first("PID") is None:
        return None
    first: dict[str, Segment] = {}
    for segment in message.segments:
        first.setdefault(segment.id, segment)
    group = OrderGroup(first, (), 1, 0)
    patient = read_patient(group, reading, fallback_id="")
    if patient.nhs_number is None and patient.local_authority == UNIDENTIFIED:
        return None
    return patient.key


def _sent_at(reading: Reading) -> datetime:
    """Return when the message was written (MSH-7), not later than now."""
    header = reading.header_time
    return reading.now if header is None else min(header.instant, reading.now)


def _check_state(sch: Segment, says: Says | Ending, reading: Reading) -> None:
    """Warn where the state (SCH-25) contradicts the trigger event, which counts."""
    for number in (25, 28):
        off = _STATES.get(sch.value(number).strip().casefold())
        if off is not None and off is not isinstance(says, Ending):
            reading.warn(f"SCH-{number}: contradicts the trigger event, which counts")
