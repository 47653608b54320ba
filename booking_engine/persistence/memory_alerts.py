"""Alerts, and what the stored messages say of each feed, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from booking_engine.domain.alerts import Alert, AlertId, Answers, FeedReading
from booking_engine.domain.delivery_history import AttemptOutcome
from booking_engine.domain.diary_entries import EntryStatus, overlaps
from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.messages import (
    DeliveryStatus,
    InboundMessage,
    MessageOutcome,
)
from booking_engine.domain.orders import UNMAPPED, OrderStatus
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Transaction
from booking_engine.persistence.sql_traffic import (
    ACCEPTING,
    IN_CONFLICT,
    MOST_HEARD,
    NOT_TAKEN,
    answers_heard,
)


class InMemoryAlerts:
    """Alerts."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, alert: Alert) -> None:
        """Store a new alert; flushing refuses a second open one."""
        alerts = self._unit.own("alerts")
        if alert.id in alerts:
            self._unit.refuse_existing()
            return
        alerts[alert.id] = alert
        self._unit.check(lambda tables: _only_one_open(alert, tables))

    def save(self, alert: Alert) -> None:
        """Store a changed alert; see `sql` for the rule."""
        before = self._unit.tables.alerts.get(alert.id)
        version = self._unit.next_version("Alert", alert.id, alert.version, before)
        self._unit.own("alerts")[alert.id] = replace(alert, version=version)

    def get(self, alert_id: AlertId) -> Alert:
        """Return one alert; raises `NotKnown`."""
        try:
            return self._unit.tables.alerts[alert_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Alert", alert_id)) from None

    def open(self) -> list[Alert]:
        """Return the open alerts, oldest first."""
        return [one for one in self._sorted() if one.is_open]

    def untold(self, since: datetime, *, limit: int) -> list[Alert]:
        """Return alerts since then of which the webhook was not told, oldest first."""
        return [
            one
            for one in self._sorted()
            if (not one.told_raised and one.raised_at >= since)
            or (
                not one.told_cleared
                and one.cleared_at is not None
                and one.cleared_at >= since
            )
        ][:limit]

    def _sorted(self) -> list[Alert]:
        alerts = self._unit.tables.alerts.values()
        return sorted(alerts, key=lambda one: (one.raised_at, one.id))


def _only_one_open(alert: Alert, tables: Tables) -> None:
    key = (alert.partner, alert.condition)
    alike = [
        one
        for one in tables.alerts.values()
        if one.is_open and (one.partner, one.condition) == key
    ]
    if len(alike) > 1:
        raise StaleVersion(refusals.EXISTS_ALREADY)


class InMemoryTraffic:
    """What the stored messages say of each feed."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def readings(
        self, partners: Iterable[PartnerId], since: datetime
    ) -> dict[PartnerId, FeedReading]:
        """Return how each feed stands."""
        return {partner: self._reading(partner, since) for partner in set(partners)}

    def _reading(self, partner: PartnerId, since: datetime) -> FeedReading:
        tables = self._unit.tables
        theirs = [m for m in tables.messages.values() if m.partner == partner]
        came = [m for m in theirs if m.received_at >= since]
        replayed = {message.replay_of for message in tables.messages.values()}
        unsent = (tables.deliveries[i] for i in tables.unsent)
        waiting = [
            order
            for order in tables.orders.values()
            if order.status is OrderStatus.HELD
            and order.partner == partner
            and any(hold.code in UNMAPPED for hold in order.holds)
        ]
        return FeedReading(
            # A replay is a person's doing, no sign of life.
            last_received_at=max(
                (m.received_at for m in theirs if m.replay_of is None), default=None
            ),
            oldest_unsent_at=next(
                (
                    one.created_at
                    for one in unsent
                    if one.destination == partner
                    and one.status is DeliveryStatus.PENDING
                ),
                None,
            ),
            given=Answers(len(came), sum(map(_is_refused, came))),
            unmapped=len(waiting),
            unplaced=sum(
                entry.partner == partner
                and entry.status is not EntryStatus.ENDED
                and entry.ends_at > since
                and any(n.table is MappingTable.RESOURCE for n in entry.unknown)
                for entry in tables.diary.values()
            ),
            conflicts=sum(
                self._contradicts(partner, booked)
                for booked in tables.appointments.values()
                if booked.status is AppointmentStatus.BOOKED and booked.ends_at > since
            ),
            expired=sum(
                message.outcome is MessageOutcome.EXPIRED and message.id not in replayed
                for message in theirs
            ),
        )

    def _contradicts(self, partner: PartnerId, booked: Appointment) -> bool:
        """Return whether a partner's diary contradicts a booking of ours."""
        tables = self._unit.tables
        order = tables.orders[booked.order_id]
        if order.status is not OrderStatus.BOOKED or not any(
            hold.code in IN_CONFLICT for hold in order.holds
        ):
            return False
        return any(
            entry.order_id == order.id
            or (entry.scanner == booked.scanner and overlaps(entry, booked))
            for entry in tables.diary.values()
            if entry.status is EntryStatus.TAKING and entry.partner == partner
        )

    def heard(self, since: datetime) -> dict[PartnerId, Answers]:
        """Return how the partners answered us since then."""
        tables = self._unit.tables
        attempts = [one for each in tables.attempts.values() for one in each]
        attempts.sort(key=lambda one: one.started_at)
        return answers_heard(
            (
                tables.deliveries[one.delivery_id].destination,
                one.duration_us / 1e6,
                one.outcome.value,
            )
            for one in attempts[-MOST_HEARD:]
            if one.started_at >= since and one.outcome is not AttemptOutcome.FAILED
        )

    def volume(
        self, partner: PartnerId, begin: datetime, end: datetime
    ) -> tuple[int, int]:
        """Return how many messages came, and how many of them were refused."""
        came = list(self._between(partner, begin, end))
        return len(came), sum(map(_is_refused, came))

    def sample(
        self, partner: PartnerId, begin: datetime, end: datetime, *, most: int
    ) -> list[bytes]:
        """Return the bytes of at most so many messages, evenly over the time."""
        came = sorted(
            self._between(partner, begin, end), key=lambda m: (m.received_at, m.id)
        )
        step = max(1, -(-len(came) // most))
        return [message.raw for message in came[step - 1 :: step]][:most]

    def _between(
        self, partner: PartnerId, begin: datetime, end: datetime
    ) -> Iterator[InboundMessage]:
        for message in self._unit.tables.messages.values():
            if message.partner == partner and begin <= message.received_at < end:
                yield message


def _is_refused(message: InboundMessage) -> bool:
    accepted = any(mark in message.ack for mark in ACCEPTING)
    return message.outcome in NOT_TAKEN and not accepted
