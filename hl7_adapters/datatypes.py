"""HL7 data types: what a field's text means as a time, a person, a code or a length.

A value that cannot be read raises `BadValue`, which names the place and the remedy but
never the value: it may be a patient's. Readers of composite types never fail; they
return what is there, stripped of surrounding spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from hl7_adapters.er7 import Field, Segment

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


# Times ------------------------------------------------------------------------------


class Purpose(Enum):
    """What a time is for, which decides how strictly it is read."""

    HISTORIC = "historic"
    """Something that happened; any precision, repaired where need be."""
    APPOINTMENT = "appointment"
    """A start to book or to keep; to the minute, and it must exist."""
    APPOINTMENT_END = "appointment_end"
    """As `APPOINTMENT`; 24:00 is the midnight that ends the day."""


class Precision(IntEnum):
    """The smallest part that the sender wrote."""

    YEAR = 1
    MONTH = 2
    DAY = 3
    HOUR = 4
    MINUTE = 5
    SECOND = 6
    FRACTION = 7


@dataclass(frozen=True, slots=True)
class Timestamp:
    """One instant as read.

    Parameters
    ----------
    instant
        In UTC. Parts that were not written are the earliest possible, local time.
    precision
        The smallest part that was written.
    offset
        Offset from UTC that the text itself carried, or None.
    warnings
        ``ambiguous_hour``, ``hour_shifted`` or ``not_hl7_format``.
    text
        What was written; to be stored beside the instant, not to be logged.
    """

    instant: datetime
    precision: Precision
    offset: timedelta | None
    warnings: tuple[str, ...]
    text: str


# HL7 2.5.1 chapter 2A (DTM), and the ISO 8601 shape that some senders use.
_REST = r"(?:\.(\d{1,9}))?)?)?)?)?)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?"
_COMPACT = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:[T ]?(\d\d)(?:(\d\d)(?:(\d\d)" + _REST, re.ASCII
)
_SPACED = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)" + _REST, re.ASCII
)
_YEARS = range(1850, 2200)  # of anybody alive and of anything booked
_OFFSET_MAX: Final = timedelta(hours=14)  # Kiritimati
_END_OF_DAY: Final = (24, 0, 0)


def read_timestamp(
    text: str,
    *,
    zone: ZoneInfo,
    default_offset: timedelta | None = None,
    purpose: Purpose = Purpose.HISTORIC,
    path: str = "",
) -> Timestamp:
    """Read a TS or DTM value.

    Parameters
    ----------
    text
        The leaf: ``YYYY[MM[DD[HH[MM[SS[.s]]]]]][+/-ZZZZ]`` or its ISO 8601 form.
    zone
        Where the sender's clocks are; used where the text carries no offset.
    default_offset
        Offset that the message header declares for times without one. It counts only
        where it is foreign to `zone`: a header sent in winter says +0000, yet means
        local time for an appointment in July.
    purpose
        How strictly to read.
    path
        Where the value stands, for the error.

    Raises
    ------
    BadValue
        ``101`` where nothing or only a filler such as zeros was sent, ``102`` where it
        is no time, not precise enough, or an hour that the clock change skips.
    """
    value = text.strip()
    match = _COMPACT.fullmatch(value)
    warnings: list[str] = []
    if match is None:
        match = _SPACED.fullmatch(value)
        warnings.append("not_hl7_format")
    if not value.strip("0"):
        raise BadValue(MISSING, path, "no time was sent")
    if match is None:
        _refuse_time(path)
    *written, fraction, offset_text = match.groups()
    parts = [int(part) for part in written if part is not None]
    precision = Precision(len(parts) + (fraction is not None))
    if purpose is not Purpose.HISTORIC and precision < Precision.MINUTE:
        raise BadValue(BAD_TYPE, path, "an appointment needs date, hour and minute")

    local = _local_time(parts, fraction, purpose, path)
    offset = _offset(offset_text, path)
    stated = offset
    if stated is None and default_offset not in {None, *_offsets_of(zone, local)}:
        stated = default_offset
    if stated is None:
        instant = _in_zone(local, zone, purpose, path, warnings)
    else:
        instant = (local - stated).replace(tzinfo=UTC)
    return Timestamp(instant, precision, offset, tuple(warnings), text)


def read_optional_timestamp(
    text: str,
    *,
    zone: ZoneInfo,
    default_offset: timedelta | None = None,
    purpose: Purpose = Purpose.HISTORIC,
    path: str = "",
) -> Timestamp | None:
    """Read a time as `read_timestamp` does, or None where none was sent."""
    try:
        return read_timestamp(
            text,
            zone=zone,
            default_offset=default_offset,
            purpose=purpose,
            path=path,
        )
    except BadValue as error:
        if error.code == MISSING:
            return None
        raise


def _refuse_time(path: str) -> NoReturn:
    raise BadValue(BAD_TYPE, path, "send a time as YYYYMMDDHHMM[SS][+ZZZZ]")


def _local_time(
    parts: list[int], fraction: str | None, purpose: Purpose, path: str
) -> datetime:
    """Return the wall-clock time, without a zone."""
    year, month, day, *clock = [*parts, *(1, 1, 1)[len(parts) :]]
    hour, minute, second = [*clock, 0, 0, 0][:3]
    if year not in _YEARS:
        _refuse_time(path)
    days = 0
    if (hour, minute, second) == _END_OF_DAY:
        if purpose is not Purpose.APPOINTMENT_END:
            raise BadValue(MISSING, path, "24:00 can only end an appointment")
        hour, days = 0, 1
    if second == 60:  # noqa: PLR2004 - seen as a filler; no clock shows it
        raise BadValue(MISSING, path, "second 60 is no time")
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    try:
        wall = datetime(  # noqa: DTZ001 - the zone is applied later
            year, month, day, hour, minute, second, microsecond
        )
    except ValueError:
        _refuse_time(path)
    return wall + timedelta(days=days)


def _offset(text: str | None, path: str) -> timedelta | None:
    if text is None:
        return None
    if text == "Z":
        return timedelta(0)
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > _OFFSET_MAX or int(digits[2:]) >= 60:  # noqa: PLR2004 - minutes
        raise BadValue(BAD_TYPE, path, "send the offset as +HHMM, at most +1400")
    return -offset if text[0] == "-" else offset


def _offsets_of(zone: ZoneInfo, local: datetime) -> set[timedelta | None]:
    """Return the zone's own offsets in that year, winter and summer."""
    return {
        local.replace(month=month, day=1, tzinfo=zone).utcoffset() for month in (1, 7)
    }


