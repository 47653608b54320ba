"""Three ways to write one order: ORM^O01 2.3.1, OMG^O19 2.4 and OMI^O23 2.5.1.

Field numbers are those of HL7 2.5.1, chapters 2 to 4; what each sender does in its own
way is told at the top of its profile in ``partners/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from api.demo.cases import DemoOrder
from api.demo.codes import Codes
from api.demo.mix import Intent
from api.demo.observations import observations
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.vocabulary import (
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from hl7_adapters.er7 import Composite, FieldValue, Repeated, encode

Segments: TypeAlias = list[list[FieldValue]]

_RECEIVER: Final = ("BOOKING", "GM")  # MSH-5, MSH-6
_CLINICIAN: Final = ("Z0000001", "EXAMPLE", "A", None, None, "DR")
_CANCELLED: Final = ("NOLONGER", "No longer needed")  # ORC-16
_REASONS: Final = (
    "Pain for six weeks & not settling with treatment",
    "Follow-up of known finding, compare with earlier imaging",
    "Worsening symptoms; exclude structural cause",
    "Abnormal blood tests. ?cause",
)
_STUDY_ROOT: Final = "2.25."  # DICOM PS3.5 B.2, UIDs from whole numbers
_STUDY_BASE: Final = 999 * 10**30


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message is, besides its order.

    Parameters
    ----------
    control
        ORC-1: NW, XO or CA.
    control_id
        MSH-10.
    at
        When it is written, aware.
    """

    control: str
    control_id: str
    at: datetime


def write(order: DemoOrder, envelope: Envelope, codes: Codes) -> bytes:
    """Return the message in the dialect of the order's sender."""
    return _WRITERS[order.partner](order, envelope, codes)


# R0A: ORM^O01, HL7 2.3.1 ------------------------------------------------------------

_R0A_LISTS: Final = {
    WaitingListType.ACTIVE: "A",
    WaitingListType.PLANNED: "P",
    WaitingListType.UNSCHEDULED: "U",
}


def _write_r0a(order: DemoOrder, envelope: Envelope, codes: Codes) -> bytes:
    exam = codes.exam(order)
    placer = (order.placer_number, "R0A")
    timing: Composite = (None, None, None, _day(order), None, codes.urgency(order))
    cancelled = _CANCELLED if envelope.control == "CA" else None
    segments: Segments = [
        _header(
            ("ORDERS", "R0A"), ("ORM", "O01"), envelope, _local(envelope.at), "2.3.1"
        ),
        _patient(order, _numbers(order, "R0A", nhs=("NHS", "NH")), _sex(order)),
        _visit(order, ("CLIN", None, None, codes.site(order)), "G"),
        _segment(
            "ORC",
            {1: envelope.control, 2: placer, 7: timing, 9: _local(envelope.at)},
            {12: _CLINICIAN, 16: cancelled},
        ),
        _segment(
            "OBR",
            {1: "1", 2: placer, 4: (exam.code, exam.text.upper(), "R0A")},
            {6: _local(order.requested_at), 13: _reason(order), 16: _CLINICIAN},
            {24: exam.section, 27: timing},
        ),
        *observations(order, _age(order)),
        _segment("ZDS", {1: (_study(order), None, "Application", "DICOM")}),
        _segment("ZBK", {1: "1", 2: _R0A_LISTS[order.list_type]}),
    ]
    _header_charset(segments, "8859/1")
    return encode(segments, charset="8859/1")


# RW6: OMG^O19, HL7 2.4 as HL7 UK A.3 has it -----------------------------------------

_RW6_LISTS: Final = {
    WaitingListType.ACTIVE: "WL",
    WaitingListType.PLANNED: "PLAN",
    WaitingListType.UNSCHEDULED: "EMER",
}
_RW6_SEXES: Final = {Sex.MALE: "1", Sex.FEMALE: "2"}  # NHS Data Dictionary


def _write_rw6(order: DemoOrder, envelope: Envelope, codes: Codes) -> bytes:
    exam = codes.exam(order)
    placer = (order.placer_number, "RW6")
    timing: Composite = (None, None, None, _day(order), None, codes.urgency(order))
    visit = _visit(order, ("OP", None, None, codes.site(order)), "GP")
    visit += [None] * (18 - len(visit)) + [_RW6_LISTS[order.list_type]]
    common: dict[int, FieldValue] = {1: envelope.control, 2: placer, 12: _CLINICIAN}
    segments: Segments = [
        _header(("OCS", "RW6"), ("OMG", "O19"), envelope, _zoned(envelope.at), "2.4"),
        _patient(
            order,
            _numbers(order, "RW6", nhs=("NHS", None)),
            _RW6_SEXES[order.person.sex],
        ),
        visit,
    ]
    _header_charset(segments, "UNICODE UTF-8")
    if envelope.control == "CA":  # HL7 UK A.3: a cancellation needs no detail
        segments.append(_segment("ORC", common, {16: _CANCELLED}))
        return encode(segments)
    segments += [
        _segment("ORC", common, {7: timing, 9: _zoned(order.requested_at)}),
        _segment(
            "OBR",
            {1: "1", 2: placer, 4: (exam.code, exam.text, "L"), 16: _CLINICIAN},
            {24: exam.section, 27: timing, 31: (None, _reason(order))},
        ),
        *observations(order, _age(order)),
    ]
    return encode(segments)


