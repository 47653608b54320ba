"""Read models for people and programs: pages of plain values, never table rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Generic, Protocol, TypeVar

from booking_engine.domain.alerts import Alert, Condition
from booking_engine.domain.identifiers import (
    AppointmentId,
    MessageId,
    OrderId,
    PartnerId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
    SearchKey,
)
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.schedule import Appointment

Item = TypeVar("Item")


COUNTED: Final = 10_000
"""What is counted to say how many there are; more than that is as good as many."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items and where the next ones begin.

    Parameters
    ----------
    next_cursor
        Opaque; ``None`` on the last page.
    """

    items: tuple[Item, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One line of the clerk's worklist, sorted by tier, then breach date, then id.

    Parameters
    ----------
    further_procedures
        Of what is done beside the procedure in the same slot; ``None``: not mapped.
    """

    order_id: OrderId
    status: OrderStatus
    status_since: datetime
    priority: str | None
    tier: int
    procedure: str | None
    procedure_as_sent: str
    further_procedures: tuple[str | None, ...]
    modality: str | None
    partner: PartnerId
    placer_number: str
    patient_name: str
    nhs_number: str | None
    clock_started_on: date
    breach_on: date
    hold_codes: tuple[str, ...]
    overdue_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorklistFilter:
    """What the worklist shows.

    Parameters
    ----------
    statuses
        Empty means every state that is not terminal and not booked, and booked orders
        whose sender changed the request.
    hold_code, procedure_as_sent
        Only orders held for this reason or this unmapped code.
    """

    statuses: tuple[OrderStatus, ...] = ()
    partner: PartnerId | None = None
    hold_code: str | None = None
    procedure_as_sent: str | None = None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which inbound messages to list; ``None`` means any.

    Parameters
    ----------
    keys
        Numbers that the message names, all of them.
    replay_of
        Only replays of this message.
    unreplayed
        Only what came whole over a wire and was not replayed since; nothing that
        came by a port or certificate that may not speak for its sender.
    """

    partner: PartnerId | None = None
    control_id: str | None = None
    outcome: str | None = None
    kind: str | None = None
    error_code: str | None = None
    keys: tuple[SearchKey, ...] = ()
    replay_of: MessageId | None = None
    unreplayed: bool = False
    order_id: OrderId | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; ``None`` means any."""

    destination: PartnerId | None = None
    status: DeliveryStatus | None = None
    order_id: OrderId | None = None


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; ``None`` means any."""

    status: OrderStatus | None = None
    partner: PartnerId | None = None
    placer_number: str | None = None
    nhs_number: str | None = None
    accession: str | None = None


@dataclass(frozen=True, slots=True)
class AppointmentFilter:
    """Which appointments to list; ``None`` means any."""

    scanner: ScannerId | None = None
    session_id: SessionId | None = None
    order_id: OrderId | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts to list; ``None`` means any."""

    is_open: bool | None = None
    partner: PartnerId | None = None
    condition: Condition | None = None


class Views(Protocol):
    """Reads for the API; each call is one short read-only transaction."""

    def worklist(
        self, wanted: WorklistFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of the worklist; raises `InvalidValue` on a bad cursor."""
        ...

    def orders(
        self, wanted: OrderFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of orders, newest first."""
        ...

    def messages(
        self, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[InboundMessage]:
        """Return a page of inbound messages, newest first, without raw bytes."""
        ...

    def to_replay(
        self, wanted: MessageFilter, *, limit: int
    ) -> tuple[list[MessageId], int]:
        """Return the oldest messages that match, and how many there are to `COUNTED`.

        Oldest first, since what was sent first has to be processed first.
        """
        ...

    def deliveries(
        self, wanted: DeliveryFilter, *, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first, without their bytes."""
        ...

    def appointments(
        self, wanted: AppointmentFilter, *, cursor: str | None, limit: int
    ) -> Page[Appointment]:
        """Return a page of appointments by start, then id."""
        ...

    def messages_of(self, order_id: OrderId) -> list[MessageId]:
        """Return the inbound messages that created or changed an order."""
        ...

    def appointments_of(
        self, appointment_ids: Iterable[AppointmentId]
    ) -> dict[AppointmentId, Appointment]:
        """Return these appointments, in one query."""
        ...

    def alerts(
        self, wanted: AlertFilter, *, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """Return a page of alerts, newest first."""
        ...
