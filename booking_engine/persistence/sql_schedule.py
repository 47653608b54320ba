"""Sessions and appointments in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Select, Table, bindparam, func, select

from booking_engine.application.free_time import FreeTime
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
from booking_engine.persistence import diary, mapping, refusals
from booking_engine.persistence.kept_free_time import KeptFreeTime
from booking_engine.persistence.queries import held, occupying
from booking_engine.persistence.session import Query
from booking_engine.persistence.statements import INSTANT_OF, Statement, among
from booking_engine.persistence.transaction import Ahead, Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_SESSION: Final = TABLES[Kind.SESSION]
_APPOINTMENT: Final = TABLES[Kind.APPOINTMENT]

_DIARY: Final = (Kind.SESSION, Kind.APPOINTMENT, Kind.DIARY)
_ONE_SESSION: Final = "session"
_ONE: Final = "appointment"

_STARTS: Final = bindparam("starts_at", type_=_SESSION.c.starts_at.type)
_ENDS: Final = bindparam("ends_at", type_=_SESSION.c.ends_at.type)


def _sessions_between(_: str) -> Select[Any]:
    one = _SESSION.c
    return select(_SESSION).where(one.ends_at > _STARTS, one.starts_at < _ENDS)


def _occupying_between(_: str) -> Select[Any]:
    one = _APPOINTMENT.c
    overlaps = (one.ends_at > _STARTS, one.starts_at < _ENDS)
    return select(_APPOINTMENT).where(occupying(), *overlaps)


_SESSION_OF: Final = Statement(
    lambda _: select(_SESSION).where(_SESSION.c.id == bindparam("id"))
)
_SESSIONS: Final = Statement(_sessions_between)
_SESSIONS_OF: Final = Statement(
    lambda on: _sessions_between(on).where(among(_SESSION.c.scanner, "scanners", on))
)
_APPOINTMENT_OF: Final = Statement(
    lambda _: select(_APPOINTMENT).where(_APPOINTMENT.c.id == bindparam("id"))
)
_LIVE: Final = Statement(
    lambda on: select(_APPOINTMENT).where(
        among(_APPOINTMENT.c.order_id, "orders", on), occupying()
    )
)
_OCCUPYING: Final = Statement(_occupying_between)
_OCCUPYING_OF: Final = Statement(
    lambda on: _occupying_between(on).where(
        among(_APPOINTMENT.c.scanner, "scanners", on)
    )
)
OCCUPYING_ON: Final = Statement(
    lambda on: (
        _occupying_between(on)
        .where(among(_APPOINTMENT.c.scanner, "scanners", on))
        .order_by(_APPOINTMENT.c.starts_at, _APPOINTMENT.c.id)
    )
)
"""What takes time on scanners in an interval; see `SqlUnitOfWork.engaged`."""
OCCUPYING_OF: Final = Statement(
    lambda on: (
        _occupying_between(on)
        .where(among(_APPOINTMENT.c.patient, "patients", on))
        .order_by(_APPOINTMENT.c.starts_at, _APPOINTMENT.c.id)
    )
)
"""Likewise of patients."""
_PATIENTS: Final = Statement(
    lambda on: select(_APPOINTMENT).where(
        occupying(),
        among(_APPOINTMENT.c.patient, "patients", on),
        _APPOINTMENT.c.ends_at > bindparam("after"),
    )
)
_EXPIRED: Final = Statement(
    lambda _: (
        select(_APPOINTMENT)
        .where(held(), _APPOINTMENT.c.expires_at <= bindparam("now"))
        .order_by(_APPOINTMENT.c.expires_at, _APPOINTMENT.c.id)
    )
)


def _contract_use(_: str) -> Select[Any]:
    # From the sessions under contract, which are few.
    number = (
        select(func.count())
        .select_from(_APPOINTMENT)
        .where(_APPOINTMENT.c.session_id == _SESSION.c.id, occupying())
        .scalar_subquery()
    )
    return (
        select(_SESSION.c.contract, func.sum(number))
        .where(_SESSION.c.contract.is_not(None))
        .group_by(_SESSION.c.contract)
    )


_CONTRACT_USE: Final = Statement(_contract_use)


def _by(table: Table, *names: str) -> Callable[[Sequence[Any]], Any]:
    """Return the sort key of rows; text sorts instants as time does."""
    positions = table.c.keys()
    return itemgetter(*(positions.index(name) for name in names))


def _sessions_of_decoded(found: Sequence[Sequence[Any]]) -> list[ScanSession]:
    """Return the sessions of rows whose columns are decoded already."""
    return diary.sessions_of(found, lambda instant: instant)


_BY_SESSION: Final = _by(_SESSION, "scanner", "starts_at", "id")
_BY_SCANNER: Final = _by(_APPOINTMENT, "scanner", "starts_at", "id")
_BY_PATIENT: Final = _by(_APPOINTMENT, "patient", "starts_at", "id")


class SqlSchedule:
    """Sessions and appointments."""

    def __init__(self, transaction: Transaction, kept: KeptFreeTime) -> None:
        self._transaction = transaction
        self._kept = kept
        self._instant = INSTANT_OF[transaction.dialect]

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
        for session in self._sessions(t.tuples(_SESSION_OF, id=session_id)):
            return session
        raise NotKnown(refusals.not_stored("Session", session_id))

    def session_ahead(self, session_id: SessionId) -> Ahead | None:
        """Return the query for one session, for `session` to find."""
        t = self._transaction
        if t.knows(_ONE_SESSION, session_id):
            return None
        t.settle(Kind.SESSION)

        def take(found: list[Any]) -> None:
            t.identify_all(_ONE_SESSION, found, _sessions_of_decoded)

        return Ahead(Query(_SESSION_OF, {"id": session_id}), take)

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
        if scanners is None:
            found = t.tuples(_SESSIONS, starts_at=starts_at, ends_at=ends_at)
        else:
            listed = sorted(set(scanners))
            found = t.tuples(
                _SESSIONS_OF, starts_at=starts_at, ends_at=ends_at, scanners=listed
            )
        return self._sessions(sorted(found, key=_BY_SESSION))

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
        for appointment in self._identified(
            t.tuples(_APPOINTMENT_OF, id=appointment_id)
        ):
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
        read = self._identified(t.tuples(_LIVE, orders=sorted(wanted)))
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
        if scanners is None:
            found = t.tuples(_OCCUPYING, starts_at=starts_at, ends_at=ends_at)
        else:
            listed = sorted(set(scanners))
            found = t.tuples(
                _OCCUPYING_OF, starts_at=starts_at, ends_at=ends_at, scanners=listed
            )
        return self._identified(sorted(found, key=_BY_SCANNER))

    def appointments_of(self, found: Sequence[Sequence[Any]]) -> list[Appointment]:
        """Return the appointments of rows as the driver has them."""
        return self._identified(found)

    def occupying_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[Appointment]:
        """Return the occupying appointments of these patients that end after."""
        t = self._transaction
        t.settle(Kind.APPOINTMENT)
        listed = sorted(set(patients))
        found = t.tuples(_PATIENTS, patients=listed, after=after)
        return self._identified(sorted(found, key=_BY_PATIENT))

    def free_time(
        self,
        since: datetime,
        until: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> FreeTime:
        """Return what is free in the open sessions that overlap the interval."""
        t = self._transaction
        t.settle(*_DIARY)
        own = t.has_sent(*_DIARY)
        on = None if scanners is None else list(dict.fromkeys(scanners))
        return t.read(
            lambda session: self._kept.between(session, since, until, on=on, own=own)
        )

    def forget_changes(self, *, keep: int) -> None:
        """Delete what was noted of the diary's changes, but for the last `keep`."""
        self._transaction.write(Write(Kind.OLD_CHANGES, {"keep": keep}))

    def expired_holds(self, now: datetime) -> list[Appointment]:
        """Return the holds that lapsed at or before `now`, the first lapsed first."""
        t = self._transaction
        t.settle(Kind.APPOINTMENT)
        return self._identified(t.tuples(_EXPIRED, now=now))

    def contract_use(self) -> dict[ContractId, int]:
        """Return how many occupying appointments count against each contract."""
        t = self._transaction
        t.settle(Kind.SESSION, Kind.APPOINTMENT)
        used = t.rows(_CONTRACT_USE)
        return {contract: int(number) for contract, number in used if number}

    def _identified(self, found: Sequence[Sequence[Any]]) -> list[Appointment]:
        """Return the appointments of rows, as this transaction knows them."""
        return self._transaction.identify_all(
            _ONE, found, lambda rows: diary.appointments_of(rows, self._instant)
        )

    def _sessions(self, found: Sequence[Sequence[Any]]) -> list[ScanSession]:
        """Return the sessions of rows, as this transaction knows them."""
        return self._transaction.identify_all(
            _ONE_SESSION, found, lambda rows: diary.sessions_of(rows, self._instant)
        )
