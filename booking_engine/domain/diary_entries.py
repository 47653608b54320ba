"""Time that somebody else's diary takes: external appointments, and closures.

A hospital's own system may keep the diary of a scanner that we book too. What it
books or blocks there is an entry: the engine books nothing into its time. Entries may
overlap each other, as they do in that diary, and may come to lie on a booking of ours:
then both stay, and a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import (
    AppointmentId,
    DiaryEntryId,
    OrderId,
    PartnerId,
    PatientKey,
    ProcedureCode,
    ScannerId,
)
from booking_engine.domain.mappings import UnknownName


class Taken(Protocol):
    """Whatever takes time on a scanner: an appointment, a hold, an entry."""

    @property
    def starts_at(self) -> datetime:
        """When it begins."""
        ...

    @property
    def ends_at(self) -> datetime:
        """When it ends."""
        ...


class TakenOnScanner(Taken, Protocol):
    """Whatever takes time, and on which scanner."""

    @property
    def scanner(self) -> ScannerId | None:
        """Where; ``None`` on none of ours."""
        ...


class EntryKind(StrEnum):
    """What an entry stands for."""

    APPOINTMENT = "appointment"
    CLOSURE = "closure"


class EntryStatus(StrEnum):
    """Whether an entry takes time."""

    TAKING = "taking"
    LINKED = "linked"
    """It is an appointment of ours by another name; that one takes the time."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time on one scanner.

    Parameters
    ----------
    scanner
        ``None`` where the other system's resource is none of our scanners: then only
        the patient is busy.
    """

    scanner: ScannerId | None
    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        """Refuse a stretch without length."""
        if self.ends_at <= self.starts_at:
            raise InvalidValue(
                f"A stretch on {self.scanner} ends at {self.ends_at.isoformat()}, not"
                " after its start; send a later end or a longer duration."
            )


@dataclass(frozen=True, slots=True)
class DiaryEntry:
    """One stretch of time in somebody else's diary.

    Parameters
    ----------
    partner
        Whose diary; ``None`` for a closure that our own people made.
    number
        Its name there (SCH-2, else SCH-1); one appointment on several scanners is
        one entry on each, of the same number.
    sent_at
        The sender's time of the last word that was applied: older ones are ignored.
    order_id
        The order that it is for, where that is known.
    appointment_id
        The appointment of ours that it stands for, once it is linked.
    patient
        Who is busy meanwhile, where that is known.
    reason
        Why it was closed or ended, as coded by the sender; never patient data.
    sought
        While its order is not known: placer authority, placer number and filler
        number, by which to look for it.
    exams
        While its order is not known: the exams that it is for, as far as mapped.
    unknown
        Names in it that no table of the partner knows: of rooms and machines, which
        may be further scanners of ours, and of exams while its order is not known.
    declined
        Orders that it might have been for, and a person has said that it is not.
    """

    id: DiaryEntryId
    partner: PartnerId | None
    number: str
    kind: EntryKind
    scanner: ScannerId | None
    starts_at: datetime
    ends_at: datetime
    status: EntryStatus
    sent_at: datetime
    order_id: OrderId | None = None
    appointment_id: AppointmentId | None = None
    patient: PatientKey | None = None
    reason: str = ""
    sought: tuple[str, str, str] | None = None
    exams: frozenset[ProcedureCode] = frozenset()
    unknown: tuple[UnknownName, ...] = ()
    declined: frozenset[OrderId] = frozenset()
    version: int = 1

    @property
    def stretch(self) -> Stretch:
        """Where and when it is."""
        return Stretch(self.scanner, self.starts_at, self.ends_at)


def overlaps(one: Taken, other: Taken) -> bool:
    """Return whether two share time; touching ones do not."""
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def hulls(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return one stretch for each scanner: from its first start to its last end.

    The parts of one appointment on one scanner are one stay on its table.
    """
    found: dict[ScannerId | None, Stretch] = {}
    for one in stretches:
        before = found.get(one.scanner, one)
        found[one.scanner] = Stretch(
            one.scanner,
            min(before.starts_at, one.starts_at),
            max(before.ends_at, one.ends_at),
        )
    return tuple(found.values())


def remainder(whole: Stretch, cut: Stretch) -> tuple[Stretch, ...]:
    """Return what is left of `whole` where `cut` is taken out of it."""
    left: list[Stretch] = []
    if cut.starts_at > whole.starts_at:
        end = min(cut.starts_at, whole.ends_at)
        left.append(Stretch(whole.scanner, whole.starts_at, end))
    if cut.ends_at < whole.ends_at:
        begin = max(cut.ends_at, whole.starts_at)
        left.append(Stretch(whole.scanner, begin, whole.ends_at))
    return tuple(left)
