"""Who the order is for: identifiers, and what the patient needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from operator import mul

from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.vocabulary import Capability, Sex, Trait

_NHS_NUMBER_LENGTH = 10
_NHS_NUMBER_WEIGHTS = range(10, 1, -1)
_ADULT_AGE = 18
HEAVY_KG = 150
"""Weight from which `Trait.OVER_150_KG` is set."""


def nhs_number_is_valid(number: str) -> bool:
    """Return whether ten digits pass the modulus 11 check.

    Weights 10 to 2 on the first nine digits; 11 minus the remainder is the tenth,
    11 counts as 0 and 10 is never valid (NHS Data Dictionary, NHS NUMBER). Ten equal
    digits pass the arithmetic but are placeholders, so they are refused.
    """
    if len(number) != _NHS_NUMBER_LENGTH or not (number.isascii() and number.isdigit()):
        return False
    if len(set(number)) == 1:
        return False
    total: int = sum(map(mul, _NHS_NUMBER_WEIGHTS, map(int, number)))
    return (11 - total % 11) % 11 == int(number[9])


@dataclass(frozen=True, slots=True)
class Patient:
    """The patient as the sender last described them.

    Parameters
    ----------
    nhs_number
        Ten digits that pass the check, or ``None``.
    local_id, local_authority
        The sender's own number and who assigned it; never matched without both.
    outward_code
        First half of the postcode, such as ``M13``; drives the travel distance.
    """

    nhs_number: str | None
    local_id: str
    local_authority: str
    family_name: str
    given_name: str
    birth_date: date | None
    sex: Sex
    outward_code: str = ""

    def __post_init__(self) -> None:
        """Refuse an NHS number that fails its check."""
        if self.nhs_number is not None and not nhs_number_is_valid(self.nhs_number):
            raise InvalidValue(
                "The NHS number fails the modulus 11 check; drop it and keep the"
                " local identifier."
            )

    @property
    def key(self) -> PatientKey:
        """The identity that two orders of one patient share."""
        if self.nhs_number is not None:
            return PatientKey(f"nhs:{self.nhs_number}")
        return PatientKey(f"local:{self.local_authority}:{self.local_id}")

    def age_on(self, day: date) -> int | None:
        """Return the age in whole years on `day`, or ``None`` if not known."""
        if self.birth_date is None:
            return None
        before = (day.month, day.day) < (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - before


@dataclass(frozen=True, slots=True)
class Needs:
    """What the patient needs on the day; ``None`` means not known.

    Parameters
    ----------
    weight_kg
        Whole kilograms.
    hoist, interpreter, wide_bore, general_anaesthetic
        Needs that a scanner or contract must meet.
    travel_cap_km
        The furthest that the patient will travel, in kilometres: a hard cap.
    """

    weight_kg: int | None = None
    hoist: bool = False
    interpreter: bool = False
    wide_bore: bool = False
    general_anaesthetic: bool = False
    travel_cap_km: int | None = None

    @property
    def capabilities(self) -> Capability:
        """What the scanner must be able to do for this patient."""
        needed = Capability.NONE
        if self.hoist:
            needed |= Capability.HOIST
        if self.wide_bore:
            needed |= Capability.WIDE_BORE
        if self.general_anaesthetic:
            needed |= Capability.GENERAL_ANAESTHETIC
        return needed

    @property
    def traits(self) -> Trait:
        """What a contract may exclude this patient for."""
        found = Trait.NONE
        if self.hoist:
            found |= Trait.NOT_AMBULANT
        if self.interpreter:
            found |= Trait.INTERPRETER
        if self.general_anaesthetic:
            found |= Trait.GENERAL_ANAESTHETIC
        if self.weight_kg is not None and self.weight_kg > HEAVY_KG:
            found |= Trait.OVER_150_KG
        return found


NO_NEEDS = Needs()
"""Nothing was said of needs."""


def is_child(patient: Patient, day: date) -> bool:
    """Return whether the patient is under 18 on `day`; unknown age counts as adult.

    An order without a birth date is held before this is asked.
    """
    age = patient.age_on(day)
    return age is not None and age < _ADULT_AGE
