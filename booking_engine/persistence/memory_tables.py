"""What the in-memory store holds, and the rules that a database would enforce."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime

from booking_engine.application.ports import MessageKey, PlacerKey
from booking_engine.domain.alerts import Alert, AlertId
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Decision
from booking_engine.domain.delivery_history import DeliveryAttempt, DeliveryChange
from booking_engine.domain.diary_entries import DiaryEntry, EntryStatus
from booking_engine.domain.errors import (
    NotKnown,
    PatientBusy,
    SlotTaken,
    StaleVersion,
)
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import (
    AppointmentId,
    DecisionId,
    DeliveryId,
    DiaryEntryId,
    EventId,
    MappingId,
    MessageId,
    OrderId,
    PartnerId,
    PatientId,
    PatientKey,
    PlanRunId,
    RebookingId,
    ScannerId,
    SessionId,
)
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from booking_engine.domain.messages import Delivery, InboundMessage
from booking_engine.domain.order_names import OrderName
from booking_engine.domain.orders import TERMINAL, ImagingOrder, StatusChange
from booking_engine.domain.parking import ParkedMessage, ParkingStatus
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.domain.published_policy import PublishedPolicy
from booking_engine.domain.rebookings import Rebooking
from booking_engine.domain.register import RegisteredPatient
from booking_engine.domain.schedule import OCCUPYING, Appointment, ScanSession
from booking_engine.domain.waiting import ClockEvent
from booking_engine.persistence import refusals


@dataclass(slots=True)
class Tables:
    """One state of the store.

    A dictionary that has been published is never changed: a writer copies it first
    (`InMemoryUnitOfWork.own`), so a reader keeps its snapshot by keeping `Tables`.
    """

    orders: dict[OrderId, ImagingOrder] = field(default_factory=dict)
    placers: dict[PlacerKey, tuple[OrderId, ...]] = field(default_factory=dict)
    names: dict[OrderName, tuple[OrderId, ...]] = field(default_factory=dict)
    history: dict[OrderId, tuple[StatusChange, ...]] = field(default_factory=dict)
    clock_log: dict[OrderId, tuple[ClockEvent, ...]] = field(default_factory=dict)
    sessions: dict[SessionId, ScanSession] = field(default_factory=dict)
    appointments: dict[AppointmentId, Appointment] = field(default_factory=dict)
    on_scanner: dict[ScannerId, tuple[AppointmentId, ...]] = field(default_factory=dict)
    of_patient: dict[PatientKey, tuple[AppointmentId, ...]] = field(
        default_factory=dict
    )
    of_order: dict[OrderId, tuple[AppointmentId, ...]] = field(default_factory=dict)
    diary: dict[DiaryEntryId, DiaryEntry] = field(default_factory=dict)
    decisions: dict[DecisionId, Decision] = field(default_factory=dict)
    plan_runs: dict[PlanRunId, PlanRun] = field(default_factory=dict)
    policies: dict[str, PublishedPolicy] = field(default_factory=dict)
    rebookings: dict[RebookingId, Rebooking] = field(default_factory=dict)
    messages: dict[MessageId, InboundMessage] = field(default_factory=dict)
    message_keys: dict[MessageKey, tuple[MessageId, ...]] = field(default_factory=dict)
    parked: dict[MessageId, ParkedMessage] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    unsent: dict[DeliveryId, None] = field(default_factory=dict)
    """Deliveries that are pending or parked."""
    attempts: dict[DeliveryId, tuple[DeliveryAttempt, ...]] = field(
        default_factory=dict
    )
    delivery_changes: dict[DeliveryId, tuple[DeliveryChange, ...]] = field(
        default_factory=dict
    )
    deliveries_of: dict[OrderId, tuple[DeliveryId, ...]] = field(default_factory=dict)
    profiles: dict[tuple[PartnerId, int], StoredProfile] = field(default_factory=dict)
    mappings: dict[MappingId, CodeMapping] = field(default_factory=dict)
    partner_version: int = 0
    patients: dict[PatientId, RegisteredPatient] = field(default_factory=dict)
    patient_keys: dict[PatientKey, PatientId] = field(default_factory=dict)
    alerts: dict[AlertId, Alert] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def copy(self) -> Tables:
        """Return another state that shares every dictionary with this one."""
        return Tables(**{part.name: getattr(self, part.name) for part in fields(self)})

    def occupying(self, ids: Iterable[AppointmentId]) -> Iterator[Appointment]:
        """Yield those of the appointments that occupy time."""
        for appointment_id in ids:
            appointment = self.appointments[appointment_id]
            if appointment.status in OCCUPYING:
                yield appointment

    def live(self, order_id: OrderId) -> Appointment | None:
        """Return the order's newest appointment that occupies time."""
        found = list(self.occupying(self.of_order.get(order_id, ())))
        return found[-1] if found else None

    def is_open(self, order_id: OrderId | None) -> bool:
        """Return whether there is such an order, and it has not ended."""
        order = None if order_id is None else self.orders.get(order_id)
        return order is not None and order.status not in TERMINAL

    def is_waiting(self, message_id: MessageId) -> bool:
        """Return whether a message is parked until its order comes."""
        parked = self.parked.get(message_id)
        return parked is not None and parked.status is ParkingStatus.WAITING

    def check_order_known(self, order_id: OrderId) -> None:
        """Raise `NotKnown` unless the order is stored, as a foreign key would."""
        if order_id not in self.orders:
            raise NotKnown(refusals.DANGLING)

    def check_message_known(self, message_id: MessageId) -> None:
        """Raise `NotKnown` unless the message is stored, as a foreign key would."""
        if message_id not in self.messages:
            raise NotKnown(refusals.DANGLING)

    def check_appointment(self, appointment_id: AppointmentId) -> None:
        """Refuse an appointment that could not stand beside the others.

        Raises
        ------
        NotKnown
            Its order or session is not stored.
        StaleVersion
            Its order has another live appointment.
        SlotTaken, PatientBusy
            Another overlaps on the scanner, or of the patient.
        """
        one = self.appointments[appointment_id]
        self.check_order_known(one.order_id)
        if one.session_id not in self.sessions:
            raise NotKnown(refusals.DANGLING)
        if one.status not in OCCUPYING:
            return
        if _overlaps(one, self.occupying(self.on_scanner[one.scanner])):
            raise SlotTaken(refusals.SLOT_TAKEN)
        if _overlaps(one, self.occupying(self.of_patient[one.patient])):
            raise PatientBusy(refusals.PATIENT_BUSY)
        if any(
            other.id != one.id for other in self.occupying(self.of_order[one.order_id])
        ):
            raise StaleVersion(refusals.ORDER_HAS_APPOINTMENT)

    def check_beside_diary(self, appointment_id: AppointmentId) -> None:
        """Raise `SlotTaken` if an entry of the scanner's diary takes the time."""
        one = self.appointments[appointment_id]
        if one.status in OCCUPYING and any(
            entry.status is EntryStatus.TAKING
            and entry.scanner == one.scanner
            and overlaps(entry.starts_at, entry.ends_at, one.starts_at, one.ends_at)
            for entry in self.diary.values()
        ):
            raise SlotTaken(refusals.TAKEN_BY_DIARY)

    def check_diary_entry(self, entry_id: DiaryEntryId) -> None:
        """Refuse an entry that names what is not stored, or one that exists.

        Raises
        ------
        NotKnown
            Its order or appointment is not stored.
        StaleVersion
            Another has its number on its scanner.
        """
        one = self.diary[entry_id]
        if one.order_id is not None:
            self.check_order_known(one.order_id)
        if one.appointment_id not in {None, *self.appointments}:
            raise NotKnown(refusals.DANGLING)
        key = (one.partner, one.number, one.scanner)
        if None not in key and any(
            key == (other.partner, other.number, other.scanner)
            for other in self.diary.values()
            if other.id != one.id
        ):
            raise StaleVersion(refusals.EXISTS_ALREADY)


def _overlaps(one: Appointment, others: Iterable[Appointment]) -> bool:
    return any(
        other.id != one.id
        and overlaps(other.starts_at, other.ends_at, one.starts_at, one.ends_at)
        for other in others
    )


def overlaps(
    starts_at: datetime, ends_at: datetime, begin: datetime, end: datetime
) -> bool:
    """Return whether two intervals share time; touching ones do not."""
    return starts_at < end and begin < ends_at
