"""An imaging order and its life: the states, who owns each, and what may follow."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import (
    Actor,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
)
from booking_engine.domain.patients import NO_NEEDS, Needs, Patient
from booking_engine.domain.safety import Question, SafetyAnswer
from booking_engine.domain.vocabulary import (
    BookingMode,
    PatientSetting,
    Priority,
    WaitingListType,
)
from booking_engine.domain.waiting import WaitingClock


class OrderStatus(StrEnum):
    """Where the order stands."""

    HELD = "held"
    REJECTED = "rejected"
    AWAITING_VETTING = "awaiting_vetting"
    VETTED = "vetted"
    WAITING = "waiting"
    BOOKED = "booked"
    ARRIVED = "arrived"
    PERFORMED = "performed"
    DID_NOT_ATTEND = "did_not_attend"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    TRANSFERRED = "transferred"


class Action(StrEnum):
    """What can happen to an order."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"
    VET = "vet"
    LIST = "list"
    BOOK = "book"
    UNBOOK = "unbook"
    MOVE = "move"
    ARRIVE = "arrive"
    PERFORM = "perform"
    MISS = "miss"
    CHANGE = "change"
    RESUBMIT = "resubmit"
    CANCEL = "cancel"
    REPLACE = "replace"
    TRANSFER = "transfer"


_S, _A = OrderStatus, Action
TRANSITIONS: dict[tuple[OrderStatus, Action], OrderStatus] = {
    (_S.HELD, _A.RELEASE): _S.AWAITING_VETTING,
    (_S.HELD, _A.HOLD): _S.HELD,
    (_S.HELD, _A.REJECT): _S.REJECTED,
    (_S.AWAITING_VETTING, _A.HOLD): _S.HELD,
    (_S.AWAITING_VETTING, _A.REJECT): _S.REJECTED,
    (_S.AWAITING_VETTING, _A.VET): _S.VETTED,
    # Vetted, but a safety answer is missing; listed once nothing blocks.
    (_S.VETTED, _A.HOLD): _S.HELD,
    (_S.VETTED, _A.VET): _S.VETTED,
    (_S.VETTED, _A.REJECT): _S.REJECTED,
    (_S.VETTED, _A.LIST): _S.WAITING,
    (_S.WAITING, _A.HOLD): _S.HELD,
    (_S.WAITING, _A.VET): _S.VETTED,
    (_S.WAITING, _A.REJECT): _S.REJECTED,
    (_S.WAITING, _A.BOOK): _S.BOOKED,
    (_S.BOOKED, _A.MOVE): _S.BOOKED,
    # The sender changed a booked request: a person looks, and the slot may stay.
    (_S.BOOKED, _A.VET): _S.BOOKED,
    (_S.BOOKED, _A.UNBOOK): _S.WAITING,
    (_S.BOOKED, _A.ARRIVE): _S.ARRIVED,
    (_S.BOOKED, _A.MISS): _S.DID_NOT_ATTEND,
    (_S.ARRIVED, _A.PERFORM): _S.PERFORMED,
    (_S.BOOKED, _A.PERFORM): _S.PERFORMED,
    # Scanned although we had not booked it: a fact, told by whoever did it.
    **{
        (status, _A.PERFORM): _S.PERFORMED
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.DID_NOT_ATTEND,
        )
    },
    # What was asked has changed: nothing that was vetted before counts any more.
    **{
        (status, _A.RESUBMIT): _S.AWAITING_VETTING
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.DID_NOT_ATTEND,
        )
    },
    # HAZ-2: a missed appointment always leads on; a person lists or closes it.
    (_S.DID_NOT_ATTEND, _A.LIST): _S.WAITING,
    # Arrived by mistake, or unfit: back to the list, or missed after all.
    (_S.ARRIVED, _A.UNBOOK): _S.WAITING,
    (_S.ARRIVED, _A.MISS): _S.DID_NOT_ATTEND,
    **{
        (status, _A.CHANGE): status
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.BOOKED,
            _S.ARRIVED,
            _S.DID_NOT_ATTEND,
        )
    },
    **{
        (status, action): target
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.BOOKED,
            _S.DID_NOT_ATTEND,
        )
        for action, target in (
            (_A.CANCEL, _S.CANCELLED),
            (_A.REPLACE, _S.REPLACED),
            (_A.TRANSFER, _S.TRANSFERRED),
        )
    },
}
"""The state table; a pair that is missing is refused."""

TERMINAL = frozenset(
    {_S.REJECTED, _S.PERFORMED, _S.CANCELLED, _S.REPLACED, _S.TRANSFERRED}
)


