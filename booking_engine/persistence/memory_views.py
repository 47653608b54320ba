"""The read models on the in-memory store: plain filters over everything."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from booking_engine.application.views import (
    COUNTED,
    AlertFilter,
    AppointmentFilter,
    DeliveryFilter,
    MessageFilter,
    OrderFilter,
    Page,
    WorklistFilter,
    WorklistItem,
)
from booking_engine.domain.alerts import Alert
from booking_engine.domain.identifiers import AppointmentId, MessageId, OrderId
from booking_engine.domain.messages import Delivery, InboundMessage
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.schedule import Appointment
from booking_engine.persistence.cursors import (
    BY_INSTANT,
    BY_SEQUENCE,
    BY_TIER,
    Reader,
    checked_limit,
    decode_cursor,
    encode_cursor,
)
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory
from booking_engine.persistence.summaries import (
    OPEN_STATUSES,
    tier_of,
    worklist_item,
)

Item = TypeVar("Item")


def _page(
    items: Iterable[Item],
    key: Callable[[Item], tuple[Any, ...]],
    readers: tuple[Reader, ...],
    *,
    cursor: str | None,
    limit: int,
    newest_first: bool = False,
) -> Page[Item]:
    """Return the page of `items`, sorted by `key`, that begins after `cursor`."""
    checked_limit(limit)
    after = decode_cursor(cursor, readers)
    rest = sorted(items, key=key, reverse=newest_first)
    if after:
        rest = [
            item
            for item in rest
            if (key(item) < after if newest_first else key(item) > after)
        ]
    page = tuple(rest[:limit])
    more = len(rest) > limit
    return Page(page, encode_cursor(key(page[-1])) if more else None)


def _order_key(order: ImagingOrder) -> tuple[Any, ...]:
    return (tier_of(order), order.clock.breach_on, order.id)


def _is_not_admitted(message: InboundMessage) -> bool:
    """Return whether it came by a port or certificate of somebody else."""
    return bool(message.partner is None and not message.control_id and message.sender)


def _is_wanted(
    message: InboundMessage, wanted: MessageFilter, replayed: Container[MessageId]
) -> bool:
    since, until = wanted.received_from, wanted.received_to
    return (
        wanted.partner in (None, message.partner)
        and wanted.control_id in (None, message.control_id)
        and wanted.outcome in (None, message.outcome)
        and wanted.kind in (None, message.kind)
        and wanted.error_code in (None, message.error_code)
        and wanted.replay_of in (None, message.replay_of)
        and (wanted.order_id is None or wanted.order_id in message.order_ids)
        and set(wanted.keys) <= set(message.keys)
        and (since is None or message.received_at >= since)
        and (until is None or message.received_at < until)
        and not (
            wanted.unreplayed
            and (
                message.replay_of is not None
                or message.fault
                or _is_not_admitted(message)
                or message.id in replayed
            )
        )
    )


class InMemoryViews:
    """Reads for the API.

    Parameters
    ----------
    factory
        Whose committed state is shown.
    """

    def __init__(self, factory: InMemoryUnitOfWorkFactory) -> None:
        self._factory = factory

    def worklist(
        self, wanted: WorklistFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of the worklist; raises `InvalidValue` on a bad cursor."""
        tables = self._factory.published
        statuses = frozenset(wanted.statuses or OPEN_STATUSES)
        found = [
            order
            for order in tables.orders.values()
            if (
                order.status in statuses
                or (
                    not wanted.statuses
                    and order.status is OrderStatus.BOOKED
                    and order.holds
                )
            )
            and wanted.partner in (None, order.partner)
            and (
                wanted.hold_code is None
                or any(reason.code == wanted.hold_code for reason in order.holds)
            )
            and (
                wanted.procedure_as_sent is None
                or (
                    order.content.procedure is None
                    and order.content.procedure_as_sent == wanted.procedure_as_sent
                )
            )
        ]
        page = _page(found, _order_key, BY_TIER, cursor=cursor, limit=limit)
        return Page(
            tuple(worklist_item(order, tables.catalogue) for order in page.items),
            page.next_cursor,
        )

    def orders(
        self, wanted: OrderFilter, *, cursor: str | None, limit: int
    ) -> Page[WorklistItem]:
        """Return a page of orders, newest first."""
        tables = self._factory.published
        found = [
            order
            for order in tables.orders.values()
            if wanted.status in (None, order.status)
            and wanted.partner in (None, order.partner)
            and wanted.placer_number in (None, order.content.placer_number)
            and wanted.nhs_number in (None, order.content.patient.nhs_number)
            and wanted.accession in (None, order.content.accession)
        ]
        page = _page(
            found,
            lambda order: (order.received_at, order.id),
            BY_INSTANT,
            cursor=cursor,
            limit=limit,
            newest_first=True,
        )
        return Page(
            tuple(worklist_item(order, tables.catalogue) for order in page.items),
            page.next_cursor,
        )

    def messages(
        self, wanted: MessageFilter, *, cursor: str | None, limit: int
    ) -> Page[InboundMessage]:
        """Return a page of inbound messages, newest first, without raw bytes."""
        replayed = self._replayed()
        found = [
            replace(message, raw=b"")
            for message in self._factory.published.messages.values()
            if _is_wanted(message, wanted, replayed)
        ]
        return _page(
            found,
            lambda message: (message.received_at, message.id),
            BY_INSTANT,
            cursor=cursor,
            limit=limit,
            newest_first=True,
        )

    def _replayed(self) -> set[MessageId]:
        messages = self._factory.published.messages.values()
        return {m.replay_of for m in messages if m.replay_of is not None}

    def to_replay(
        self, wanted: MessageFilter, *, limit: int
    ) -> tuple[list[MessageId], int]:
        """Return the oldest that match, and how many there are, counted to a limit."""
        replayed = self._replayed()
        found = [
            message
            for message in self._factory.published.messages.values()
            if _is_wanted(message, wanted, replayed)
        ]
        found.sort(key=lambda message: (message.received_at, message.id))
        return [m.id for m in found[:limit]], min(len(found), COUNTED)

    def deliveries(
        self, wanted: DeliveryFilter, *, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first, without their bytes."""
        found = [
            replace(delivery, payload=None, ack=None)
            for delivery in self._factory.published.deliveries.values()
            if wanted.destination in (None, delivery.destination)
            and wanted.status in (None, delivery.status)
            and wanted.order_id in (None, delivery.order_id)
        ]
        return _page(
            found,
            lambda delivery: (delivery.sequence,),
            BY_SEQUENCE,
            cursor=cursor,
            limit=limit,
            newest_first=True,
        )

    def appointments(
        self, wanted: AppointmentFilter, *, cursor: str | None, limit: int
    ) -> Page[Appointment]:
        """Return a page of appointments by start, then id."""
        found = [
            one
            for one in self._factory.published.appointments.values()
            if wanted.scanner in (None, one.scanner)
            and wanted.session_id in (None, one.session_id)
            and wanted.order_id in (None, one.order_id)
            and (wanted.starts_from is None or one.starts_at >= wanted.starts_from)
            and (wanted.starts_to is None or one.starts_at < wanted.starts_to)
        ]
        return _page(
            found,
            lambda one: (one.starts_at, one.id),
            BY_INSTANT,
            cursor=cursor,
            limit=limit,
        )

    def alerts(
        self, wanted: AlertFilter, *, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """Return a page of alerts, newest first."""
        found = [
            one
            for one in self._factory.published.alerts.values()
            if wanted.is_open in (None, one.is_open)
            and wanted.partner in (None, one.partner)
            and wanted.condition in (None, one.condition)
        ]
        return _page(
            found,
            lambda one: (one.raised_at, one.id),
            BY_INSTANT,
            cursor=cursor,
            limit=limit,
            newest_first=True,
        )

    def messages_of(self, order_id: OrderId) -> list[MessageId]:
        """Return the inbound messages that created or changed an order, in order."""
        found = [
            message
            for message in self._factory.published.messages.values()
            if order_id in message.order_ids
        ]
        found.sort(key=lambda message: (message.received_at, message.id))
        return [message.id for message in found]

    def appointments_of(
        self, appointment_ids: Iterable[AppointmentId]
    ) -> dict[AppointmentId, Appointment]:
        """Return those of these appointments that exist."""
        appointments = self._factory.published.appointments
        return {i: appointments[i] for i in appointment_ids if i in appointments}
