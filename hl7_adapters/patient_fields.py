"""PID: who the patient is (HL7 2.5.1 section 3.4.2; hospital habits as seen).

Values are read leniently, identities strictly: what might belong to somebody else is
left out or held, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from typing import Final

from booking_engine.domain.orders import HoldCode
from booking_engine.domain.patients import Patient, nhs_number_is_valid
from booking_engine.domain.vocabulary import Sex
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import (
    BAD_TYPE,
    MISSING,
    BadValue,
    Identifier,
    PersonName,
    plain_nhs_number,
    read_cx,
    read_date,
    read_xpn,
)
from hl7_adapters.er7 import Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.reading import Reading

UNIDENTIFIED: Final = "unidentified"
"""Assigning authority of the number that stands for a patient without one."""
_LEGAL_NAMES: Final = ("", "L", "CURRENT", "PREFERRED")
"""XPN.7 (table 0200) in order of preference after the first repetition."""
LOCAL_TYPES: Final = frozenset({"", "MR", "MRN", "PI", "PT", "HOSP"})
"""CX.5 (table 0203) of a patient's number; visits and episodes are not."""
VISIT_TYPES: Final = frozenset({"VN", "AN", "CE"})

NOBODY: Final = Patient(None, "", "", "", "", None, Sex.UNKNOWN)
"""Stands for the patient of whom a change says nothing."""
SEXES: Final = {
    code: sex
    for sex, codes in (
        (Sex.MALE, ("M", "1")),
        (Sex.FEMALE, ("F", "2")),
        (Sex.OTHER, ("O", "A", "N", "I", "9")),
    )
    for code in codes
}
"""PID-8, table 0001 and the codes of the NHS Data Dictionary."""

_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)[0-9][A-Z]{2}")


def read_patient(group: OrderGroup, reading: Reading, *, fallback_id: str) -> Patient:
    """Return the patient of an order.

    Parameters
    ----------
    fallback_id
        Unique to the order: stands for the patient who has no number at all, so that
        two of them are never taken for one.

    Raises
    ------
    MappingError
        There is no PID, or it deletes the patient's identity.
    """
    pid = group.segments.get("PID")
    if pid is None:
        if reading.keep(*(f"patient.{f.name}" for f in fields(Patient))):
            return NOBODY
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "PID^1", "an order needs a PID segment"
        )
    for number in (3, 5):
        if pid.is_null(number):
            raise reading.refuse(
                Condition.MISSING_FIELD,
                f"PID^1^{number}",
                "an identity cannot be deleted; send the identifiers and the name",
            )
    if pid.value(35) or pid.value(36):  # species and breed
        raise reading.refuse(
            Condition.NOT_HUMAN, "PID^1^35", "veterinary patients are not booked here"
        )
    identifiers = [read_cx(repetition) for repetition in pid.repetitions(3)]
    nhs_number = nhs_number_in(identifiers, group, reading)
    local = _local_number(identifiers)
    local_id, authority = "", ""
    if local is not None:
        local_id, authority = local.value, authority_of(local, group, reading)
    elif nhs_number is None and not reading.changes:
        reading.hold(HoldCode.IDENTITY_CONFLICT, "PID-3: no patient identifier")
        local_id, authority = fallback_id, UNIDENTIFIED
    name = _name(pid, reading)
    if not pid.field(8):
        reading.keep("patient.sex")
    if not pid.field(11):
        reading.keep("patient.outward_code")
    return Patient(
        nhs_number=nhs_number,
        local_id=local_id,
        local_authority=authority,
        family_name="" if name is None else name.family,
        given_name="" if name is None else name.given,
        birth_date=_birth_date(pid, reading),
        sex=SEXES.get(pid.value(8).strip().upper(), Sex.UNKNOWN),
        outward_code=outward_code_of(pid),
    )


def _name(pid: Segment, reading: Reading) -> PersonName | None:
    """Return the patient's name; held where there is none, unless it may be kept."""
    name = name_in(pid)
    if name is None and not reading.keep("patient.family_name", "patient.given_name"):
        reading.hold(HoldCode.IDENTITY_CONFLICT, "PID-5: no name")
    return name


def name_in(pid: Segment) -> PersonName | None:
    """Return the patient's legal name, else the first that there is."""
    names = [read_xpn(repetition) for repetition in pid.repetitions(5)]
    by_type = {name.type.upper(): name for name in reversed(names) if name}
    name = next((by_type[kind] for kind in _LEGAL_NAMES if kind in by_type), None)
    return name or next((each for each in names if each), None)


def nhs_number_in(
    identifiers: list[Identifier], group: OrderGroup, reading: Reading
) -> str | None:
    """Return the one valid NHS number; none where there is none, or several."""
    valid: set[str] = set()
    for identifier in identifiers:
        if not (identifier and identifier.says_nhs_number):
            continue
        number = plain_nhs_number(identifier.value)
        if nhs_number_is_valid(number):
            valid.add(number)
        else:
            reading.bad_value(
                Condition.BAD_NHS_NUMBER,
                "PID^1^3",
                BadValue(BAD_TYPE, "PID-3", "the NHS number fails its check digit"),
            )
            reading.warn("PID-3: NHS number fails its check digit; dropped")
    if not valid:
        # Elsewhere nothing says what a number is: only ten digits that check count.
        for place in reading.profile.dialect.nhs_number:
            number = plain_nhs_number(group.leaf(place))
            if nhs_number_is_valid(number):
                reading.warn(f"{place}: taken for the NHS number")
                valid.add(number)
    if len(valid) > 1:
        reading.hold(HoldCode.IDENTITY_CONFLICT, "PID-3: several NHS numbers")
        return None
    return next(iter(valid), None)


def _local_number(identifiers: list[Identifier]) -> Identifier | None:
    """Return the sender's own number; those of unknown type only if nothing better."""
    candidates = [
        each
        for each in identifiers
        if each and not each.says_nhs_number and each.type.upper() not in VISIT_TYPES
    ]
    for each in candidates:
        if each.type.upper() in LOCAL_TYPES:
            return each
    return candidates[0] if candidates else None


def authority_of(local: Identifier, group: OrderGroup, reading: Reading) -> str:
    """Return who assigned a number; a bare one is the sending facility's."""
    header = group.segments["MSH"]
    return (
        local.authority
        or local.authority_oid
        or reading.profile.local_authority
        or header.value(4).strip()
        or header.value(3).strip()
    )


def _birth_date(pid: Segment, reading: Reading) -> date | None:
    text = pid.value(7)
    try:
        return read_date(text)
    except BadValue as error:
        if error.code != MISSING:
            reading.bad_value(Condition.BAD_BIRTH_DATE, "PID^1^7", error)
        elif not pid.deletes(7) and reading.keep("patient.birth_date"):
            return None
        reading.hold(
            HoldCode.MISSING_BIRTH_DATE, "" if error.code == MISSING else "PID-7"
        )
        return None


def outward_code_of(pid: Segment) -> str:
    """Return the first half of the first postcode (XAD.5)."""
    for address in pid.repetitions(11):
        text = address.component(5).upper().replace(" ", "")
        match = _POSTCODE.fullmatch(text)
        if match is not None:
            return match[1]
    return ""