WITH_A_SLOT = frozenset({_S.BOOKED, _S.ARRIVED, _S.DID_NOT_ATTEND})
"""States in which what changes is put to a person instead of starting over."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """Who owns a state and how long an order may stay in it (HAZ-1)."""

    owner: str
    longest: timedelta


DWELL: dict[OrderStatus, Dwell] = {
    _S.HELD: Dwell("booking office", timedelta(days=1)),
    _S.AWAITING_VETTING: Dwell("vetting radiologist", timedelta(days=2)),
    _S.VETTED: Dwell("booking office", timedelta(days=2)),
    _S.WAITING: Dwell("booking office", timedelta(days=14)),
    _S.BOOKED: Dwell("booking office", timedelta(days=91)),
    _S.ARRIVED: Dwell("radiographer", timedelta(hours=12)),
    _S.DID_NOT_ATTEND: Dwell("booking office", timedelta(days=1)),
}
"""Every state that is not terminal has an owner; a test holds this to the enum."""


class HoldCode(StrEnum):
    """Why an order needs a person before it can go on."""

    UNMAPPED_PROCEDURE = "unmapped_procedure"
    UNKNOWN_URGENCY = "unknown_urgency"
    MISSING_BIRTH_DATE = "missing_birth_date"
    MISSING_PLACER_NUMBER = "missing_placer_number"
    IDENTITY_CONFLICT = "identity_conflict"
    INVALID_TIME = "invalid_time"
    CLOSED_PROVIDER = "closed_provider"
    UNKNOWN_SITE = "unknown_site"
    REQUESTED_BY_SENDER = "requested_by_sender"
    CHANGED_AFTER_BOOKING = "changed_after_booking"
    SAFETY_ANSWER_AFTER_BOOKING = "safety_answer_after_booking"
    CANCEL_OUT_OF_ORDER = "cancel_out_of_order"
    PLACER_NUMBER_REUSED = "placer_number_reused"
    DIARY_CONFLICT = "diary_conflict"
    """An entry of another diary, or a closure, has come to lie on the booking."""
    BOOKED_ELSEWHERE = "booked_elsewhere"
    """Another diary has booked the order, but it cannot be booked there here."""
    DISCONTINUED = "discontinued"
    """The exam was begun and broken off."""
    PATIENT_DECEASED = "patient_deceased"
    DUPLICATE_AFTER_MERGE = "duplicate_after_merge"
    SETTING_CHANGED = "setting_changed"
    REFUSED_BY_PARTNER = "refused_by_partner"
    UNKNOWN_SETTING = "unknown_setting"
    SEVERAL_STEPS = "several_steps"


SETTLED_BY_ANOTHER_SLOT = frozenset({HoldCode.DIARY_CONFLICT})
"""Holds that go when the appointment is moved or cancelled."""
SETTLED_BY_VETTING = frozenset(
    {
        HoldCode.CHANGED_AFTER_BOOKING,
        HoldCode.SAFETY_ANSWER_AFTER_BOOKING,
        HoldCode.SETTING_CHANGED,
    }
)
"""Holds of an order with a slot that a new vetting settles."""


UNMAPPED = frozenset(
    {
        HoldCode.UNMAPPED_PROCEDURE,
        HoldCode.UNKNOWN_URGENCY,
        HoldCode.UNKNOWN_SITE,
        HoldCode.UNKNOWN_SETTING,
    }
)
"""Holds for a code of the sender's that is not mapped to anything of ours."""


