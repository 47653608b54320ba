"""What another system's diary, or our own people closing time, may ask of the engine.

As in `commands`: frozen, complete, free of HL7 and HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.diary_entries import EntryKind, Stretch
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


@dataclass(frozen=True, slots=True)
class OrderNumbers:
    """By what numbers another system knows an order (SCH-26 and SCH-27).

    Parameters
    ----------
    placer_authority
        Empty where the number came without one: then only an order that this very
        partner placed is meant.
    filler_number
        Ours, or the other system's own.
    """

    placer_authority: str = ""
    placer_number: str = ""
    filler_number: str = ""


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """Another system's diary has an appointment or a closure (SIU S12-S14, S23).

    Handled by `diary.record_entry`, which returns a `received.Received`. A snapshot:
    what is on scanners that it does not name any more is ended. It says again what is
    stored, or changes it; where the number is not known it is new.

    Parameters
    ----------
    partner
        Who keeps that diary; ``None`` for a closure that our own people make.
    number
        Its name there (SCH-2, else SCH-1; PV1-19 of an ADT^A05).
    stretches
        When and where; on no scanner of ours it only keeps the patient busy.
    sent_at
        The sender's time of the message: what is older than the last is ignored.
    order
        The order that it is for, if it says so.
    appointment_id
        The appointment of ours that it names, if any.
    procedures
        The exams that it names (AIS-3), as far as they are mapped. Where no number says
        which order it is for, those of the patient for such an exam are proposed.
    unknown
        What it names and no table of the partner knows: rooms and machines, which may
        be scanners of ours, and exams.
    may_create
        Whether a number that is not known may be new; else `NotKnown` is raised.
    """

    partner: PartnerId | None
    number: str
    kind: EntryKind
    stretches: tuple[Stretch, ...]
    sent_at: datetime
    order: OrderNumbers | None = None
    appointment_id: AppointmentId | None = None
    patient: PatientKey | None = None
    reason: str = ""
    procedures: frozenset[ProcedureCode] = frozenset()
    unknown: tuple[UnknownName, ...] = ()
    may_create: bool = True


@dataclass(frozen=True, slots=True)
class SettleNames:
    """What an entry names and was not known means something by now.

    Handled by `diary_names.settle_names`, which returns the entries that it stands in
    then; none where it waits for none of these names any more.

    Parameters
    ----------
    settled
        The names that are known now.
    scanners
        Those of ours that they are; none where they are no scanner of ours.
    exams
        Likewise.
    """

    entry_id: DiaryEntryId
    settled: tuple[UnknownName, ...]
    scanners: tuple[ScannerId, ...] = ()
    exams: frozenset[ProcedureCode] = frozenset()


@dataclass(frozen=True, slots=True)
class LinkEntries:
    """Look again for orders that entries named before they came.

    Handled by `diary.link_entries`, which returns how many it found.
    """


@dataclass(frozen=True, slots=True)
class AcceptProposal:
    """A person has found out that an entry is for an order that it may be for.

    Handled by `diary_proposals.accept_proposal`, which returns the order.

    Parameters
    ----------
    reason
        How they know; never patient data.
    """

    order_id: OrderId
    entry_id: DiaryEntryId
    reason: str


@dataclass(frozen=True, slots=True)
class DeclineProposal:
    """Likewise, that it is not.

    Handled by `diary_proposals.decline_proposal`, which returns the order.
    """

    order_id: OrderId
    entry_id: DiaryEntryId
    reason: str


class Ending(StrEnum):
    """How an entry of another diary ends."""

    CANCELLED = "cancelled"
    DELETED = "entered in error"
    DISCONTINUED = "discontinued"
    """It had begun and was broken off."""
    MISSED = "did not attend"
    REOPENED = "reopened"
    """A closure, or the part of it that `EndEntry.stretches` name."""


@dataclass(frozen=True, slots=True)
class EndEntry:
    """Another system's diary has it no more (SIU S15, S16, S17, S24, S26).

    Handled by `diary_ending.end_entry`, which returns a `received.Received`. The order
    of a cancelled appointment goes back to waiting.

    Parameters
    ----------
    number
        As in `RecordEntry`; or name the entry by `entry_id`.
    by_patient
        Whether the patient cancelled: that resets the clock, a hospital's cancellation
        never does (DM01).
    stretches
        What is reopened; empty means all of it.
    """

    partner: PartnerId | None
    number: str
    ending: Ending
    sent_at: datetime
    appointment_id: AppointmentId | None = None
    entry_id: DiaryEntryId | None = None
    stretches: tuple[Stretch, ...] = ()
    reason: str = ""
    by_patient: bool = False
