"""Synthetic patients: invented names, and NHS numbers that are never issued.

Numbers beginning 999 are reserved for test. No entry of these lists stands for a
person; names are drawn independently of everything else but sex.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from booking_engine.domain.patients import nhs_number_is_valid
from booking_engine.domain.vocabulary import Sex

FAMILY: Final = (
    *("Ainscough", "Akhtar", "Barlow", "Begum", "Bradshaw", "Chowdhury", "Clegg"),
    *("Crompton", "Davenport", "Dlamini", "Eckersley", "Entwistle", "Farnworth"),
    *("Fielding", "Gaskell", "Greenhalgh", "Hargreaves", "Heywood", "Hussain"),
    *("Ibrahim", "Jackson", "Kaczmarek", "Kay", "Lomax", "Mensah", "Nowak"),
    *("Nuttall", "O'Donnell", "Ogden", "Okafor", "Patel", "Pilkington", "Quinn"),
    *("Ramsbottom", "Rashid", "Schofield", "Singh", "Tattersall", "Unsworth"),
    *("Varley", "Whitehead", "Wolstenholme", "Yates", "Zielińska", "Núñez"),
)
GIVEN: Final = {
    Sex.FEMALE: (
        *("Aisha", "Alice", "Amina", "Beth", "Chloë", "Dorothy", "Edith", "Ewa"),
        *("Fatima", "Grace", "Hannah", "Irene", "Joan", "Khadija", "Lily", "Maria"),
        *("Nadia", "Olive", "Priya", "Rose", "Sarah", "Thandiwe", "Vera", "Zoë"),
    ),
    Sex.MALE: (
        *("Adam", "Arthur", "Bilal", "Callum", "Daniel", "Edward", "Farhan", "Frank"),
        *("George", "Harold", "Imran", "Jack", "Kwame", "Leonard", "Mohammed"),
        *("Norman", "Oliver", "Piotr", "Ravi", "Samuel", "Thomas", "Usman", "Walter"),
    ),
}
STREETS: Final = ("Albert Road", "Bridge Street", "Canal Row", "Mill Lane", "Moss View")
_RANGE: Final = 1_000_000
_STRIDE: Final = 618_033  # no common factor with the range, so nothing repeats
_INWARD: Final = "ZZ"  # not in use as the end of a postcode


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic patient.

    Parameters
    ----------
    nhs_number
        Ten digits beginning 999, or empty where the sender has none.
    local_id
        The sender's own number.
    outward_code
        The postcode district; `postcode` is the whole.
    """

    nhs_number: str
    local_id: str
    family: str
    given: str
    sex: Sex
    born_on: date
    street: str
    outward_code: str
    postcode: str

    def age_on(self, day: date) -> int:
        """Return the age in whole years."""
        before = (day.month, day.day) < (self.born_on.month, self.born_on.day)
        return day.year - self.born_on.year - before


def nhs_numbers(random: Random) -> Iterator[str]:
    """Yield valid NHS numbers of the test range, each once; about 900,000."""
    at = random.randrange(_RANGE)
    for _ in range(_RANGE):
        at = (at + _STRIDE) % _RANGE
        stem = f"999{at:06d}"
        total = sum(int(digit) * (10 - i) for i, digit in enumerate(stem))
        number = f"{stem}{(11 - total % 11) % 11}"
        if nhs_number_is_valid(number):
            yield number


def with_wrong_check_digit(nhs_number: str) -> str:
    """Return a number that no check accepts."""
    return f"{nhs_number[:9]}{(int(nhs_number[9]) + 1) % 10}"


def make_person(
    random: Random,
    *,
    nhs_number: str,
    local_id: str,
    sex: Sex,
    age_years: float,
    outward_code: str,
    today: date,
) -> Person:
    """Return a person of about the age given, living in a district."""
    return Person(
        nhs_number=nhs_number,
        local_id=local_id,
        family=random.choice(FAMILY),
        given=random.choice(GIVEN[sex]),
        sex=sex,
        born_on=today - timedelta(days=round(age_years * 365.25)),
        street=f"{random.randrange(1, 99)} {random.choice(STREETS)}",
        outward_code=outward_code,
        postcode=f"{outward_code} {random.randrange(10)}{_INWARD}",
    )
