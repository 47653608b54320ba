"""What may be done to slots: hold, book, move, cancel, record the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.domain.decisions import MovedFrom, Reasons
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    OrderId,
    PartnerId,
    PlanRunId,
    SessionId,
)


@dataclass(frozen=True, slots=True)
class HoldSlot:
    """Keep a slot for a while, until the patient has answered.

    Handled by `holding.hold_slot`, which returns the appointment.
    """

    order_id: OrderId
    session_id: SessionId
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class ConfirmHold:
    """The patient accepts a held slot.

    Handled by `holding.confirm_hold`, which returns the appointment.
    """

    appointment_id: AppointmentId
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """The patient declines a held slot, or it lapsed.

    Handled by `holding.release_hold`, which returns the appointment.
    """

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """Release every hold that has lapsed.

    Handled by `holding.expire_holds`, which returns how many there were.
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
    proposed, moved
        What led to this very slot and why the booking moves, where the engine proposed
        it and a person approved; both or neither.
    """

    appointment_id: AppointmentId
    session_id: SessionId
    starts_at: datetime
    reason: str
    version: int | None = None
    proposed: Reasons | None = None
    moved: MovedFrom | None = None


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
class PlannedBooking:
    """One line of a plan: an order, its slot, and why this one.

    Parameters
    ----------
    order_version
        The version that the plan was made from; a changed order is left alone.
    reasons
        What the decision record will say.
    visit
        Number of its visit in the plan: all bookings of one are made, or none.
    can_wait
        Whether it is left for the next run if its visit cannot be booked.
    """

    order_id: OrderId
    order_version: int
    reasons: Reasons
    visit: int | None = None
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Book what a plan gave to one scanner on one day, or to one visit.

    Handled by `planning.apply_plan`, which returns a `planning.Applied`. An order
    or slot that changed since the snapshot is left for the next run, and so is its
    visit.
    """

    plan_run_id: PlanRunId
    bookings: tuple[PlannedBooking, ...]
    requested_by: Actor
