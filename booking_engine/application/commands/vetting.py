"""What people may decide about an order before it is booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from booking_engine.domain.identifiers import (
    OrderId,
    ProcedureCode,
)
from booking_engine.domain.safety import Question, SafetyAnswer
from booking_engine.domain.vocabulary import PatientSetting, Priority


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """A person settles what an order was held for.

    Handled by `vetting.release_order`, which returns the order. Every open question
    must be answered: a missing procedure, urgency or setting must be given here.

    Parameters
    ----------
    further_procedures
        What is done beside the procedure in the same slot, in place of what was sent;
        ``None``: as it stands.
    """

    order_id: OrderId
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    birth_date: date | None = None
    setting: PatientSetting | None = None
    further_procedures: tuple[ProcedureCode, ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class VetOrder:
    """A practitioner justifies, or an operator authorises under a guideline.

    Handled by `listing.vet_order`, which returns the order: ``WAITING`` if nothing
    blocks it, else ``VETTED``.

    Parameters
    ----------
    further_procedures
        As in `ReleaseOrder`.
    """

    order_id: OrderId
    guideline: str | None = None
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    cleared: frozenset[Question] = frozenset()
    further_procedures: tuple[ProcedureCode, ...] | None = None


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
