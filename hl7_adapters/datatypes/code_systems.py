"""Coding systems of OBR-4: which one a code is from, and what it is called in tables.

Senders name SNOMED CT in several ways, and local systems in any. A code of a foreign
system (CPT, LOINC) may look like one of ours and mean something else, so it is looked
up only together with its system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hl7_adapters.datatypes.composites import Code

SNOMED: Final = "SCT"
_SNOMED_NAMES: Final = frozenset({"SCT", "SCT2", "SNM3", "SNOMED-CT", "SNOMED CT"})
_FOREIGN: Final = frozenset({"C4", "C5", "CPT", "CPT-4", "LN", "LOINC", "RADLEX"})
_LENGTHS: Final = range(6, 19)  # digits of a SNOMED CT identifier

# Verhoeff's scheme (1969): products in the dihedral group of order ten, and the
# permutation of each place.
_PRODUCT: Final = (
    *((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5)),
    *((2, 3, 4, 0, 1, 7, 8, 9, 5, 6), (3, 4, 0, 1, 2, 8, 9, 5, 6, 7)),
    *((4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1)),
    *((6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3)),
    *((8, 7, 6, 5, 9, 3, 2, 1, 0, 4), (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)),
)
_PLACES: Final = (
    *((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)),
    *((5, 8, 0, 3, 7, 9, 6, 1, 4, 2), (8, 9, 1, 6, 0, 4, 3, 5, 2, 7)),
    *((9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1)),
    *((2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8)),
)


def is_snomed_id(code: str) -> bool:
    """Return whether a code can be a SNOMED CT identifier: length and check digit."""
    if len(code) not in _LENGTHS or not (code.isascii() and code.isdecimal()):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _PRODUCT[check][_PLACES[place % 8][int(digit)]]
    return check == 0 and not code.startswith("0")


def names_of(sent: Code) -> Iterator[str]:
    """Yield what a code is called in a partner's tables, best first, folded.

    Code and system before the code alone, the alternate code after the first (HL7
    2.5.1 section 2.A.13); the text only where there is no code at all.
    """
    for code, system in (
        (sent.code, sent.system),
        (sent.alternate_code, sent.alternate_system),
    ):
        if code:
            yield from _names(code.casefold(), system)
    if not sent.code and not sent.alternate_code:
        yield sent.text.casefold()


def _names(code: str, system: str) -> Iterator[str]:
    named = system.upper()
    if named in _SNOMED_NAMES:
        yield f"{code}^{SNOMED.casefold()}"
    if named != SNOMED:
        yield f"{code}^{system.casefold()}"
    if named in _FOREIGN:
        return
    yield code
    if not named and is_snomed_id(code):
        yield f"{code}^{SNOMED.casefold()}"
