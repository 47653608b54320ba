"""NHS numbers: the check digit, and how senders say that a number is one."""

from __future__ import annotations

import re
from typing import Final

NHS_AUTHORITIES: Final = frozenset({"NHS", "NHSNBR", "NHS NUMBER"})
NHS_TYPES: Final = frozenset({"NH", "NHS", "NHSNMBR"})
NHS_NUMBER_OID: Final = "2.16.840.1.113883.2.1.4.1"
_NHS_NUMBER = re.compile(r"(?!(\d)\1{9})\d{10}", re.ASCII)


def plain_nhs_number(text: str) -> str:
    """Return an NHS number without the spaces and dashes of its printed form."""
    return re.sub(r"[\s-]", "", text)


def nhs_number_is_valid(text: str) -> bool:
    """Whether this can be an NHS number: ten digits whose last is the check digit.

    NHS Data Dictionary: the first nine digits are weighted 10 to 2; eleven less the
    sum modulo 11 is the check digit, 11 standing for 0 and 10 for none. Ten equal
    digits pass, but are only ever placeholders, and are refused.
    """
    digits = plain_nhs_number(text)
    if not _NHS_NUMBER.fullmatch(digits):
        return False
    total = sum(int(digits[at]) * (10 - at) for at in range(9))
    return (11 - total % 11) % 11 == int(digits[9])  # 10 equals no digit
