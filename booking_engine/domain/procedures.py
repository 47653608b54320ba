"""What can be ordered: the catalogue of procedures in our own local codes."""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import Capability, Modality


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure.

    Parameters
    ----------
    code
        Our local code; partners' codes are mapped to it in their profiles.
    minutes
        Table time with changeover; positive, at most a day.
    needs
        Capabilities that the scanner must have.
    contrast, ionising
        Whether contrast is given; whether IR(ME)R applies.
    notice_days
        Least whole days between the booking and the exam, for preparation.
    questions
        Safety answers that must be known before booking.
    guideline
        Name and version of the written guideline under which an operator may
        authorise this exam (IR(ME)R 2017), or ``None``: then a person vets it.
    """

    code: ProcedureCode
    name: str
    modality: Modality
    minutes: int
    needs: Capability = Capability.NONE
    contrast: bool = False
    ionising: bool = False
    notice_days: int = 1
    preparation: str = ""
    questions: tuple[Question, ...] = ()
    guideline: str | None = None

    def __post_init__(self) -> None:
        """Refuse durations and notice that cannot be."""
        if not 1 <= self.minutes <= 24 * 60:
            raise InvalidValue(
                f"Procedure {self.code} takes {self.minutes} minutes; give 1 to 1440."
            )
        if self.notice_days < 0:
            raise InvalidValue(
                f"Procedure {self.code} has notice of {self.notice_days} days;"
                " give 0 or more."
            )
