"""NHS numbers as senders write them; the check is `domain.patients`' own."""

from __future__ import annotations

import re
from typing import Final

NHS_AUTHORITIES: Final = frozenset({"NHS", "NHSNBR", "NHS NUMBER"})
NHS_TYPES: Final = frozenset({"NH", "NHS", "NHSNMBR"})
NHS_NUMBER_OID: Final = "2.16.840.1.113883.2.1.4.1"


def plain_nhs_number(text: str) -> str:
    """Return an NHS number without the spaces and dashes of its printed form."""
    return text if text.isalnum() else re.sub(r"[\s-]", "", text)
