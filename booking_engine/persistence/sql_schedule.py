"""Sessions and appointments in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    AppointmentId,
    ContractId,
    OrderId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.schedule import (
    OCCUPYING,
    Appointment,
    ScanSession,
)
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.queries import AnyRow, among, held, occupying
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.writes import TABLES, Kind, Write

_SESSION: Final = TABLES[Kind.SESSION]
_APPOINTMENT: Final = TABLES[Kind.APPOINTMENT]

_ONE_SESSION: Final = "session"
_ONE: Final = "appointment"


class SqlSchedule:
    """Sessions and appointments."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add_sessions(self, sessions: Iterable[ScanSession]) -> None:
        """Store sessions; those whose id exists already are left as they are."""
        for session in sessions:
            # Not remembered: only the database knows which of the two stays.
            self._transaction.write(Write(Kind.SESSION, mapping.session_row(session)))

    def session(self, session_id: SessionId) -> ScanSession:
        """Return one session; raises `NotKnown`."""
        t = self._transaction
        known: ScanSession | None = t.recall(_ONE_SESSION, session_id)
        if known is not None:
            return known
        t.settle(Kind.SESSION)
        for row in t.rows(select(_SESSION).where(_SESSION.c.id == session_id)):
            return t.remember(_ONE_SESSION, session_id, mapping.session_of(row))
        raise NotKnown(refusals.not_stored("Session", session_id))

    def save_session(self, session: ScanSession) -> None:
        """Store a changed session; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE_SESSION, session.id, session.version)
        stored = replace(session, version=version)
        row = mapping.session_row(stored)
        t.write(Write(Kind.SESSION, row, changes=True, replaces=replaces))
        t.remember(_ONE_SESSION, session.id, stored)

    def sessions_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[ScanSession]:
        """Return sessions that overlap the interval, by scanner, then start."""
        t = self._transaction
        t.settle(Kind.SESSION)
        session = _SESSION.c
        found = select(_SESSION).where(
            session.ends_at > starts_at, session.starts_at < ends_at
        )
        if scanners is not None:
            found = found.where(among(session.scanner, scanners, t.connection))
        read = [
            t.identify(_ONE_SESSION, row, mapping.session_of) for row in t.rows(found)
        ]
        return sorted(read, key=lambda s: (s.scanner, s.starts_at, s.id))

    def add(self, appointment: Appointment) -> None:
        """Store a new appointment or hold.

        Flushing raises `SlotTaken` or `PatientBusy` if it overlaps another, and
        `StaleVersion` if the order has another already.
        """
        row = mapping.appointment_row(appointment)
        self._transaction.write(Write(Kind.APPOINTMENT, row))
        self._transaction.remember(_ONE, appointment.id, appointment)

    def save(self, appointment: Appointment) -> None:
        """Store a changed appointment; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE, appointment.id, appointment.version)
        stored = replace(appointment, version=version)
        row = mapping.appointment_row(stored)
        t.write(Write(Kind.APPOINTMENT, row, changes=True, replaces=replaces))
        t.remember(_ONE, appointment.id, stored)

    def appointment(self, appointment_id: AppointmentId) -> Appointment:
        """Return one appointment; raises `NotKnown`."""
        t = self._transaction
        known: Appointment | None = t.recall(_ONE, appointment_id)
        if known is not None:
            return known
        found = select(_APPOINTMENT).where(_APPOINTMENT.c.id == appointment_id)
        for appointment in self._identified(t.rows(found)):
            return appointment
        raise NotKnown(refusals.not_stored("Appointment", appointment_id))

    def live_appointment(self, order_id: OrderId) -> Appointment | None:
        """Return the order's appointment in an occupying state, or ``None``."""
        return self.live_appointments((order_id,)).get(order_id)

    def live_appointments(
        self, order_ids: Iterable[OrderId]
    ) -> dict[OrderId, Appointment]:
        """Return the occupying appointments of these orders, in one query.

        It sees what is buffered without flushing it: every message about a booked
        order asks this.
        """
        t = self._transaction
        wanted = set(order_ids)
        if not wanted:
            return {}
        found = select(_APPOINTMENT).where(
            among(_APPOINTMENT.c.order_id, wanted, t.connection), occupying()
        )
        read = self._identified(t.rows(found))
        written = [t.recall(_ONE, row["id"]) for row in t.buffered(Kind.APPOINTMENT)]
        return {
            one.order_id: one
            for one in (*read, *written)
            if one.status in OCCUPYING and one.order_id in wanted
        }

    def occupying_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[Appointment]:
        """Return appointments that occupy time in the interval, by scanner, start."""
        t = self._transaction
        t.settle(Kind.APPOINTMENT)
        one = _APPOINTMENT.c
        found = select(_APPOINTMENT).where(
            occupying(), one.ends_at > starts_at, one.starts_at < ends_at
        )
        if scanners is not None:
            found = found.where(among(one.scanner, scanners, t.connection))
        read = self._identified(t.rows(found))
        return sorted(read, key=lambda a: (a.scanner, a.starts_at, a.id))

    def occupying_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[Appointment]:
        """Return the occupying appointments of these patients that end after."""
        t = self._transaction
        t.settle(Kind.APPOINTMENT)
        one = _APPOINTMENT.c
        found = select(_APPOINTMENT).where(
            occupying(), among(one.patient, patients, t.connection), one.ends_at > after
        )
        read = self._identified(t.rows(found))
        return sorted(read, key=lambda a: (a.patient, a.starts_at, a.id))

    def expired_holds(self, now: datetime) -> list[Appointment]:
        """Return the holds that lapsed at or before `now`, the first lapsed first."""
        t = self._transaction
        t.settle(Kind.APPOINTMENT)
        one = _APPOINTMENT.c
        found = (
            select(_APPOINTMENT)
            .where(held(), one.expires_at <= now)
            .order_by(one.expires_at, one.id)
        )
        return self._identified(t.rows(found))

    def contract_use(self) -> dict[ContractId, int]:
        """Return how many occupying appointments count against each contract."""
        t = self._transaction
        t.settle(Kind.SESSION, Kind.APPOINTMENT)
        live = (
            select(_APPOINTMENT.c.session_id, func.count().label("number"))
            .where(occupying())
            .group_by(_APPOINTMENT.c.session_id)
            .subquery()
        )
        found = (
            select(_SESSION.c.contract, func.sum(live.c.number))
            .join(live, live.c.session_id == _SESSION.c.id)
            .where(_SESSION.c.contract.is_not(None))
            .group_by(_SESSION.c.contract)
        )
        return {contract: int(number) for contract, number in t.rows(found)}

    def _identified(self, found: Sequence[AnyRow]) -> list[Appointment]:
        """Return the appointments of rows, as this transaction knows them."""
        identify = self._transaction.identify
        return [identify(_ONE, row, mapping.appointment_of) for row in found]
