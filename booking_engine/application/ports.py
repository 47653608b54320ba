"""What the use cases need from outside, as protocols; `persistence` provides them.

Every read returns domain values. Writes are buffered by the unit of work and reach
the database together when it is flushed or committed, so that a batch of messages
costs a handful of statements, not thousands. Where the store itself fails, whether
reading or writing, it raises `StoreUnavailable`, and the unit can only be rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking_engine.application.free_time import FreeTime
from booking_engine.domain.alerts import Alert, AlertId, Answers, FeedReading
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Decision
from booking_engine.domain.delivery_history import DeliveryAttempt, DeliveryChange
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import (
    AppointmentId,
    ContractId,
    DecisionId,
    DeliveryId,
    DiaryEntryId,
    EventId,
    MappingId,
    MessageId,
    OrderId,
    PartnerId,
    PatientKey,
    PlanRunId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from booking_engine.domain.messages import (
    Delivery,
    InboundMessage,
    MessageOutcome,
    SearchKey,
)
from booking_engine.domain.order_names import OrderName
from booking_engine.domain.orders import (
    HoldCode,
    ImagingOrder,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.parking import ParkedMessage
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.domain.register import RegisteredPatient
from booking_engine.domain.schedule import Appointment, ScanSession
from booking_engine.domain.waiting import ClockEvent

PlacerKey = tuple[PartnerId, str, str]
"""Partner, placer authority, placer number: the sender's name of an order."""
MessageKey = tuple[str, str]
"""Sender (``MSH-3|MSH-4``) and control id (MSH-10)."""


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


class Schedule(Protocol):
    """Sessions and appointments."""

    def add_sessions(self, sessions: Iterable[ScanSession]) -> None:
        """Store sessions; those whose id exists already are left as they are."""
        ...

    def session(self, session_id: SessionId) -> ScanSession:
        """Return one session; raises `NotKnown`."""
        ...

    def save_session(self, session: ScanSession) -> None:
        """Store a changed session; optimistic as `Orders.save`."""
        ...

    def sessions_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[ScanSession]:
        """Return sessions that overlap the interval, by scanner, then start."""
        ...

    def add(self, appointment: Appointment) -> None:
        """Store a new appointment or hold.

        Flushing raises `SlotTaken` or `PatientBusy` if it overlaps another.
        """
        ...

    def save(self, appointment: Appointment) -> None:
        """Store a changed appointment; optimistic as `Orders.save`.

        Flushing may raise as for `add`.
        """
        ...

    def appointment(self, appointment_id: AppointmentId) -> Appointment:
        """Return one appointment; raises `NotKnown`."""
        ...

    def live_appointment(self, order_id: OrderId) -> Appointment | None:
        """Return the order's appointment in an occupying state, or ``None``."""
        ...

    def live_appointments(
        self, order_ids: Iterable[OrderId]
    ) -> dict[OrderId, Appointment]:
        """Return the occupying appointments of these orders, in one query."""
        ...

    def occupying_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[Appointment]:
        """Return appointments that occupy time in the interval, by scanner, start."""
        ...

    def occupying_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[Appointment]:
        """Return the occupying appointments of these patients that end after."""
        ...

    def free_time(self, since: datetime, until: datetime) -> FreeTime:
        """Return what is free in the open sessions that overlap the interval.

        Appointments, holds and diary entries are cut out, those of this unit too.
        What is over before the interval begins is left out.
        """
        ...

    def expired_holds(self, now: datetime) -> list[Appointment]:
        """Return the holds that lapsed at or before `now`."""
        ...

    def contract_use(self) -> dict[ContractId, int]:
        """Return how many occupying appointments count against each contract."""
        ...


