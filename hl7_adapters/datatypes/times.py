"""TS and DTM: what a time means as an instant, and a date of birth as a date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum
from functools import lru_cache
from math import floor
from typing import Final, NamedTuple, NoReturn, TypeAlias
from zoneinfo import ZoneInfo

from hl7_adapters.datatypes.bad_value import BAD_TYPE, MISSING, BadValue


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


class Timestamp(NamedTuple):
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
    plain = _plain_time(text, zone, default_offset)
    return plain or _any_time(text, zone, default_offset, purpose, path)


def _plain_time(
    text: str, zone: ZoneInfo, default_offset: timedelta | None
) -> Timestamp | None:
    """Return a time to the second in an hour like any other, as nearly all are.

    None where there is more to look at; it is then read by all the rules.
    """
    digits = text[:_TO_THE_SECOND]
    if not (len(digits) == _TO_THE_SECOND and digits.isdecimal() and digits.isascii()):
        return None
    hour = _hour_of(text[:10], text[_TO_THE_SECOND:], zone)
    minute, second = int(text[10:12]), int(text[12:14])
    if hour is None or minute >= 60 or second >= 60:  # noqa: PLR2004 - of a clock
        return None
    start, offset, usual = hour
    if offset is None and default_offset is not None and default_offset not in usual:
        return None
    instant = start + timedelta(0, 60 * minute + second)
    return Timestamp(instant, Precision.SECOND, offset, (), text)


_TO_THE_SECOND: Final = 14
_HOURS: Final = 4096
_LONGEST_OFFSET: Final = 6

_Hour: TypeAlias = "tuple[datetime, timedelta | None, frozenset[timedelta | None]]"
"""When an hour begins, the offset that was written, and those that its zone knows."""


def _hour_of(hour: str, offset: str, zone: ZoneInfo) -> _Hour | None:
    """Return an hour (``YYYYMMDDHH``), unless its clocks change or it is none."""
    return None if len(offset) > _LONGEST_OFFSET else _known_hour(hour, offset, zone)


@lru_cache(_HOURS)
def _known_hour(hour: str, offset: str, zone: ZoneInfo) -> _Hour | None:
    try:
        first, last = (
            _any_time(f"{hour}{rest}{offset}", zone, None, Purpose.HISTORIC, "")
            for rest in ("0000", "5959")
        )
    except BadValue:
        return None
    if first.warnings or last.warnings or last.precision is not Precision.SECOND:
        return None
    if last.instant - first.instant != timedelta(minutes=59, seconds=59):
        return None
    usual = _offsets_of(zone, first.instant.astimezone(zone))
    return first.instant, first.offset, frozenset(usual)


def _any_time(
    text: str,
    zone: ZoneInfo,
    default_offset: timedelta | None,
    purpose: Purpose,
    path: str,
) -> Timestamp:
    """Read a time as `read_timestamp` says."""
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
    if (
        stated is None
        and default_offset is not None
        and default_offset not in _offsets_of(zone, local)
    ):
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
    return _written(floor(instant.timestamp()), zone)


@lru_cache(64)
def _written(second: int, zone: ZoneInfo) -> str:
    """Return one second as text; many answers are written within the same one."""
    return datetime.fromtimestamp(second, zone).strftime("%Y%m%d%H%M%S%z")


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
