"""What is stored of scanner time: sessions, appointments, diary entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking_engine.application.free_time import FreeTime
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.identifiers import (
    AppointmentId,
    ContractId,
    DiaryEntryId,
    OrderId,
    PartnerId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.schedule import Appointment, ScanSession


class Schedule(Protocol):
    """Sessions and appointments."""

    def add_sessions(self, sessions: Iterable[ScanSession]) -> None:
        """Store sessions; those whose id exists already are left as they are."""
        ...

    def session(self, session_id: SessionId) -> ScanSession:
        """Return one session; raises `NotKnown`."""
        ...

    def save_session(self, session: ScanSession) -> None:
        """Store a changed session; optimistic as `Orders.save`."""
        ...

    def sessions_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[ScanSession]:
        """Return sessions that overlap the interval, by scanner, then start."""
        ...

    def add(self, appointment: Appointment) -> None:
        """Store a new appointment or hold.

        Flushing raises `SlotTaken` or `PatientBusy` if it overlaps another.
        """
        ...

    def save(self, appointment: Appointment) -> None:
        """Store a changed appointment; optimistic as `Orders.save`.

        Flushing may raise as for `add`.
        """
        ...

    def appointment(self, appointment_id: AppointmentId) -> Appointment:
        """Return one appointment; raises `NotKnown`."""
        ...

    def live_appointment(self, order_id: OrderId) -> Appointment | None:
        """Return the order's appointment in an occupying state, or ``None``."""
        ...

    def live_appointments(
        self, order_ids: Iterable[OrderId]
    ) -> dict[OrderId, Appointment]:
        """Return the occupying appointments of these orders, in one query."""
        ...

    def occupying_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[Appointment]:
        """Return appointments that occupy time in the interval, by scanner, start."""
        ...

    def occupying_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[Appointment]:
        """Return the occupying appointments of these patients that end after."""
        ...

    def free_time(
        self,
        since: datetime,
        until: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> FreeTime:
        """Return what is free in the open sessions that overlap the interval.

        Appointments, holds and diary entries are cut out, those of this unit too.
        What is over before the interval begins is left out. By scanner, in the order
        given, then start; ``None`` means all scanners.
        """
        ...

    def forget_changes(self, *, keep: int) -> None:
        """Delete what was noted of the diary's changes, but for the last `keep`.

        Whoever keeps free time and finds lines missing reads the diary anew.
        """
        ...

    def expired_holds(self, now: datetime) -> list[Appointment]:
        """Return the holds that lapsed at or before `now`."""
        ...

    def contract_use(self) -> dict[ContractId, int]:
        """Return how many occupying appointments count against each contract."""
        ...


@dataclass(frozen=True, slots=True)
class Engaged:
    """What takes a stretch of time on a scanner, and of a patient.

    Parameters
    ----------
    on_scanner, of_patient
        Appointments in an occupying state that overlap the stretch.
    entries_on_scanner, entries_of_patient
        Likewise of entries in diaries.
    """

    on_scanner: Sequence[Appointment]
    of_patient: Sequence[Appointment]
    entries_on_scanner: Sequence[DiaryEntry]
    entries_of_patient: Sequence[DiaryEntry]


class Diary(Protocol):
    """Entries of other systems' diaries, and closures.

    Flushing an appointment that comes to lie on an entry raises `SlotTaken`; an entry
    may come to lie on anything.
    """

    def get(self, entry_id: DiaryEntryId) -> DiaryEntry:
        """Return one entry; raises `NotKnown`."""
        ...

    def numbered(self, partner: PartnerId, number: str) -> list[DiaryEntry]:
        """Return the entries of this name, ended ones too, by start.

        Open for writing, a unit keeps the name to itself, as with `Orders.by_placer`.
        """
        ...

    def add(self, entry: DiaryEntry) -> None:
        """Store a new entry.

        Once it is flushed, no other transaction books into its time: what lies there
        then is seen by `Schedule.occupying_between`.
        """
        ...

    def save(self, entry: DiaryEntry) -> None:
        """Store a changed entry; optimistic as `Orders.save`, flushing as `add`."""
        ...

    def of_order(self, order_id: OrderId) -> list[DiaryEntry]:
        """Return the entries for an order, ended ones too, by start."""
        ...

    def taking_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[DiaryEntry]:
        """Return the entries that take time in the interval, by start."""
        ...

    def taking_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[DiaryEntry]:
        """Return the entries that keep these patients busy and end after, by start."""
        ...

    def sought_and_stored(self, limit: int) -> list[DiaryEntry]:
        """Return entries whose order was not known and may be by now, oldest first.

        One of the numbers that they name it by is an order's: whose, and whether it is
        the one that is meant, is for the caller to see. Asked at every arrival, hence
        one query, and nothing is read of the entries that still wait.
        """
        ...

    def with_unknown_names(
        self, after: datetime, *, partner: PartnerId | None = None
    ) -> list[DiaryEntry]:
        """Return the entries with names that no table knew, which end after, by start.

        Linked ones too: a name may be of a further scanner.

        Parameters
        ----------
        partner
            Only those of this one's diary.
        """
        ...
