"""How one partner speaks: where it puts things, what its codes mean, what we answer.

These are the parts of a partner profile. Everything that differs between hospitals is
data here, so that a new sender is a new file and not new code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from booking_engine.domain.filler_status import FillerStatus
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.vocabulary import PatientSetting, Priority

V = TypeVar("V")


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Strict(BaseModel):
    """A part of a profile: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


# Places in a message ----------------------------------------------------------------

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:=(.+))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: a segment, a field, a component, and what must be there.

    Parameters
    ----------
    only
        If not empty, the place counts only where it holds this value, and then reads
        as the place and value together, such as ``PV1-2=E``.
    """

    segment: str
    field: int
    component: int = 1
    only: str = ""

    def __str__(self) -> str:
        component = f".{self.component}" if self.component > 1 else ""
        only = f"={self.only}" if self.only else ""
        return f"{self.segment}-{self.field}{component}{only}"

    @classmethod
    def read(cls, text: object) -> Place:
        """Read ``OBR-27.6`` or ``PV1-2=E``; raises ValueError."""
        if isinstance(text, Place):
            return text
        match = _PLACE.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(
                f"{text!r} is no place in a message; write it like OBR-18, ORC-7.6 or"
                " PV1-2=E"
            )
        return cls(match[1], int(match[2]), int(match[3] or 1), match[4] or "")


PlaceText = Annotated[Place, BeforeValidator(Place.read)]


def places(*texts: str) -> tuple[Place, ...]:
    """Return several places."""
    return tuple(Place.read(text) for text in texts)


class Dialect(Strict):
    """Where this partner puts what the standard leaves open; first found counts.

    Parameters
    ----------
    accession
        ``OBR-18`` (IHE RAD-4), ``IPC-1`` (2.5.1), ``OBR-21`` (CRIS).
    section
        Diagnostic service section or modality, for telling imaging from the rest.
    urgency
        An unknown value in the first that holds anything is held, not skipped.
    earliest, latest
        The window in which the sender wants the exam.
    requested_at, sent_at
        When the clock starts; when the transaction was written.
    site
        Where the request came from.
    list_type
        Where a planned (surveillance) exam is marked, if anywhere.
    reason
        Of a cancellation.
    nhs_number
        Where an NHS number may stand besides PID-3.
    """

    accession: tuple[PlaceText, ...] = places("OBR-18", "IPC-1")
    section: tuple[PlaceText, ...] = places("OBR-24", "IPC-5")
    urgency: tuple[PlaceText, ...] = places(
        "TQ1-9", "ORC-7.6", "OBR-27.6", "OBR-5", "PV1-2=E"
    )
    earliest: tuple[PlaceText, ...] = places("TQ1-7", "ORC-7.4", "OBR-27.4")
    latest: tuple[PlaceText, ...] = places("TQ1-8", "ORC-7.5", "OBR-27.5")
    requested_at: tuple[PlaceText, ...] = places("ORC-9", "OBR-6", "MSH-7")
    sent_at: tuple[PlaceText, ...] = places("ORC-9", "MSH-7")
    site: tuple[PlaceText, ...] = places("PV1-3.4", "MSH-4")
    list_type: tuple[PlaceText, ...] = ()
    reason: tuple[PlaceText, ...] = places("ORC-16")
    nhs_number: tuple[PlaceText, ...] = places("PID-19")


# Safety and needs -------------------------------------------------------------------


class SafetyCode(Strict):
    """What an observation (OBX) says about a safety question.

    Parameters
    ----------
    values
        Their value to yes, no or unknown. A value that is not here is unknown.
    yes_below
        For measurements such as eGFR: smaller means yes, else no.
    """

    question: Question
    values: dict[str, Answer] = Field(default_factory=dict)
    yes_below: float | None = None

    @field_validator("values")
    @classmethod
    def _fold(cls, values: dict[str, Answer]) -> dict[str, Answer]:
        return folded(values)


class NeedName(StrEnum):
    """The needs that an observation can state."""

    HOIST = "hoist"
    INTERPRETER = "interpreter"
    WIDE_BORE = "wide_bore"
    GENERAL_ANAESTHETIC = "general_anaesthetic"


class NeedCode(Strict):
    """An observation (OBX) that states a need; any value that is not `no` counts.

    Parameters
    ----------
    no
        The values that mean the patient does not need it.
    """

    need: NeedName
    no: tuple[str, ...] = ("N", "NO", "0", "FALSE")


# Answers ----------------------------------------------------------------------------


class Reply(StrEnum):
    """MSA-1 in original mode (table 0008)."""

    AA = "AA"
    AE = "AE"
    AR = "AR"


class Condition(StrEnum):
    """What can be wrong with a message that was received whole."""

    MISSING_CONTROL_ID = "missing_control_id"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNSUPPORTED_EVENT = "unsupported_event"
    WRONG_PROCESSING_ID = "wrong_processing_id"
    UNSUPPORTED_VERSION = "unsupported_version"
    SEVERAL_MESSAGES = "several_messages"
    FRAGMENT = "fragment"
    TOO_MANY_ORDERS = "too_many_orders"
    MISSING_SEGMENT = "missing_segment"
    MISSING_FIELD = "missing_field"
    CONFLICTING_FIELDS = "conflicting_fields"
    UNKNOWN_CONTROL = "unknown_control"
    NOT_HUMAN = "not_human"
    BAD_NHS_NUMBER = "bad_nhs_number"
    BAD_BIRTH_DATE = "bad_birth_date"
    BAD_TIME = "bad_time"
    CANCEL_UNKNOWN_ORDER = "cancel_unknown_order"
    CHANGE_UNKNOWN_ORDER = "change_unknown_order"
    DUPLICATE_ORDER = "duplicate_order"
    REUSED_CONTROL_ID = "reused_control_id"
    BAD_APPOINTMENT_TIME = "bad_appointment_time"
    UNKNOWN_RESOURCE = "unknown_resource"
    CHANGE_UNKNOWN_APPOINTMENT = "change_unknown_appointment"
    CANCEL_UNKNOWN_APPOINTMENT = "cancel_unknown_appointment"
    UNSUPPORTED_REQUEST = "unsupported_request"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a condition is answered with.

    Parameters
    ----------
    error
        Code of table 0357.
    reply
        Unless the profile says otherwise.
    accepting
        What AA would mean; empty where AA would lose an order and is not allowed.
    """

    error: str
    reply: Reply
    accepting: str = ""


