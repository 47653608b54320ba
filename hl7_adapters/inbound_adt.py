"""Patient administration in: ADT of admissions, updates, merges and deaths.

The trigger event chooses the reader. What a message does not mention stays as it is,
what it sends as ``""`` is deleted, and a list replaces only what the sender itself has
assigned (HL7 2.5.1 sections 2.5.3.5 and 3.3; 2.9.5 on snapshots).

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from booking_engine.application.patient_commands import (
    MergePatients,
    QuestionIdentity,
    RecordPatientAnswers,
    TakeBackPatientAnswers,
    UpdatePatient,
)
from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.orders import HoldCode
from booking_engine.domain.register import Visit
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import BadValue, Identifier
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.person_fields import (
    deceased_in,
    interpreter_in,
    own_authority,
    read_details,
    read_numbers,
    refuse_what_is_no_person,
)
from hl7_adapters.reading import Reading
from hl7_adapters.safety_fields import code_names

Reader: TypeAlias = Callable[[Message, Reading], Iterable[object]]

_REMOVED: Final = "D"  # IAM-6, table 0206


def read_person(
    message: Message, reading: Reading, *, visit: Visit | None = None
) -> Iterator[object]:
    """Read a message about one person: who they are, and what happened to a stay."""
    group = grouped(message)
    pid = _pid(group, reading)
    numbers = read_numbers(pid.repetitions(3), "PID^1^3", group, reading)
    deceased, deceased_on = deceased_in(pid, reading)
    keys = tuple(numbers)
    if _in_doubt(reading):
        yield QuestionIdentity(reading.profile.id, keys, "PID-3: several NHS numbers")
        return
    stay = group.segments.get("PV1")
    patient_class = "" if stay is None else stay.value(2).strip().casefold()
    yield UpdatePatient(
        partner=reading.profile.id,
        keys=keys,
        sent_at=recorded_at(group, reading),
        details=read_details(pid, reading),
        authority=own_authority(group, reading),
        interpreter=interpreter_in(pid, reading),
        deceased=deceased,
        deceased_on=deceased_on,
        on_death=reading.profile.on_death,
        visit=visit,
        setting=reading.profile.settings.get(patient_class),
    )
    yield from _allergies(message, keys, group, reading)


def _read_merge(message: Message, reading: Reading) -> Iterator[object]:
    """Read that one number is given up for another (A18, A34, A39, A40, A47)."""
    group = grouped(message)
    pid = _pid(group, reading)
    mrg = group.segments.get("MRG")
    if mrg is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "MRG^1", "a merge names what it gives up in MRG"
        )
    kept = read_numbers(pid.repetitions(3), "PID^1^3", group, reading)
    given = mrg.repetitions(1) or mrg.repetitions(4)
    gone = read_numbers(given, "MRG^1^1", group, reading)
    if not set(gone) - set(kept):
        raise reading.refuse(
            Condition.CONFLICTING_FIELDS,
            "MRG^1^1",
            "the number given up is the one that stays; send them in MRG-1 and PID-3",
        )
    survivor = _paired(kept, gone)
    if _in_doubt(reading):
        keys = (*survivor, *gone)
        yield QuestionIdentity(reading.profile.id, keys, "merge: several NHS numbers")
        return
    yield MergePatients(
        partner=reading.profile.id,
        survivor=survivor,
        discarded=tuple(gone),
        sent_at=recorded_at(group, reading),
        details=read_details(pid, reading),
    )


def _paired(
    kept: dict[PatientKey, Identifier], gone: dict[PatientKey, Identifier]
) -> tuple[PatientKey, ...]:
    """Return the survivor's keys, those first whose authority and type are given up."""
    kinds = {_kind(each) for each in gone.values()}
    return tuple(sorted(kept, key=lambda key: _kind(kept[key]) not in kinds))


def _kind(identifier: Identifier) -> tuple[str, str]:
    return identifier.authority.upper(), identifier.type.upper()


def _read_doubt(message: Message, reading: Reading, *, reason: str) -> Iterator[object]:
    """Read what only a person can judge, such as an unlink."""
    group = grouped(message)
    keys: list[PatientKey] = []
    for pid in message.all("PID"):
        keys += read_numbers(pid.repetitions(3), "PID^1^3", group, reading)
    if not keys:
        _pid(group, reading)
    yield QuestionIdentity(reading.profile.id, tuple(dict.fromkeys(keys)), reason)


