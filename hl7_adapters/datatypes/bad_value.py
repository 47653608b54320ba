"""What cannot be read: the error names the place and the remedy, never the value."""

from __future__ import annotations

from typing import Final

# HL7 table 0357, message error condition codes.
MISSING: Final = "101"  # required field missing
BAD_TYPE: Final = "102"  # data type error
BAD_CODE: Final = "103"  # table value not found


class BadValue(Exception):
    """A field cannot be read as what it should be.

    Parameters
    ----------
    code
        Error code of HL7 table 0357.
    path
        Where the field is, such as ``PID-7``; may be empty where the caller knows.
    remedy
        What the sender should send instead; never the value itself.
    """

    def __init__(self, code: str, path: str, remedy: str) -> None:
        super().__init__(f"{path or 'value'} ({code}): {remedy}")
        self.code = code
        self.path = path
        self.remedy = remedy