_AA, _AE, _AR = Reply.AA, Reply.AE, Reply.AR
_C = Condition
RULES: Final[dict[Condition, Rule]] = {
    _C.MISSING_CONTROL_ID: Rule("101", _AR),
    _C.UNSUPPORTED_TYPE: Rule("200", _AR, "stored and ignored"),
    _C.UNSUPPORTED_EVENT: Rule("201", _AR, "stored and ignored"),
    _C.WRONG_PROCESSING_ID: Rule("202", _AR),
    _C.UNSUPPORTED_VERSION: Rule("203", _AA, "read as the nearest version"),
    _C.SEVERAL_MESSAGES: Rule("100", _AE),
    _C.FRAGMENT: Rule("207", _AR),
    _C.TOO_MANY_ORDERS: Rule("100", _AE),
    _C.MISSING_SEGMENT: Rule("100", _AE),
    _C.MISSING_FIELD: Rule("101", _AE),
    _C.CONFLICTING_FIELDS: Rule("102", _AE),
    _C.UNKNOWN_CONTROL: Rule("103", _AE),
    _C.NOT_HUMAN: Rule("103", _AE),
    _C.BAD_NHS_NUMBER: Rule("102", _AA, "the number is dropped"),
    _C.BAD_BIRTH_DATE: Rule("102", _AA, "the order is held"),
    _C.BAD_TIME: Rule("102", _AA, "the order is held"),
    _C.CANCEL_UNKNOWN_ORDER: Rule("204", _AE, "stored and ignored"),
    _C.CHANGE_UNKNOWN_ORDER: Rule("204", _AE),
    _C.DUPLICATE_ORDER: Rule("205", _AE),
    _C.REUSED_CONTROL_ID: Rule("205", _AA, "processed as a new message"),
    _C.BAD_APPOINTMENT_TIME: Rule("102", _AE),
    _C.UNKNOWN_RESOURCE: Rule("103", _AE, "stored and ignored"),
    _C.CHANGE_UNKNOWN_APPOINTMENT: Rule("204", _AE),
    _C.CANCEL_UNKNOWN_APPOINTMENT: Rule("204", _AE, "stored and ignored"),
    _C.UNSUPPORTED_REQUEST: Rule("207", _AE),
}
"""Defaults for every condition; `Profile.policies` overrides the reply."""


# Standard tables --------------------------------------------------------------------


class Control(StrEnum):
    """What an order control code (ORC-1, table 0119) asks for."""

    NEW = "new"
    CHANGE = "change"
    CANCEL = "cancel"
    DISCONTINUE = "discontinue"
    """As cancel, but what is done already may stay."""
    REPLACE = "replace"
    """Of this order; what comes in its place follows."""
    REPLACEMENT = "replacement"
    SPLIT = "split"
    """Of this order; the exams that are made of it follow."""
    CHILD = "child"
    HOLD = "hold"
    RELEASE = "release"
    STATUS = "status"
    """Tells how the order stands: ORC-5, OBR-25."""
    RESULT = "result"
    """As status, but only where OBR-25 says that the exam is done."""
    ASK_STATUS = "ask_status"
    ASK_NUMBER = "ask_number"
    ACCEPTED = "accepted"
    """Answers what we sent."""
    REFUSED = "refused"
    """Likewise; a person must look."""
    IGNORE = "ignore"
    """Understood and of no concern to booking: acknowledged, stored, nothing done."""