def _in_zone(
    local: datetime, zone: ZoneInfo, purpose: Purpose, path: str, warnings: list[str]
) -> datetime:
    """Return the instant; the clock changes are where this is not obvious."""
    first = local.replace(tzinfo=zone, fold=0)
    earlier, later = first.utcoffset(), first.replace(fold=1).utcoffset()
    if earlier is not None and later is not None and earlier != later:
        if earlier > later:
            warnings.append("ambiguous_hour")
        elif purpose is Purpose.HISTORIC:
            warnings.append("hour_shifted")
        else:
            raise BadValue(
                BAD_TYPE, path, "the clocks skip this hour; send a time that exists"
            )
    return first.astimezone(UTC)


def write_timestamp(instant: datetime, zone: ZoneInfo) -> str:
    """Return a DTM value to the second, local time with its offset.

    The offset is always written, so that the hour of the autumn clock change is clear.
    """
    if instant.utcoffset() is None:
        raise ValueError("the instant has no time zone; pass an aware datetime")
    return instant.astimezone(zone).strftime("%Y%m%d%H%M%S%z")


_DATE = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:[T ]?\d\d(?::?\d\d){0,2}(?:\.\d+)?)? ?(?:Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def read_date(text: str, *, path: str = "PID-7") -> date:
    """Read a date, such as a date of birth; a time behind it is ignored.

    The date is never moved between zones: a birthday is not an instant.

    Raises
    ------
    BadValue
        ``101`` where none was sent, ``102`` where it is no full date.
    """
    value = text.strip()
    if not value.strip("0"):
        raise BadValue(MISSING, path, "no date was sent")
    match = _DATE.fullmatch(value)
    if match is None or int(match[1]) not in _YEARS:
        raise BadValue(BAD_TYPE, path, "send a full date as YYYYMMDD")
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        raise BadValue(BAD_TYPE, path, "send a date that exists, YYYYMMDD") from None


# Durations --------------------------------------------------------------------------

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


# NHS numbers ------------------------------------------------------------------------

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


# Composite types --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identifier:
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


@dataclass(frozen=True, slots=True)
class EntityId:
    """EI, an order or appointment number (HL7 2.5.1 chapter 2A)."""

    value: str = ""
    namespace: str = ""
    universal_id: str = ""
    universal_type: str = ""

    def __bool__(self) -> bool:
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class PersonName:
    """XPN, a person's name (HL7 2.5.1 chapter 2A)."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    prefix: str = ""
    type: str = ""  # XPN.7, table 0200

    def __bool__(self) -> bool:
        return bool(self.family or self.given)


@dataclass(frozen=True, slots=True)
class Clinician:
    """XCN, a person with an identifier (HL7 2.5.1 chapter 2A)."""

    value: str = ""
    family: str = ""
    given: str = ""
    prefix: str = ""  # XCN.6
    authority: str = ""  # XCN.9.1
    type: str = ""  # XCN.13, table 0203

    def __bool__(self) -> bool:
        return bool(self.value or self.family)


@dataclass(frozen=True, slots=True)
class Address:
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


@dataclass(frozen=True, slots=True)
class Code:
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


def _leaves(field: Field, *components: int) -> tuple[str, ...]:
    return tuple(field.component(number).strip() for number in components)


def read_cx(field: Field) -> Identifier:
    """Read an identifier, such as one repetition of PID-3."""
    oid = field.component(4, 2).strip()
    value, authority, kind, facility = _leaves(field, 1, 4, 5, 6)
    return Identifier(value, authority, oid, kind, facility)


def read_ei(field: Field) -> EntityId:
    """Read an entity identifier, such as ORC-2."""
    return EntityId(*_leaves(field, 1, 2, 3, 4))


def read_xpn(field: Field) -> PersonName:
    """Read a person's name, such as one repetition of PID-5."""
    return PersonName(*_leaves(field, 1, 2, 3, 4, 5, 7))


def read_xcn(field: Field) -> Clinician:
    """Read a person with an identifier, such as OBR-16."""
    return Clinician(*_leaves(field, 1, 2, 3, 6, 9, 13))


def read_xad(field: Field) -> Address:
    """Read a postal address, such as one repetition of PID-11."""
    return Address(*_leaves(field, 1, 2, 3, 4, 5, 6, 7))


def read_cwe(field: Field) -> Code:
    """Read a coded value, such as OBR-4."""
    return Code(*_leaves(field, 1, 2, 3, 4, 5, 6, 9))
