"""Lengths of time: a number and its unit, from one field or from two."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from hl7_adapters.datatypes.bad_value import BAD_CODE, BAD_TYPE, MISSING, BadValue
from hl7_adapters.er7 import Segment

_UNITS: Final = {
    unit: length
    for length, units in (
        (timedelta(seconds=1), ("", "s", "sec", "secs", "second", "seconds")),
        (timedelta(minutes=1), ("m", "min", "mins", "minute", "minutes")),
        (timedelta(hours=1), ("h", "hr", "hrs", "hour", "hours")),
    )
    for unit in units
}
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?", re.ASCII)
_LONGEST: Final = timedelta(days=1)


def duration(number: str, unit: str = "", *, path: str = "SCH-9") -> timedelta:
    """Read a length of time.

    Parameters
    ----------
    number
        A positive number.
    unit
        Any usual spelling of seconds, minutes or hours. Empty means seconds, as the
        standard says (HL7 2.4 chapter 10, SCH-10), so check the result against
        the start and end where they are known.

    Raises
    ------
    BadValue
        ``101`` without a number, ``102`` where it is none or not within a day, ``103``
        where the unit is unknown.
    """
    amount = number.strip()
    if not amount:
        raise BadValue(MISSING, path, "no duration was sent")
    if not _NUMBER.fullmatch(amount):
        raise BadValue(BAD_TYPE, path, "send the duration as a positive number")
    length = _UNITS.get(unit.strip().rstrip(".").casefold())
    if length is None:
        raise BadValue(BAD_CODE, path, "send the unit as s, min or h")
    seconds = Decimal(amount) * int(length.total_seconds())
    if not 0 < seconds <= int(_LONGEST.total_seconds()):
        raise BadValue(BAD_TYPE, path, "a duration lies between 1 second and 1 day")
    return timedelta(seconds=float(seconds))


def read_duration(
    segment: Segment, number_field: int = 9, unit_field: int = 10
) -> timedelta | None:
    """Read a duration and its unit from two fields, or None where none was sent.

    Some senders put the unit into the second component of the number (``30^MIN``).
    """
    number = segment.value(number_field)
    if not number.strip():
        return None
    unit = segment.value(unit_field) or segment.value(number_field, 2)
    return duration(number, unit, path=f"{segment.id}-{number_field}")
