"""What the demo's orders are made of: shares by modality, wait, urgency and exam.

Modality shares and waits are England's, from NHS England's DM01 (activity from the
waiting list, April 2025 to March 2026; list at 31 March 2026). All other shares are
assumptions, chosen to look like an ordinary month.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import Final, TypeVar

from booking_engine.domain.identifiers import PartnerId, SiteCode
from booking_engine.domain.vocabulary import Modality, Priority

K = TypeVar("K")


class Intent(StrEnum):
    """What a message is meant to be; the last three follow an order sent before."""

    NEW = "new"
    UNMAPPED_PROCEDURE = "unmapped_procedure"
    UNKNOWN_URGENCY = "unknown_urgency"
    MISSING_BIRTH_DATE = "missing_birth_date"
    NON_IMAGING = "non_imaging"
    CLOSED_PROVIDER = "closed_provider"
    INVALID_NHS_NUMBER = "invalid_nhs_number"
    MISSING_SAFETY_ANSWER = "missing_safety_answer"
    NEEDS_CLINICIAN = "needs_clinician"
    CHANGE = "change"
    CANCEL = "cancel"
    DUPLICATE = "duplicate"


PROBLEMS: Final[Mapping[Intent, float]] = {
    Intent.UNMAPPED_PROCEDURE: 0.015,
    Intent.UNKNOWN_URGENCY: 0.01,
    Intent.MISSING_BIRTH_DATE: 0.007,
    Intent.NON_IMAGING: 0.01,
    Intent.CLOSED_PROVIDER: 0.004,
    Intent.INVALID_NHS_NUMBER: 0.005,
    Intent.MISSING_SAFETY_ANSWER: 0.04,
    Intent.NEEDS_CLINICIAN: 0.005,
}
"""Share of orders that are not plain; at most one problem each."""

FOLLOW_UPS: Final[Mapping[Intent, float]] = {
    Intent.CHANGE: 0.02,
    Intent.CANCEL: 0.03,
    Intent.DUPLICATE: 0.01,
}
"""Share of orders of which a further message follows."""

INPATIENTS: Final = 0.03
IMMEDIATE: Final = 0.04
"""Of the inpatients: those who come through the emergency department."""
PLANNED: Final = 0.05
"""Of the routine outpatients: surveillance, not before a day to come."""
GP_DIRECT: Final = 0.18
TWO_TESTS: Final = 0.01
"""Patients with a CT and an MRI, as a share of orders."""

PARTNERS: Final[Mapping[str, float]] = {"r0a": 0.45, "rw6": 0.37, "rmc": 0.18}
SITES: Final[Mapping[str, Mapping[str, float]]] = {
    "r0a": {"R0A02": 0.45, "R0A07": 0.3, "R0A09": 0.15, "R0A08": 0.1},
    "rw6": {"RW601": 0.2, "RW602": 0.3, "RW603": 0.35, "RW604": 0.15},
    "rmc": {"RMC01": 1.0},
}
CLOSED_SITE: Final = PartnerId("rw6"), SiteCode("ZZ901")
"""The sender that still has a clinic at the closed provider."""

MODALITIES: Final[Mapping[Modality, float]] = {
    Modality.MR: 3_972_483,
    Modality.CT: 4_084_666,
    Modality.US: 7_064_995,
    Modality.DEXA: 506_723,
}
OF_INPATIENTS: Final[Mapping[Modality, float]] = {
    Modality.MR: 0.22,
    Modality.CT: 0.6,
    Modality.US: 0.18,
}

WEEKS_WAITED: Final[Mapping[Modality, tuple[float, ...]]] = {
    Modality.MR: (
        *(20.8, 15.9, 14.0, 11.8, 9.4, 6.5, 4.1),
        *(3.4, 2.8, 2.3, 1.8, 1.4, 0.8, 5.0),
    ),
    Modality.CT: (
        *(32.0, 20.1, 15.0, 10.8, 7.6, 4.5, 2.1),
        *(1.6, 1.2, 1.0, 0.7, 0.5, 0.3, 2.4),
    ),
    Modality.US: (
        *(22.1, 16.3, 14.7, 12.4, 9.7, 7.1, 4.1),
        *(3.3, 2.4, 1.8, 1.4, 1.1, 0.5, 3.0),
    ),
    Modality.DEXA: (
        *(19.5, 18.2, 16.7, 14.6, 11.1, 6.9, 3.0),
        *(2.2, 1.6, 1.0, 0.7, 0.8, 0.4, 3.2),
    ),
}
"""Share of the list by completed weeks waited; the last is 13 and more."""
LONGEST_WEEKS: Final = 20

URGENCIES: Final[Mapping[Modality, Mapping[Priority, float]]] = {
    modality: {
        Priority.SUSPECTED_CANCER: cancer,
        Priority.URGENT: urgent,
        Priority.ROUTINE: 1 - cancer - urgent,
    }
    for modality, cancer, urgent in (
        (Modality.MR, 0.08, 0.22),
        (Modality.CT, 0.26, 0.24),
        (Modality.US, 0.08, 0.22),
        (Modality.DEXA, 0.0, 0.05),
    )
}

EXAMS: Final[Mapping[Modality, Mapping[str, float]]] = {
    Modality.MR: {
        "MRHEAD": 18,
        "MRHEADC": 5,
        "MRIAM": 4,
        "MRCSP": 6,
        "MRLSP": 16,
        "MRWSP": 3,
        "MRKNEE": 12,
        "MRSHO": 5,
        "MRHIP": 3,
        "MRANK": 4,
        "MRWRI": 2,
        "MRPEL": 5,
        "MRPROS": 6,
        "MRLIV": 2.5,
        "MRCP": 4,
        "MRBRE": 2,
        "MRCAR": 2,
        "MRGA": 0.5,
    },
    Modality.CT: {
        "CTHEAD": 20,
        "CTSIN": 2,
        "CTCSP": 2,
        "CTCHE": 11,
        "CTHRC": 8,
        "CTTAP": 22,
        "CTAP": 12,
        "CTKUB": 7,
        "CTURO": 3.5,
        "CTCOL": 4.5,
        "CTCOR": 5,
        "CTANG": 1.5,
        "CTLIV": 1.5,
    },
    Modality.US: {
        "USABD": 26,
        "USREN": 12,
        "USPEL": 22,
        "USTES": 6,
        "USNECK": 9,
        "USLUMP": 6,
        "USMSK": 9,
        "USDVT": 4,
        "USCAR": 2,
        "USINJ": 3,
        "USHIP": 1,
    },
    Modality.DEXA: {"DXHIP": 85, "DXVFA": 15},
}
CANCER_EXAMS: Final = frozenset(
    (
        *("MRHEAD", "MRHEADC", "MRPEL", "MRPROS", "MRLIV", "MRBRE", "MRCP"),
        *("CTCHE", "CTTAP", "CTAP", "CTURO", "CTCOL", "CTLIV", "CTHEAD"),
        *("USABD", "USPEL", "USTES", "USNECK", "USLUMP"),
    )
)
"""What is asked for on suspicion of cancer."""
INPATIENT_EXAMS: Final[Mapping[Modality, Mapping[str, float]]] = {
    Modality.MR: {"MRHEAD": 40, "MRLSP": 35, "MRCP": 25},
    Modality.CT: {"CTHEAD": 32, "CTPA": 20, "CTAP": 24, "CTTAP": 14, "CTKUB": 10},
    Modality.US: {"USABD": 50, "USREN": 30, "USDVT": 20},
}
WOMEN_ONLY: Final = frozenset({"USPEL", "MRBRE"})
MEN_ONLY: Final = frozenset({"USTES", "MRPROS"})
INFANTS_ONLY: Final = frozenset({"USHIP"})
CHILDREN: Final[Mapping[Modality, float]] = {
    Modality.MR: 0.04,
    Modality.CT: 0.01,
    Modality.US: 0.04,
    Modality.DEXA: 0.0,
}

HOIST: Final = 0.015
INTERPRETER: Final = 0.04
WIDE_BORE: Final = 0.015
"""Of MRI patients."""
CARDIAC_DEVICE: Final = 0.006
"""Of patients asked."""
WEIGHT_KNOWN: Final = 0.5
OVER_150_KG: Final = 0.01
TRAVEL_CAP: Final = 0.03
WITHOUT_NHS_NUMBER: Final = 0.008
ELSEWHERE: Final = "ZZ99"
"""An outward code that no place has: travel then counts from the site."""
LIVES_ELSEWHERE: Final = 0.01


def apportion(shares: Mapping[K, float], count: int) -> list[K]:
    """Return `count` keys in proportion to their shares, by largest remainder."""
    if not count:
        return []
    total = sum(shares.values())
    exact = {key: count * share / total for key, share in shares.items()}
    whole = {key: int(number) for key, number in exact.items()}
    rest = sorted(exact, key=lambda key: whole[key] - exact[key])
    for key in rest[: count - sum(whole.values())]:
        whole[key] += 1
    return [key for key, number in whole.items() for _ in range(number)]


def dealt(random: Random, shares: Mapping[K, float], count: int) -> list[K]:
    """Return `count` keys in proportion to their shares, shuffled."""
    keys = apportion(shares, count)
    random.shuffle(keys)
    return keys


def share_of(share: float, count: int) -> int:
    """Return a share of `count`; at least one of a hundred or more."""
    least = 1 if count >= 100 else 0  # noqa: PLR2004 - below, a demo shows less
    return max(least, round(share * count))
