"""What is stored of orders and of the patients whom they are for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from booking_engine.domain.identifiers import (
    OrderId,
    PartnerId,
    PatientKey,
)
from booking_engine.domain.order_names import OrderName
from booking_engine.domain.orders import (
    HoldCode,
    ImagingOrder,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.register import RegisteredPatient
from booking_engine.domain.waiting import ClockEvent

PlacerKey = tuple[PartnerId, str, str]
"""Partner, placer authority, placer number: the sender's name of an order."""


class Orders(Protocol):
    """The orders, with their history and their clock log."""

    def get(self, order_id: OrderId) -> ImagingOrder:
        """Return one order; raises `NotKnown`."""
        ...

    def get_many(self, order_ids: Iterable[OrderId]) -> dict[OrderId, ImagingOrder]:
        """Return those of `order_ids` that exist, in one query."""
        ...

    def by_placer(self, key: PlacerKey) -> ImagingOrder | None:
        """Return the newest order with this placer key, or ``None``.

        Open for writing, a unit keeps the key to itself from here on: another that
        asks for it waits until this one ends, so that none stores an order twice.
        """
        ...

    def of_patient(
        self, keys: Iterable[PatientKey], *, open_only: bool
    ) -> list[ImagingOrder]:
        """Return the orders whose patient has any of these keys, oldest first.

        Parameters
        ----------
        open_only
            Leave out those in a `orders.TERMINAL` state.
        """
        ...

    def add(self, order: ImagingOrder) -> None:
        """Store a new order."""
        ...

    def save(self, order: ImagingOrder) -> None:
        """Store a changed order whose `version` is the one that was read.

        The stored version becomes one more; if somebody else was faster, flushing
        raises `StaleVersion`.
        """
        ...

    def add_name(self, order: ImagingOrder, name: OrderName) -> None:
        """Note what else a partner calls an order; a name once given stays.

        What `names_of` finds in an order's content is noted by `add` and `save`.
        """
        ...

    def named(self, name: OrderName) -> list[ImagingOrder]:
        """Return the orders that a partner calls so, newest first.

        Open for writing, a unit keeps the name to itself, as with `by_placer`.
        """
        ...

    def placed_as(self, authority: str, number: str) -> list[ImagingOrder]:
        """Return the orders of any partner placed under a number, newest first.

        Those that share the number are among them (`OrderName`).
        """
        ...

    def log(self, change: StatusChange) -> None:
        """Append to the history."""
        ...

    def log_clock(self, event: ClockEvent) -> None:
        """Append to the clock log."""
        ...

    def with_status(
        self, statuses: Iterable[OrderStatus], *, limit: int | None = None
    ) -> list[ImagingOrder]:
        """Return the orders in any of `statuses`, oldest clock first."""
        ...

    def held_for(
        self, codes: Iterable[HoldCode], *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the held and booked orders with any of these holds, by id."""
        ...

    def with_unmapped_orderer(
        self, *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the orders not over whose `Orderer` is not mapped, by id."""
        ...

    def history(self, order_id: OrderId) -> list[StatusChange]:
        """Return the history of one order, oldest first."""
        ...

    def clock_log(self, order_id: OrderId) -> list[ClockEvent]:
        """Return the clock log of one order, oldest first."""
        ...

    def counts(self) -> dict[OrderStatus, int]:
        """Return how many orders are in each state that has any."""
        ...


class Patients(Protocol):
    """The register of patients (see `register`)."""

    def by_keys(
        self, keys: Iterable[PatientKey]
    ) -> dict[PatientKey, RegisteredPatient]:
        """Return who has these keys; those that nobody has are left out.

        Open for writing, a unit keeps the keys to itself, as with
        `Orders.by_placer`.
        """
        ...

    def add(self, patient: RegisteredPatient) -> None:
        """Store a new patient; identifiers that others had are theirs from now on."""
        ...

    def save(self, patient: RegisteredPatient) -> None:
        """Store a changed patient with their identifiers; as `Orders.save`."""
        ...
