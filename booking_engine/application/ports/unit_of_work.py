"""The transaction that all reads and writes of a use case share."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from booking_engine.application.ports.history import History
from booking_engine.application.ports.messages import MessageKey, Messages, Parking
from booking_engine.application.ports.orders import Orders, Patients, PlacerKey
from booking_engine.application.ports.outbox import Outbox
from booking_engine.application.ports.partners import Alerts, PartnerData, Traffic
from booking_engine.application.ports.planning import (
    Decisions,
    PlanRuns,
    Policies,
    Rebookings,
)
from booking_engine.application.ports.schedule import Diary, Engaged, Schedule
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import (
    OrderId,
    PatientKey,
    ScannerId,
    SessionId,
)


class UnitOfWork(Protocol):
    """One transaction: opened by the dispatcher, committed by it alone."""

    @property
    def orders(self) -> Orders:
        """The orders."""
        ...

    @property
    def patients(self) -> Patients:
        """The register of patients."""
        ...

    @property
    def schedule(self) -> Schedule:
        """Sessions and appointments."""
        ...

    @property
    def diary(self) -> Diary:
        """Entries of other systems' diaries."""
        ...

    @property
    def decisions(self) -> Decisions:
        """Decision records."""
        ...

    @property
    def plan_runs(self) -> PlanRuns:
        """Planning runs."""
        ...

    @property
    def history(self) -> History:
        """What was booked in the past."""
        ...

    @property
    def policies(self) -> Policies:
        """Versions of the policy."""
        ...

    @property
    def rebookings(self) -> Rebookings:
        """Proposals for the bookings under closures."""
        ...

    @property
    def messages(self) -> Messages:
        """Inbound messages."""
        ...

    @property
    def parking(self) -> Parking:
        """Messages that wait for their order."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Events and deliveries."""
        ...

    @property
    def partner_data(self) -> PartnerData:
        """Profiles and mappings."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Alerts."""
        ...

    @property
    def traffic(self) -> Traffic:
        """What the stored messages say of each feed."""
        ...

    def prefetch(
        self,
        *,
        messages: Iterable[MessageKey] = (),
        orders: Iterable[PlacerKey] = (),
        patients: Iterable[PatientKey] = (),
    ) -> None:
        """Read what a batch will ask for in one go, and the network's number.

        `Messages.by_key`, `Orders.by_placer` and `Patients.by_keys` then find it
        without asking again, and the keys are kept to this unit as they say.
        """
        ...

    def prefetch_booking(self, order_id: OrderId, session_id: SessionId) -> None:
        """Read an order, a session and the network's number in one go.

        `Orders.get`, `Schedule.session` and `catalogue` then find them without asking
        again; what is not stored they refuse as ever.
        """
        ...

    def engaged(
        self,
        patient: PatientKey,
        scanner: ScannerId,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Engaged:
        """Return what lies in the way of an exam then, read in one go."""
        ...

    def catalogue(self) -> Catalogue:
        """Return the network; the same object until it is replaced."""
        ...

    def replace_catalogue(self, catalogue: Catalogue) -> None:
        """Store the network anew."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a context: leaving it by an exception undoes what it wrote."""
        ...

    def flush(self) -> None:
        """Send buffered writes; raises what the database refuses, as domain errors."""
        ...

    def commit(self) -> None:
        """Flush and make it durable."""
        ...

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work; each is used by one thread."""

    def __call__(self) -> AbstractContextManager[UnitOfWork]:
        """Open one for writing; leaving it without commit rolls back."""
        ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Open one for reading only: it takes no write lock and sees one snapshot."""
        ...
