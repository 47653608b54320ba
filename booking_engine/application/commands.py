"""What may be asked of the engine; each command has one handler.

Commands are facts about an intention: frozen, complete, free of HL7 and HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from booking_engine.application.naming import Named
from booking_engine.domain.alerts import AlertId, Condition
from booking_engine.domain.decisions import Reasons
from booking_engine.domain.filler_status import FillerStatus
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DeliveryId,
    MappingId,
    OrderId,
    PartnerId,
    PlanRunId,
    ProcedureCode,
    SessionId,
    SiteCode,
)
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import HoldReason, OrderContent
from booking_engine.domain.safety import Question, SafetyAnswer
from booking_engine.domain.vocabulary import BookingMode, PatientSetting, Priority


@dataclass(frozen=True, slots=True)
class ReceiveOrder:
    """A sender places a new order (ORC-1 NW).

    Handled by `intake.receive_order`, which returns a `received.Received`.

    Parameters
    ----------
    sent_at
        The sender's time of the transaction (ORC-9, else MSH-7).
    holds
        What the mapper could not settle; the order is held if there is any.
    refusal
        Coded reason to refuse the order for good (for example not imaging), or
        empty.
    guidelines
        The written guidelines under which exams of this partner may be authorised
        without a person looking at each (IR(ME)R 2017); the partner's profile names
        them because the employer has signed them.
    mode
        Who decides on the slot.
    """

    partner: PartnerId
    content: OrderContent
    sent_at: datetime
    holds: tuple[HoldReason, ...] = ()
    refusal: str = ""
    guidelines: frozenset[str] = frozenset()
    mode: BookingMode = BookingMode.AUTO


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """A partner changes what was asked for (ORC-1 XO or XX).

    Handled by `changing.change_order`, which returns a `received.Received`. What was
    vetted before does not count for a changed request.

    Parameters
    ----------
    kept
        What the message is silent about and so stays as it is: names of fields of
        the content, of its ``patient.`` and of its ``needs.`` (HL7 2.5.1 section
        2.5.3: absent keeps, the explicit null deletes).
    withdrawn
        Safety questions whose answer the sender deletes.
    fills
        Whether the partner fills orders that others place, and may change those.
    """

    partner: PartnerId
    content: OrderContent
    sent_at: datetime
    holds: tuple[HoldReason, ...] = ()
    guidelines: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    withdrawn: frozenset[Question] = frozenset()
    fills: bool = False

    @property
    def named(self) -> Named:
        """Which order is changed."""
        content = self.content
        return Named(
            partner=self.partner,
            authority=content.placer_authority,
            number=content.placer_number,
            shared=as_placed(content.placer_number),
            code=content.procedure_as_sent,
            filler_number=content.filler_number,
            fills=self.fills,
        )


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A partner or a person withdraws an order (ORC-1 CA, DC, OC or OD).

    Handled by `withdrawing.cancel_order`, which returns a `received.Received`. Give
    either `order_id` or `named`.

    Parameters
    ----------
    remaining_only
        Of several exams under one number, leave those that are done (ORC-1 DC, OD).
    """

    reason: str
    sent_at: datetime
    order_id: OrderId | None = None
    named: Named | None = None
    remaining_only: bool = False


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """A partner asks to wait with an order (ORC-1 HD or OH).

    Handled by `suspending.hold_order`, which returns a `received.Received`.

    Parameters
    ----------
    keeps_slot
        Whether what is booked stays booked: a patient who was told is not moved
        without approval.
    """

    named: Named
    sent_at: datetime
    reason: str = ""
    keeps_slot: bool = True


@dataclass(frozen=True, slots=True)
class LiftHold:
    """A partner takes its request to wait back (ORC-1 RL or OE).

    Handled by `suspending.lift_hold`, which returns a `received.Received`. What was
    vetted stays vetted, for a change would have been vetted anew.
    """

    named: Named
    sent_at: datetime
    guidelines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReplaceOrders:
    """A partner puts other orders in the place of some (ORC-1 RP or RU, then RO).

    Handled by `replacing.replace_orders`, which returns a `received.Received`. The new
    ones go on with the waiting clock of the old. A filler that splits an order (PA,
    then CH) asks for the same: the exams that it makes of it take its place.
    """

    replaced: tuple[Named, ...]
    replacements: tuple[ReceiveOrder, ...]
    sent_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NumberOrder:
    """A filler asks for our number of an exam of its own making (ORC-1 SN).

    Handled by `replacing.number_order`, which returns a `received.Received`: the
    order's id is the number. It is held, for the filler gives it its time.
    """

    order: ReceiveOrder


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """A filler tells how an order stands in its own books (ORC-1 SC).

    Handled by `telling.record_status`, which returns a `received.Received`.

    Parameters
    ----------
    starts_at
        When it has given the exam, if it says so (OBR-36, TQ1-7).
    order
        What to store, held, if no such order is known; ``None``: `NotKnown`.
    """

    named: Named
    status: FillerStatus
    sent_at: datetime
    starts_at: datetime | None = None
    reason: str = ""
    order: ReceiveOrder | None = None