class Diary(Protocol):
    """Entries of other systems' diaries, and closures.

    Flushing an appointment that comes to lie on an entry raises `SlotTaken`; an entry
    may come to lie on anything.
    """

    def get(self, entry_id: DiaryEntryId) -> DiaryEntry:
        """Return one entry; raises `NotKnown`."""
        ...

    def numbered(self, partner: PartnerId, number: str) -> list[DiaryEntry]:
        """Return the entries of this name, ended ones too, by start.

        Open for writing, a unit keeps the name to itself, as with `Orders.by_placer`.
        """
        ...

    def add(self, entry: DiaryEntry) -> None:
        """Store a new entry.

        Once it is flushed, no other transaction books into its time: what lies there
        then is seen by `Schedule.occupying_between`.
        """
        ...

    def save(self, entry: DiaryEntry) -> None:
        """Store a changed entry; optimistic as `Orders.save`, flushing as `add`."""
        ...

    def of_order(self, order_id: OrderId) -> list[DiaryEntry]:
        """Return the entries for an order, ended ones too, by start."""
        ...

    def of_appointment(self, appointment_id: AppointmentId) -> list[DiaryEntry]:
        """Return the entries that stand for an appointment of ours, by start."""
        ...

    def taking_between(
        self,
        starts_at: datetime,
        ends_at: datetime,
        *,
        scanners: Iterable[ScannerId] | None = None,
    ) -> list[DiaryEntry]:
        """Return the entries that take time in the interval, by start."""
        ...

    def taking_patients(
        self, patients: Iterable[str], after: datetime
    ) -> list[DiaryEntry]:
        """Return the entries that keep these patients busy and end after, by start."""
        ...

    def sought_and_stored(self, limit: int) -> list[DiaryEntry]:
        """Return entries whose order was not known and may be by now, oldest first.

        One of the numbers that they name it by is an order's: whose, and whether it is
        the one that is meant, is for the caller to see. Asked at every arrival, hence
        one query, and nothing is read of the entries that still wait.
        """
        ...


class Decisions(Protocol):
    """Decision records."""

    def add(self, decision: Decision) -> None:
        """Store a record."""
        ...

    def get(self, decision_id: DecisionId) -> Decision:
        """Return one record; raises `NotKnown`."""
        ...

    def get_many(
        self, decision_ids: Iterable[DecisionId]
    ) -> dict[DecisionId, Decision]:
        """Return those of `decision_ids` that exist, in one query."""
        ...

    def of_run(self, plan_run_id: PlanRunId) -> list[Decision]:
        """Return the records of one planning run."""
        ...


class PlanRuns(Protocol):
    """Planning runs."""

    def add(self, run: PlanRun) -> None:
        """Store a new run."""
        ...

    def save(self, run: PlanRun) -> None:
        """Store a changed run (one writer: the job that runs it)."""
        ...

    def get(self, run_id: PlanRunId) -> PlanRun:
        """Return one run with its files; raises `NotKnown`."""
        ...

    def latest(self, limit: int) -> list[PlanRun]:
        """Return the newest runs, without their files."""
        ...


@dataclass(frozen=True, slots=True)
class OldMessage:
    """An inbound message as far as its deletion is concerned.

    Parameters
    ----------
    needed
        Whether something that is not over depends on it.
    """

    id: MessageId
    received_at: datetime
    outcome: MessageOutcome
    keys: tuple[SearchKey, ...]
    needed: bool


@dataclass(frozen=True, slots=True)
class OldDelivery:
    """A delivery as far as its deletion is concerned."""

    id: DeliveryId
    sequence: int
    needed: bool


