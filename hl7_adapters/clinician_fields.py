"""ORC-12 and OBR-16: who asked for the exam (XCN, HL7 2.5.1 section 4.5.1.12)."""

from __future__ import annotations

import re
from typing import Final

from booking_engine.domain.mappings import folded_name
from booking_engine.domain.orders import NOBODY, Orderer
from hl7_adapters.dialect import places
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile

ORDERER: Final = places("ORC-12", "OBR-16")
_GMC_NUMBER: Final = re.compile(r"\d{7}")
_GMC: Final = "gmc"
_LONGEST: Final = 80
_CODE, _FAMILY, _GIVEN, _PREFIX, _AUTHORITY = 1, 2, 3, 6, 9


def read_orderer(group: OrderGroup, profile: Profile) -> Orderer:
    """Return who asked, from the first field that names anybody.

    A code that the profile does not know is kept with the name as sent: whom to ring
    decides on nothing that could harm. It is to be mapped where the partner has such a
    table, or where no name came with it.
    """
    for place in ORDERER:
        segment = group.segments.get(place.segment)
        if segment is None:
            continue
        code, family, given, prefix, authority = (
            part[:_LONGEST]
            for part in segment.first(place.field).leaves(
                _CODE, _FAMILY, _GIVEN, _PREFIX, _AUTHORITY
            )
        )
        if not code and not family:
            continue
        known = known_orderer(code, profile)
        if known is not None:
            return known
        is_gmc = authority.casefold() == _GMC and _GMC_NUMBER.fullmatch(code)
        name = " ".join(part for part in (prefix, given, family) if part)
        unmapped = bool(code) and (bool(profile.clinicians) or not name)
        return Orderer(code, name, code if is_gmc else "", unmapped)
    return NOBODY


def known_orderer(code: str, profile: Profile) -> Orderer | None:
    """Return who a code is by the partner's table; ``None`` if it does not say."""
    known = profile.clinicians.get(folded_name(code))
    return None if known is None else Orderer(code, known.name, known.gmc)


def orderer_known(group: OrderGroup, profile: Profile) -> bool:
    """Return whether the code is in the profile's table, or there is no table."""
    code = read_orderer(group, profile).code
    return not profile.clinicians or folded_name(code) in profile.clinicians