# RMC: OMI^O23, HL7 2.5.1 ------------------------------------------------------------

_RMC_LISTS: Final = {
    WaitingListType.ACTIVE: "WAITING",
    WaitingListType.PLANNED: "PLANNED",
    WaitingListType.UNSCHEDULED: "UNSCHEDULED",
}


def _write_rmc(order: DemoOrder, envelope: Envelope, codes: Codes) -> bytes:
    exam = codes.exam(order)
    placer = (order.placer_number, "RMC")
    steps = f"{order.number + 1:08d}"
    cancelled = _CANCELLED if envelope.control == "CA" else None
    segments: Segments = [
        _header(
            ("EPR", "RMC"),
            ("OMI", "O23", "OMI_O23"),
            envelope,
            _zoned(envelope.at),
            "2.5.1",
        ),
        _patient(order, _numbers(order, "RMC", nhs=("NHS", "NH")), _sex(order)),
        _visit(order, ("OPD", None, None, codes.site(order)), "GP"),
        _segment(
            "ORC",
            {1: envelope.control, 2: placer, 9: _zoned(envelope.at), 12: _CLINICIAN},
            {15: _zoned(order.requested_at), 16: cancelled},
        ),
        _segment(
            "TQ1",
            {1: "1", 7: _day(order), 9: (codes.urgency(order),)},
            {11: _RMC_LISTS[order.list_type]},
        ),
        _segment(
            "OBR",
            {1: "1", 2: placer, 4: (exam.code, exam.text, "BOL"), 16: _CLINICIAN},
            {24: exam.section, 31: (None, _reason(order))},
        ),
        *observations(order, _age(order)),
        _segment(
            "IPC",
            {1: f"RMC{steps}", 2: f"RP{steps}", 3: _study(order), 4: f"SPS{steps}"},
            {5: exam.section},
        ),
    ]
    _header_charset(segments, "UNICODE UTF-8")
    return encode(segments)


Writer: TypeAlias = Callable[[DemoOrder, Envelope, Codes], bytes]
_WRITERS: Final[Mapping[str, Writer]] = {
    "r0a": _write_r0a,
    "rw6": _write_rw6,
    "rmc": _write_rmc,
}


# Segments ---------------------------------------------------------------------------


def _segment(name: str, *parts: Mapping[int, FieldValue]) -> list[FieldValue]:
    """Return a segment from fields by number; those not given are empty."""
    fields = {number: value for part in parts for number, value in part.items()}
    return [name, *[fields.get(number) for number in range(1, max(fields) + 1)]]


def _header(
    sender: tuple[str, str],
    kind: tuple[str, ...],
    envelope: Envelope,
    written: str,
    version: str,
) -> list[FieldValue]:
    """Return MSH; synthetic patients make it a training message (MSH-11 T)."""
    return _segment(
        "MSH",
        {3: sender[0], 4: sender[1], 5: _RECEIVER[0], 6: _RECEIVER[1], 7: written},
        {9: kind, 10: envelope.control_id, 11: "T", 12: version},
    )


def _header_charset(segments: Segments, charset: str) -> None:
    header = segments[0]
    header += [None] * (18 - len(header)) + [charset]


def _patient(order: DemoOrder, numbers: Repeated, sex: str) -> list[FieldValue]:
    person = order.person
    born = f"{person.born_on:%Y%m%d}"
    return _segment(
        "PID",
        {1: "1", 3: numbers, 5: (person.family, person.given)},
        {7: None if order.intent is Intent.MISSING_BIRTH_DATE else born, 8: sex},
        {11: (person.street, None, None, None, person.postcode)},
    )


def _numbers(
    order: DemoOrder, authority: str, *, nhs: tuple[str, str | None]
) -> Repeated:
    """Return PID-3: the NHS number, if there is one, and the sender's own."""
    person = order.person
    own: Composite = (person.local_id, None, None, authority, "MR")
    if not person.nhs_number:
        return Repeated((own,))
    return Repeated(((person.nhs_number, None, None, *nhs), own))


def _visit(order: DemoOrder, place: Composite, gp_class: str) -> list[FieldValue]:
    kinds = {
        PatientSetting.INPATIENT: "I",
        PatientSetting.EMERGENCY: "E",
        PatientSetting.GP: gp_class,
    }
    return _segment("PV1", {1: "1", 2: kinds.get(order.setting, "O"), 3: place})


# Leaves -----------------------------------------------------------------------------


def _local(instant: datetime) -> str:
    """Return London's clock time, as senders write it who give no offset."""
    return f"{instant.astimezone(LONDON):%Y%m%d%H%M%S}"


def _zoned(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%Y%m%d%H%M%S%z}"


def _day(order: DemoOrder) -> str | None:
    return None if order.earliest_on is None else f"{order.earliest_on:%Y%m%d}"


def _sex(order: DemoOrder) -> str:
    return order.person.sex.value


def _age(order: DemoOrder) -> int:
    return order.person.age_on(local_date(order.requested_at))


def _reason(order: DemoOrder) -> str:
    if order.priority is Priority.SUSPECTED_CANCER:
        return "Urgent suspected cancer pathway"
    return _REASONS[order.number % len(_REASONS)]


def _study(order: DemoOrder) -> str:
    return f"{_STUDY_ROOT}{_STUDY_BASE + order.number}"
