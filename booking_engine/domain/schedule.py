"""Sessions of staffed scanner time, what occupies them, and what is free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from booking_engine.domain.clock import LONDON
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import (
    AppointmentId,
    ContractId,
    DecisionId,
    OrderId,
    PatientKey,
    ScannerId,
    SessionId,
)
from booking_engine.domain.vocabulary import ListType


@dataclass(frozen=True, slots=True)
class SessionTemplate:
    """The weekly pattern that sessions are generated from, in local time.

    Parameters
    ----------
    weekdays
        0 is Monday.
    starts, ends
        Local wall times; `ends` is later on the same day.
    list_type
        What the list is for.
    release_hours
        Hours before the start from which anyone may use it, or ``None``: never.
    """

    scanner: ScannerId
    weekdays: frozenset[int]
    starts: time
    ends: time
    list_type: ListType = ListType.GENERAL
    release_hours: int | None = None
    contract: ContractId | None = None

    def __post_init__(self) -> None:
        """Refuse a pattern that ends before it starts."""
        if self.ends <= self.starts:
            raise InvalidValue(
                f"Session template of {self.scanner}: ends {self.ends} is not after"
                f" starts {self.starts}; split lists at midnight."
            )


class SessionStatus(StrEnum):
    """Whether the session takes patients."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ScanSession:
    """One list: a scanner, staffed, from one instant to another.

    Parameters
    ----------
    release_at
        From this instant anyone may use it; ``None`` means never (or no need).
    version
        Counts changes of what is booked in it.
    """

    id: SessionId
    scanner: ScannerId
    starts_at: datetime
    ends_at: datetime
    list_type: ListType
    release_at: datetime | None = None
    contract: ContractId | None = None
    status: SessionStatus = SessionStatus.OPEN
    version: int = 1

    def list_type_at(self, instant: datetime) -> ListType:
        """Return whom the session is for at `instant`: general once released."""
        if self.release_at is not None and instant >= self.release_at:
            return ListType.GENERAL
        return self.list_type


def local_instant(day: date, wall: time) -> datetime:
    """Return the instant, in UTC, at which London's clocks show `wall` on `day`.

    In the hour that the autumn change repeats, the first pass is meant.

    Raises
    ------
    InvalidValue
        The spring change skips this time.
    """
    local = datetime.combine(day, wall, tzinfo=LONDON)
    instant = local.astimezone(UTC)
    if instant.astimezone(LONDON).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise InvalidValue(
            f"{wall} does not exist on {day}: clocks go forward; choose another time."
        )
    return instant


def expand(
    template: SessionTemplate,
    days: Iterable[date],
    *,
    session_id: str,
    closed_on: frozenset[date] = frozenset(),
) -> list[ScanSession]:
    """Return the sessions of `template` on `days`, leaving out `closed_on`.

    Parameters
    ----------
    session_id
        Stem of the identifiers; day and start are appended, so that expanding the
        same template twice names the same sessions.
    """
    sessions: list[ScanSession] = []
    for day in days:
        if day.weekday() not in template.weekdays or day in closed_on:
            continue
        starts_at = local_instant(day, template.starts)
        release_at = (
            None
            if template.release_hours is None
            else starts_at - timedelta(hours=template.release_hours)
        )
        sessions.append(
            ScanSession(
                id=SessionId(f"{session_id}-{day:%y%m%d}-{template.starts:%H%M}"),
                scanner=template.scanner,
                starts_at=starts_at,
                ends_at=local_instant(day, template.ends),
                list_type=template.list_type,
                release_at=release_at,
                contract=template.contract,
            )
        )
    return sessions


class AppointmentStatus(StrEnum):
    """Where an appointment stands; a hold is an appointment not yet promised."""

    HELD = "held"
    BOOKED = "booked"
    ARRIVED = "arrived"
    PERFORMED = "performed"
    CANCELLED = "cancelled"
    DID_NOT_ATTEND = "did_not_attend"
    ENTERED_IN_ERROR = "entered_in_error"


OCCUPYING = frozenset(
    {
        AppointmentStatus.HELD,
        AppointmentStatus.BOOKED,
        AppointmentStatus.ARRIVED,
        AppointmentStatus.PERFORMED,
    }
)
"""States in which the time is taken; the database's constraints use the same."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """The agreed result of patient and slot, or a hold on it.

    Parameters
    ----------
    told
        Whether the patient has been told: then only a person may move it (HAZ-10).
    expires_at
        When a hold lapses; ``None`` unless `status` is ``HELD``.
    cancel_reason
        Who cancelled and why; empty unless cancelled.
    """

    id: AppointmentId
    order_id: OrderId
    session_id: SessionId
    scanner: ScannerId
    patient: PatientKey
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    decision_id: DecisionId | None
    told: bool = False
    expires_at: datetime | None = None
    cancel_reason: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        """Refuse an appointment without length."""
        if self.ends_at <= self.starts_at:
            raise InvalidValue(
                f"Appointment {self.id} ends at {self.ends_at.isoformat()}, not after"
                " its start."
            )


Interval = tuple[datetime, datetime]


def free_intervals(
    session: ScanSession, occupied: Iterable[Interval]
) -> list[Interval]:
    """Return the parts of `session` that nothing occupies, in order of time."""
    free: list[Interval] = []
    cursor = session.starts_at
    for begin, end in sorted(occupied):
        if begin > cursor:
            free.append((cursor, min(begin, session.ends_at)))
        cursor = max(cursor, end)
        if cursor >= session.ends_at:
            break
    if cursor < session.ends_at:
        free.append((cursor, session.ends_at))
    return free
