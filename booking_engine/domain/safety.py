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
        What was recorded. Of each source the latest counts; where sources differ, a yes
        stands until a clinician clears it, else the latest of all.
    cleared
        Questions that the vetting clinician has looked at and cleared.
    """
    found: list[SafetyBlock] = []
    for question in needed:
        if question in cleared:
            continue
        value = _standing(question, answers)
        if value is Answer.UNKNOWN or (
            value is Answer.YES and question in YES_NEEDS_A_PERSON
        ):
            found.append(SafetyBlock(question, value))
    return tuple(found)


def _standing(question: Question, answers: tuple[SafetyAnswer, ...]) -> Answer:
    """Return how a question stands; unknown if nobody answered it."""
    by_source: dict[str, SafetyAnswer] = {}
    newest: SafetyAnswer | None = None
    for given in answers:
        if given.question is not question:
            continue
        before = by_source.get(given.source)
        if before is None or given.recorded_at >= before.recorded_at:
            by_source[given.source] = given
        if newest is None or given.recorded_at >= newest.recorded_at:
            newest = given
    if any(given.answer is Answer.YES for given in by_source.values()):
        return Answer.YES
    return Answer.UNKNOWN if newest is None else newest.answer


def required_capabilities(answers: tuple[SafetyAnswer, ...]) -> Capability:
    """Return the capabilities that answers of yes make necessary."""
    needed = Capability.NONE
    for answer in answers:
        if answer.answer is Answer.YES:
            needed |= YES_REQUIRES.get(answer.question, Capability.NONE)
    return needed
