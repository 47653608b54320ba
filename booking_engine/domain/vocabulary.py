"""The closed word lists of imaging booking, as enums; masks are `IntFlag`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntFlag, StrEnum
from typing import Final


class Modality(StrEnum):
    """Kind of imaging; a scanner has one. Values follow DICOM where it has one."""

    MR = "MR"
    CT = "CT"
    US = "US"
    DEXA = "DEXA"

    @property
    def number(self) -> int:
        """Position in the enum, for numeric columns."""
        return list(Modality).index(self)


class Priority(Enum):
    """Clinical urgency as mapped from the sender; never defaulted (HAZ-6)."""

    IMMEDIATE = "immediate"
    INPATIENT = "inpatient"
    SUSPECTED_CANCER = "suspected_cancer"
    URGENT = "urgent"
    ROUTINE = "routine"

    @property
    def tier(self) -> int:
        """0 is the most urgent; the solver and the worklist sort by it."""
        return _TIERS[self]


_TIERS: Final = {priority: tier for tier, priority in enumerate(Priority)}


class WaitingListType(StrEnum):
    """How DM01 counts the wait: active, planned (surveillance) or unscheduled."""

    ACTIVE = "active"
    PLANNED = "planned"
    UNSCHEDULED = "unscheduled"


class PatientSetting(StrEnum):
    """Where the patient is looked after (PV1-2)."""

    OUTPATIENT = "outpatient"
    INPATIENT = "inpatient"
    EMERGENCY = "emergency"
    GP = "gp"


class BookingMode(StrEnum):
    """Who decides: the engine, the patient from an offer, or a clerk."""

    AUTO = "auto"
    OFFER = "offer"
    MANUAL = "manual"

    @classmethod
    def most_careful(cls, modes: Iterable[BookingMode]) -> BookingMode:
        """Return the mode in which a person has most to say."""
        return max(modes, key=_CARE.index)


_CARE = tuple(BookingMode)


class LinkedOrders(StrEnum):
    """What a partner means by orders of one patient under one group number (ORC-4)."""

    SEPARATE = "separate"
    """Nothing for booking: each is booked by itself."""
    SAME_VISIT = "same_visit"
    """The patient comes once: all exams on one day, at one site."""


class Capability(IntFlag):
    """What a scanner and its site can do; a procedure or patient may need it."""

    NONE = 0
    CONTRAST_COVER = 1
    HOIST = 2
    WIDE_BORE = 4
    GENERAL_ANAESTHETIC = 8
    CARDIAC_DEVICE = 16
    PAEDIATRIC = 32
    FIELD_3T = 64
    CARDIAC = 128
    STEP_FREE = 256


class Trait(IntFlag):
    """What a contract may exclude (nhs-domain notes, section 4.1)."""

    NONE = 0
    UNDER_18 = 1
    NOT_AMBULANT = 2
    CONTRAST = 4
    CARDIAC_DEVICE = 8
    INPATIENT = 16
    GENERAL_ANAESTHETIC = 32
    INTERPRETER = 64
    OVER_150_KG = 128


class ListType(IntFlag):
    """What a session's list is for; an order may use one or several."""

    GENERAL = 1
    CANCER = 2
    INPATIENT = 4
    URGENT = 8


class Sex(StrEnum):
    """As recorded by the sender (PID-8)."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"
    UNKNOWN = "U"
