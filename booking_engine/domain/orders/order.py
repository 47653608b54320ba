"""One order: what was asked, what was decided, and how it changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import (
    Actor,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
)
from booking_engine.domain.orders.holds import (
    SETTLED_BY_ANOTHER_SLOT,
    SETTLED_BY_VETTING,
    HoldCode,
    HoldReason,
)
from booking_engine.domain.orders.states import DWELL, TRANSITIONS, Action, OrderStatus
from booking_engine.domain.orders.steps import ProcedureStep
from booking_engine.domain.patients import NO_NEEDS, Needs, Patient
from booking_engine.domain.safety import Question, SafetyAnswer
from booking_engine.domain.vocabulary import (
    BookingMode,
    LinkedOrders,
    PatientSetting,
    Priority,
    WaitingListType,
)
from booking_engine.domain.waiting import WaitingClock


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
class Orderer:
    """Who asked for an exam; nothing depends on it but whom to ring.

    Parameters
    ----------
    code
        As the sender names them.
    name
        As mapped, else as sent.
    gmc_number
        Reference number of the General Medical Council, 7 digits; empty if not known.
    unmapped
        Whether the partner's table should have the code and has not.
    """

    code: str = ""
    name: str = ""
    gmc_number: str = ""
    unmapped: bool = field(default=False, compare=False)


NOBODY: Final = Orderer()


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
    orderer
        ORC-12, OBR-16; one that is not mapped holds nothing up.
    procedure_text
        The sender's words beside its code of the procedure (OBR-4.2); sent back to it.
    further_steps
        What is done beside the procedure, in the same slot (IPC after the first).
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
    orderer: Orderer = NOBODY
    procedure_text: str = ""
    further_steps: tuple[ProcedureStep, ...] = ()

    @property
    def procedures(self) -> tuple[ProcedureCode | None, ...]:
        """Our codes of all that is done in the slot, by `HoldReason.step`."""
        return (self.procedure, *(step.procedure for step in self.further_steps))

    def is_open(self, step: int) -> bool:
        """Return whether there is such a step, and nobody knows what it means."""
        codes = self.procedures
        return step < len(codes) and codes[step] is None

    def with_procedure(self, step: int, code: ProcedureCode) -> OrderContent:
        """Return the content in which a step has a meaning; 0 is the procedure."""
        if step == 0:
            return replace(self, procedure=code)
        steps = list(self.further_steps)
        steps[step - 1] = replace(steps[step - 1], procedure=code)
        return replace(self, further_steps=tuple(steps))


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
    linked
        What the group number meant to its sender when the order came.
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
    linked: LinkedOrders = LinkedOrders.SEPARATE
    held_at: datetime | None = None
    told_at: datetime | None = None
    version: int = 1

    def after(
        self, action: Action, at: datetime, *, vetting: Vetting | None = None
    ) -> ImagingOrder:
        """Return the order as it stands after `action`.

        Parameters
        ----------
        vetting
            The new one; ``None`` leaves it as it is.

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
            vetting=self.vetting if vetting is None else vetting,
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
