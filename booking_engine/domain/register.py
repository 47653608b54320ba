"""What is known of patients besides their orders: identifiers, death, what is newest.

No patient record: just enough to see that two identifiers are one person, that a
number was merged into another, and that somebody has died. Only patient
administration messages (ADT) write here; orders keep their own copy of the patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from typing import Any, Final, Literal, TypeAlias, TypeVar

from booking_engine.domain.identifiers import PatientId, PatientKey
from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import Sex

NEVER_MERGED: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NHS: Final = "nhs:"
_LOCAL: Final = "local:"


def nhs_key(number: str) -> PatientKey:
    """Return the key of an NHS number."""
    return PatientKey(f"{_NHS}{number}")


def local_key(authority: str, value: str) -> PatientKey:
    """Return the key of a hospital's own number."""
    return PatientKey(f"{_LOCAL}{authority}:{value}")


def nhs_number_of(key: PatientKey) -> str | None:
    """Return the NHS number that a key names; ``None`` for a hospital's number."""
    return key.removeprefix(_NHS) if key.startswith(_NHS) else None


def local_number_of(key: PatientKey) -> tuple[str, str] | None:
    """Return authority and value of a hospital's number; ``None`` for an NHS one."""
    if not key.startswith(_LOCAL):
        return None
    authority, _, value = key.removeprefix(_LOCAL).partition(":")
    return authority, value


def keys_of(patient: Patient) -> tuple[PatientKey, ...]:
    """Return every key that the patient of an order is known by."""
    found = []
    if patient.nhs_number is not None:
        found.append(nhs_key(patient.nhs_number))
    if patient.local_id:
        found.append(local_key(patient.local_authority, patient.local_id))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class KnownIdentifier:
    """One number of a patient.

    Parameters
    ----------
    retired
        It was merged into another: still found, no longer used.
    since
        The sender's time of the last merge that gave it away or brought it back: an
        older one is ignored.
    """

    key: PatientKey
    since: datetime = NEVER_MERGED
    retired: bool = False


@dataclass(frozen=True, slots=True)
class RegisteredPatient:
    """One person as patient administration knows them.

    Parameters
    ----------
    identifiers
        All their numbers; each belongs to one person at a time.
    deceased, deceased_on
        Whether they have died, and the day, where it is known.
    death_at, death_by
        The time of the newest word on that, and who gave it: only they, or a person,
        take it back.
    merged_into
        Who has their numbers now; ``None`` while they have their own.
    person_at, visit_at
        The sender's time of the newest message about the person, and about their
        stay: older ones are ignored.
    version
        Counts changes; a writer that read an older version loses.
    """

    id: PatientId
    identifiers: tuple[KnownIdentifier, ...] = ()
    family_name: str = ""
    given_name: str = ""
    birth_date: date | None = None
    sex: Sex = Sex.UNKNOWN
    outward_code: str = ""
    deceased: bool = False
    deceased_on: date | None = None
    death_at: datetime | None = None
    death_by: str = ""
    merged_into: PatientId | None = None
    person_at: datetime | None = None
    visit_at: datetime | None = None
    version: int = 1

    @property
    def keys(self) -> tuple[PatientKey, ...]:
        """All keys, also those that are retired."""
        return tuple(each.key for each in self.identifiers)

    @property
    def nhs_number(self) -> str | None:
        """The NHS number in use; ``None`` where there is none, or several."""
        numbers = {nhs_number_of(each.key) for each in self._in_use} - {None}
        return numbers.pop() if len(numbers) == 1 else None

    @property
    def _in_use(self) -> list[KnownIdentifier]:
        return [each for each in self.identifiers if not each.retired]

    def local_ids(self, authority: str) -> tuple[str, ...]:
        """Return the numbers in use that an authority has given."""
        found = (local_number_of(each.key) for each in self._in_use)
        return tuple(each[1] for each in found if each and each[0] == authority)

    def is_retired(self, key: PatientKey) -> bool:
        """Return whether a key of this patient was merged into another."""
        return any(each.key == key and each.retired for each in self.identifiers)

    def in_use_for(self, key: PatientKey) -> PatientKey:
        """Return the key in use in place of one that was merged into it."""
        local = local_number_of(key)
        if local is None or not self.is_retired(key):
            return key
        in_use = self.local_ids(local[0])
        return local_key(local[0], in_use[0]) if len(in_use) == 1 else key

    def known_by(self, given: Iterable[KnownIdentifier]) -> RegisteredPatient:
        """Return the patient with these identifiers besides the others."""
        named = {each.key: each for each in given}
        kept = [each for each in self.identifiers if each.key not in named]
        return replace(self, identifiers=(*kept, *named.values()))

    def without(self, keys: Iterable[PatientKey]) -> RegisteredPatient:
        """Return the patient without these identifiers."""
        gone = set(keys)
        kept = tuple(each for each in self.identifiers if each.key not in gone)
        return replace(self, identifiers=kept)


class Unsaid(Enum):
    """Marks what a message says nothing about: it stays as it is."""

    UNSAID = "unsaid"


UNSAID: Final = Unsaid.UNSAID
_Unsaid: TypeAlias = Literal[Unsaid.UNSAID]
Described = TypeVar("Described", Patient, RegisteredPatient)


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """What a message says of a person; what it does not mention is `UNSAID`.

    An empty text, or ``None``, is what the sender has deleted (HL7 ``""``).
    """

    family_name: str | _Unsaid = UNSAID
    given_name: str | _Unsaid = UNSAID
    birth_date: date | _Unsaid | None = UNSAID
    sex: Sex | _Unsaid = UNSAID
    outward_code: str | _Unsaid = UNSAID

    def applied_to(self, one: Described) -> Described:
        """Return the patient as described now."""
        said: dict[str, Any] = {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) is not UNSAID
        }
        return replace(one, **said)


NOTHING_SAID: Final = PersonDetails()


class Visit(StrEnum):
    """What happened to a patient's stay."""

    ADMITTED = "admitted"
    TRANSFERRED = "transferred"
    DISCHARGED = "discharged"
    ADMISSION_CANCELLED = "admission_cancelled"
    DISCHARGE_CANCELLED = "discharge_cancelled"


class OnDeath(StrEnum):
    """What becomes of the slots of a patient who has died, as far as is known."""

    HOLD = "hold"
    """They stay until a person confirms."""
    RELEASE = "release"
    """They are released at once."""