@dataclass(frozen=True, slots=True)
class AskStatus:
    """A partner asks how its order stands (ORC-1 SS).

    Handled by `telling.ask_status`, which returns a `received.Received` with the
    status of the order; of several, of the newest.
    """

    named: Named


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """A partner answers what we had sent (ORC-1 OK, UA, NA, …).

    Handled by `telling.record_answer`, which returns a `received.Received`. A refusal
    is put to a person: what it refused may not happen.

    Parameters
    ----------
    code
        The answer as it was sent.
    answers
        Our control id that it answers (MSA-2), if it says so.
    """

    code: str
    accepted: bool
    sent_at: datetime
    partner: PartnerId
    answers: DeliveryId | None = None
    named: Named | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """A person settles what an order was held for.

    Handled by `vetting.release_order`, which returns the order. Every open question
    must be answered: a missing procedure, urgency or setting must be given here.
    """

    order_id: OrderId
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    birth_date: date | None = None
    setting: PatientSetting | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class VetOrder:
    """A practitioner justifies, or an operator authorises under a guideline.

    Handled by `listing.vet_order`, which returns the order: ``WAITING`` if nothing
    blocks it, else ``VETTED``.
    """

    order_id: OrderId
    guideline: str | None = None
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    cleared: frozenset[Question] = frozenset()


@dataclass(frozen=True, slots=True)
class RejectOrder:
    """A person turns the request down.

    Handled by `vetting.reject_order`, which returns the order.
    """

    order_id: OrderId
    reason: str


@dataclass(frozen=True, slots=True)
class RecordAnswers:
    """Safety answers are added; listed for booking once nothing blocks.

    Handled by `listing.record_answers`, which returns the order.
    """

    order_id: OrderId
    answers: tuple[SafetyAnswer, ...]


@dataclass(frozen=True, slots=True)
class HoldSlot:
    """Keep a slot for a while, until the patient has answered.

    Handled by `scheduling.hold_slot`, which returns the appointment.
    """

    order_id: OrderId
    session_id: SessionId
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class ConfirmHold:
    """The patient accepts a held slot.

    Handled by `scheduling.confirm_hold`, which returns the appointment.
    """

    appointment_id: AppointmentId
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """The patient declines a held slot, or it lapsed.

    Handled by `scheduling.release_hold`, which returns the appointment.
    """

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """Release every hold that has lapsed.

    Handled by `scheduling.expire_holds`, which returns how many there were.
    """


@dataclass(frozen=True, slots=True)
class ExpireParked:
    """Put the messages before a person whose order never came.

    Handled by `parking.expire_parked`, which returns how many there were.
    """


@dataclass(frozen=True, slots=True)
class BookSlot:
    """Book a chosen slot for an order.

    Handled by `scheduling.book_slot`, which returns the appointment.
    """

    order_id: OrderId
    session_id: SessionId
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class BookChosen:
    """Book the slot that the engine has just found for one order.

    Handled by `scheduling.book_chosen`, which returns the appointment. Finding it takes
    long enough that nobody should wait for it: `on_arrival.book_best` searches while
    reading, then sends this.

    Parameters
    ----------
    order_version
        The version that the search saw; `StaleVersion` if it moved on.
    """

    order_id: OrderId
    order_version: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class MoveAppointment:
    """Give an appointment another slot; the clock goes on.

    Handled by `scheduling.move_appointment`, which returns the appointment.

    Parameters
    ----------
    version
        The version that the caller has seen; `StaleVersion` if it moved on.
    """

    appointment_id: AppointmentId
    session_id: SessionId
    starts_at: datetime
    reason: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class CancelAppointment:
    """End an appointment beforehand; the order goes back to waiting.

    Handled by `scheduling.cancel_appointment`, which returns the appointment.

    Parameters
    ----------
    by_patient
        A patient's cancellation resets the clock to the appointment's date; a
        hospital's never does.
    told_by
        The partner that cancelled: it is not told.
    """

    appointment_id: AppointmentId
    reason: str
    by_patient: bool
    version: int | None = None
    told_by: PartnerId | None = None


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """The patient arrived, was scanned, or did not come.

    Handled by `attendance.record_outcome`, which returns the appointment.

    Parameters
    ----------
    outcome
        ``arrived``, ``performed`` or ``did_not_attend``.
    """

    appointment_id: AppointmentId
    outcome: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EnterInError:
    """An appointment should never have been recorded.

    Handled by `attendance.enter_in_error`, which returns the appointment.
    """

    appointment_id: AppointmentId
    reason: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class RelistOrder:
    """Put a patient who did not come back on the list, by a person's word.

    Handled by `attendance.relist_order`, which returns the order.
    """

    order_id: OrderId
    note: str = ""


