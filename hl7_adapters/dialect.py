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


class KnownClinician(Strict):
    """Who a code in ORC-12 or OBR-16 is.

    Parameters
    ----------
    gmc
        Reference number of the General Medical Council.
    """

    name: Text
    gmc: Annotated[str, StringConstraints(pattern=r"^(\d{7})?$")] = ""


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