class Messages(Protocol):
    """Inbound messages."""

    def add(self, message: InboundMessage) -> None:
        """Store a message with its acknowledgement."""
        ...

    def of_orders(self, order_ids: Iterable[OrderId]) -> dict[OrderId, MessageId]:
        """Return the first message of each of these orders, in one query."""
        ...

    def by_key(self, key: MessageKey) -> InboundMessage | None:
        """Return the newest message with this sender and control id, or ``None``.

        Open for writing, a unit keeps the key to itself, as with `Orders.by_placer`.
        """
        ...

    def get(self, message_id: MessageId) -> InboundMessage:
        """Return one message; raises `NotKnown`."""
        ...

    def settle(
        self,
        message_id: MessageId,
        outcome: MessageOutcome,
        order_ids: Iterable[OrderId] = (),
    ) -> None:
        """Store what became of a message in the end, and of which further orders."""
        ...

    def file(
        self,
        message_id: MessageId,
        *,
        keys: Sequence[SearchKey],
        sent_at: datetime | None,
        order_control: str,
    ) -> None:
        """Store what a message is found by that had no keys; raises `NotKnown`."""
        ...

    def old(
        self,
        *,
        before: datetime,
        after: tuple[datetime, MessageId] | None,
        limit: int,
    ) -> list[OldMessage]:
        """Return messages received before an instant, oldest first.

        Parameters
        ----------
        after
            Receipt and name of the last one that was returned.
        """
        ...

    def discard(self, messages: Sequence[OldMessage]) -> None:
        """Delete messages with all that belongs to them; orders stay."""
        ...


class Parking(Protocol):
    """Messages that wait for their order."""

    def add(self, parked: ParkedMessage) -> None:
        """Let a message wait; it is stored in the same transaction."""
        ...

    def save(self, parked: ParkedMessage) -> None:
        """Store what became of it."""
        ...

    def waiting(self, numbers: Iterable[str]) -> list[ParkedMessage]:
        """Return what waits for these placer numbers, of any partner, as sent."""
        ...

    def expired(self, now: datetime) -> list[ParkedMessage]:
        """Return what has waited too long."""
        ...


