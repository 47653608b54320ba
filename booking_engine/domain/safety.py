"""Three-valued safety answers, and what they block or require (HAZ-5).

A missing answer is `UNKNOWN`, never `NO`, and unknown blocks booking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.vocabulary import Capability


class Question(StrEnum):
    """What must be known before a scan; each procedure lists those it needs."""

    PREGNANCY = "pregnancy"
    CARDIAC_DEVICE = "cardiac_device"
    IMPLANT = "implant"
    CONTRAST_ALLERGY = "contrast_allergy"
    RENAL_IMPAIRMENT = "renal_impairment"


class Answer(StrEnum):
    """Yes, no or unknown: there is no fourth, and no default to `NO`."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SafetyAnswer:
    """One answer, with when it was given and by which source."""

    question: Question
    answer: Answer
    recorded_at: datetime
    source: str


YES_REQUIRES: dict[Question, Capability] = {
    Question.CARDIAC_DEVICE: Capability.CARDIAC_DEVICE,
}
"""Answers of yes that a capable scanner resolves."""

YES_NEEDS_A_PERSON = frozenset(
    {
        Question.PREGNANCY,
        Question.IMPLANT,
        Question.CONTRAST_ALLERGY,
        Question.RENAL_IMPAIRMENT,
    }
)
"""Answers of yes that only a clinician may resolve, by recording a new vetting."""


@dataclass(frozen=True, slots=True)
class SafetyBlock:
    """Why an order cannot be booked yet: a question and its present answer."""

    question: Question
    answer: Answer


def blocks(
    needed: tuple[Question, ...],
    answers: tuple[SafetyAnswer, ...],
    *,
    cleared: frozenset[Question] = frozenset(),
) -> tuple[SafetyBlock, ...]:
    """Return what blocks booking; empty when every needed answer allows it.

    Parameters
    ----------
    needed
        The questions of the procedure.
    answers
        What was recorded; the latest answer to a question counts.
    cleared
        Questions that the vetting clinician has looked at and cleared.
    """
    latest: dict[Question, SafetyAnswer] = {}
    for answer in answers:
        known = latest.get(answer.question)
        if known is None or answer.recorded_at >= known.recorded_at:
            latest[answer.question] = answer
    found: list[SafetyBlock] = []
    for question in needed:
        if question in cleared:
            continue
        given = latest.get(question)
        value = given.answer if given is not None else Answer.UNKNOWN
        if value is Answer.UNKNOWN or (
            value is Answer.YES and question in YES_NEEDS_A_PERSON
        ):
            found.append(SafetyBlock(question, value))
    return tuple(found)


def required_capabilities(answers: tuple[SafetyAnswer, ...]) -> Capability:
    """Return the capabilities that answers of yes make necessary."""
    needed = Capability.NONE
    for answer in answers:
        if answer.answer is Answer.YES:
            needed |= YES_REQUIRES.get(answer.question, Capability.NONE)
    return needed