@dataclass(frozen=True, slots=True)
class RetryDelivery:
    """Let a parked message go again, by a person's word; its bytes stay the same.

    Handled by `deliveries.retry_delivery`, which returns the delivery.
    """

    delivery_id: DeliveryId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryParked:
    """Let a partner's parked messages go again, oldest first, at most `limit`.

    Handled by `deliveries.retry_parked`, which returns the deliveries.
    """

    destination: PartnerId
    limit: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SkipDelivery:
    """Decide that a partner need not be told what it refuses; the rest goes on.

    Handled by `deliveries.skip_delivery`, which returns the delivery.
    """

    delivery_id: DeliveryId
    reason: str


@dataclass(frozen=True, slots=True)
class EditDelivery:
    """Send other bytes in place of a parked message's; the old ones are kept.

    Handled by `deliveries.edit_delivery`, which returns the delivery.

    Parameters
    ----------
    payload
        A whole message that names the delivery in MSH-10.
    """

    delivery_id: DeliveryId
    payload: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedBooking:
    """One line of a plan: an order, its slot, and why this one.

    Parameters
    ----------
    order_version
        The version that the plan was made from; a changed order is left alone.
    reasons
        What the decision record will say.
    """

    order_id: OrderId
    order_version: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Book what a plan gave to one scanner on one day.

    Handled by `planning.apply_plan`, which returns a `planning.Applied`. An order
    or slot that changed since the snapshot is left for the next run.
    """

    plan_run_id: PlanRunId
    bookings: tuple[PlannedBooking, ...]
    requested_by: Actor


@dataclass(frozen=True, slots=True)
class MapCode:
    """A partner's code gets a meaning.

    Handled by `mappings.map_code`, which returns the `CodeMapping`.

    Parameters
    ----------
    target
        Our code, or the word of ours.
    valid_from, valid_to
        As in `CodeMapping`; from now on, by default.
    replaces
        The mapping of the same code that ends where this one begins.
    """

    partner: PartnerId
    table: MappingTable
    code: str
    target: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    why: str = ""
    replaces: MappingId | None = None


@dataclass(frozen=True, slots=True)
class EndMapping:
    """A mapping shall count no longer.

    Handled by `mappings.end_mapping`, which returns the `CodeMapping`.

    Parameters
    ----------
    at
        Its first instant out of force; now, by default.
    version
        The version that the caller has seen; `StaleVersion` if it moved on.
    """

    mapping_id: MappingId
    why: str = ""
    at: datetime | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class StoreProfile:
    """A partner profile is created or replaced.

    Handled by `mappings.store_profile`, which returns the `StoredProfile`.

    Parameters
    ----------
    text
        YAML that the caller has read without an error.
    version
        The newest version that the caller has seen; 0 for a new partner.
    """

    partner: PartnerId
    text: str
    version: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class SettleHolds:
    """What an order waits for is mapped by now.

    Handled by `mappings.settle_holds`, which returns the order.

    Parameters
    ----------
    procedure, priority, site, setting
        What its codes mean; ``None`` where that is still open.
    guidelines, mode
        As in `ReceiveOrder`; without `mode` the order keeps its own.
    note
        For the history: which code means what, and who said so.
    """

    order_id: OrderId
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    site: SiteCode | None = None
    setting: PatientSetting | None = None
    guidelines: frozenset[str] = frozenset()
    mode: BookingMode | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """A partner's feed is no longer well.

    Handled by `watching.raise_alert`, which returns the new alert, or ``None`` if one
    of this condition is open already.

    Parameters
    ----------
    value, threshold
        Seconds, a share or a count, as the condition has it.
    """

    partner: PartnerId
    condition: Condition
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class ClearAlert:
    """A partner's feed is well again.

    Handled by `watching.clear_alert`, which returns the alert, or ``None`` if it was
    cleared already.
    """

    alert_id: AlertId


@dataclass(frozen=True, slots=True)
class AcknowledgeAlert:
    """A person has seen an alert; it stays open.

    Handled by `watching.acknowledge_alert`, which returns the alert.

    Parameters
    ----------
    note
        What is being done; no patient data.
    """

    alert_id: AlertId
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecordTold:
    """The webhook took an alert's beginning, or its end.

    Handled by `watching.record_told`, which returns the alert.
    """

    alert_id: AlertId
    cleared: bool
