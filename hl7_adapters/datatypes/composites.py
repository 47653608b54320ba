"""CX, EI, XPN, XCN, XAD and CWE: numbers, people, addresses and codes."""

from __future__ import annotations

from typing import NamedTuple

from hl7_adapters.datatypes.nhs_number import (
    NHS_AUTHORITIES,
    NHS_NUMBER_OID,
    NHS_TYPES,
)
from hl7_adapters.er7 import Field


class Identifier(NamedTuple):
    """CX, an identifier with who assigned it (HL7 2.5.1 chapter 2A)."""

    value: str = ""
    authority: str = ""  # CX.4.1
    authority_oid: str = ""  # CX.4.2
    type: str = ""  # CX.5, table 0203
    facility: str = ""  # CX.6

    def __bool__(self) -> bool:
        return bool(self.value)

    @property
    def says_nhs_number(self) -> bool:
        """Whether authority or type say so; the digits may still be wrong."""
        return (
            self.authority.upper() in NHS_AUTHORITIES
            or NHS_NUMBER_OID in {self.authority, self.authority_oid}
            or self.type.upper() in NHS_TYPES
        )


class EntityId(NamedTuple):
    """EI, an order or appointment number (HL7 2.5.1 chapter 2A)."""

    value: str = ""
    namespace: str = ""
    universal_id: str = ""
    universal_type: str = ""

    def __bool__(self) -> bool:
        return bool(self.value)


class PersonName(NamedTuple):
    """XPN, a person's name (HL7 2.5.1 chapter 2A)."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    prefix: str = ""
    type: str = ""  # XPN.7, table 0200

    def __bool__(self) -> bool:
        return bool(self.family or self.given)


class Clinician(NamedTuple):
    """XCN, a person with an identifier (HL7 2.5.1 chapter 2A)."""

    value: str = ""
    family: str = ""
    given: str = ""
    prefix: str = ""  # XCN.6
    authority: str = ""  # XCN.9.1
    type: str = ""  # XCN.13, table 0203

    def __bool__(self) -> bool:
        return bool(self.value or self.family)


class Address(NamedTuple):
    """XAD, a postal address (HL7 2.5.1 chapter 2A)."""

    street: str = ""
    other: str = ""
    city: str = ""
    county: str = ""
    postcode: str = ""
    country: str = ""
    type: str = ""  # XAD.7, table 0190

    def __bool__(self) -> bool:
        return any((self.street, self.other, self.city, self.county, self.postcode))


class Code(NamedTuple):
    """CE or CWE, a coded value (HL7 2.5.1 chapter 2A)."""

    code: str = ""
    text: str = ""
    system: str = ""
    alternate_code: str = ""
    alternate_text: str = ""
    alternate_system: str = ""
    original_text: str = ""  # CWE.9

    def __bool__(self) -> bool:
        return bool(self.code or self.text or self.alternate_code)


def read_cx(field: Field) -> Identifier:
    """Read an identifier, such as one repetition of PID-3."""
    value, authority, kind, facility = field.leaves(1, 4, 5, 6)
    oid = field.component(4, 2).strip() if field.has_subcomponents else ""
    return Identifier(value, authority, oid, kind, facility)


def read_ei(field: Field) -> EntityId:
    """Read an entity identifier, such as ORC-2."""
    return EntityId(*field.leaves(1, 2, 3, 4))


def read_xpn(field: Field) -> PersonName:
    """Read a person's name, such as one repetition of PID-5."""
    return PersonName(*field.leaves(1, 2, 3, 4, 5, 7))


def read_xcn(field: Field) -> Clinician:
    """Read a person with an identifier, such as OBR-16."""
    return Clinician(*field.leaves(1, 2, 3, 6, 9, 13))


def read_xad(field: Field) -> Address:
    """Read a postal address, such as one repetition of PID-11."""
    return Address(*field.leaves(1, 2, 3, 4, 5, 6, 7))


def read_cwe(field: Field) -> Code:
    """Read a coded value, such as OBR-4."""
    return Code(*field.leaves(1, 2, 3, 4, 5, 6, 9))
