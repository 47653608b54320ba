"""Orders and the worklist, as seen over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from api.schemas.appointments import AppointmentDocument
from api.schemas.common import (
    Body,
    Document,
    Identifier,
    Instant,
    Note,
    Reason,
    example,
)
from api.schemas.deliveries import DeliveryDocument
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.vocabulary import (
    BookingMode,
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from booking_engine.domain.waiting import ClockReason


class OrderLine(Document):
    """One order in a list."""

    order_id: str
    status: OrderStatus
    status_since: Instant
    priority: str | None
    tier: int = Field(description="0 is the most urgent; -1: not known yet.")
    procedure: str | None
    procedure_as_sent: str
    further_procedures: list[str | None] = Field(
        description="Done beside it in the same slot; null: not mapped yet."
    )
    modality: str | None
    partner: str
    placer_number: str
    patient_name: str
    nhs_number: str | None
    clock_started_on: date
    breach_on: date = Field(description="First day that counts as over six weeks.")
    hold_codes: list[str]
    overdue_at: Instant | None = Field(
        description="When its stay in this state becomes too long."
    )


class HoldReasonDocument(Document):
    """Why a person is needed."""

    code: HoldCode
    detail: str


class VettingDocument(Document):
    """The recorded decision that allows the exam."""

    by: str
    at: Instant
    guideline: str | None
    cleared: list[Question]


class SafetyAnswerDocument(Document):
    """One safety answer as recorded."""

    question: Question
    answer: Answer
    recorded_at: Instant
    source: str


class PatientDocument(Document):
    """The patient as the sender last described them."""

    nhs_number: str | None
    local_id: str
    local_authority: str
    family_name: str
    given_name: str
    birth_date: date | None
    sex: Sex
    outward_code: str


class NeedsDocument(Document):
    """What the patient needs on the day."""

    weight_kg: int | None
    hoist: bool
    interpreter: bool
    wide_bore: bool
    general_anaesthetic: bool
    travel_cap_km: int | None


class OrdererDocument(Document):
    """Who asked for the exam: as mapped, else as sent."""

    code: str
    name: str
    gmc_number: str


class StepDocument(Document):
    """A further step, done in the same slot."""

    procedure: str | None
    procedure_as_sent: str
    procedure_text: str
    accession: str


class RequestDocument(Document):
    """What the sender asked for, in our words."""

    placer_number: str
    placer_authority: str
    filler_number: str
    accession: str
    group_number: str
    patient: PatientDocument
    procedure: str | None
    procedure_as_sent: str
    procedure_text: str = Field(description="The sender's words beside its code.")
    priority: Priority | None
    priority_as_sent: str
    setting: PatientSetting
    list_type: WaitingListType
    requested_at: Instant
    site: str | None
    clinical_reason: str
    safety: list[SafetyAnswerDocument]
    needs: NeedsDocument
    earliest_on: date | None
    latest_on: date | None
    orderer: OrdererDocument
    further_steps: list[StepDocument] = Field(
        description="Done beside the procedure, in the same slot."
    )


class WaitDocument(Document):
    """The waiting clock."""

    original_request_on: date
    started_on: date
    breach_on: date


class StatusChangeDocument(Document):
    """One line of the history."""

    at: Instant
    actor: str
    action: str
    before: OrderStatus | None
    after: OrderStatus
    note: str


class ClockEventDocument(Document):
    """One line of the append-only clock log."""

    at: Instant
    reason: ClockReason
    clock_started_on: date


class OrderDocument(Document):
    """One order with everything that is known of it.

    The ETag is the order's version; it changes with the order, not with its
    deliveries.
    """

    id: str
    version: int
    partner: str
    status: OrderStatus
    status_since: Instant
    overdue_at: Instant | None
    mode: BookingMode
    received_at: Instant
    sent_at: Instant
    holds: list[HoldReasonDocument]
    contact_stopped: bool = Field(
        description="Nothing may be sent to the patient: they have died, it is said."
    )
    vetting: VettingDocument | None
    request: RequestDocument
    clock: WaitDocument
    appointment: AppointmentDocument | None = Field(
        description="The present appointment or hold."
    )
    appointments: list[AppointmentDocument] = Field(
        description="All of them, the ended ones too."
    )
    history: list[StatusChangeDocument]
    clock_log: list[ClockEventDocument]
    messages: list[str] = Field(description="Ids of inbound messages about it.")
    deliveries: list[DeliveryDocument]


FurtherProcedures = Annotated[
    tuple[Identifier, ...] | None,
    Field(
        max_length=20,
        description="What is done beside the procedure in the same slot, in place of"
        " what was sent; empty: nothing. Left out: as it stands.",
    ),
]


class ReleaseBody(Body):
    """What settles the reasons for which an order was held."""

    model_config = example(
        procedure="MR_HEAD", priority="urgent", note="mapped by phone with the ward"
    )

    procedure: Identifier | None = None
    priority: Priority | None = None
    birth_date: date | None = None
    setting: PatientSetting | None = None
    further_procedures: FurtherProcedures = None
    note: Note = ""


class VetBody(Body):
    """The decision that allows the exam (IR(ME)R 2017)."""

    model_config = example(priority="urgent", cleared=["implant"])

    guideline: Identifier | None = Field(
        default=None, description="Only if authorised under a written guideline."
    )
    procedure: Identifier | None = Field(
        default=None, description="The protocol chosen, if it differs."
    )
    priority: Priority | None = None
    cleared: frozenset[Question] = Field(
        default=frozenset(),
        description="Safety questions that the clinician has looked at and cleared.",
    )
    further_procedures: FurtherProcedures = None


class ReasonBody(Body):
    """Why."""

    model_config = example(reason="duplicate request")

    reason: Reason


class DeathBody(Body):
    """What a person says of a death that a message reported."""

    model_config = example(deceased=False, note="confused with another patient")

    deceased: bool = Field(
        description="True ends all open orders of the patient and releases their"
        " slots; false lets them go on."
    )
    note: str = Field(default="", max_length=200, description="No patient data.")


class AnswerBody(Body):
    """One safety answer."""

    question: Question
    answer: Answer


class AnswersBody(Body):
    """Safety answers to add; the latest to each question counts."""

    model_config = example(answers=[{"question": "pregnancy", "answer": "no"}])

    answers: tuple[AnswerBody, ...] = Field(min_length=1, max_length=20)
