"""What reading a message finds besides its values: holds, warnings, refusals.

Errors::

    MappingError   the message cannot be carried out; carries the coded answer
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from booking_engine.domain.clock import local_date
from booking_engine.domain.orders import HoldCode, HoldReason
from booking_engine.domain.safety import Question
from hl7_adapters.conditions import RULES, Condition, Reply
from hl7_adapters.datatypes import (
    MISSING,
    BadValue,
    Purpose,
    Timestamp,
    read_date,
    read_timestamp,
)
from hl7_adapters.dialect import Place
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile

_DAY = re.compile(r"\d{1,8}|\d{4}-\d\d-\d\d", re.ASCII)
"""A date without a time, or what was meant as one."""
_CLOCK_SKEW: Final = timedelta(days=1)


class MappingError(Exception):
    """The message was read, but cannot be carried out as it is.

    Parameters
    ----------
    condition
        What is wrong; gives the code of table 0357.
    location
        Segment, sequence and field for ERR, such as ``PID^1^3``; empty if none.
    text
        What is wrong and what to send; never patient data.
    kind
        The reply: AE or AR, or AA where the profile says to accept and ignore.
    """

    def __init__(
        self, condition: Condition, location: str, text: str, kind: Reply
    ) -> None:
        super().__init__(f"{condition.value} at {location or 'message'}: {text}")
        self.condition = condition
        self.code = RULES[condition].error
        self.location = location
        self.text = text
        self.kind = kind


@dataclass(slots=True)
class Reading:
    """What has been found so far while one message is read.

    Parameters
    ----------
    now
        The present instant.
    header_time
        MSH-7, if it could be read; its offset is the message's.
    changes
        Whether an order that is stored is changed: what the message is silent about
        is then `kept`, not held for.
    withdrawn
        Safety questions whose answer it deletes.
    asked
        The order behind each command, in the same order; none on other messages.
    """

    profile: Profile
    now: datetime
    header_time: Timestamp | None = None
    warnings: list[str] = field(default_factory=list)
    holds: list[HoldReason] = field(default_factory=list)
    changes: bool = False
    kept: set[str] = field(default_factory=set)
    withdrawn: set[Question] = field(default_factory=set)
    asked: list[OrderGroup] = field(default_factory=list)
    _times: dict[str, Timestamp] = field(default_factory=dict)

    def hold(
        self,
        code: HoldCode,
        detail: str = "",
        names: tuple[str, ...] = (),
        text: str = "",
        *,
        step: int = 0,
    ) -> None:
        """Note that a person must settle something; see `HoldReason`."""
        reason = HoldReason(code, detail, names, text, step)
        if reason not in self.holds:
            self.holds.append(reason)

    def keep(self, *names: str) -> bool:
        """Note that a change is silent about fields; false if this is no change."""
        if self.changes:
            self.kept.update(names)
        return self.changes

    def begin(self, *, changes: bool = False) -> None:
        """Start with another order of the message."""
        self.holds = []
        self.changes = changes
        self.kept = set()
        self.withdrawn = set()

    def warn(self, warning: str) -> None:
        """Note something worth looking at, that changes nothing."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def refuse(self, condition: Condition, location: str, text: str) -> MappingError:
        """Return the error to raise for a condition, with this partner's reply."""
        return MappingError(condition, location, text, self.profile.reply(condition))

    def bad_value(self, condition: Condition, location: str, error: BadValue) -> None:
        """Refuse a bad value, or go on, as the profile says."""
        if self.profile.reply(condition) is not Reply.AA:
            raise self.refuse(condition, location, error.remedy) from error

    # Times ---------------------------------------------------------------------------

    def past(self, group: OrderGroup, places: tuple[Place, ...]) -> datetime | None:
        """Return the first time that has happened; none if there is none.

        A time that lies in the future (some senders put the wanted date into OBR-6)
        cannot be when something was requested, so it is passed over.
        """
        for place in places:
            if place.segment == "MSH" and self.header_time is not None:
                found: Timestamp | None = self.header_time
            else:
                found = self._time(group, place)
            if found is None:
                continue
            if found.instant - self.now > _CLOCK_SKEW:
                self.warn(f"{place}: lies in the future")
                continue
            return min(found.instant, self.now)
        return None

    def _time(self, group: OrderGroup, place: Place) -> Timestamp | None:
        text = group.leaf(place)
        if not text:
            return None
        try:
            found = self.time(text)
        except BadValue as error:
            if error.code != MISSING:
                location = group.location(place.segment, place.field)
                self.bad_value(Condition.BAD_TIME, location, error)
                self.hold(HoldCode.INVALID_TIME, str(place))
            return None
        for warning in found.warnings:
            self.warn(f"{place}: {warning}")
        return found

    def head(self, time: Timestamp | None) -> None:
        """Note MSH-7; the fields that repeat it are not read again."""
        self.header_time = time
        if time is not None:
            self._times[time.text] = time

    def time(self, text: str) -> Timestamp:
        """Read a time that has passed; messages repeat one time in many fields.

        Raises
        ------
        BadValue
            It is no time.
        """
        found = self._times.get(text)
        if found is None:
            found = read_timestamp(
                text, zone=self.profile.zone, default_offset=self.offset
            )
            self._times[text] = found
        return found

    @property
    def offset(self) -> timedelta | None:
        """The offset that the message header declares, if any."""
        return None if self.header_time is None else self.header_time.offset

    def wanted_day(
        self, group: OrderGroup, places: tuple[Place, ...], purpose: Purpose
    ) -> date | None:
        """Return the local day of a bound of the wanted window; none if past.

        An hour that the spring clock change skips, or a date that is none, holds the
        order: to book a guess would be worse.
        """
        place, text = group.first(places)
        if place is None:
            return None
        try:
            if _DAY.fullmatch(text):
                day = read_date(text, path=str(place))
            else:
                found = read_timestamp(
                    text,
                    zone=self.profile.zone,
                    default_offset=self.offset,
                    purpose=purpose,
                    path=str(place),
                )
                day = found.instant.astimezone(self.profile.zone).date()
        except BadValue as error:
            if error.code != MISSING:
                location = group.location(place.segment, place.field)
                self.bad_value(Condition.BAD_TIME, location, error)
                self.hold(HoldCode.INVALID_TIME, str(place))
            return None
        if day < local_date(self.now):
            self.warn(f"{place}: lies in the past")
            return None
        return day