@dataclass(frozen=True, slots=True)
class HoldReason:
    """One reason, with the value that was not understood (never patient data).

    Parameters
    ----------
    names
        What the value may be called in the partner's code tables, best first: mapping
        one of them settles the reason. Empty where no mapping could.
    text
        The sender's words beside the code: a hint for whoever maps it.
    """

    code: HoldCode
    detail: str = ""
    names: tuple[str, ...] = field(default=(), compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Vetting:
    """The recorded human decision that allows an exam (IR(ME)R 2017).

    Parameters
    ----------
    by
        The practitioner, or the operator who authorised under a guideline.
    guideline
        Name and version of the guideline, or ``None`` if a practitioner justified.
    cleared
        Safety questions that the clinician has looked at and cleared.
    """

    by: Actor
    at: datetime
    guideline: str | None = None
    cleared: frozenset[Question] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderContent:
    """What the sender asked for, in our words; what could not be mapped is ``None``.

    Parameters
    ----------
    placer_number, placer_authority
        ORC-2; together the sender's name of the order.
    filler_number, accession, group_number
        ORC-3; OBR-18 or IPC-1; ORC-4.
    procedure, procedure_as_sent
        Our code, or ``None`` if the sender's is not mapped; the sender's.
    priority, priority_as_sent
        Likewise for urgency: never defaulted.
    requested_at
        The instant of the request: where the waiting clock starts.
    site
        Where the request came from; travel is measured from here when the
        patient's postcode is not known.
    earliest_on, latest_on
        Days between which the sender wants the exam.
    study_uid
        DICOM study instance UID (ZDS-1, IPC-3), passed on as it came.
    """

    placer_number: str
    placer_authority: str
    patient: Patient
    procedure: ProcedureCode | None
    procedure_as_sent: str
    priority: Priority | None
    priority_as_sent: str
    setting: PatientSetting
    list_type: WaitingListType
    requested_at: datetime
    site: SiteCode | None
    filler_number: str = ""
    accession: str = ""
    group_number: str = ""
    clinical_reason: str = ""
    safety: tuple[SafetyAnswer, ...] = ()
    needs: Needs = NO_NEEDS
    earliest_on: date | None = None
    latest_on: date | None = None
    study_uid: str = ""


@dataclass(frozen=True, slots=True)
class ImagingOrder:
    """One order: what was asked, where it stands, since when, and its clock.

    Parameters
    ----------
    partner
        The feed that it came from; status goes back there.
    content
        What was asked, as last changed by the sender.
    status, status_since
        The state and the instant it was entered.
    holds
        Why a person is needed: on a held order, or on a booked one whose sender
        changed the request.
    mode
        Who decides on the slot.
    sent_at
        The sender's time of the last message applied: older ones are ignored.
    held_at, told_at
        Likewise of the last request to hold or release, and of the last status that a
        filler told; ``None`` where none came.
    version
        Counts changes; a writer that read an older version loses.
    """

    id: OrderId
    partner: PartnerId
    content: OrderContent
    status: OrderStatus
    status_since: datetime
    clock: WaitingClock
    received_at: datetime
    sent_at: datetime
    holds: tuple[HoldReason, ...] = ()
    vetting: Vetting | None = None
    mode: BookingMode = BookingMode.AUTO
    held_at: datetime | None = None
    told_at: datetime | None = None
    version: int = 1

    def after(self, action: Action, at: datetime) -> ImagingOrder:
        """Return the order as it stands after `action`.

        Raises
        ------
        TransitionRefused
            The state table has no such transition.
        """
        target = TRANSITIONS.get((self.status, action))
        if target is None:
            allowed = ", ".join(a for s, a in TRANSITIONS if s is self.status)
            raise TransitionRefused(
                f"Order {self.id} is {self.status}: it cannot {action};"
                f" allowed are: {allowed or 'none, it is closed'}."
            )
        since = self.status_since if target is self.status else at
        return replace(
            self,
            status=target,
            status_since=since,
            holds=self.holds if target is self.status else (),
        )

    def held(self, reasons: tuple[HoldReason, ...], at: datetime) -> ImagingOrder:
        """Return the order held for `reasons`."""
        return replace(self.after(Action.HOLD, at), holds=reasons)

    def settled(self, reasons: Collection[HoldReason], at: datetime) -> ImagingOrder:
        """Return the order without `reasons`; a held one is released once none is left.

        An order with a slot keeps its state: a person has still to look at it.
        """
        left = tuple(hold for hold in self.holds if hold not in reasons)
        if left or self.status is not OrderStatus.HELD:
            return replace(self, holds=left)
        return self.after(Action.RELEASE, at)

    def without_conflicts(self) -> ImagingOrder:
        """Return the order without what a slot was the reason for: it has another."""
        return replace(
            self,
            holds=tuple(h for h in self.holds if h.code not in SETTLED_BY_ANOTHER_SLOT),
        )

    def relisted(self, action: Action, at: datetime) -> ImagingOrder:
        """Return the order back on the list after `action`.

        What the sender changed, or a safety answer that came, while it had a slot was
        never vetted: then it goes back to vetting, or is held for what is still open.
        """
        listed = self.after(action, at)
        holds = self.without_conflicts().holds
        if self.vetting is not None and not holds:
            return listed
        again = replace(listed.after(Action.RESUBMIT, at), vetting=None)
        still_open = tuple(h for h in holds if h.code not in SETTLED_BY_VETTING)
        return again.held(still_open, at) if still_open else again

    @property
    def contact_stopped(self) -> bool:
        """Whether nothing of it may reach the patient: they have died, it is said."""
        return any(hold.code is HoldCode.PATIENT_DECEASED for hold in self.holds)

    @property
    def overdue_at(self) -> datetime | None:
        """When its stay in the present state becomes too long; ``None`` if closed."""
        dwell = DWELL.get(self.status)
        return None if dwell is None else self.status_since + dwell.longest


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One line of the order's history: who did what, when."""

    order_id: OrderId
    at: datetime
    actor: Actor
    action: str
    before: OrderStatus | None
    after: OrderStatus
    note: str = ""
