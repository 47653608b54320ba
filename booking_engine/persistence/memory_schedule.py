"""Sessions and appointments in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from booking_engine.application.free_time import (
    LONGEST_SESSION,
    FreeTime,
    free_time,
)
from booking_engine.domain.diary_entries import TakenOnScanner
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    AppointmentId,
    ContractId,
    OrderId,
    PatientKey,
    ScannerId,
    SessionId,
)
from booking_engine.domain.schedule import (
    OCCUPYING,
    Appointment,
    AppointmentStatus,
    ScanSession,
)
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_diary import InMemoryDiary
from booking_engine.persistence.memory_tables import overlaps
from booking_engine.persistence.memory_transaction import Transaction


class InMemorySchedule:
    """Sessions and appointments."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add_sessions(self, sessions: Iterable[ScanSession]) -> None:
        """Store sessions; those whose id exists already are left as they are."""
        stored = self._unit.own("sessions")
        for session in sessions:
            stored.setdefault(session.id, session)

    def session(self, session_id: SessionId) -> ScanSession:
        """Return one session; raises `NotKnown`."""
        try:
            return self._unit.tables.sessions[session_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Session", session_id)) from None

    def save_session(self, session: ScanSession) -> None:
        """Store a changed session; see `sql` for the rule."""
        before = self._unit.tables.sessions.get(session.id)
        version = self._unit.next_version(
            "Session", session.id, session.version, before
        )
        self._unit.own("sessions")[session.id] = replace(session, version=version)

    def sessions_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[ScanSession]:
        """Return sessions that overlap the interval, by scanner, then start."""
        wanted = None if scanners is None else frozenset(scanners)
        found = [
            session
            for session in self._unit.tables.sessions.values()
            if (wanted is None or session.scanner in wanted)
            and overlaps(session.starts_at, session.ends_at, starts_at, ends_at)
        ]
        return sorted(found, key=lambda s: (s.scanner, s.starts_at, s.id))

    def add(self, appointment: Appointment) -> None:
        """Store a new appointment or hold; see `Tables.check_appointment`."""
        appointments = self._unit.own("appointments")
        if appointment.id in appointments:
            self._unit.refuse_existing()
            return
        appointments[appointment.id] = appointment
        self._file(appointment)
        self._unit.check(lambda t: t.check_beside_diary(appointment.id))

    def save(self, appointment: Appointment) -> None:
        """Store a changed appointment; see `sql` for the rule."""
        before = self._unit.tables.appointments.get(appointment.id)
        version = self._unit.next_version(
            "Appointment",
            appointment.id,
            appointment.version,
            before,
        )
        appointments = self._unit.own("appointments")
        appointments[appointment.id] = replace(appointment, version=version)
        if before is not None:
            self._unfile(before)
        self._file(appointment)
        if before is None or _takes_anew(before, appointment):
            self._unit.check(lambda t: t.check_beside_diary(appointment.id))

    def _file(self, appointment: Appointment) -> None:
        for name, key in _indices(appointment):
            index = self._unit.own(name)
            index[key] = (*index.get(key, ()), appointment.id)
        self._unit.check(lambda t: t.check_appointment(appointment.id))

    def _unfile(self, appointment: Appointment) -> None:
        for name, key in _indices(appointment):
            index = self._unit.own(name)
            index[key] = tuple(i for i in index[key] if i != appointment.id)

    def appointment(self, appointment_id: AppointmentId) -> Appointment:
        """Return one appointment; raises `NotKnown`."""
        try:
            return self._unit.tables.appointments[appointment_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Appointment", appointment_id)) from None

    def live_appointment(self, order_id: OrderId) -> Appointment | None:
        """Return the order's appointment in an occupying state, or ``None``."""
        return self._unit.tables.live(order_id)

    def live_appointments(
        self, order_ids: Iterable[OrderId]
    ) -> dict[OrderId, Appointment]:
        """Return the occupying appointments of these orders."""
        found = ((i, self._unit.tables.live(i)) for i in order_ids)
        return {i: appointment for i, appointment in found if appointment is not None}

    def occupying_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[Appointment]:
        """Return appointments that occupy time in the interval, by scanner, start."""
        tables = self._unit.tables
        wanted = tables.on_scanner if scanners is None else frozenset(scanners)
        found = [
            appointment
            for scanner in wanted
            for appointment in tables.occupying(tables.on_scanner.get(scanner, ()))
            if overlaps(appointment.starts_at, appointment.ends_at, starts_at, ends_at)
        ]
        return sorted(found, key=lambda a: (a.scanner, a.starts_at, a.id))

    def occupying_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[Appointment]:
        """Return the occupying appointments of these patients that end after."""
        tables = self._unit.tables
        found = [
            appointment
            for patient in frozenset(patients)
            for appointment in tables.occupying(
                tables.of_patient.get(PatientKey(patient), ())
            )
            if appointment.ends_at > after
        ]
        return sorted(found, key=lambda a: (a.patient, a.starts_at, a.id))

    def free_time(
        self,
        since: datetime,
        until: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> FreeTime:
        """Return what is free in the open sessions that overlap the interval."""
        around = since - LONGEST_SESSION, until + LONGEST_SESSION
        on = None if scanners is None else list(dict.fromkeys(scanners))
        taken: tuple[TakenOnScanner, ...] = (
            *self.occupying_between(*around, scanners=on),
            *InMemoryDiary(self._unit).taking_between(*around, scanners=on),
        )
        sessions = self.sessions_between(since, until, scanners=on)
        if on is not None:
            place = {scanner: number for number, scanner in enumerate(on)}
            sessions.sort(key=lambda session: place[session.scanner])
        return free_time(sessions, taken).between(since, until)

    def forget_changes(self, *, keep: int) -> None:
        """Do nothing: nothing is noted."""

    def expired_holds(self, now: datetime) -> list[Appointment]:
        """Return the holds that lapsed at or before `now`, the first lapsed first."""
        found = [
            (appointment.expires_at, appointment.id, appointment)
            for appointment in self._unit.tables.appointments.values()
            if appointment.status is AppointmentStatus.HELD
            and appointment.expires_at is not None
            and appointment.expires_at <= now
        ]
        return [appointment for _, _, appointment in sorted(found, key=lambda x: x[:2])]

    def contract_use(self) -> dict[ContractId, int]:
        """Return how many occupying appointments count against each contract."""
        tables = self._unit.tables
        use: Counter[ContractId] = Counter()
        for appointment in tables.appointments.values():
            contract = tables.sessions[appointment.session_id].contract
            if contract is not None and appointment.status in OCCUPYING:
                use[contract] += 1
        return dict(use)


def _takes_anew(before: Appointment, after: Appointment) -> bool:
    """Return whether the diary is asked again: see `guards`, whose rule this is."""
    confirmed = (
        before.status is AppointmentStatus.HELD
        and after.status is AppointmentStatus.BOOKED
    )
    stays = before.status in OCCUPYING and (
        (before.scanner, before.starts_at, before.ends_at)
        == (after.scanner, after.starts_at, after.ends_at)
    )
    return confirmed or not stays


def _indices(appointment: Appointment) -> tuple[tuple[str, str], ...]:
    return (
        ("on_scanner", appointment.scanner),
        ("of_patient", appointment.patient),
        ("of_order", appointment.order_id),
    )
