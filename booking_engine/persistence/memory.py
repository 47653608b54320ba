"""The store in memory: the same behaviour as the database, for tests and trials.

Writers queue: one unit of work at a time is open for writing. Readers never wait;
each sees the state as it was last committed when it was opened. The rule for versions
is that of the database (`booking_engine.persistence.sql`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Final

from booking_engine.application.ports import Engaged, MessageKey, PlacerKey
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import (
    Ids,
    OrderId,
    PatientKey,
    ScannerId,
    SessionId,
)
from booking_engine.persistence.memory_alerts import (
    InMemoryAlerts,
    InMemoryTraffic,
)
from booking_engine.persistence.memory_diary import InMemoryDiary
from booking_engine.persistence.memory_history import InMemoryHistory
from booking_engine.persistence.memory_messages import InMemoryMessages
from booking_engine.persistence.memory_orders import (
    InMemoryDecisions,
    InMemoryOrders,
    InMemoryPlanRuns,
)
from booking_engine.persistence.memory_outbox import InMemoryOutbox
from booking_engine.persistence.memory_parking import InMemoryParking
from booking_engine.persistence.memory_partners import InMemoryPartnerData
from booking_engine.persistence.memory_patients import InMemoryPatients
from booking_engine.persistence.memory_policies import InMemoryPolicies
from booking_engine.persistence.memory_rebookings import InMemoryRebookings
from booking_engine.persistence.memory_schedule import InMemorySchedule
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Store, Transaction

WAIT_SECONDS: Final = 10.0
"""How long a writer waits for another, as SQLite's busy timeout."""


class InMemoryUnitOfWork:
    """One transaction on the store."""

    def __init__(self, store: Store, *, writable: bool) -> None:
        self._transaction = Transaction(store, writable=writable)
        self.orders = InMemoryOrders(self._transaction)
        self.patients = InMemoryPatients(self._transaction)
        self.schedule = InMemorySchedule(self._transaction)
        self.diary = InMemoryDiary(self._transaction)
        self.decisions = InMemoryDecisions(self._transaction)
        self.plan_runs = InMemoryPlanRuns(self._transaction)
        self.policies = InMemoryPolicies(self._transaction)
        self.rebookings = InMemoryRebookings(self._transaction)
        self.history = InMemoryHistory(self._transaction)
        self.messages = InMemoryMessages(self._transaction)
        self.parking = InMemoryParking(self._transaction)
        self.outbox = InMemoryOutbox(self._transaction)
        self.partner_data = InMemoryPartnerData(self._transaction)
        self.alerts = InMemoryAlerts(self._transaction)
        self.traffic = InMemoryTraffic(self._transaction)

    def prefetch(
        self,
        *,
        messages: Iterable[MessageKey] = (),
        orders: Iterable[PlacerKey] = (),
        patients: Iterable[PatientKey] = (),
    ) -> None:
        """Do nothing: everything is at hand."""

    def prefetch_booking(self, order_id: OrderId, session_id: SessionId) -> None:
        """Do nothing: everything is at hand."""

    def engaged(
        self,
        patient: PatientKey,
        scanner: ScannerId,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Engaged:
        """Return what lies in the way of an exam then."""
        here = {"scanners": [scanner]}
        theirs = (
            self.schedule.occupying_patients([patient], starts_at),
            self.diary.taking_patients([patient], starts_at),
        )
        return Engaged(
            self.schedule.occupying_between(starts_at, ends_at, **here),
            [one for one in theirs[0] if one.starts_at < ends_at],
            self.diary.taking_between(starts_at, ends_at, **here),
            [one for one in theirs[1] if one.starts_at < ends_at],
        )

    def catalogue(self) -> Catalogue:
        """Return the network; the same object until it is replaced."""
        return self._transaction.tables.catalogue

    def replace_catalogue(self, catalogue: Catalogue) -> None:
        """Store the network anew."""
        self._transaction.require_writable()
        self._transaction.tables.catalogue = catalogue

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a context: leaving it by an exception undoes what it wrote.

        Leaving it otherwise after a flush in it failed raises that failure again.
        """
        return self._transaction.savepoint()

    def flush(self) -> None:
        """Check what was written; raises what a database would refuse."""
        self._transaction.flush()

    def commit(self) -> None:
        """Flush and publish; after a failed flush it raises that failure again."""
        self._transaction.commit()

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        self._transaction.rollback()


class InMemoryUnitOfWorkFactory:
    """Opens units of work on one store that lives as long as the factory.

    Parameters
    ----------
    ids
        Names events ("E") and deliveries ("X").
    """

    def __init__(self, ids: Ids) -> None:
        self._store = Store(ids)

    @property
    def published(self) -> Tables:
        """The state as last committed; for views, not to be changed."""
        return self._store.published

    @contextmanager
    def __call__(self) -> Iterator[InMemoryUnitOfWork]:
        """Open one for writing; leaving it without commit rolls back.

        Raises
        ------
        RuntimeError
            Another stayed open for longer than `WAIT_SECONDS`.
        """
        if not self._store.writer.acquire(timeout=WAIT_SECONDS):
            raise RuntimeError(
                "Another unit of work is open for writing; close it first."
            )
        try:
            yield InMemoryUnitOfWork(self._store, writable=True)
        finally:
            self._store.writer.release()

    @contextmanager
    def reading(self) -> Iterator[InMemoryUnitOfWork]:
        """Open one for reading only: it sees one snapshot and waits for nobody."""
        yield InMemoryUnitOfWork(self._store, writable=False)