def _read_allergies(message: Message, reading: Reading) -> Iterator[object]:
    """Read the allergies of a patient (A60, in IAM or AL1)."""
    group = grouped(message)
    pid = _pid(group, reading)
    keys = tuple(read_numbers(pid.repetitions(3), "PID^1^3", group, reading))
    yield from _allergies(message, keys, group, reading)


def _allergies(
    message: Message,
    keys: Sequence[PatientKey],
    group: OrderGroup,
    reading: Reading,
) -> Iterator[RecordPatientAnswers | TakeBackPatientAnswers]:
    profile, taken_back = reading.profile, False
    for segment in (*message.all("AL1"), *message.all("IAM")):
        if profile.allergens.isdisjoint(code_names(segment)):
            continue
        if segment.id == "IAM" and segment.value(6).strip().upper() == _REMOVED:
            reading.warn("IAM-6: an allergy is taken back; a person must clear it")
            taken_back = True
            continue
        source = f"{profile.id} {segment.id}-3"
        at = recorded_at(group, reading)
        answer = SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, at, source)
        yield RecordPatientAnswers(profile.id, tuple(keys), (answer,))
        return
    if taken_back:
        yield TakeBackPatientAnswers(profile.id, tuple(keys), Question.CONTRAST_ALLERGY)


def read_nothing(_: Message, reading: Reading) -> Iterator[object]:
    """Accept what concerns stays or accounts, of which none are kept here."""
    reading.warn("MSH-9: stays and accounts are not kept here; nothing to do")
    yield from ()


# Parts of a message -------------------------------------------------------------------


def grouped(message: Message) -> OrderGroup:
    """Return the first segment of each kind, as the readers of fields want them."""
    segments: dict[str, Segment] = {}
    for segment in message.segments:
        segments.setdefault(segment.id, segment)
    return OrderGroup(segments, (), 0, 0)


def _pid(group: OrderGroup, reading: Reading) -> Segment:
    pid = group.segments.get("PID")
    if pid is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "PID^1", "an ADT message needs a PID segment"
        )
    refuse_what_is_no_person(pid, reading)
    return pid


def _in_doubt(reading: Reading) -> bool:
    return any(hold.code is HoldCode.IDENTITY_CONFLICT for hold in reading.holds)


def recorded_at(group: OrderGroup, reading: Reading) -> datetime:
    """Return when it was recorded: EVN-2, else MSH-7, else now; never in the future."""
    text = group.segments["EVN"].value(2).strip() if "EVN" in group.segments else ""
    if text:
        try:
            return min(reading.time(text).instant, reading.now)
        except BadValue:
            reading.warn("EVN-2: time cannot be read; the message's is used")
    if reading.header_time is None:
        return reading.now
    return min(reading.header_time.instant, reading.now)


# Which event is what ------------------------------------------------------------------

_DOUBTS: Final = {
    "A23": "A23: delete visit",
    "A29": "A29: delete person",
    "A37": "A37: unlink",
    "A45": "A45: move visit",
}
ADT_READERS: Final[dict[str, Reader]] = {
    "A01": partial(read_person, visit=Visit.ADMITTED),
    "A02": partial(read_person, visit=Visit.TRANSFERRED),
    "A03": partial(read_person, visit=Visit.DISCHARGED),
    "A06": partial(read_person, visit=Visit.ADMITTED),
    "A07": partial(read_person, visit=Visit.DISCHARGED),
    "A11": partial(read_person, visit=Visit.ADMISSION_CANCELLED),
    "A12": partial(read_person, visit=Visit.TRANSFERRED),
    "A13": partial(read_person, visit=Visit.DISCHARGE_CANCELLED),
    **dict.fromkeys(("A04", "A08", "A28", "A31"), read_person),
    **dict.fromkeys(("A18", "A34", "A39", "A40", "A47"), _read_merge),
    **{event: partial(_read_doubt, reason=why) for event, why in _DOUBTS.items()},
    **dict.fromkeys(("A42", "A43", "A44"), read_nothing),
    "A60": _read_allergies,
}
"""By trigger event (MSH-9.2, table 0003); HL7 2.5.1 chapter 3. See `inbound_visits`
for A05 and A38."""
