"""Who a sender's code for a clinician is, as one line of text for a mapping."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from booking_engine.domain.errors import InvalidValue

_WRITTEN: Final = re.compile(
    r"(?P<name>.*?\S)(?:\s*\(GMC (?P<number>\d{7})\))?", re.IGNORECASE | re.ASCII
)
_NUMBERED: Final = re.compile(r"\bGMC\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clinician:
    """Whom to ring: a name, and a GMC reference number if there is one.

    Parameters
    ----------
    gmc_number
        7 digits; empty if not known, or where the code is a ward's.
    """

    name: str
    gmc_number: str = ""

    def __str__(self) -> str:
        number = f" (GMC {self.gmc_number})" if self.gmc_number else ""
        return f"{self.name}{number}"

    @classmethod
    def read(cls, text: str) -> Clinician:
        """Read ``Dr A. Example (GMC 1234567)``, or a name alone.

        Raises
        ------
        InvalidValue
            There is no name, or what is called a GMC number is none.
        """
        found = _WRITTEN.fullmatch(" ".join(text.split()))
        if found is None or _NUMBERED.search(found["name"]):
            raise InvalidValue(
                f"Clinician {text!r} cannot be read; write a name, and if it is known"
                " the number of 7 digits, like Dr A. Example (GMC 1234567)."
            )
        return cls(found["name"], found["number"] or "")