class Speaker(StrEnum):
    """Who may send an order control code."""

    ANYBODY = "anybody"
    FILLER = "filler"
    """Only a partner that fills orders: from others it may be a slip (103)."""


@dataclass(frozen=True, slots=True)
class ControlRule:
    """What an order control code means, and from whom."""

    control: Control
    by: Speaker = Speaker.ANYBODY


def _rules(by: Speaker, **codes: Control) -> dict[str, ControlRule]:
    return {code: ControlRule(control, by) for code, control in codes.items()}


def _all(control: Control, codes: str) -> dict[str, ControlRule]:
    return dict.fromkeys(codes.split(), ControlRule(control))


CONTROLS: Final[dict[str, ControlRule]] = {
    # A placer asks.
    **_rules(
        Speaker.ANYBODY,
        NW=Control.NEW,
        XO=Control.CHANGE,
        CA=Control.CANCEL,
        DC=Control.DISCONTINUE,
        RP=Control.REPLACE,
        RO=Control.REPLACEMENT,
        HD=Control.HOLD,
        RL=Control.RELEASE,
        SS=Control.ASK_STATUS,
        # A filler's by the standard; in practice records systems send it as well.
        SC=Control.STATUS,
        RE=Control.RESULT,
    ),
    # A filler tells, unasked.
    **_rules(
        Speaker.FILLER,
        OC=Control.CANCEL,
        OD=Control.DISCONTINUE,
        XX=Control.CHANGE,
        RU=Control.REPLACE,
        OH=Control.HOLD,
        OE=Control.RELEASE,
        PA=Control.SPLIT,
        CH=Control.CHILD,
        SN=Control.ASK_NUMBER,
    ),
    # Either answers what we sent.
    **_all(Control.ACCEPTED, "OK CR DR XR HR OR RQ NA SR"),
    **_all(Control.REFUSED, "UA UC UD UX UH UR UM DE"),
    # Results, refills, pathways, receipts and earlier studies: no order in them.
    **_all(Control.IGNORE, "CN PR RR RF AF DF FU OF UF LI UN OP PY MC CP"),
}
"""By code of table 0119. One that is not here is refused (103): it may be an order."""

FILLER_STATUSES: Final = {
    "SC": FillerStatus.SCHEDULED,
    "IP": FillerStatus.UNDER_WAY,
    "A": FillerStatus.UNDER_WAY,
    "CM": FillerStatus.PERFORMED,
    "CA": FillerStatus.CANCELLED,
    "DC": FillerStatus.CANCELLED,
    "HD": FillerStatus.HELD,
}
"""ORC-5, table 0038; some results (A) may yet be followed by the rest of the exam."""
RESULT_STATUSES: Final = {
    "S": FillerStatus.SCHEDULED,
    "I": FillerStatus.UNDER_WAY,
    "P": FillerStatus.PERFORMED,
    "F": FillerStatus.PERFORMED,
    "C": FillerStatus.PERFORMED,
    "X": FillerStatus.CANCELLED,
}
"""OBR-25, table 0123, where ORC-5 says nothing."""

EMERGENCY = "PV1-2=E"
URGENCY_OF_EMERGENCY: Final = {EMERGENCY.casefold(): Priority.URGENT}
"""An emergency patient without any other urgency is urgent, unless mapped otherwise."""

PATIENT_CLASSES: Final = {
    code.casefold(): setting
    for setting, codes in (
        (PatientSetting.INPATIENT, ("I", "IP", "B")),
        (PatientSetting.OUTPATIENT, ("O", "OP", "P", "R", "W", "C", "N", "NA", "U")),
        (PatientSetting.EMERGENCY, ("E", "AE", "ED")),
        (PatientSetting.GP, ("GP",)),
    )
    for code in codes
}
"""PV1-2 (table 0004, the UK's W, and what senders write instead)."""

NOT_IMAGING: Final = frozenset(
    (
        *("LAB", "CH", "HM", "MB", "MCB", "MYC", "BLB", "BG", "SP", "CP", "SR"),
        *("TX", "VR", "IMM", "GE", "PHR", "EC", "EN", "NRS", "OT", "RC", "PF"),
    )
)
"""Sections of table 0074 that are no imaging; PT is left out, DICOM means PET by it."""

PREGNANT: Final = "B6"  # PV1-15, table 0009


def folded(table: dict[str, V]) -> dict[str, V]:
    """Return the table with keys trimmed and folded, as look-ups need them.

    Raises
    ------
    ValueError
        Two keys that differ only in case have different values.
    """
    found: dict[str, V] = {}
    for key, value in table.items():
        name = key.strip().casefold()
        if found.get(name, value) != value:
            raise ValueError(f"{key!r} is given twice with different meanings")
        found[name] = value
    return found
