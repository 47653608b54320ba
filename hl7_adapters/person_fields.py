"""PID of ADT: what a message says of a person, and what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.patients import nhs_number_is_valid
from booking_engine.domain.register import PersonDetails, local_key, nhs_key
from booking_engine.domain.vocabulary import Sex
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import (
    MISSING,
    BadValue,
    Identifier,
    plain_nhs_number,
    read_cx,
    read_date,
)
from hl7_adapters.er7 import Field, Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.patient_fields import (
    LOCAL_TYPES,
    SEXES,
    VISIT_TYPES,
    authority_of,
    name_in,
    nhs_number_in,
    outward_code_of,
)
from hl7_adapters.reading import Reading

_YES: Final = frozenset({"Y", "YES", "T", "TRUE", "1"})
_NO: Final = frozenset({"N", "NO", "F", "FALSE", "0"})
"""PID-30, table 0136, and what senders write instead."""


def refuse_what_is_no_person(pid: Segment, reading: Reading) -> None:
    """Raise `MappingError` for a deleted identity or an animal."""
    for number in (3, 5):
        if pid.is_null(number):
            raise reading.refuse(
                Condition.MISSING_FIELD,
                f"PID^1^{number}",
                "an identity cannot be deleted; send the identifiers and the name",
            )
    if pid.value(35) or pid.value(36):  # species and breed
        raise reading.refuse(
            Condition.NOT_HUMAN, "PID^1^35", "veterinary patients are not kept here"
        )


def read_numbers(
    fields: Iterable[Field], location: str, group: OrderGroup, reading: Reading
) -> dict[PatientKey, Identifier]:
    """Return the patient's numbers by key: their own hospital's first.

    Raises
    ------
    MappingError
        There is none.
    """
    identifiers = [read_cx(field) for field in fields if not field.is_null]
    local = [
        each
        for each in identifiers
        if each and not each.says_nhs_number and each.type.upper() not in VISIT_TYPES
    ]
    typed = [each for each in local if each.type.upper() in LOCAL_TYPES]
    found = {
        local_key(authority_of(each, group, reading), each.value): each
        for each in typed or local
    }
    if location.startswith("PID"):
        number = nhs_number_in(identifiers, group, reading)
        if number is not None:
            found[nhs_key(number)] = Identifier(number, authority="NHS", type="NH")
    else:
        for each in identifiers:
            number = plain_nhs_number(each.value)
            if each.says_nhs_number and nhs_number_is_valid(number):
                found[nhs_key(number)] = each
    if not found:
        raise reading.refuse(
            Condition.MISSING_FIELD, location, "send a number that names the patient"
        )
    return found


def own_authority(group: OrderGroup, reading: Reading) -> str:
    """Return whose numbers a sender without further words gives."""
    return authority_of(Identifier(), group, reading)


def read_details(pid: Segment, reading: Reading) -> PersonDetails:
    """Return what PID says of the person; deleted values are empty or ``None``."""
    said: dict[str, Any] = {}
    name = name_in(pid)
    if name is not None:
        said |= {"family_name": name.family, "given_name": name.given}
    if pid.is_null(7):
        said["birth_date"] = None
    elif pid.value(7):
        try:
            said["birth_date"] = read_date(pid.value(7))
        except BadValue as error:
            if error.code != MISSING:
                reading.warn("PID-7: no date; the one that is known stays")
    if pid.is_null(8):
        said["sex"] = Sex.UNKNOWN
    elif pid.value(8).strip():
        code = pid.value(8).strip().upper()
        said["sex"] = SEXES.get(code, Sex.UNKNOWN)
    if pid.is_null(11):
        said["outward_code"] = ""
    elif outward_code := outward_code_of(pid):
        said["outward_code"] = outward_code
    return PersonDetails(**said)


def interpreter_in(pid: Segment, reading: Reading) -> bool | None:
    """Return whether the language (PID-15) asks for an interpreter; None: unsaid."""
    if pid.is_null(15):
        return None
    language = pid.first(15)
    names = {language.component(1).casefold(), language.component(2).casefold()} - {""}
    # Another language does not say that none is needed: there is sign language.
    return None if names.isdisjoint(reading.profile.interpreter_languages) else True


def deceased_in(pid: Segment, reading: Reading) -> tuple[bool | None, date | None]:
    """Return whether the patient has died (PID-30, PID-29), and the day if known.

    A message that says both is not believed either way.
    """
    day: date | None = None
    text = pid.value(29).strip()
    if text:
        try:
            day = read_date(text, path="PID-29")
        except BadValue:
            reading.warn("PID-29: day of death cannot be read")
    word = pid.value(30).strip().upper()
    if pid.is_null(30) or word in _NO:
        if text:
            reading.warn("PID-30: says alive, and PID-29 gives a day of death; unclear")
            return None, None
        return False, None
    if word in _YES or (not word and text):
        return True, day
    if word:
        reading.warn("PID-30: not known; nothing is concluded")
    return (False if pid.is_null(29) else None), None