class Outbox(Protocol):
    """Events, and their deliveries to partners."""

    def add(self, event: Event) -> EventId:
        """Store an event and one pending delivery for each partner in its audience."""
        ...

    def queue(self, delivery: Delivery) -> None:
        """Store a new delivery that answers a message, with its bytes."""
        ...

    def event(self, event_id: EventId) -> Event:
        """Return one event; raises `NotKnown`."""
        ...

    def events(self, event_ids: Iterable[EventId]) -> dict[EventId, Event]:
        """Return these events, in one query."""
        ...

    def due(
        self, destination: PartnerId, now: datetime, *, limit: int
    ) -> list[Delivery]:
        """Return pending deliveries that may go now, in sequence.

        For each order only deliveries with no earlier one that is parked or waits
        for its retry: a cancel never overtakes a stuck booking. An answer that is
        parked keeps nothing back: what happens to the order does not depend on it.
        """
        ...

    def save(self, deliveries: Sequence[Delivery]) -> None:
        """Store changed deliveries."""
        ...

    def get(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery; raises `NotKnown`."""
        ...

    def answered(self, delivery_id: DeliveryId, code: str) -> None:
        """Store the application acknowledgement of a delivery, and nothing else.

        It may come before the relay has stored that the delivery went out.
        """
        ...

    def claim(self, delivery_id: DeliveryId) -> Delivery:
        """Return one delivery that nobody else can claim until the unit ends.

        Raises `NotKnown`.
        """
        ...

    def parked(self, destination: PartnerId, *, limit: int) -> list[Delivery]:
        """Return a partner's parked deliveries, claimed, in sequence."""
        ...

    def record(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Append to what was tried."""
        ...

    def note(self, change: DeliveryChange) -> None:
        """Append to what people decided."""
        ...

    def attempts(self, delivery_id: DeliveryId) -> list[DeliveryAttempt]:
        """Return what was tried with a delivery, oldest first."""
        ...

    def changes(self, delivery_id: DeliveryId) -> list[DeliveryChange]:
        """Return what people decided about a delivery, oldest first."""
        ...

    def old(self, *, before: datetime, after: int, limit: int) -> list[OldDelivery]:
        """Return deliveries created before an instant and after a sequence."""
        ...

    def discard(self, delivery_ids: Sequence[DeliveryId]) -> None:
        """Delete deliveries with their history; their events stay."""
        ...

    def of_order(self, order_id: OrderId) -> list[Delivery]:
        """Return the deliveries of one order, in sequence."""
        ...

    def led_to(self, message: InboundMessage) -> list[Delivery]:
        """Return what answers a message, and what was told of its orders since.

        In sequence.
        """
        ...

    def counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many deliveries each partner has in each status."""
        ...

    def unsent_counts(self) -> dict[tuple[PartnerId, str], int]:
        """Return how many each partner has pending, and parked; reads only these."""
        ...

    def oldest_pending(self) -> datetime | None:
        """Return when the oldest pending delivery was created, or ``None``."""
        ...


class PartnerData(Protocol):
    """Profiles and mappings that came over the API."""

    def version(self) -> int:
        """Return a number that grows with every change of any of them."""
        ...

    def profile(self, partner: PartnerId) -> StoredProfile | None:
        """Return the newest version of a partner's profile, or ``None``.

        Open for writing, a unit keeps all profiles to itself from here on.
        """
        ...

    def profiles(self) -> list[StoredProfile]:
        """Return the newest version of each profile, by partner."""
        ...

    def profile_versions(self, partner: PartnerId) -> list[StoredProfile]:
        """Return every version of a partner's profile, newest first."""
        ...

    def add_profile(self, profile: StoredProfile) -> None:
        """Store a new version."""
        ...

    def mappings(self, partner: PartnerId | None = None) -> list[CodeMapping]:
        """Return the mappings of a partner or of all, oldest first.

        Open for writing, a unit keeps those of the partner to itself from here on, so
        that two never give one code two meanings.
        """
        ...

    def mapping(self, mapping_id: MappingId) -> CodeMapping:
        """Return one mapping; raises `NotKnown`."""
        ...

    def add_mapping(self, mapping: CodeMapping) -> None:
        """Store a new mapping."""
        ...

    def save_mapping(self, mapping: CodeMapping) -> None:
        """Store a mapping that ends; optimistic as `Orders.save`."""
        ...


class Alerts(Protocol):
    """Alerts; at most one of a partner's condition is open."""

    def add(self, alert: Alert) -> None:
        """Store a new alert.

        Flushing raises `StaleVersion` if one of this condition is open already.
        """
        ...

    def save(self, alert: Alert) -> None:
        """Store a changed alert; optimistic as `Orders.save`."""
        ...

    def get(self, alert_id: AlertId) -> Alert:
        """Return one alert; raises `NotKnown`."""
        ...

    def open(self) -> list[Alert]:
        """Return the open alerts, oldest first."""
        ...

    def untold(self, since: datetime, *, limit: int) -> list[Alert]:
        """Return alerts raised or cleared since then of which the webhook was not told.

        Oldest first.
        """
        ...


class Traffic(Protocol):
    """What the stored messages say of each partner's feed."""

    def readings(
        self, partners: Iterable[PartnerId], since: datetime
    ) -> dict[PartnerId, FeedReading]:
        """Return how each feed stands, in one query.

        Parameters
        ----------
        since
            Begin of the window in which our answers are counted. How long they took is
            not in it, and neither are the partner's answers: see `heard`.
        """
        ...

    def heard(self, since: datetime) -> dict[PartnerId, Answers]:
        """Return how the partners answered us since then, to the last 5,000 attempts.

        Partners that answered nothing are left out, and so are attempts without any
        answer.
        """
        ...

    def volume(
        self, partner: PartnerId, begin: datetime, end: datetime
    ) -> tuple[int, int]:
        """Return how many messages came up to `end`, and how many we refused."""
        ...

    def sample(
        self, partner: PartnerId, begin: datetime, end: datetime, *, most: int
    ) -> list[bytes]:
        """Return the bytes of at most so many messages, evenly over the time."""
        ...


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
