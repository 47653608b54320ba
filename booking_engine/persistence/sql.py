"""Units of work on SQLite and PostgreSQL.

See `transaction` for the rules on buffering, versions, savepoints and failed flushes,
and `engine` for what each database is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from booking_engine.application.ports import Engaged, MessageKey, PlacerKey
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import (
    Ids,
    OrderId,
    PatientKey,
    ScannerId,
    SessionId,
)
from booking_engine.persistence.catalogue_store import (
    VERSION_NOW,
    cache_of,
    number_of,
    read_catalogue,
)
from booking_engine.persistence.engine import make_engine
from booking_engine.persistence.kept_free_time import kept_for
from booking_engine.persistence.outbox import SqlOutbox
from booking_engine.persistence.session import Database, Query
from booking_engine.persistence.sql_alerts import SqlAlerts
from booking_engine.persistence.sql_diary import TAKING_OF, TAKING_ON, SqlDiary
from booking_engine.persistence.sql_history import SqlHistory
from booking_engine.persistence.sql_messages import SqlMessages
from booking_engine.persistence.sql_orders import SqlOrders
from booking_engine.persistence.sql_parking import SqlParking
from booking_engine.persistence.sql_partners import SqlPartnerData
from booking_engine.persistence.sql_patients import SqlPatients
from booking_engine.persistence.sql_policies import SqlPolicies
from booking_engine.persistence.sql_rebookings import SqlRebookings
from booking_engine.persistence.sql_records import SqlDecisions, SqlPlanRuns
from booking_engine.persistence.sql_schedule import (
    OCCUPYING_OF,
    OCCUPYING_ON,
    SqlSchedule,
)
from booking_engine.persistence.sql_traffic import SqlTraffic
from booking_engine.persistence.transaction import Ahead, Transaction
from booking_engine.persistence.write_kinds import Kind, Write

__all__ = ["SqlUnitOfWork", "SqlUnitOfWorkFactory", "make_engine"]

# Kinds of what the transaction remembers.
_CATALOGUE: Final = "catalogue"
_NUMBER: Final = "number of the catalogue"


class SqlUnitOfWork:
    """One transaction; used by one thread.

    Parameters
    ----------
    database
        Where to connect.
    ids
        Names events ("E") and deliveries ("X").
    writable
        False opens one snapshot that takes no write lock.
    """

    def __init__(self, database: Database, ids: Ids, *, writable: bool = True) -> None:
        self._transaction = transaction = Transaction(database, writable=writable)
        self._cache = cache_of(database.engine)
        self.orders = SqlOrders(transaction)
        self.patients = SqlPatients(transaction)
        self.schedule = SqlSchedule(transaction, kept_for(database.engine))
        self.diary = SqlDiary(transaction)
        self.decisions = SqlDecisions(transaction)
        self.plan_runs = SqlPlanRuns(transaction)
        self.policies = SqlPolicies(transaction)
        self.rebookings = SqlRebookings(transaction)
        self.history = SqlHistory(transaction)
        self.messages = SqlMessages(transaction)
        self.parking = SqlParking(transaction)
        self.outbox = SqlOutbox(transaction, ids)
        self.partner_data = SqlPartnerData(transaction)
        self.alerts = SqlAlerts(transaction)
        self.traffic = SqlTraffic(transaction)

    def prefetch(
        self,
        *,
        messages: Iterable[MessageKey] = (),
        orders: Iterable[PlacerKey] = (),
        patients: Iterable[PatientKey] = (),
    ) -> None:
        """Read all of these in one go, for the repositories to find."""
        wanted = [
            self.messages.ahead(messages),
            self.orders.ahead(orders),
            self.patients.ahead(patients),
        ]
        if any(wanted):
            self._transaction.read_ahead([*wanted, self._catalogue_ahead()])

    def prefetch_booking(self, order_id: OrderId, session_id: SessionId) -> None:
        """Read an order, a session and the network's number in one go."""
        self._transaction.read_ahead(
            [
                self.orders.known_ahead(order_id),
                self.schedule.session_ahead(session_id),
                self._catalogue_ahead(),
            ]
        )

    def engaged(
        self,
        patient: PatientKey,
        scanner: ScannerId,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Engaged:
        """Return what lies in the way of an exam then, read in one go."""
        self._transaction.settle(Kind.APPOINTMENT, Kind.DIARY)
        when = {"starts_at": starts_at, "ends_at": ends_at}
        here, theirs = {"scanners": [scanner]}, {"patients": [patient]}
        found = self._transaction.tuples_of(
            [
                Query(OCCUPYING_ON, {**when, **here}),
                Query(OCCUPYING_OF, {**when, **theirs}),
                Query(TAKING_ON, {**when, **here}),
                Query(TAKING_OF, {**when, **theirs}),
            ]
        )
        return Engaged(
            self.schedule.appointments_of(found[0]),
            self.schedule.appointments_of(found[1]),
            self.diary.entries_of(TAKING_ON, found[2]),
            self.diary.entries_of(TAKING_OF, found[3]),
        )

    def _catalogue_ahead(self) -> Ahead | None:
        t = self._transaction
        if t.knows(_NUMBER, None) or t.knows(_CATALOGUE, None):
            return None

        def take(found: list[Any]) -> None:
            t.remember(_NUMBER, None, number_of(found))

        return Ahead(Query(VERSION_NOW, {}), take)

    def catalogue(self) -> Catalogue:
        """Return the network; the same object until it is replaced."""
        t = self._transaction
        known: Catalogue | None = t.recall(_CATALOGUE, None)
        if known is None:
            number = t.recall(_NUMBER, None)
            read = t.read(lambda session: read_catalogue(session, self._cache, number))
            known = t.remember(_CATALOGUE, None, read)
        return known

    def replace_catalogue(self, catalogue: Catalogue) -> None:
        """Store the network anew."""
        write = Write(Kind.CATALOGUE, {"catalogue": catalogue})
        self._transaction.write(write)
        self._transaction.remember(_CATALOGUE, None, catalogue)

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a context: leaving it by an exception undoes what it wrote.

        Leaving it otherwise after a flush in it failed raises that failure again.
        """
        return self._transaction.savepoint()

    def flush(self) -> None:
        """Send buffered writes; raises what the database refuses, as domain errors."""
        self._transaction.flush()

    def commit(self) -> None:
        """Flush and make it durable; after a failed flush it raises that again."""
        self._transaction.commit()

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        self._transaction.rollback()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        self._transaction.close()


class SqlUnitOfWorkFactory:
    """Opens units of work on one database.

    Parameters
    ----------
    engine
        As `make_engine` returns it; its schema is that of `migrations`.
    ids
        Names events ("E") and deliveries ("X").
    """

    def __init__(self, engine: Engine, ids: Ids) -> None:
        self._database = Database.of(engine)
        self._ids = ids

    @contextmanager
    def __call__(self) -> Iterator[SqlUnitOfWork]:
        """Open one for writing; leaving it without commit rolls back.

        The transaction begins at first use. On SQLite it then holds the only write
        lock, so what it has read stays true until it commits.
        """
        unit = SqlUnitOfWork(self._database, self._ids)
        try:
            yield unit
        finally:
            unit.close()

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """Open one for reading only: it takes no write lock and sees one snapshot."""
        unit = SqlUnitOfWork(self._database, self._ids, writable=False)
        try:
            yield unit
        finally:
            unit.close()
