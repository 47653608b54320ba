"""What patient administration, or a person, may tell of a patient.

As in `commands`: frozen, complete, free of HL7 and HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from booking_engine.domain.identifiers import OrderId, PartnerId, PatientKey
from booking_engine.domain.register import (
    NOTHING_SAID,
    OnDeath,
    PersonDetails,
    Visit,
)
from booking_engine.domain.safety import Question, SafetyAnswer
from booking_engine.domain.vocabulary import PatientSetting


@dataclass(frozen=True, slots=True)
class UpdatePatient:
    """Patient administration tells of a person, a stay or a death (ADT).

    Handled by `patients.update_patient`, which returns a `received.Received`.

    Parameters
    ----------
    keys
        Every number that the message gives (PID-3).
    authority
        Whose list of local numbers this is: of theirs, what is missing is taken back.
    sent_at
        When it was recorded (EVN-2, else MSH-7): older news is ignored.
    interpreter
        Whether the patient needs one; ``None`` where nothing is said.
    deceased, deceased_on
        Whether the patient has died; ``None`` where nothing is said.
    on_death
        What becomes of the slots then.
    visit, setting
        What happened to the stay, and where the patient is now, if known.
    """

    partner: PartnerId
    keys: tuple[PatientKey, ...]
    sent_at: datetime
    details: PersonDetails = NOTHING_SAID
    authority: str = ""
    interpreter: bool | None = None
    deceased: bool | None = None
    deceased_on: date | None = None
    on_death: OnDeath = OnDeath.HOLD
    visit: Visit | None = None
    setting: PatientSetting | None = None


@dataclass(frozen=True, slots=True)
class MergePatients:
    """Two numbers are one person: the discarded one's orders are the survivor's.

    Handled by `merging.merge_patients`, which returns a `received.Received`. A survivor
    who is not known is created with `details`; one who is known keeps theirs.
    """

    partner: PartnerId
    survivor: tuple[PatientKey, ...]
    discarded: tuple[PatientKey, ...]
    sent_at: datetime
    details: PersonDetails = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class QuestionIdentity:
    """It is in doubt whose the orders of these numbers are; a person must look.

    Handled by `patients.question_identity`, which returns a `received.Received`.

    Parameters
    ----------
    reason
        What raised the doubt, such as ``A37: unlink``; never patient data.
    """

    partner: PartnerId
    keys: tuple[PatientKey, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RecordPatientAnswers:
    """A safety answer that holds for every open order of a patient (ADT A60).

    Handled by `patients.record_patient_answers`, which returns a `received.Received`.
    """

    partner: PartnerId
    keys: tuple[PatientKey, ...]
    answers: tuple[SafetyAnswer, ...]


@dataclass(frozen=True, slots=True)
class TakeBackPatientAnswers:
    """A sender no longer says yes to a safety question (ADT A60, IAM-6 D).

    Handled by `answers_taken_back.take_back_patient_answers`, which returns a
    `received.Received`. The answer stands until a clinician clears it.
    """

    partner: PartnerId
    keys: tuple[PatientKey, ...]
    question: Question


@dataclass(frozen=True, slots=True)
class SettleDeath:
    """A person says whether the patient of an order has died.

    Handled by `deaths.settle_death`, which returns the orders concerned. Confirmed, the
    patient's open orders end and their slots are released; denied, they go on.
    """

    order_id: OrderId
    deceased: bool
    note: str = ""
